//! The story the demo tells: a network comes up, is mined, loses a node, grows and shrinks again.
//!
//! The story uses what any user has: the Kubernetes API. Each step changes one thing that is asked for and
//! then waits until the network's own status says that the world has followed. A step that does not come
//! true in its time ends the story with the step's name and the last status.
//!
//! # Invariants
//! - Nothing is taken for granted: each step ends on what the API server says that the nodes say.
//! - A step has a deadline, `STEP_DEADLINE`.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::json;

use crate::api::core::Pod;
use crate::api::network::{BitcoinNetworkStatus, ConditionStatus};
use crate::api::{BitcoinNetwork, ObjectKey, Resource};
use crate::client::{self, Client, DeleteOptions};
use crate::controller::desired;
use crate::demo::narrator::Narrator;

/// The longest a step may take. Real nodes start in a fraction of a second; a pod that is replaced
/// waits for its grace period and its probes.
const STEP_DEADLINE: Duration = Duration::from_secs(120);

/// How often the status is looked at while a step waits.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How many blocks are mined: a coinbase can be spent after 100 more, so 101 give one to spend.
const BLOCKS: i64 = 101;

/// The network of the story.
pub struct Story {
    client: Client,
    narrator: Narrator,
    network: ObjectKey,
    /// The UID of the network, once the story has made it.
    uid: OnceLock<String>,
}

/// Why the story ended before its end.
#[derive(Debug)]
pub enum Error {
    /// The API server refused or could not be reached.
    Api(client::Error),
    /// A step did not come true in its time.
    NotInTime {
        /// What was waited for.
        step: String,
        /// What the status said at last.
        last: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Api(_) => f.write_str("the story stopped at the API server"),
            Error::NotInTime { step, last } => {
                let seconds = STEP_DEADLINE.as_secs();
                write!(
                    f,
                    "did not come true within {seconds} s: {step}; at last: {last}"
                )
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Api(error) => Some(error),
            Error::NotInTime { .. } => None,
        }
    }
}

impl From<client::Error> for Error {
    fn from(error: client::Error) -> Self {
        Error::Api(error)
    }
}

impl Story {
    /// A story about the network at `network`, told by `narrator`.
    pub fn new(client: Client, narrator: Narrator, network: ObjectKey) -> Self {
        Story {
            client,
            narrator,
            network,
            uid: OnceLock::new(),
        }
    }

    /// The UID of the network that the story has made; `None`: none.
    pub fn network_uid(&self) -> Option<String> {
        self.uid.get().cloned()
    }

    /// Tells the whole story.
    ///
    /// # Errors
    /// The first step that did not come true.
    ///
    /// # Cancel safety
    /// The network stays as far as the story had brought it.
    pub async fn tell(&self) -> Result<(), Error> {
        self.create(3).await?;
        self.until("all 3 nodes ready and connected", |status| {
            is_ready(status, 3)
        })
        .await?;
        self.mine().await?;
        self.until("all 3 nodes at height 101", |status| is_at(status, 3))
            .await?;
        self.lose_a_pod().await?;
        self.scale(4).await?;
        self.until("node 3 joined and has all 101 blocks", |status| {
            is_at(status, 4)
        })
        .await?;
        self.scale(3).await?;
        self.until("back to 3 nodes", |status| is_at(status, 3))
            .await?;
        self.show_network().await
    }

    /// What `kubectl get btcnet` would print.
    async fn show_network(&self) -> Result<(), Error> {
        let network = self.client.get::<BitcoinNetwork>(&self.network).await?;
        let status = &network.status;
        let ready = if status.is_true("Ready") {
            "True"
        } else {
            "False"
        };
        let height = status.height.unwrap_or_default();
        self.narrator.say(&format!(
            "\nNAME   NODES   READY   LINKS   HEIGHT   CONDITION READY\n{:<6} {:<7} {:<7} {:<7} {height:<8} {ready}\n",
            self.network.name.to_string(), status.replicas, status.ready_nodes, status.links.present,
        ));
        Ok(())
    }

