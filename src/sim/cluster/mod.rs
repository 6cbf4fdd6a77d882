//! What works behind the API server: controller manager, scheduler, kubelet, on one node.
//!
//! ```text
//!   store ──changed──> stateful_set      makes pods, deletes those that are too many
//!                      volumes           gives claims their volumes
//!                      scheduler         gives pods their node
//!                      kubelet           runs pods, probes them, says how they are
//!                      garbage_collector deletes what lost its owners
//!                      namespaces        empties namespaces that are going
//! ```
//!
//! Each stand-in is level-based, like the real thing: it looks at the store, does what is missing, and
//! waits for a change. They know each other only by what they write there.
//!
//! It models: StatefulSets (Parallel and OrderedReady, OnDelete) and their claims, pods with one node for all,
//! images that are not there, missing Secrets, probes, restarts with backoff, grace periods, events;
//! owner references in all three propagations; namespaces.
//! It does not model: rolling updates of StatefulSets, ReplicaSets and the like, several nodes, resources,
//! init containers, more than one container in a pod, DNS, Services' addresses.
//!
//! # Invariants
//! - When [`Cluster::run`] has ended, however it ended, no container runs.
//! - A settled cluster does not change the store.
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
//! use bitcoin_controller::base::{Clock, Random};
//! use bitcoin_controller::sim::bitcoind::{PeerNetwork, PodNetwork};
//! use bitcoin_controller::sim::cluster::{Cluster, ClusterOptions};
//! use bitcoin_controller::sim::runtime::SimulatedNodes;
//! use bitcoin_controller::sim::{Key, Store};
//! use std::sync::Arc;
//! use tokio_util::sync::CancellationToken;
//!
//! let clock = Clock::system();
//! let store = Store::new(clock.clone(), Random::seeded(1));
//! let pods = PodNetwork::in_memory(PeerNetwork::new(clock.clone()));
//! let nodes = Arc::new(SimulatedNodes::new(pods, clock));
//! let cluster = Cluster::new(store.clone(), nodes, ClusterOptions::default());
//! let set = serde_json::json!({"metadata": {"name": "web"}, "spec": {
//!     "replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": {
//!         "metadata": {"labels": {"app": "web"}},
//!         "spec": {"containers": [{"name": "node", "image": "bitcoind:29.0", "command": ["bitcoind", "-regtest"]}]},
//! }}});
//! store.create("statefulsets.apps", "default", set, "me").expect("a sound set");
//! let is_ready = async {
//!     while store.get("statefulsets.apps", &Key::new("default", "web")).unwrap()["status"]["readyReplicas"] != 1 {
//!         store.changed_after(store.resource_version()).await;
//!     }
//! };
//! tokio::select! {
//!     () = cluster.run(CancellationToken::new()) => unreachable!("nobody stops it"),
//!     () = is_ready => {}
//! }
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Source
//! Kubernetes `pkg/controller/{statefulset,garbagecollector,namespace}`, `pkg/kubelet`, as observed.

mod addresses;
mod claims;
mod events;
mod garbage_collector;
mod kubelet;
mod namespaces;
mod pod;
mod pod_worker;
mod probes;
mod scheduler;
mod stateful_set;
mod this_pod;
mod volumes;

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::http::{BoxFuture, BoxStream, Endpoint};
use crate::sim::apiserver::PodPorts;
use crate::sim::cluster::addresses::Addresses;
use crate::sim::request::Key;
use crate::sim::runtime::NodeRuntime;
use crate::sim::store::Store;

/// How the cluster is made.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// The first address of a pod.
    pub first_pod_address: Ipv4Addr,
    /// How many addresses there are: as many pods can run at the same time.
    pub n_pod_addresses: u32,
}

impl Default for ClusterOptions {
    /// 250 addresses, as a node has in most clusters.
    fn default() -> Self {
        ClusterOptions {
            first_pod_address: Ipv4Addr::new(10, 244, 0, 2),
            n_pod_addresses: 250,
        }
    }
}

/// The stand-ins, ready to run.
pub struct Cluster {
    machine: Arc<Machine>,
}

