//! What there is to see in a World: objects, conditions, pods, nodes, events.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bitcoin_controller::bitcoin::{Credentials, RpcClient};
use bitcoin_controller::http::{Endpoint, Transport};
use bitcoin_controller::sim::Key;
use bitcoin_controller::sim::bitcoind::NodeView;
use serde_json::Value;

use crate::support::world::{NAMESPACE, NETWORKS, World};

impl World {
    pub(crate) fn object(&self, resource: &str, name: &str) -> Value {
        match self.store.get(resource, &Key::new(NAMESPACE, name)) {
            Some(object) => (*object).clone(),
            None => Value::Null,
        }
    }

    pub(crate) fn object_of_cluster(&self, resource: &str, name: &str) -> Value {
        let object = self.store.get(resource, &Key::new("", name));
        object.map_or(Value::Null, |object| (*object).clone())
    }

    pub(crate) fn network(&self, name: &str) -> Value {
        self.object(NETWORKS, name)
    }

    /// A condition as `True AllNodesAnswer`.
    pub(crate) fn condition(&self, name: &str, kind: &str) -> String {
        self.of_condition(name, kind, |text| {
            format!("{} {}", text("status"), text("reason"))
        })
    }

    /// A condition's message.
    pub(crate) fn message(&self, name: &str, kind: &str) -> String {
        self.of_condition(name, kind, |text| text("message"))
    }

    fn of_condition(
        &self,
        name: &str,
        kind: &str,
        read: impl Fn(&dyn Fn(&str) -> String) -> String,
    ) -> String {
        let network = self.network(name);
        let conditions = network["status"]["conditions"].as_array();
        let found = conditions
            .into_iter()
            .flatten()
            .find(|one| one["type"] == kind);
        found.map_or_else(String::new, |one| {
            read(&|field| one[field].as_str().unwrap().to_owned())
        })
    }

    pub(crate) fn assert_ready(&self, name: &str, n_nodes: usize) {
        let status = &self.network(name)["status"];
        let ready = self.condition(name, "Ready");
        assert_eq!(ready, "True NetworkReady", "{name}: {status:#}");
        assert_eq!(status["readyNodes"], n_nodes, "{status:#}");
        assert_eq!(
            status["nodes"].as_array().map_or(0, Vec::len),
            n_nodes,
            "{status:#}"
        );
    }

    /// The pods of a network, by ordinal, without those that are going.
    pub(crate) fn pods(&self, name: &str) -> Vec<Value> {
        let prefix = format!("{name}-sts-");
        let mut pods: Vec<(u32, Value)> = self
            .store
            .list("pods")
            .iter()
            .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null())
            .filter_map(|pod| {
                let pod_name = pod["metadata"]["name"].as_str()?;
                let ordinal = pod_name.strip_prefix(&prefix)?.parse().ok()?;
                Some((ordinal, (**pod).clone()))
            })
            .collect();
        pods.sort_by_key(|(ordinal, _)| *ordinal);
        pods.into_iter().map(|(_, pod)| pod).collect()
    }

    pub(crate) fn uids(&self, name: &str) -> Vec<String> {
        let uid = |pod: &Value| pod["metadata"]["uid"].as_str().unwrap().to_owned();
        self.pods(name).iter().map(uid).collect()
    }

    /// The running node of a pod.
    pub(crate) fn node(&self, name: &str, ordinal: usize) -> NodeView {
        let name = format!("{NAMESPACE}/{name}-sts-{ordinal}");
        self.nodes
            .node(&name)
            .unwrap_or_else(|| panic!("{name} does not run"))
    }

    /// The reasons of a network's events, sorted.
    pub(crate) fn reasons(&self, name: &str) -> Vec<String> {
        let about = |event: &&Arc<Value>| {
            event["involvedObject"]["kind"] == "BitcoinNetwork"
                && event["involvedObject"]["name"] == *name
        };
        let events = self.store.list("events");
        let mut reasons: Vec<String> = events
            .iter()
            .filter(about)
            .map(|event| event["reason"].as_str().unwrap().to_owned())
            .collect();
        reasons.sort();
        reasons.dedup();
        reasons
    }

    /// The types of a network's events with this reason, in the order of their keys.
    pub(crate) fn event_types(&self, name: &str, reason: &str) -> Vec<String> {
        let events = self.store.list("events");
        let about = |event: &&Arc<Value>| {
            event["involvedObject"]["name"] == *name && event["reason"] == *reason
        };
        let kinds = events
            .iter()
            .filter(about)
            .map(|event| event["type"].as_str().unwrap().to_owned());
        kinds.collect()
    }

    /// Mines on a node, as a user with the network's Secret would.
    pub(crate) async fn mine(&self, name: &str, ordinal: usize, n_blocks: u32) {
        let address = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
        self.rpc(name, ordinal)
            .generate_to_address(n_blocks, address)
            .await
            .unwrap();
    }

    pub(crate) fn rpc(&self, name: &str, ordinal: usize) -> RpcClient {
        let secret = self.object("secrets", &format!("{name}-rpc"));
        let text = |key: &str| {
            let value = secret["data"][key].as_str().unwrap();
            let bytes = STANDARD.decode(value).unwrap();
            String::from_utf8(bytes).unwrap()
        };
        let credentials = Credentials::new(text("user"), text("password")).unwrap();
        let pod = self.object("pods", &format!("{name}-sts-{ordinal}"));
        let endpoint = Endpoint::new(pod["status"]["podIP"].as_str().unwrap(), 18_443);
        let transport: Arc<dyn Transport> = Arc::new(self.pods.clone());
        RpcClient::new(transport, endpoint, &credentials)
    }
}
