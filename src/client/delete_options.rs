//! What a deletion may say: which object exactly, what becomes of what it owns, how soon.
//!
//! A name is no identity: between looking and deleting an object may go and another of its name come. A
//! precondition makes the server compare, so that what is deleted is what was looked at.
//!
//! # Invariants
//! - What is not said is not sent: the server's defaults hold.
//!
//! # Example
//! ```
//! use bitcoin_controller::api::{ObjectMeta, core::Pod};
//! use bitcoin_controller::client::DeleteOptions;
//!
//! let metadata = ObjectMeta { name: "a".into(), uid: "7".into(), ..Default::default() };
//! let pod = Pod { metadata, ..Default::default() };
//! assert_eq!(DeleteOptions::of(&pod).uid.as_deref(), Some("7"));
//! ```
//!
//! # Source
//! apimachinery `pkg/apis/meta/v1/types.go` (`DeleteOptions`, `Preconditions`).

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::api::Resource;

/// How to delete. The default: whatever is there, in the server's default way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// Only this very object, not a later one of the same name.
    pub uid: Option<String>,
    /// Only this version of it.
    pub resource_version: Option<String>,
    /// What happens to what it owns.
    pub propagation: Option<Propagation>,
    /// How long a pod may take to end, in whole seconds; `None`: what the object says.
    pub grace_period: Option<Duration>,
}

/// What happens to the objects that a deleted one owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted afterwards.
    Background,
    /// They are deleted first.
    Foreground,
    /// They stay, without an owner.
    Orphan,
}

impl DeleteOptions {
    /// Deletes this very object, and no later one of its name.
    pub fn of<R: Resource>(object: &R) -> Self {
        DeleteOptions {
            uid: Some(object.metadata().uid.to_string()),
            ..DeleteOptions::default()
        }
    }

    pub(crate) fn body(&self) -> Value {
        let mut preconditions = Map::new();
        if let Some(uid) = &self.uid {
            preconditions.insert("uid".to_owned(), json!(uid));
        }
        if let Some(version) = &self.resource_version {
            preconditions.insert("resourceVersion".to_owned(), json!(version));
        }
        let mut body = json!({"apiVersion": "v1", "kind": "DeleteOptions"});
        if !preconditions.is_empty() {
            body["preconditions"] = Value::Object(preconditions);
        }
        if let Some(propagation) = self.propagation {
            body["propagationPolicy"] = json!(format!("{propagation:?}"));
        }
        if let Some(grace_period) = self.grace_period {
            body["gracePeriodSeconds"] = json!(grace_period.as_secs());
        }
        body
    }
}
