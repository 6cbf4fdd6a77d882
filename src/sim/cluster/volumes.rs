//! Volumes for claims: one for each, as soon as it is asked for, and away with it when it goes.
//!
//! It models: claims of the default class and of class `standard` are bound at once; those of other classes
//! wait for ever. A claim that is to go stays while a pod uses it. It does not model: PersistentVolumes as
//! objects, their reuse, StorageClasses, topology, sizes.
//!
//! # Invariants
//! - What is on a volume goes only when its claim is gone from the store.
//!
//! # Source
//! Kubernetes `pkg/controller/volume/{persistentvolume,pvcprotection}`.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::sim::cluster::Machine;
use crate::sim::defaults::CLAIM_PROTECTION;
use crate::sim::request::Key;
use crate::sim::store::Store;

/// Runs until it is dropped.
pub(super) async fn run(machine: Arc<Machine>) {
    let store = &machine.store;
    let mut known: BTreeSet<String> = BTreeSet::new();
    loop {
        let seen = store.resource_version();
        let claims = store.list(CLAIMS);
        for claim in &claims {
            if is_going(claim) {
                let_go(store, claim);
            } else if claim["spec"]["volumeName"].is_null() && has_provisioner(claim) {
                bind(store, claim);
            }
        }
        let present: BTreeSet<String> = claims.iter().filter_map(|claim| uid(claim)).collect();
        for gone in known.difference(&present) {
            machine.runtime.remove_volume(gone);
        }
        known = present;
        store.changed_after(seen).await;
    }
}

/// The claims that a pod mounts.
pub(super) fn claims_of(pod: &Value) -> impl Iterator<Item = Key> {
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    volumes.filter_map(move |volume| {
        let name = volume["persistentVolumeClaim"]["claimName"].as_str()?;
        Some(Key::new(namespace, name))
    })
}

/// Why a pod cannot run yet, if it is for its claims.
pub(super) fn unbound(store: &Store, pod: &Value) -> Option<String> {
    claims_of(pod).find_map(|key| match store.get(CLAIMS, &key) {
        None => Some(format!("persistentvolumeclaim \"{}\" not found", key.name)),
        Some(claim) if is_going(&claim) => Some(format!(
            "persistentvolumeclaim \"{}\" is being deleted",
            key.name
        )),
        Some(claim) if claim["status"]["phase"] != "Bound" => {
            Some("pod has unbound immediate PersistentVolumeClaims".to_owned())
        }
        Some(_) => None,
    })
}

/// What the pod's data is kept under: its claim, or itself.
pub(super) fn volume_of(store: &Store, pod: &Value) -> String {
    let claim = claims_of(pod).find_map(|key| uid(&*store.get(CLAIMS, &key)?));
    claim.or_else(|| uid(pod)).unwrap_or_default()
}

fn has_provisioner(claim: &Value) -> bool {
    let class = &claim["spec"]["storageClassName"];
    class.is_null() || class == CLASS
}

fn bind(store: &Store, claim: &Value) {
    let key = Key::of(claim);
    let volume = format!("pvc-{}", uid(claim).unwrap_or_default());
    // A claim that was deleted meanwhile needs no volume.
    let _ = store.update(CLAIMS, &key, MANAGER, |claim| {
        claim["spec"]["volumeName"] = volume.into();
        if claim["spec"]["storageClassName"].is_null() {
            claim["spec"]["storageClassName"] = CLASS.into();
        }
    });
    let _ = store.update_status(CLAIMS, &key, MANAGER, |claim| {
        claim["status"] = json!({
            "phase": "Bound",
            "accessModes": claim["spec"]["accessModes"],
            "capacity": claim["spec"]["resources"]["requests"],
        });
    });
}

/// Takes the guard off a claim that no pod uses any more.
fn let_go(store: &Store, claim: &Value) {
    let key = Key::of(claim);
    let pods = store.list("pods");
    if pods
        .iter()
        .any(|pod| claims_of(pod).any(|used| used == key))
    {
        return;
    }
    let _ = store.update(CLAIMS, &key, MANAGER, |claim| {
        if let Some(finalizers) = claim["metadata"]["finalizers"].as_array_mut() {
            finalizers.retain(|one| one != CLAIM_PROTECTION);
        }
    });
}

fn uid(object: &Value) -> Option<String> {
    object["metadata"]["uid"].as_str().map(str::to_owned)
}

fn is_going(object: &Value) -> bool {
    !object["metadata"]["deletionTimestamp"].is_null()
}

/// The resource.
pub(super) const CLAIMS: &str = "persistentvolumeclaims";

/// The default StorageClass.
const CLASS: &str = "standard";

const MANAGER: &str = "kube-controller-manager";
