//! The three languages in which a client says "change this object, and leave the rest alone".
//!
//! | content type | function | how it says it |
//! |---|---|---|
//! | `application/merge-patch+json` | [`merge`] | an object that is laid over the other; `null` takes away |
//! | `application/json-patch+json` | [`json_patch`] | a list of operations at paths, all or nothing |
//! | `application/strategic-merge-patch+json` | [`strategic`] | like merge, but lists of known kinds are merged by a key |
//!
//! kubectl uses all three: merge for custom resources and labels, strategic merge for `apply`, `set image` and
//! `patch` on built-in kinds, JSON patch when `apply --server-side` takes over from a client-side apply. The
//! fourth, `application/apply-patch+yaml`, is no patch of an object but of who owns which field.
//!
//! # Invariants
//! - All three are functions of values: no names, no versions, no defaults; a server adds those around them.
//! - A patch that is refused has changed nothing.
//! - No error quotes a value of the object or of the patch: it may be a password. Paths and keys are named.
//!
//! # Example
//! ```
//! use bitcoin_controller::sim::patch;
//! use serde_json::json;
//!
//! let mut network = json!({"metadata": {"labels": {"a": "1", "b": "2"}}, "spec": {"nodes": 3}});
//! patch::merge(&mut network, &json!({"metadata": {"labels": {"a": null}}, "spec": {"nodes": 4}}));
//! assert_eq!(network, json!({"metadata": {"labels": {"b": "2"}}, "spec": {"nodes": 4}}));
//! ```
//!
//! # Source
//! RFC 7386 (merge), RFC 6902 and 6901 (JSON patch and its paths); apimachinery
//! `pkg/util/strategicpatch/patch.go`.

mod json;
mod strategic;

use serde_json::{Map, Value};

pub use json::json_patch;
pub use strategic::strategic;

/// Lays `patch` over `target`, RFC 7386: objects are merged, `null` removes, anything else replaces.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else {
        return;
    };
    for (name, change) in patch {
        if change.is_null() {
            fields.remove(name);
        } else {
            merge(fields.entry(name.as_str()).or_insert(Value::Null), change);
        }
    }
}
