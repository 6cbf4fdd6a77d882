//! Ends namespaces: what is in one goes first, then the namespace.

use serde_json::Value;

use crate::sim::request::{DeleteOptions, Key};
use crate::sim::store::Store;

/// Looks once, and does what is missing.
pub(super) fn pass(store: &Store) {
    let is_going = |object: &Value| !object["metadata"]["deletionTimestamp"].is_null();
    for namespace in store
        .list("namespaces")
        .iter()
        .filter(|namespace| is_going(namespace))
    {
        let key = Key::of(namespace);
        let mut is_empty = true;
        for resource in store.resources() {
            let objects = store.list(&resource);
            for object in objects
                .iter()
                .filter(|object| object["metadata"]["namespace"] == *key.name)
            {
                is_empty = false;
                if !is_going(object) {
                    // Somebody else was faster, or it is looked at again.
                    let _ = store.delete(&resource, &Key::of(object), &DeleteOptions::default());
                }
            }
        }
        if is_empty {
            let _ = store.update("namespaces", &key, "namespace-controller", |namespace| {
                namespace["spec"]["finalizers"] = Value::Array(Vec::new());
            });
        }
    }
}