/// What the stand-ins share: the store, and what the one node has.
struct Machine {
    store: Store,
    runtime: Arc<dyn NodeRuntime>,
    addresses: Addresses,
    /// For each pod that runs, by UID: notified when its container is to be killed.
    kills: Mutex<BTreeMap<String, Arc<Notify>>>,
}

/// The name of the one node.
pub const NODE: &str = "node-1";

impl Cluster {
    /// A cluster on `store` whose pods run on `runtime`.
    pub fn new(store: Store, runtime: Arc<dyn NodeRuntime>, options: ClusterOptions) -> Self {
        let addresses = Addresses::new(options.first_pod_address, options.n_pod_addresses);
        Cluster {
            machine: Arc::new(Machine {
                store,
                runtime,
                addresses,
                kills: Mutex::default(),
            }),
        }
    }

    /// What others may ask of the node.
    pub fn handle(&self) -> ClusterHandle {
        ClusterHandle(Arc::clone(&self.machine))
    }

    /// Runs until `shutdown` is cancelled, then ends the containers: asks them, and kills who does not
    /// hear within five seconds.
    ///
    /// # Cancel safety
    /// Dropping the future kills the containers.
    pub async fn run(self, shutdown: CancellationToken) {
        let store = self.machine.store.clone();
        register_node(&store);
        let mut stand_ins = JoinSet::new();
        stand_ins.spawn(stateful_set::run(store.clone()));
        stand_ins.spawn(volumes::run(Arc::clone(&self.machine)));
        stand_ins.spawn(at_every_change(store.clone(), scheduler::pass));
        stand_ins.spawn(at_every_change(store.clone(), garbage_collector::pass));
        stand_ins.spawn(at_every_change(store, namespaces::pass));
        kubelet::run(self.machine, shutdown).await;
    }
}

/// The loop of a stand-in that waits for nothing but changes; it runs until it is dropped.
async fn at_every_change(store: Store, pass: fn(&Store)) {
    loop {
        let seen = store.resource_version();
        pass(&store);
        store.changed_after(seen).await;
    }
}

fn register_node(store: &Store) {
    let node = json!({"metadata": {"name": NODE, "labels": {"kubernetes.io/hostname": NODE}}});
    // It is there already if the cluster ran before on this store.
    if store.create("nodes", "", node, "kubelet").is_err() {
        return;
    }
    let status = json!({
        "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status"}],
        "addresses": [{"type": "Hostname", "address": NODE}],
        "nodeInfo": {"kubeletVersion": crate::sim::discovery::VERSION},
    });
    // Whoever has deleted it since wants a cluster without a node.
    let _ = store.update_status("nodes", &Key::new("", NODE), "kubelet", |node| {
        node["status"] = status;
    });
}

/// What others may ask of the node. Clones are the same.
#[derive(Clone)]
pub struct ClusterHandle(Arc<Machine>);

impl ClusterHandle {
    /// Where `port` of a pod's loopback interface is reached; `None` if the pod does not run.
    pub fn port_of(&self, pod: &Key, port: u16) -> Option<Endpoint> {
        let pod = self.0.store.get("pods", pod)?;
        let address = pod["status"]["podIP"].as_str()?;
        Some(self.0.runtime.loopback_of(address, port))
    }

    /// Kills a pod's container from the node's side, as the kernel does when memory is short. Returns
    /// whether there was one.
    pub fn kill(&self, pod: &Key) -> bool {
        let Some(pod) = self.0.store.get("pods", pod) else {
            return false;
        };
        let uid = pod["metadata"]["uid"].as_str().unwrap_or_default();
        let kills = self.0.kills.lock().expect("no holder of the kills panics");
        match kills.get(uid) {
            Some(kill) => {
                kill.notify_one();
                true
            }
            None => false,
        }
    }
}

impl PodPorts for ClusterHandle {
    fn connect<'a>(&'a self, pod: &'a Key, port: u16) -> BoxFuture<'a, io::Result<BoxStream>> {
        Box::pin(async move {
            let not_running = || io::Error::new(io::ErrorKind::NotFound, "the pod does not run");
            let endpoint = self.port_of(pod, port).ok_or_else(not_running)?;
            self.0.runtime.transport().connect(&endpoint).await
        })
    }
}
