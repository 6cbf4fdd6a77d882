//! Deletes what lost its owners.
//!
//! | an owner | its dependents |
//! |---|---|
//! | is gone, and so are all others | are deleted |
//! | goes in the foreground | are deleted first; it waits for those that say `blockOwnerDeletion` |
//! | goes and orphans | are released |
//! | is gone or goes, and another one stays | are released from it |
//!
//! An owner is known by its UID: a namesake that was made later is somebody else.
//!
//! # Source
//! Kubernetes `pkg/controller/garbagecollector/garbagecollector.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::sim::object_meta::{FOREGROUND, ORPHAN};
use crate::sim::request::{DeleteOptions, Key, Propagation};
use crate::sim::store::Store;
use crate::sim::value::put;

struct Found {
    resource: String,
    object: Arc<Value>,
}

impl Found {
    fn owners(&self) -> &[Value] {
        let owners = self.object["metadata"]["ownerReferences"].as_array();
        owners.map_or(&[], Vec::as_slice)
    }

    fn is_going(&self) -> bool {
        !self.object["metadata"]["deletionTimestamp"].is_null()
    }

    fn waits_for(&self, finalizer: &str) -> bool {
        let finalizers = self.object["metadata"]["finalizers"].as_array();
        self.is_going() && finalizers.is_some_and(|all| all.iter().any(|one| one == finalizer))
    }
}

/// Looks once, and does what is missing.
pub(super) fn pass(store: &Store) {
    let mut all = Vec::new();
    let resources = store.resources();
    for resource in resources.iter().filter(|resource| *resource != IGNORED) {
        for object in store.list(resource) {
            let resource = resource.clone();
            all.push(Found { resource, object });
        }
    }
    let by_uid: BTreeMap<&str, &Found> = all
        .iter()
        .filter_map(|found| Some((found.object["metadata"]["uid"].as_str()?, found)))
        .collect();
    let owner_of = |reference: &Value| by_uid.get(reference["uid"].as_str()?).copied();
    for found in all.iter().filter(|found| !found.owners().is_empty()) {
        let owners: Vec<Option<&Found>> = found.owners().iter().map(owner_of).collect();
        let is_solid = |owner: &Option<&Found>| {
            owner.is_some_and(|owner| !owner.waits_for(ORPHAN) && !owner.waits_for(FOREGROUND))
        };
        let has_solid = owners.iter().any(is_solid);
        let stays = |owner: &Option<&Found>| match owner {
            Some(owner) if owner.waits_for(ORPHAN) => false,
            owner => is_solid(owner) || !has_solid,
        };
        let references = found.owners().iter().zip(&owners);
        let stay: Vec<&Value> = references
            .filter(|(_, owner)| stays(owner))
            .map(|(reference, _)| reference)
            .collect();
        if stay.len() < owners.len() {
            keep_owners(store, found, &stay);
        } else if !has_solid && !found.is_going() {
            let propagation = match owners.iter().any(Option::is_some) {
                true => Propagation::Foreground,
                false => Propagation::Background,
            };
            delete(store, found, propagation);
        }
    }
    for found in &all {
        let uid = &found.object["metadata"]["uid"];
        let blocks = |dependent: &&Found| {
            let mut owners = dependent.owners().iter();
            owners.any(|owner| owner["uid"] == *uid && owner["blockOwnerDeletion"] == true)
        };
        if found.waits_for(FOREGROUND) && !all.iter().any(|dependent| blocks(&dependent)) {
            finish(store, found, FOREGROUND);
        }
        // Its dependents were released above.
        if found.waits_for(ORPHAN) {
            finish(store, found, ORPHAN);
        }
    }
}

/// Whatever fails here is seen again in the next pass.
fn delete(store: &Store, found: &Found, propagation: Propagation) {
    let uid = found.object["metadata"]["uid"].as_str().map(str::to_owned);
    let options = DeleteOptions {
        uid,
        propagation,
        ..DeleteOptions::default()
    };
    let _ = store.delete(&found.resource, &Key::of(&found.object), &options);
}

/// Releases an object from its other owners.
fn keep_owners(store: &Store, found: &Found, stay: &[&Value]) {
    let stay = match stay {
        [] => Value::Null,
        stay => json!(stay),
    };
    let key = Key::of(&found.object);
    let _ = store.update(&found.resource, &key, MANAGER, |object| {
        put(&mut object["metadata"], "ownerReferences", stay);
    });
}

fn finish(store: &Store, found: &Found, finalizer: &str) {
    let _ = store.update(
        &found.resource,
        &Key::of(&found.object),
        MANAGER,
        |object| {
            if let Some(finalizers) = object["metadata"]["finalizers"].as_array_mut() {
                finalizers.retain(|one| one != finalizer);
            }
        },
    );
}

const MANAGER: &str = "kube-controller-manager";

/// Events own nothing and belong to nobody: they end by themselves.
const IGNORED: &str = "events";
