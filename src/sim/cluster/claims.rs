//! The claims of a StatefulSet: made before the pod that mounts them, kept or not as the set says.
//!
//! It models: one claim for each template and ordinal, whatever claim has that name being used;
//! `whenDeleted`, by an owner reference that the garbage collector follows. It does not model:
//! `whenScaled: Delete`.
//!
//! # Invariants
//! - A claim that is there is never changed but for its owner.
//!
//! # Source
//! Kubernetes `pkg/controller/statefulset/{stateful_pod_control,stateful_set_utils}.go`, `createMissingPersistentVolumeClaims`,
//! `updateClaimOwnerRefForSetAndPod`.

use serde_json::{Value, json};

use crate::sim::cluster::volumes::CLAIMS;
use crate::sim::refusal::Refusal;
use crate::sim::request::Key;
use crate::sim::store::Store;

/// Makes the claims that the pod with this number lacks. Returns the names of those that were made.
///
/// # Errors
/// One was refused, or is still going.
pub(super) fn create_missing(
    store: &Store,
    set: &Value,
    ordinal: u64,
) -> Result<Vec<String>, Refusal> {
    let mut made = Vec::new();
    for template in templates(set) {
        let key = key_of(set, template, ordinal);
        match store.get(CLAIMS, &key) {
            Some(claim) if !claim["metadata"]["deletionTimestamp"].is_null() => {
                let message = format!("pvc {} is being deleted", key.name);
                return Err(Refusal::new(500, "", message));
            }
            Some(_) => {}
            None => {
                let mut metadata = template["metadata"].clone();
                metadata["name"] = key.name.clone().into();
                let selector = set["spec"]["selector"]["matchLabels"].as_object();
                for (name, value) in selector.into_iter().flatten() {
                    metadata["labels"][name] = value.clone();
                }
                let claim = json!({"metadata": metadata, "spec": template["spec"]});
                store.create(CLAIMS, &key.namespace, claim, MANAGER)?;
                made.push(key.name);
            }
        }
    }
    Ok(made)
}

/// Has the claims of this pod belong to the set, or to nobody, as its policy is now.
pub(super) fn keep_policy(store: &Store, set: &Value, ordinal: u64) {
    let policy = &set["spec"]["persistentVolumeClaimRetentionPolicy"];
    let is_owner = policy["whenDeleted"] == "Delete";
    for template in templates(set) {
        let key = key_of(set, template, ordinal);
        let Some(claim) = store.get(CLAIMS, &key) else {
            continue;
        };
        let owners = claim["metadata"]["ownerReferences"].as_array();
        let is_owned = owners.is_some_and(|owners| {
            owners
                .iter()
                .any(|owner| owner["uid"] == set["metadata"]["uid"])
        });
        if is_owned == is_owner {
            continue;
        }
        let owners = match is_owner {
            true => json!([{
                "apiVersion": "apps/v1", "kind": "StatefulSet", "name": set["metadata"]["name"],
                "uid": set["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true,
            }]),
            false => json!([]),
        };
        // A claim that was deleted meanwhile needs no owner.
        let _ = store.update(CLAIMS, &key, MANAGER, |claim| {
            claim["metadata"]["ownerReferences"] = owners;
        });
    }
}

/// The volumes of the pod with this number that are claims: they stand for those of the same name in the template.
pub(super) fn add_volumes(set: &Value, ordinal: u64, pod_spec: &mut Value) {
    let claims: Vec<&Value> = templates(set).collect();
    if claims.is_empty() {
        return;
    }
    let mut volumes = pod_spec["volumes"].as_array().cloned().unwrap_or_default();
    for template in claims {
        let name = &template["metadata"]["name"];
        volumes.retain(|volume| volume["name"] != *name);
        let claim = key_of(set, template, ordinal).name;
        volumes.push(json!({"name": name, "persistentVolumeClaim": {"claimName": claim}}));
    }
    pod_spec["volumes"] = volumes.into();
}

fn templates(set: &Value) -> impl Iterator<Item = &Value> {
    let templates = set["spec"]["volumeClaimTemplates"].as_array();
    templates.into_iter().flatten()
}

fn key_of(set: &Value, template: &Value, ordinal: u64) -> Key {
    let name = template["metadata"]["name"].as_str().unwrap_or_default();
    let set = Key::of(set);
    Key::new(&set.namespace, format!("{name}-{}-{ordinal}", set.name))
}

const MANAGER: &str = "kube-controller-manager";
