//! A pretend cluster that is large: sim's API server, store and nodes, and a plain cluster behind them.
//!
//! sim's own cluster (`sim::cluster`) looks at every object at every change, which keeps its pages short and is right
//! for hundreds of pods; with ten thousand it would do nothing else. What stands here instead of
//! StatefulSet controller, scheduler and kubelet follows changes and looks only at what they are about:
//!
//! ```text
//!   change of a set or a pod ──> the set: missing pods, its status
//!   new pod ──> address, container, ready after READY_AFTER ──> … told to go ──> container ended, pod gone
//! ```
//!
//! It does not model probes, claims, Secrets in the environment, scaling down, garbage collection: nothing here asks for them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bitcoin_controller::api::crd::custom_resource_definition;
use bitcoin_controller::api::time::Timestamp;
use bitcoin_controller::base::{Clock, Random};
use bitcoin_controller::http::Listener;
use bitcoin_controller::sim::history::Change;
use bitcoin_controller::sim::request::DeleteOptions;
use bitcoin_controller::sim::runtime::{Container, Process};
use bitcoin_controller::sim::{ApiServer, Key, Store, kinds};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::nodes::Nodes;

pub const NETWORKS: &str = "bitcoinnetworks.bitcoincontroller.christianb93.github.com";
const SETS: &str = "statefulsets.apps";

/// From the start of a container until its pod is ready: a node takes 160 ms until it answers, and a kubelet
/// looks once a second.
const READY_AFTER: Duration = Duration::from_secs(1);

/// More changes than ten thousand pods make while they are all replaced: nobody is to list again for want of memory.
const HISTORY: usize = 400_000;

/// The cluster. Clones are the same.
#[derive(Clone)]
pub struct World(Arc<Inner>);

struct Inner {
    api: ApiServer,
    nodes: Nodes,
    next_address: AtomicU32,
}

impl World {
    /// A cluster with the definition of BitcoinNetworks and nothing else.
    pub fn new() -> World {
        let store = Store::new(Clock::system(), Random::seeded(1)).with_history(HISTORY);
        let definition = custom_resource_definition();
        store
            .create(kinds::DEFINITIONS, "", definition, "kubectl")
            .expect("the definition is sound");
        World(Arc::new(Inner {
            api: ApiServer::new(store),
            nodes: Nodes::default(),
            next_address: AtomicU32::new(Ipv4Addr::new(10, 0, 0, 1).to_bits()),
        }))
    }

    pub fn api(&self) -> &ApiServer {
        &self.0.api
    }

    pub fn store(&self) -> &Store {
        self.0.api.store()
    }

    pub fn nodes(&self) -> &Nodes {
        &self.0.nodes
    }

    /// Serves and works until `shutdown` is cancelled.
    pub async fn run(self, listener: TcpListener, shutdown: CancellationToken) {
        let serving = self.api().serve(Listener::Tcp(listener), shutdown.clone());
        tokio::select! {
            () = serving => {}
            () = self.follow() => {}
        }
    }

    async fn follow(&self) {
        let mut workers = JoinSet::new();
        // By UID: told to a pod's worker when the pod is to go.
        let mut going: BTreeMap<String, CancellationToken> = BTreeMap::new();
        let mut seen = self.store().resource_version();
        loop {
            // Those of sets first: what happens between the two calls is seen a second time, and not missed.
            let (sets, now) = self.changes(SETS, seen);
            let (pods, _) = self.changes("pods", seen);
            let mut touched: BTreeSet<Key> = sets.into_iter().map(|change| change.key).collect();
            for change in &pods {
                touched.extend(set_of(&change.object));
                self.follow_pod(change, &mut going, &mut workers);
            }
            for set in &touched {
                self.sync(set);
            }
            seen = now;
            while workers.try_join_next().is_some() {}
            self.store().changed_after(seen).await;
        }
    }

    fn changes(&self, resource: &str, seen: u64) -> (Vec<Change>, u64) {
        let changes = self.store().changes(resource, seen);
        changes.expect("the history is long enough for those who follow it in one step")
    }

    fn follow_pod(
        &self,
        change: &Change,
        going: &mut BTreeMap<String, CancellationToken>,
        workers: &mut JoinSet<()>,
    ) {
        let metadata = &change.object["metadata"];
        let uid = metadata["uid"].as_str().unwrap_or_default();
        if change.is_deletion {
            if let Some(token) = going.remove(uid) {
                token.cancel();
            }
        } else if !metadata["deletionTimestamp"].is_null() {
            if let Some(token) = going.get(uid) {
                token.cancel();
            }
        } else if change.before.is_none() && !going.contains_key(uid) {
            let (world, pod, token) = (
                self.clone(),
                Arc::clone(&change.object),
                CancellationToken::new(),
            );
            going.insert(uid.to_owned(), token.clone());
            workers.spawn(async move { world.run_pod(&pod, &token).await });
        }
    }

