//! `BitcoinNetwork`: the one resource a user writes.
//!
//! `spec` is what is asked for, `status` what has been seen. The status is written by the controller
//! alone, in one place, and only when it differs. The schema of the CustomResourceDefinition is made
//! from these types ([`crd`](crate::api::crd)), so that what the server checks and what we read are
//! one thing.
//!
//! # Invariants
//! - A spec that does not have the expected shape is still an object: [`Spec::Invalid`] keeps the
//!   reason, so that it can be told to its owner instead of being lost in a log.
//! - The JSON names of `status.nodes` are those of the first controller of this name; `nodeName` is
//!   the name of the *pod*.
//!
//! # Example
//! ```
//! use bitcoin_controller::api::network::{BitcoinNetwork, Spec};
//! let read = |spec| serde_json::from_value::<BitcoinNetwork>(serde_json::json!({"spec": spec}));
//! assert_eq!(read(serde_json::json!({"nodes": 3}))?.spec.valid().map(|spec| spec.nodes), Some(3));
//! let bad = read(serde_json::json!({"nodes": "three"}))?;
//! assert!(matches!(bad.spec, Spec::Invalid(reason) if reason.contains("`nodes`")));
//! # Ok::<(), serde_json::Error>(())
//! ```

use schemars::JsonSchema;
use serde::de::Deserializer;
use serde::{Deserialize, Serialize};

use crate::api::meta::ObjectMeta;
use crate::api::time::Timestamp;
use crate::api::{Resource, null_is_default};
use crate::base::json;

/// The API group.
pub const GROUP: &str = "bitcoincontroller.christianb93.github.com";

/// The longest name a network may have. The StatefulSet's revision label, `<name>-sts-<hash>`, and
/// the Service's name must fit 63 characters.
pub const MAX_NAME_LENGTH: usize = 48;

/// The most nodes a network may have.
pub const MAX_NODES: i32 = 1_000;

/// A Bitcoin test network: so many nodes, connected with one another.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BitcoinNetwork {
    /// Name, identity, version.
    pub metadata: ObjectMeta,
    /// What is asked for.
    pub spec: Spec,
    /// What has been seen.
    #[serde(deserialize_with = "read_status")]
    pub status: BitcoinNetworkStatus,
}

impl Resource for BitcoinNetwork {
    const GROUP: &'static str = GROUP;
    const VERSION: &'static str = "v1";
    const KIND: &'static str = "BitcoinNetwork";
    const PLURAL: &'static str = "bitcoinnetworks";

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// A spec as it was found: of the right shape, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spec {
    /// It could be read; whether its values make sense is another question.
    Valid(BitcoinNetworkSpec),
    /// It could not be read, and why (field and kind of mistake, never the value).
    Invalid(String),
}

impl Spec {
    /// The spec, if it could be read.
    pub fn valid(&self) -> Option<&BitcoinNetworkSpec> {
        match self {
            Spec::Valid(spec) => Some(spec),
            Spec::Invalid(_) => None,
        }
    }
}

impl Default for Spec {
    fn default() -> Self {
        Spec::Invalid("there is no `spec`".to_owned())
    }
}

impl<'de> Deserialize<'de> for Spec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        if value.is_null() {
            return Ok(Spec::default());
        }
        Ok(match json::from_value(value) {
            Ok(spec) => Spec::Valid(spec),
            Err(error) => Spec::Invalid(format!("wrong or missing value at `{}`", error.path())),
        })
    }
}

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BitcoinNetworkSpec {
    /// The number of bitcoind nodes. All of them are on one regtest chain.
    #[schemars(range(min = 0, max = 1000))]
    pub nodes: i32,
    /// The name of a Secret in the network's namespace with the keys BC_RPC_USER and
    /// BC_RPC_PASSWORD: credentials that every node accepts besides those the controller makes.
    /// Nothing starts while it is missing or incomplete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub secret: Option<String>,
    /// The container image of the nodes; it must have bitcoind on its PATH. If it is not given, a
    /// new network gets the controller's default and an existing one keeps what it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,
}

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
    /// The greatest height of any node, in blocks; absent while no node has answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<i64>,
    /// The hash of the best block, if all nodes that answer agree on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tip: Option<String>,
    /// PodsReady, Connected, Synced, and Ready, which is true when all that is asked for holds.
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
    /// How many peers it is connected to, strangers included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peers: Option<i64>,
    /// How it calls itself, such as `/Satoshi:29.0.0/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
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

/// A status of another shape, left by another version, counts as none: it will be written anew.
fn read_status<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BitcoinNetworkStatus, D::Error> {
    let value = Option::<serde_json::Value>::deserialize(deserializer)?;
    Ok(value
        .and_then(|value| json::from_value(value).ok())
        .unwrap_or_default())
}
