//! What has been seen of a network: written by the controller alone, in one place, and only when it
//! differs.
//!
//! # Invariants
//! - The JSON names of `nodes` are those of the first controller of this name; `nodeName` is the name of
//!   the *pod*.
//! - What is not known is absent, never a made-up value.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::null_is_default;
use crate::api::time::{MicroTime, Timestamp};

/// What has been seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BitcoinNetworkStatus {
    /// The generation of the spec that this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Pods that exist, terminating ones left out.
    #[serde(deserialize_with = "null_is_default")]
    pub replicas: i32,
    /// Nodes that answer JSON-RPC.
    #[serde(deserialize_with = "null_is_default")]
    pub ready_nodes: i32,
    /// The label selector of the pods, as text: what the scale subresource gives to autoscalers.
    #[serde(deserialize_with = "null_is_default")]
    pub selector: String,
    /// Connections between nodes of this network.
    #[serde(deserialize_with = "null_is_default")]
    pub links: Links,
    /// The greatest height of any node, in blocks; absent while no node has ever answered. It does not fall before
    /// every node has said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<i64>,
    /// The hash of the best block, if all nodes agree on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tip: Option<String>,
    /// The time in the header of the best block: how old the tip is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tip_time: Option<Timestamp>,
    /// The sides of a network that is split, as `spec.partitions` names them.
    #[serde(
        deserialize_with = "null_is_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub sides: Vec<SideStatus>,
    /// The nodes outside the network that it was asked to be connected with.
    #[serde(
        deserialize_with = "null_is_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub external_peers: Vec<ExternalPeerStatus>,
    /// Blocks that the controller mines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mining: Option<MiningStatus>,
    /// The network's wallet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wallet: Option<WalletStatus>,
    /// PodsReady, Connected, Synced, Mined if mining is asked for, WalletReady if a wallet is, and Ready, which
    /// is true when all that is asked for holds.
    #[serde(deserialize_with = "null_is_default")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// One entry for each node, by ordinal.
    #[serde(deserialize_with = "null_is_default")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["ordinal"]))]
    pub nodes: Vec<NodeStatus>,
}

impl BitcoinNetworkStatus {
    /// The condition of type `name`.
    pub fn condition(&self, name: &str) -> Option<&Condition> {
        self.conditions
            .iter()
            .find(|condition| condition.type_ == name)
    }

    /// Whether the condition of type `name` is true.
    pub fn is_true(&self, name: &str) -> bool {
        self.condition(name)
            .is_some_and(|condition| condition.status == ConditionStatus::True)
    }
}

/// Connections between nodes of one network; a pair of nodes counts once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Links {
    /// How many the topology asks for.
    pub wanted: i64,
    /// How many of those are there.
    pub present: i64,
}

/// One node of the network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeStatus {
    /// The ordinal of its pod, from 0.
    pub ordinal: i32,
    /// Whether bitcoind answers JSON-RPC.
    #[serde(default)]
    pub ready: bool,
    /// The address of its pod.
    #[serde(default, deserialize_with = "null_is_default")]
    pub ip: String,
    /// The name of its pod.
    #[serde(default, deserialize_with = "null_is_default")]
    pub node_name: String,
    /// The DNS name of its pod within the namespace.
    #[serde(default, deserialize_with = "null_is_default")]
    pub dns_name: String,
    /// The identity of its pod.
    #[serde(rename = "podUID", default, deserialize_with = "null_is_default")]
    pub pod_uid: String,
    /// The height of its best block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<i64>,
    /// The hash of its best block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tip: Option<String>,
    /// Whether it believes to be far behind: wallets and Lightning nodes wait for this to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_block_download: Option<bool>,
    /// False if somebody switched its network off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_active: Option<bool>,
    /// How many peers it is connected to, strangers included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peers: Option<i64>,
    /// How it calls itself, such as `/Satoshi:29.0.0/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// One side of a network that is split.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SideStatus {
    /// The ordinals of its nodes.
    #[serde(default, deserialize_with = "null_is_default")]
    pub nodes: Vec<i32>,
    /// Connections within it.
    #[serde(default, deserialize_with = "null_is_default")]
    pub links: Links,
    /// The greatest height of its nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<i64>,
    /// The hash of its best block, if its nodes agree on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tip: Option<String>,
}

/// A node outside the network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalPeerStatus {
    /// Its address, or the name of its network.
    pub peer: String,
    /// Whether each node that is asked to is connected with it.
    #[serde(default, deserialize_with = "null_is_default")]
    pub connected: bool,
    /// Why not, if there is more to say than that it does not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Blocks that the controller mines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MiningStatus {
    /// What is being mined: it stands here before any node hears of it, so that no block is mined twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<NextBlock>,
    /// The last block that the controller mined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<MinedBlock>,
}

/// A block that is about to be mined, or a run of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NextBlock {
    /// Its height. Without a pace blocks come in runs: the height of the last.
    pub height: i64,
    /// The hash of the block that it builds on; of a run, the first.
    pub previous: String,
    /// The ordinal of the node that is given it.
    pub node: i32,
    /// When it was due. Its header says the same in whole seconds, or later if the chain demands it.
    pub time: MicroTime,
}

/// A block that was mined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MinedBlock {
    /// Its height.
    pub height: i64,
    /// Its hash.
    pub hash: String,
    /// The ordinal of the node that was given it.
    pub node: i32,
    /// When it was due, or accepted if that was late: the next one's time is counted from here.
    pub time: MicroTime,
}

/// The network's wallet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WalletStatus {
    /// The ordinal of the node that has it.
    pub node: i32,
    /// What it is called there.
    pub name: String,
    /// The address to which blocks are mined for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// One judgement about the network.
///
/// Source: apimachinery `pkg/apis/meta/v1/types.go`, `Condition`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What is judged.
    #[serde(rename = "type")]
    pub type_: String,
    /// True, False, or Unknown.
    pub status: ConditionStatus,
    /// Why, for programs, in CamelCase.
    pub reason: String,
    /// Why, for people.
    pub message: String,
    /// When the status last changed.
    pub last_transition_time: Timestamp,
    /// The generation of the spec that was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// The outcome of a judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It cannot be told.
    Unknown,
}