    /// Makes the pods that a set lacks, and says how many are ready.
    fn sync(&self, key: &Key) {
        let Some(set) = self.store().get(SETS, key) else {
            return;
        };
        let n_wanted = set["spec"]["replicas"].as_u64().unwrap_or(1);
        let (mut n_pods, mut n_ready) = (0, 0);
        for ordinal in 0..n_wanted {
            let name = format!("{}-{ordinal}", key.name);
            match self.store().get("pods", &Key::new(&key.namespace, &name)) {
                Some(pod) => {
                    n_pods += 1;
                    n_ready += u64::from(is_ready(&pod));
                }
                None => {
                    let pod = pod_of(&set, &name);
                    let made = self.store().create("pods", &key.namespace, pod, MANAGER);
                    made.expect("a pod that our own StatefulSet asks for is sound");
                    n_pods += 1;
                }
            }
        }
        let status = json!({
            "observedGeneration": set["metadata"]["generation"], "replicas": n_pods,
            "readyReplicas": n_ready, "availableReplicas": n_ready, "currentReplicas": n_pods, "updatedReplicas": n_pods,
            "currentRevision": REVISION, "updateRevision": REVISION, "collisionCount": 0,
        });
        // A set that was deleted meanwhile has no status to write.
        let _ = self
            .store()
            .update_status(SETS, key, MANAGER, |set| set["status"] = status);
    }

    /// The life of a pod.
    async fn run_pod(&self, pod: &Value, going: &CancellationToken) {
        let key = Key::of(pod);
        let Some(set) = set_of(pod) else { return };
        let address = self.0.next_address.fetch_add(1, Ordering::Relaxed);
        let address = Ipv4Addr::from_bits(address).to_string();
        // Whoever deletes a pod before it runs finds nothing to end.
        let _ = self.store().update("pods", &key, "kube-scheduler", |pod| {
            pod["spec"]["nodeName"] = "node-1".into();
        });
        let container = container_of(pod, &address);
        let volume = container.volume.clone();
        let process = self.0.nodes.start(&set, container).await;
        let mut process = process.expect("the controller's command can be executed");
        self.tell(&key, &address, false);
        let until_ready = async {
            tokio::time::sleep(READY_AFTER).await;
            self.tell(&key, &address, true);
            going.cancelled().await;
        };
        tokio::select! {
            () = going.cancelled() => {}
            () = until_ready => {}
            exit = process.wait() => panic!("the node of {key} has ended: {}", exit.message),
        }
        end(process.as_mut()).await;
        self.0.nodes.remove(&set, &address, &volume);
        let now = DeleteOptions {
            grace_seconds: Some(0),
            ..DeleteOptions::default()
        };
        // Somebody may have deleted it by force.
        let _ = self.store().delete("pods", &key, &now);
    }

    /// Writes a pod's status.
    fn tell(&self, pod: &Key, address: &str, is_ready: bool) {
        let now = Timestamp::from_unix_seconds(self.store().clock().unix_seconds());
        let condition = |kind: &str, is_true: bool| json!({"type": kind, "status": if is_true { "True" } else { "False" }, "lastTransitionTime": now});
        let _ = self.store().update_status("pods", pod, "kubelet", |pod| {
            let spec = &pod["spec"]["containers"][0];
            let container = json!({
                "name": spec["name"], "image": spec["image"], "imageID": "sim://", "ready": is_ready, "started": is_ready,
                "state": {"running": {"startedAt": now}}, "lastState": {}, "restartCount": 0,
            });
            pod["status"] = json!({
                "phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "hostIP": "node-1", "startTime": now,
                "conditions": [
                    condition("PodScheduled", true), condition("Initialized", true),
                    condition("ContainersReady", is_ready), condition("Ready", is_ready),
                ],
                "containerStatuses": [container],
            });
        });
    }
}

async fn end(process: &mut dyn Process) {
    process.terminate();
    process.wait().await;
}

/// The pod called `name` of a set.
fn pod_of(set: &Value, name: &str) -> Value {
    let template = &set["spec"]["template"];
    let mut metadata = template["metadata"].clone();
    metadata["name"] = name.into();
    metadata["labels"]["statefulset.kubernetes.io/pod-name"] = name.into();
    metadata["labels"]["controller-revision-hash"] = REVISION.into();
    metadata["ownerReferences"] = json!([{
        "apiVersion": "apps/v1", "kind": "StatefulSet", "name": set["metadata"]["name"],
        "uid": set["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true,
    }]);
    json!({"metadata": metadata, "spec": template["spec"]})
}

/// The set a pod belongs to.
fn set_of(pod: &Value) -> Option<Key> {
    let metadata = &pod["metadata"];
    let name = metadata["ownerReferences"][0]["name"].as_str()?;
    Some(Key::new(metadata["namespace"].as_str()?, name))
}

fn container_of(pod: &Value, address: &str) -> Container {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (metadata, container) = (&pod["metadata"], &pod["spec"]["containers"][0]);
    let lists = [&container["command"], &container["args"]];
    let words = lists.into_iter().filter_map(Value::as_array).flatten();
    let name = text(&metadata["name"]);
    Container {
        namespace: text(&metadata["namespace"]),
        volume: text(&metadata["uid"]),
        image: text(&container["image"]),
        command: words
            .map(|word| {
                text(word)
                    .replace("$(POD_NAME)", &name)
                    .replace("$(POD_IP)", address)
            })
            .collect(),
        address: address.to_owned(),
        env: Vec::new(),
        pod: name,
    }
}

/// Whether a pod is there, runs, and is ready.
pub fn is_ready(pod: &Value) -> bool {
    let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    pod["metadata"]["deletionTimestamp"].is_null()
        && conditions.any(|one| one["type"] == "Ready" && one["status"] == "True")
}

const MANAGER: &str = "kube-controller-manager";

/// Nothing changes a template here.
const REVISION: &str = "1";
