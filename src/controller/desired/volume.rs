//! The volume of a node: a claim for each ordinal, named by the StatefulSet, marked with the network it is for.
//!
//! A StatefulSet mounts whatever claim has the right name, also one that an earlier network of the same name
//! has left, with its chain. So each claim carries the UID of the network it was made for.
//!
//! # Invariants
//! - A claim's name is `data-<network>-sts-<ordinal>`; whose it is says its label alone.

use serde_json::{Value, json};

use crate::api::{BitcoinNetwork, ObjectKey};
use crate::controller::desired::{VolumeSpec, labels, stateful_set_key};

/// The label of a claim with the UID of the network it was made for.
pub const NETWORK_UID: &str = "bitcoincontroller.christianb93.github.com/network-uid";

/// The volume's name in the pod, and the beginning of the claims' names.
pub(super) const NAME: &str = "data";

/// The claim of each node, as a template.
pub(super) fn claim(network: &BitcoinNetwork, volume: &VolumeSpec) -> Value {
    let mut labels = labels(network);
    labels[NETWORK_UID] = network.metadata.uid.as_ref().into();
    let mut spec = json!({
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": volume.size}},
    });
    if let Some(class) = &volume.class {
        spec["storageClassName"] = class.as_str().into();
    }
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": NAME, "labels": labels},
        "spec": spec,
    })
}

/// When claims go: with the network or not at all, and never because there are fewer nodes for a while.
pub(super) fn retention(volume: &VolumeSpec) -> Value {
    let when_deleted = if volume.retain { "Retain" } else { "Delete" };
    json!({"whenDeleted": when_deleted, "whenScaled": "Retain"})
}

/// Whether a claim of this name is one that the network's StatefulSet would mount.
pub fn is_claim_of(network: &ObjectKey, name: &str) -> bool {
    let prefix = format!("{NAME}-{}-", stateful_set_key(network).name);
    name.strip_prefix(&prefix).is_some_and(|ordinal| {
        ordinal
            .parse::<u32>()
            .is_ok_and(|read| read.to_string() == ordinal)
    })
}
