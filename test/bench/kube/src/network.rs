//! `BitcoinNetwork` as a user of kube-rs writes it: every field of the resource, derived.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(CustomResource, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "bitcoincontroller.christianb93.github.com",
    version = "v1",
    kind = "BitcoinNetwork",
    namespaced,
    status = "BitcoinNetworkStatus"
)]
#[serde(rename_all = "camelCase")]
pub struct BitcoinNetworkSpec {
    pub nodes: i32,
    pub secret: Option<String>,
    pub image: Option<String>,
    pub resources: Option<Resources>,
    pub storage: Option<Storage>,
    #[serde(default)]
    pub extra_args: Vec<String>,
    #[serde(default)]
    pub node_selector: BTreeMap<String, String>,
    #[serde(default)]
    pub tolerations: Vec<Value>,
    pub affinity: Option<Value>,
    pub topology: Option<Topology>,
    #[serde(default)]
    pub partitions: Vec<Vec<i32>>,
    #[serde(default)]
    pub external_peers: Vec<ExternalPeer>,
    pub relay: Option<String>,
    pub mining: Option<Mining>,
    pub wallet: Option<Wallet>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Resources {
    pub requests: BTreeMap<String, Value>,
    pub limits: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Storage {
    pub size: String,
    pub storage_class_name: Option<String>,
    pub retain: bool,
    pub adopt: bool,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Topology {
    #[serde(rename = "type")]
    pub type_: String,
    pub degree: Option<i32>,
    pub seed: Option<i64>,
    pub edges: Vec<Vec<i32>>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ExternalPeer {
    pub address: Option<String>,
    pub network: Option<String>,
    pub nodes: Vec<i32>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Mining {
    pub until_height: Option<i64>,
    pub interval: Option<String>,
    pub poisson_mean: Option<String>,
    pub miners: Vec<Miner>,
    pub address: Option<String>,
    pub paused: bool,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Miner {
    pub ordinal: i32,
    pub weight: Option<i32>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Wallet {
    pub ordinal: i32,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BitcoinNetworkStatus {
    pub observed_generation: Option<i64>,
    pub replicas: i32,
    pub ready_nodes: i32,
    pub selector: String,
    pub links: Links,
    pub height: Option<i64>,
    pub tip: Option<String>,
    pub tip_time: Option<String>,
    pub sides: Vec<Side>,
    pub external_peers: Vec<ExternalPeerStatus>,
    pub mining: Option<MiningStatus>,
    pub wallet: Option<WalletStatus>,
    pub conditions: Vec<Condition>,
    pub nodes: Vec<NodeStatus>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Links {
    pub wanted: i64,
    pub present: i64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Side {
    pub nodes: Vec<i32>,
    pub links: Links,
    pub height: Option<i64>,
    pub tip: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ExternalPeerStatus {
    pub peer: String,
    pub connected: bool,
    pub message: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MiningStatus {
    pub next: Option<Block>,
    pub last: Option<Block>,
}

/// A block that was mined, or is about to be.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Block {
    pub height: i64,
    pub hash: Option<String>,
    pub previous: Option<String>,
    pub node: i32,
    pub time: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WalletStatus {
    pub node: i32,
    pub name: String,
    pub address: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    #[serde(rename = "type")]
    pub type_: String,
    pub status: String,
    pub reason: String,
    pub message: String,
    pub last_transition_time: String,
    pub observed_generation: Option<i64>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeStatus {
    pub ordinal: i32,
    pub ready: bool,
    pub ip: String,
    pub node_name: String,
    pub dns_name: String,
    #[serde(rename = "podUID")]
    pub pod_uid: String,
    pub height: Option<i64>,
    pub tip: Option<String>,
    pub initial_block_download: Option<bool>,
    pub network_active: Option<bool>,
    pub peers: Option<i64>,
    pub version: Option<String>,
}
