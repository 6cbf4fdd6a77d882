//! What is asked for of a network: one field, `nodes`, must be given; every other has a sound default.
//!
//! A field belongs to one of two kinds. Some are part of what a node is *started with* (`image`,
//! `resources`, `extraArgs`, `relay`, where its pod may run): to change one replaces the pods, one by one,
//! and the chain survives. The others (`nodes`, `topology`, `partitions`, `externalPeers`, `mining`,
//! `wallet`) are obeyed by nodes that run. Only the volumes of `storage` cannot change: Kubernetes does not allow it.
//!
//! # Invariants
//! - Every list, map and text has a bound, so that the rules over them are cheap enough for the server.
//! - What the schema cannot say, a rule says (`x-kubernetes-validations`), and the controller checks
//!   again, because an older definition on the server may not know the rule.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::null_is_default;

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "has(self.storage) == has(oldSelf.storage)",
        "message": "storage can be neither added to a network nor taken from it: delete the network and create it again",
    },
    {
        "rule": "!has(self.topology) || self.topology.type != 'FullMesh' || self.nodes <= 100",
        "message": "a FullMesh has at most 100 nodes; Random spreads blocks as fast with far fewer links",
    },
]))]
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
    /// What the container of each node asks for and may use. What is not given here keeps its default:
    /// requests of 50m CPU and 128Mi memory, a limit of 1Gi memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Gives each node a volume that outlives its pod. Without it the chain of a node is lost with its
    /// pod, and comes back from its peers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    /// Further arguments of bitcoind, each `-name` or `-name=value`. Those that the controller sets
    /// itself are refused.
    #[serde(
        default,
        deserialize_with = "null_is_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(
        length(max = 64),
        inner(length(min = 2, max = 512), regex(pattern = "^-"))
    )]
    pub extra_args: Vec<String>,
    /// The labels that a Kubernetes node must have to run pods of this network.
    #[serde(
        default,
        deserialize_with = "null_is_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    #[schemars(extend("maxProperties" = 32))]
    pub node_selector: BTreeMap<String, String>,
    /// The taints of Kubernetes nodes that pods of this network put up with, as in a pod.
    #[serde(
        default,
        deserialize_with = "null_is_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(with = "Vec<Anything>", length(max = 32))]
    pub tolerations: Vec<Value>,
    /// Where pods of this network would rather run, as in a pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Anything>")]
    pub affinity: Option<Value>,
    /// Which nodes are connected with which. If it is not given: everybody with everybody up to 17
    /// nodes; each further node dials 8 of those before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topology: Option<Topology>,
    /// Splits the network: each entry is a side, the ordinals of its nodes; those named nowhere are a side of
    /// their own. No connection between sides is left standing, whoever made it. To heal the network, take this out.
    #[serde(
        default,
        deserialize_with = "null_is_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(
        length(max = 16),
        inner(length(min = 1, max = 1000), inner(range(min = 0, max = 999)))
    )]
    pub partitions: Vec<Vec<i32>>,
    /// Nodes outside this network to be connected with.
    #[serde(
        default,
        deserialize_with = "null_is_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(length(max = 64))]
    pub external_peers: Vec<ExternalPeer>,
    /// How soon transactions are passed on. Blocks are always passed on at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Relay")]
    pub relay: Option<Relay>,
    /// Mines blocks, once all wanted links are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mining: Option<Mining>,
    /// A wallet with money, on one of the nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wallet: Option<Wallet>,
}

/// What a container asks for and may use, as in a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// What is set aside for it: `cpu`, `memory`, …
    #[serde(
        default,
        deserialize_with = "null_is_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    #[schemars(with = "BTreeMap<String, Quantity>", extend("maxProperties" = 16))]
    pub requests: BTreeMap<String, Value>,
    /// What it may use at most.
    #[serde(
        default,
        deserialize_with = "null_is_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    #[schemars(with = "BTreeMap<String, Quantity>", extend("maxProperties" = 16))]
    pub limits: BTreeMap<String, Value>,
}

/// Volumes that outlive pods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "self.size == oldSelf.size && has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",
        "message": "the size and class of volumes cannot be changed: delete the network and create it again",
    },
]))]
pub struct Storage {
    /// How much each node gets, such as `1Gi`.
    #[schemars(
        length(min = 1, max = 32),
        regex(pattern = "^[0-9]+(\\.[0-9]+)?([EPTGMk]i?|Ki|m)?$")
    )]
    pub size: String,
    /// The StorageClass; if it is not given, the cluster's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub storage_class_name: Option<String>,
    /// Whether the volumes stay when the network is deleted. Those of nodes that are scaled away always stay.
    #[serde(default, deserialize_with = "null_is_default")]
    pub retain: bool,
    /// Whether volumes left by an earlier network of this name are used, and its chain with them. If
    /// not, they are refused.
    #[serde(default, deserialize_with = "null_is_default")]
    pub adopt: bool,
}

