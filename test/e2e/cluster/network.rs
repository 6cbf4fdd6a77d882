//! One network in a scenario: what it is asked for, and what can be seen of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::{Namespace, apply, eventually};

/// An address on regtest whose key nobody needs.
const ADDRESS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

pub struct Network<'a> {
    pub namespace: &'a Namespace,
    pub name: String,
}

impl<'a> Network<'a> {
    /// Asks for a network with this spec.
    pub fn create(namespace: &'a Namespace, name: &str, spec: Value) -> Self {
        let network = Network {
            namespace,
            name: name.to_owned(),
        };
        network.ask(spec);
        network
    }

    /// A network that somebody else has asked for.
    pub fn existing(namespace: &'a Namespace, name: &str) -> Self {
        Network {
            namespace,
            name: name.to_owned(),
        }
    }

    /// Changes the spec to this one.
    pub fn ask(&self, spec: Value) {
        apply(&json!({
            "apiVersion": "bitcoincontroller.christianb93.github.com/v1",
            "kind": "BitcoinNetwork",
            "metadata": {"name": self.name, "namespace": self.namespace.0},
            "spec": spec,
        }));
    }

    pub fn set(&self) -> String {
        format!("{}-sts", self.name)
    }

    pub fn pod(&self, ordinal: usize) -> String {
        format!("{}-sts-{ordinal}", self.name)
    }

    pub fn status(&self) -> Result<Value, String> {
        let network = self.namespace.get("btcnet", &self.name)?;
        match network["status"]["observedGeneration"] == network["metadata"]["generation"] {
            true => Ok(network["status"].clone()),
            false => Err("the spec has not been looked at yet".to_owned()),
        }
    }

    /// Waits until the condition has this status and reason (any, if it is empty).
    pub async fn until_condition(&self, name: &str, status: &str, reason: &str) {
        let what = format!("{} of {} is {status} ({reason})", name, self.name);
        eventually(&what, || async {
            let seen = self.status()?;
            let conditions = seen["conditions"].as_array().cloned().unwrap_or_default();
            let found = conditions
                .iter()
                .find(|condition| condition["type"] == name);
            let found = found.ok_or_else(|| format!("there is no condition {name}"))?;
            let fits =
                found["status"] == status && (reason.is_empty() || found["reason"] == reason);
            if fits { Ok(()) } else { Err(found.to_string()) }
        })
        .await;
    }

    /// Waits until the network is ready with exactly `nodes` nodes.
    pub async fn until_ready(&self, nodes: usize) {
        eventually(
            &format!("{} is ready with {nodes} nodes", self.name),
            || async {
                let status = self.status()?;
                let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
                let is_ready = conditions
                    .iter()
                    .any(|it| it["type"] == "Ready" && it["status"] == "True");
                let fits = is_ready
                    && status["readyNodes"] == nodes
                    && status["nodes"].as_array().map(Vec::len) == Some(nodes);
                if fits {
                    Ok(())
                } else {
                    Err(status.to_string())
                }
            },
        )
        .await;
    }

    /// Waits until it is ready and every node is at `height`, by the nodes' own word.
    pub async fn until_at(&self, nodes: usize, height: u64) {
        self.until_ready(nodes).await;
        eventually(
            &format!("all {nodes} nodes of {} are at {height}", self.name),
            || async {
                for ordinal in 0..nodes {
                    let found = self.cli(ordinal, &["getblockcount"])?;
                    if found.trim() != height.to_string() {
                        return Err(format!("node {ordinal} is at {}", found.trim()));
                    }
                }
                Ok(())
            },
        )
        .await;
    }

    /// What bitcoin-cli says inside the pod, without any credentials on the command line.
    pub fn cli(&self, ordinal: usize, arguments: &[&str]) -> Result<String, String> {
        let pod = self.pod(ordinal);
        let call = ["exec", pod.as_str(), "--", "bitcoin-cli", "-regtest"];
        self.namespace.try_kubectl(&[&call, arguments].concat())
    }

    pub fn mine(&self, ordinal: usize, blocks: u64) {
        self.cli(
            ordinal,
            &["generatetoaddress", &blocks.to_string(), ADDRESS],
        )
        .unwrap();
    }

    pub fn tip(&self, ordinal: usize) -> String {
        self.cli(ordinal, &["getbestblockhash"])
            .unwrap()
            .trim()
            .to_owned()
    }

    /// The user agents of everybody node `ordinal` is connected with, sorted.
    pub fn peers(&self, ordinal: usize) -> Result<Vec<String>, String> {
        let peers: Value = serde_json::from_str(&self.cli(ordinal, &["getpeerinfo"])?)
            .map_err(|error| error.to_string())?;
        let mut names: Vec<String> = peers
            .as_array()
            .unwrap()
            .iter()
            .map(|peer| peer["subver"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        Ok(names)
    }

    /// Asserts that everybody is connected with everybody, each pair once, and with nobody else.
    pub async fn until_meshed(&self, nodes: usize) {
        eventually(
            &format!("{} is a full mesh of {nodes}", self.name),
            || async {
                for ordinal in 0..nodes {
                    let peers = self.peers(ordinal)?;
                    let wanted: Vec<usize> = (0..nodes).filter(|other| *other != ordinal).collect();
                    let has = |other: &usize| {
                        peers
                            .iter()
                            .any(|peer| peer.contains(&format!(".{})", self.pod(*other))))
                    };
                    if peers.len() != wanted.len() || !wanted.iter().all(has) {
                        return Err(format!("node {ordinal} has {peers:?}"));
                    }
                }
                Ok(())
            },
        )
        .await;
    }

    /// The pods' UIDs by name.
    pub fn pod_uids(&self) -> BTreeMap<String, String> {
        let pods = self.namespace.list("pods", &format!("app={}", self.name));
        let text = |pod: &Value, name: &str| pod["metadata"][name].as_str().unwrap().to_owned();
        pods.iter()
            .map(|pod| (text(pod, "name"), text(pod, "uid")))
            .collect()
    }

    /// Waits until the pod has another UID than `before`.
    pub async fn until_replaced(&self, ordinal: usize, before: &BTreeMap<String, String>) {
        let pod = self.pod(ordinal);
        eventually(&format!("{pod} is replaced"), || async {
            let uids = self.pod_uids();
            match uids.get(&pod) {
                Some(uid) if before.get(&pod) != Some(uid) => Ok(()),
                found => Err(format!("{found:?}")),
            }
        })
        .await;
    }
}
