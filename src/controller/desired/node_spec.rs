//! What a spec says about each node: read once, held to the rules that no schema can say, and put into the
//! form a server keeps.
//!
//! # Invariants
//! - Whoever has a [`NodeSpec`] has one that can be run; nothing after it checks again.
//! - A spec that names none of these fields is [`NodeSpec::default`], and its nodes are started as they
//!   were before there were such fields: [`hash_parts`](NodeSpec::hash_parts) is empty.
//! - Where a pod runs (`nodeSelector`, `tolerations`, `affinity`) is passed on as it is: the API server judges
//!   it, because it knows more about it than we do.

use serde_json::{Map, Value, json};

use crate::api::network::{BitcoinNetworkSpec, Relay};
use crate::controller::desired::quantity::Quantity;
use crate::controller::desired::{extra_args, resources};

/// What is asked for of each node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSpec {
    /// Arguments after our own.
    pub arguments: Vec<String>,
    /// The container's `resources`.
    pub resources: Value,
    /// The fields of the pod that say where it may run.
    pub placement: Map<String, Value>,
    /// Its volume, if it has one.
    pub storage: Option<VolumeSpec>,
}

/// A volume that outlives its pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeSpec {
    /// How much, as a server writes it.
    pub size: String,
    /// The StorageClass; if there is none, the cluster's default.
    pub class: Option<String>,
    /// Whether it stays when the network is deleted.
    pub retain: bool,
}

impl Default for NodeSpec {
    fn default() -> Self {
        NodeSpec {
            arguments: Vec::new(),
            resources: resources::defaults(),
            placement: Map::new(),
            storage: None,
        }
    }
}

impl NodeSpec {
    /// Reads the fields of `spec` that are about single nodes.
    ///
    /// # Errors
    /// The field or argument that cannot be, and why, for the person who wrote it.
    pub fn read(spec: &BitcoinNetworkSpec) -> Result<Self, String> {
        for argument in &spec.extra_args {
            if let Some(why) = extra_args::refusal(argument) {
                return Err(format!("`extraArgs`: {why}"));
            }
        }
        let relay = match spec.relay.unwrap_or_default() {
            Relay::Fast => FAST_RELAY.map(str::to_owned).to_vec(),
            Relay::Default => Vec::new(),
        };
        let mut placement = Map::new();
        if !spec.node_selector.is_empty() {
            placement.insert("nodeSelector".to_owned(), json!(spec.node_selector));
        }
        if !spec.tolerations.is_empty() {
            placement.insert("tolerations".to_owned(), json!(spec.tolerations));
        }
        if let Some(affinity) = &spec.affinity {
            placement.insert("affinity".to_owned(), affinity.clone());
        }
        Ok(NodeSpec {
            arguments: relay.into_iter().chain(spec.extra_args.clone()).collect(),
            resources: resources::of(spec.resources.as_ref())?,
            placement,
            storage: volume(spec)?,
        })
    }

    /// What a pod has to be replaced for when it changes; nothing, if nothing was asked for.
    pub(super) fn hash_parts(&self) -> Vec<String> {
        let default = NodeSpec::default();
        let mut parts = Vec::new();
        if self.arguments != default.arguments {
            parts.push(format!("arguments {}", json!(self.arguments)));
        }
        if self.resources != default.resources {
            parts.push(format!("resources {}", self.resources));
        }
        if self.placement != default.placement {
            parts.push(format!("placement {}", json!(self.placement)));
        }
        parts
    }
}

fn volume(spec: &BitcoinNetworkSpec) -> Result<Option<VolumeSpec>, String> {
    let Some(storage) = &spec.storage else {
        return Ok(None);
    };
    let size = Quantity::read(&json!(storage.size)).map(|size| size.to_string());
    let size = size
        .filter(|size| size != "0")
        .ok_or("`storage.size` is no size, such as 1Gi")?;
    Ok(Some(VolumeSpec {
        size,
        class: storage.storage_class_name.clone(),
        retain: storage.retain,
    }))
}

/// Peers with this permission are told of transactions at once, not by batches at random. Everybody who can
/// reach a node has it; `in` and `out`, because each link is dialled from one side only, and both sides have to send at once.
/// Core knows these two words since 28.
const FAST_RELAY: [&str; 2] = [
    "-whitelist=in,out,noban@0.0.0.0/0",
    "-whitelist=in,out,noban@::/0",
];
