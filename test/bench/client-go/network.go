package main

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var networkGroupVersion = schema.GroupVersion{Group: "bitcoincontroller.christianb93.github.com", Version: "v1"}

// BitcoinNetwork is the resource as a user of client-go writes it: every field of it.
type BitcoinNetwork struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              BitcoinNetworkSpec   `json:"spec"`
	Status            BitcoinNetworkStatus `json:"status,omitempty"`
}

// BitcoinNetworkList is a list of them.
type BitcoinNetworkList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []BitcoinNetwork `json:"items"`
}

// BitcoinNetworkSpec is what is asked for.
type BitcoinNetworkSpec struct {
	Nodes         int32                        `json:"nodes"`
	Secret        string                       `json:"secret,omitempty"`
	Image         string                       `json:"image,omitempty"`
	Resources     *corev1.ResourceRequirements `json:"resources,omitempty"`
	Storage       *Storage                     `json:"storage,omitempty"`
	ExtraArgs     []string                     `json:"extraArgs,omitempty"`
	NodeSelector  map[string]string            `json:"nodeSelector,omitempty"`
	Tolerations   []corev1.Toleration          `json:"tolerations,omitempty"`
	Affinity      *corev1.Affinity             `json:"affinity,omitempty"`
	Topology      *Topology                    `json:"topology,omitempty"`
	Partitions    [][]int32                    `json:"partitions,omitempty"`
	ExternalPeers []ExternalPeer               `json:"externalPeers,omitempty"`
	Relay         string                       `json:"relay,omitempty"`
	Mining        *Mining                      `json:"mining,omitempty"`
	Wallet        *Wallet                      `json:"wallet,omitempty"`
}

// Storage is a volume for each node.
type Storage struct {
	Size             string  `json:"size"`
	StorageClassName *string `json:"storageClassName,omitempty"`
	Retain           bool    `json:"retain,omitempty"`
	Adopt            bool    `json:"adopt,omitempty"`
}

// Topology is who is linked with whom.
type Topology struct {
	Type   string    `json:"type"`
	Degree *int32    `json:"degree,omitempty"`
	Seed   *int64    `json:"seed,omitempty"`
	Edges  [][]int32 `json:"edges,omitempty"`
}

// ExternalPeer is a node outside the network.
type ExternalPeer struct {
	Address string  `json:"address,omitempty"`
	Network string  `json:"network,omitempty"`
	Nodes   []int32 `json:"nodes,omitempty"`
}

// Mining is by whom, and how often.
type Mining struct {
	UntilHeight *int64  `json:"untilHeight,omitempty"`
	Interval    string  `json:"interval,omitempty"`
	PoissonMean string  `json:"poissonMean,omitempty"`
	Miners      []Miner `json:"miners,omitempty"`
	Address     string  `json:"address,omitempty"`
	Paused      bool    `json:"paused,omitempty"`
}

// Miner is a node that mines.
type Miner struct {
	Ordinal int32  `json:"ordinal"`
	Weight  *int32 `json:"weight,omitempty"`
}

// Wallet is on one of the nodes.
type Wallet struct {
	Ordinal int32 `json:"ordinal"`
}

// BitcoinNetworkStatus is what has been seen.
type BitcoinNetworkStatus struct {
	ObservedGeneration *int64               `json:"observedGeneration,omitempty"`
	Replicas           int32                `json:"replicas"`
	ReadyNodes         int32                `json:"readyNodes"`
	Selector           string               `json:"selector"`
	Links              Links                `json:"links"`
	Height             *int64               `json:"height,omitempty"`
	Tip                *string              `json:"tip,omitempty"`
	TipTime            *metav1.Time         `json:"tipTime,omitempty"`
	Sides              []Side               `json:"sides,omitempty"`
	ExternalPeers      []ExternalPeerStatus `json:"externalPeers,omitempty"`
	Mining             *MiningStatus        `json:"mining,omitempty"`
	Wallet             *WalletStatus        `json:"wallet,omitempty"`
	Conditions         []metav1.Condition   `json:"conditions"`
	Nodes              []NodeStatus         `json:"nodes"`
}

// Links are connections between nodes.
type Links struct {
	Wanted  int64 `json:"wanted"`
	Present int64 `json:"present"`
}

// Side is one side of a network that is split.
type Side struct {
	Nodes  []int32 `json:"nodes"`
	Links  Links   `json:"links"`
	Height *int64  `json:"height,omitempty"`
	Tip    *string `json:"tip,omitempty"`
}

// ExternalPeerStatus is whether it is connected.
type ExternalPeerStatus struct {
	Peer      string  `json:"peer"`
	Connected bool    `json:"connected"`
	Message   *string `json:"message,omitempty"`
}

// MiningStatus is what is mined and what was.
type MiningStatus struct {
	Next *Block `json:"next,omitempty"`
	Last *Block `json:"last,omitempty"`
}

// Block was mined, or is about to be.
type Block struct {
	Height   int64            `json:"height"`
	Hash     string           `json:"hash,omitempty"`
	Previous string           `json:"previous,omitempty"`
	Node     int32            `json:"node"`
	Time     metav1.MicroTime `json:"time"`
}

// WalletStatus is where the wallet is.
type WalletStatus struct {
	Node    int32   `json:"node"`
	Name    string  `json:"name"`
	Address *string `json:"address,omitempty"`
}

// NodeStatus is one node.
type NodeStatus struct {
	Ordinal              int32   `json:"ordinal"`
	Ready                bool    `json:"ready"`
	IP                   string  `json:"ip"`
	NodeName             string  `json:"nodeName"`
	DNSName              string  `json:"dnsName"`
	PodUID               string  `json:"podUID"`
	Height               *int64  `json:"height,omitempty"`
	Tip                  *string `json:"tip,omitempty"`
	InitialBlockDownload *bool   `json:"initialBlockDownload,omitempty"`
	NetworkActive        *bool   `json:"networkActive,omitempty"`
	Peers                *int64  `json:"peers,omitempty"`
	Version              *string `json:"version,omitempty"`
}

// DeepCopyObject is asked for by runtime.Object. Nothing that is measured calls it, so that nothing is generated for it.
func (network *BitcoinNetwork) DeepCopyObject() runtime.Object { return copyOf(network) }

// DeepCopyObject is as above.
func (list *BitcoinNetworkList) DeepCopyObject() runtime.Object { return copyOf(list) }

func copyOf[T any](original *T) *T {
	text, err := json.Marshal(original)
	if err != nil {
		panic(err)
	}
	copied := new(T)
	if err := json.Unmarshal(text, copied); err != nil {
		panic(err)
	}
	return copied
}
