//! Mirrors `src/sim/cluster`, without the controller: what is wished for is written into the store, and
//! what came of it is read from there.
//!
//! A [`Site`] is a cluster with containers that do as the test says.

mod containers;
mod garbage_collector;
mod kubelet;
mod namespaces;
mod pod;
mod probes;
mod stateful_set;
mod volumes;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bitcoin_controller::base::{Clock, Random};
use bitcoin_controller::sim::cluster::{Cluster, ClusterHandle, ClusterOptions};
use bitcoin_controller::sim::request::{DeleteOptions, Propagation};
use bitcoin_controller::sim::{Key, Store};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use containers::Containers;

const SETS: &str = "statefulsets.apps";

struct Site {
    store: Store,
    handle: ClusterHandle,
    containers: Containers,
    shutdown: CancellationToken,
    running: JoinSet<()>,
}

impl Site {
    fn new() -> Site {
        Site::with_addresses(250)
    }

    fn with_addresses(n_pod_addresses: u32) -> Site {
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let store = Store::new(Clock::starting_at(date), Random::seeded(1));
        let containers = Containers::default();
        let options = ClusterOptions {
            first_pod_address: Ipv4Addr::new(10, 244, 0, 2),
            n_pod_addresses,
        };
        let cluster = Cluster::new(store.clone(), Arc::new(containers.clone()), options);
        let (handle, shutdown) = (cluster.handle(), CancellationToken::new());
        let mut running = JoinSet::new();
        running.spawn(cluster.run(shutdown.clone()));
        Site {
            store,
            handle,
            containers,
            shutdown,
            running,
        }
    }

    // What a user does.

    fn create(&self, resource: &str, object: Value) -> Value {
        let made = self.store.create(resource, "default", object, "user");
        (*made.unwrap()).clone()
    }

    /// A set of one container each, with the given fields in its spec and in its container.
    fn create_set(&self, name: &str, spec: Value, container: Value) {
        let mut set = json!({"metadata": {"name": name}, "spec": {
            "selector": {"matchLabels": {"app": name}},
            "serviceName": format!("{name}-svc"),
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod_spec(container)},
        }});
        set["spec"]
            .as_object_mut()
            .unwrap()
            .extend(spec.as_object().unwrap().clone());
        self.create(SETS, set);
    }

    fn create_pod(&self, name: &str, container: Value) {
        let pod = json!({"metadata": {"name": name}, "spec": pod_spec(container)});
        self.create("pods", pod);
    }

    fn update(&self, resource: &str, name: &str, change: impl FnOnce(&mut Value)) {
        let key = Key::new("default", name);
        self.store.update(resource, &key, "user", change).unwrap();
    }

    fn scale(&self, name: &str, replicas: u64) {
        self.update(SETS, name, |set| set["spec"]["replicas"] = replicas.into());
    }

    fn delete(&self, resource: &str, name: &str) {
        self.delete_with(resource, name, Propagation::Background, None);
    }

    fn delete_with(
        &self,
        resource: &str,
        name: &str,
        propagation: Propagation,
        grace_seconds: Option<i64>,
    ) {
        let options = DeleteOptions {
            propagation,
            grace_seconds,
            ..DeleteOptions::default()
        };
        let key = Key::new("default", name);
        self.store.delete(resource, &key, &options).unwrap();
    }

    // What there is to see.

    fn get(&self, resource: &str, name: &str) -> Value {
        let object = self.store.get(resource, &Key::new("default", name));
        object.map_or(Value::Null, |object| (*object).clone())
    }

    fn pod(&self, name: &str) -> Value {
        self.get("pods", name)
    }

    fn container(&self, pod: &str) -> Value {
        self.pod(pod)["status"]["containerStatuses"][0].clone()
    }

    /// The reason why a pod's container waits, or an empty text.
    fn waiting(&self, pod: &str) -> String {
        let reason = &self.container(pod)["state"]["waiting"]["reason"];
        reason.as_str().unwrap_or_default().to_owned()
    }

    fn condition(&self, pod: &str, kind: &str) -> String {
        let pod = self.pod(pod);
        let mut all = pod["status"]["conditions"].as_array().into_iter().flatten();
        let found = all.find(|one| one["type"] == kind);
        found.map_or_else(String::new, |one| {
            one["status"].as_str().unwrap().to_owned()
        })
    }

    fn is_ready(&self, pod: &str) -> bool {
        self.condition(pod, "Ready") == "True"
    }

    fn pods(&self) -> Vec<String> {
        self.names("pods")
    }

    /// The names of the objects there are, those that are going with a `-` before them.
    fn names(&self, resource: &str) -> Vec<String> {
        let name = |object: &Arc<Value>| {
            let name = object["metadata"]["name"].as_str().unwrap();
            match object["metadata"]["deletionTimestamp"].is_null() {
                true => name.to_owned(),
                false => format!("-{name}"),
            }
        };
        let mut names: Vec<String> = self.store.list(resource).iter().map(name).collect();
        names.sort_by_key(|name| name.trim_start_matches('-').to_owned());
        names
    }

    fn uid(&self, resource: &str, name: &str) -> String {
        let object = self.get(resource, name);
        object["metadata"]["uid"].as_str().unwrap().to_owned()
    }

    /// The messages of the events with a reason, and how often each was told.
    fn events(&self, reason: &str) -> Vec<(String, i64)> {
        let events = self.store.list("events");
        let events = events.iter().filter(|event| event["reason"] == reason);
        events
            .map(|event| {
                let message = event["message"].as_str().unwrap().to_owned();
                (message, event["count"].as_i64().unwrap())
            })
            .collect()
    }

    // Time.

    /// Lets everything happen that happens now.
    async fn now(&self) {
        sleep(Duration::from_millis(1)).await;
    }

    async fn after(&self, seconds: u64) {
        sleep(Duration::from_secs(seconds)).await;
    }

    async fn until(&self, what: &str, holds: impl Fn(&Site) -> bool) {
        let wait = async {
            while !holds(self) {
                let seen = self.store.resource_version();
                self.store.changed_after(seen).await;
            }
        };
        let came = timeout(Duration::from_secs(900), wait).await;
        assert!(
            came.is_ok(),
            "does not come true: {what}; pods: {:#?}",
            self.store.list("pods")
        );
    }

    /// Nobody changes anything for ten minutes.
    async fn assert_settled(&self) {
        let before = self.store.resource_version();
        self.after(600).await;
        let history = |resource: &String| self.store.changes(resource, before).unwrap().0;
        let resources = self.store.resources();
        let changes: Vec<_> = resources.iter().flat_map(history).collect();
        assert!(changes.is_empty(), "a settled cluster writes: {changes:#?}");
    }
}

fn pod_spec(container: Value) -> Value {
    let mut spec = json!({"containers": [
        {"name": "node", "image": "bitcoin:29.0", "command": ["bitcoind"]},
    ]});
    let fields = container.as_object().unwrap().clone();
    let inner = spec["containers"][0].as_object_mut().unwrap();
    inner.extend(fields);
    spec
}

fn own(owner: &Value, is_blocking: bool) -> Value {
    json!({
        "apiVersion": owner["apiVersion"], "kind": owner["kind"],
        "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
        "blockOwnerDeletion": is_blocking,
    })
}