/// Which nodes are connected with which.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "self.type == 'Manual' || !has(self.edges)",
        "message": "edges belong to the type Manual",
    },
    {
        "rule": "self.type == 'Random' || (!has(self.degree) && !has(self.seed))",
        "message": "degree and seed belong to the type Random",
    },
    {
        "rule": "!has(self.edges) || self.edges.all(edge, edge[0] != edge[1])",
        "message": "an edge links two different nodes",
    },
]))]
pub struct Topology {
    /// The shape.
    #[serde(rename = "type")]
    pub type_: TopologyType,
    /// Of a random network: how many of the nodes before it each node dials. If it is not given, 8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub degree: Option<i32>,
    /// Of a random network: the same seed gives the same links. If it is not given, the network's
    /// own identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub seed: Option<i64>,
    /// Of a manual network: each link as the ordinals of its two nodes.
    #[serde(
        default,
        deserialize_with = "null_is_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(
        length(max = 5000),
        inner(length(min = 2, max = 2), inner(range(min = 0, max = 999)))
    )]
    pub edges: Vec<Vec<i32>>,
}

/// The shape of a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TopologyType {
    /// Everybody with everybody; at most 100 nodes.
    #[default]
    FullMesh,
    /// Each node dials some of those before it, chosen by chance.
    Random,
    /// Each with the next, the last with the first.
    Ring,
    /// Each with the next.
    Line,
    /// Everybody with node 0.
    Star,
    /// As `edges` says.
    Manual,
}

/// A node outside the network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "has(self.address) != has(self.network)",
        "message": "an external peer has either an address or the name of a network",
    },
]))]
pub struct ExternalPeer {
    /// Where it is: `HOST:PORT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 270))]
    pub address: Option<String>,
    /// The name of another BitcoinNetwork in the same namespace; it must name this one likewise, because
    /// the longer chain of two replaces the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 48))]
    pub network: Option<String>,
    /// Which of our nodes dial it; if none is named, node 0.
    #[serde(
        default,
        deserialize_with = "null_is_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(length(max = 100), inner(range(min = 0, max = 999)))]
    pub nodes: Vec<i32>,
}

/// How soon transactions are passed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Relay {
    /// As on the real network: by batches at random, seconds a hop.
    #[default]
    Default,
    /// At once: nodes trust one another.
    Fast,
}

/// Blocks that are mined by the controller.
///
/// Unless mining rests, one fresh block is mined when the tip is older than an hour and none is due, because
/// wallets and Lightning nodes take a chain without news for one that is not there yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "!(has(self.interval) && has(self.poissonMean))",
        "message": "either interval or poissonMean",
    },
]))]
pub struct Mining {
    /// The height up to which blocks are mined. Without a pace, it is reached at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10_000_000))]
    pub until_height: Option<i64>,
    /// One block in each such time, such as `10s` or `1m30s`; from 200ms to 720h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 2, max = 32),
        regex(pattern = "^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$")
    )]
    pub interval: Option<String>,
    /// As on the real network: times between blocks are random (exponential) with this mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 2, max = 32),
        regex(pattern = "^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$")
    )]
    pub poisson_mean: Option<String>,
    /// Which nodes mine, and how often each in proportion. If none is named, all alike.
    #[serde(
        default,
        deserialize_with = "null_is_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(length(max = 1000))]
    pub miners: Vec<Miner>,
    /// The address that is paid. If it is not given, the network's wallet if there is one, else a script
    /// that anybody can spend from, another for each node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub address: Option<String>,
    /// Whether mining rests.
    #[serde(default, deserialize_with = "null_is_default")]
    pub paused: bool,
}

/// A node that mines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Miner {
    /// The node. One that is not there does not mine.
    #[schemars(range(min = 0, max = 999))]
    pub ordinal: i32,
    /// Its share of the blocks, in proportion to the others' weights. If it is not given, 1; with 0 it does
    /// not mine.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub weight: i32,
}

/// A wallet with money. Its keys follow from the network's Secret: it is back after its pod was lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Wallet {
    /// The node that has it.
    #[serde(default, deserialize_with = "null_is_default")]
    #[schemars(range(min = 0, max = 999))]
    pub ordinal: i32,
}

fn one() -> i32 {
    1
}

/// A value whose shape the server does not check: it is checked where it is used, as part of a pod.
struct Anything;

impl JsonSchema for Anything {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Anything".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
    }
}

/// A quantity: `1`, `500m`, `1Gi`.
struct Quantity;

impl JsonSchema for Quantity {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Quantity".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"x-kubernetes-int-or-string": true})
    }
}