    async fn create(&self, nodes: i32) -> Result<(), Error> {
        self.narrator.tell(&format!(
            "applying BitcoinNetwork {} with {nodes} nodes",
            self.network
        ));
        let body = json!({
            "apiVersion": BitcoinNetwork::api_version(),
            "kind": BitcoinNetwork::KIND,
            "metadata": {"name": self.network.name, "namespace": self.network.namespace},
            "spec": {"nodes": nodes},
        });
        let made = self
            .client
            .create::<BitcoinNetwork>(&self.network.namespace, &body)
            .await?;
        self.uid.get_or_init(|| made.metadata.uid.to_string());
        Ok(())
    }

    async fn scale(&self, nodes: i32) -> Result<(), Error> {
        self.narrator.tell(&format!("scaling to {nodes} nodes"));
        self.ask(json!({"nodes": nodes})).await
    }

    async fn mine(&self) -> Result<(), Error> {
        self.narrator.tell(&format!(
            "mining {BLOCKS} blocks: asking for height {BLOCKS}"
        ));
        self.ask(json!({"mining": {"untilHeight": BLOCKS}})).await
    }

    /// Changes what is asked for.
    async fn ask(&self, spec: serde_json::Value) -> Result<(), Error> {
        let patch = json!({"spec": spec});
        self.client
            .patch::<BitcoinNetwork>(&self.network, &patch)
            .await?;
        Ok(())
    }

    async fn lose_a_pod(&self) -> Result<(), Error> {
        let pod = self.pod(1).await?;
        let uid = pod.metadata.uid.clone();
        self.narrator.tell(&format!("deleting pod {}", pod.key()));
        self.client
            .delete::<Pod>(&pod.key(), &DeleteOptions::default())
            .await?;
        self.until(
            "the pod was replaced, its links are back and it has all 101 blocks",
            |status| {
                let replaced = status
                    .nodes
                    .iter()
                    .any(|node| node.ordinal == 1 && *node.pod_uid != *uid);
                replaced && is_at(status, 3)
            },
        )
        .await
    }

    async fn pod(&self, ordinal: i32) -> Result<Pod, Error> {
        Ok(self
            .client
            .get(&desired::pod_key(&self.network, ordinal))
            .await?)
    }

    /// Waits until the network's status fulfils `holds`, and tells that it does.
    async fn until(
        &self,
        step: &str,
        holds: impl Fn(&BitcoinNetworkStatus) -> bool,
    ) -> Result<(), Error> {
        let mut last = String::new();
        let wait = async {
            loop {
                let network = self.client.get::<BitcoinNetwork>(&self.network).await?;
                if network.status.observed_generation == Some(network.metadata.generation)
                    && holds(&network.status)
                {
                    return Ok(());
                }
                last = summary(&network.status);
                self.narrator.show(&format!("{step}: {last}"));
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        match tokio::time::timeout(STEP_DEADLINE, wait).await {
            Ok(Ok(())) => {
                self.narrator.tell(&format!("  ✓ {step}"));
                Ok(())
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(Error::NotInTime {
                step: step.to_owned(),
                last,
            }),
        }
    }
}

fn is_ready(status: &BitcoinNetworkStatus, nodes: i32) -> bool {
    status.is_true("Ready") && status.ready_nodes == nodes && status.replicas == nodes
}

/// Ready, and each of exactly `nodes` nodes has all the blocks.
fn is_at(status: &BitcoinNetworkStatus, nodes: i32) -> bool {
    let all_there = status.nodes.len() == usize::try_from(nodes).unwrap_or_default();
    is_ready(status, nodes)
        && all_there
        && status.nodes.iter().all(|node| node.height == Some(BLOCKS))
}

/// The status in one line.
fn summary(status: &BitcoinNetworkStatus) -> String {
    let heights: Vec<String> = status
        .nodes
        .iter()
        .map(|node| {
            node.height
                .map_or("-".to_owned(), |height| height.to_string())
        })
        .collect();
    let unmet: Vec<String> = status
        .conditions
        .iter()
        .filter(|condition| condition.status != ConditionStatus::True)
        .map(|condition| format!("{} {}", condition.type_, condition.reason))
        .collect();
    format!(
        "{} nodes ready, {} of {} links, heights {}, {}",
        status.ready_nodes,
        status.links.present,
        status.links.wanted,
        heights.join(" "),
        if unmet.is_empty() {
            "all conditions true".to_owned()
        } else {
            unmet.join(", ")
        },
    )
}
