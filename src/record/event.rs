//! One event: what happened to which object, how often, since when.
//!
//! The shape is core/v1's `Event`. It is a value for *writing*; the type for reading events is
//! [`api::core::Event`](crate::api::core::Event).
//!
//! # Invariants
//! - It lives in its object's namespace, or in `default` if the object lives in none.
//! - Its name is a DNS subdomain, and no other event of this process has it.
//! - The message has at most [`MAX_MESSAGE`] bytes.
//!
//! # Example
//! ```
//! use bitcoin_controller::api::{Timestamp, core::ObjectReference};
//! use bitcoin_controller::record::{Event, EventType};
//!
//! let event = Event {
//!     name: "alpha.17a".into(),
//!     about: ObjectReference { namespace: "default".into(), name: "alpha".into(), ..Default::default() },
//!     kind: EventType::Normal,
//!     reason: "Connected".into(),
//!     message: "all 3 links are present".into(),
//!     component: "bitcoin-controller".into(),
//!     instance: "host-1".into(),
//!     count: 1,
//!     first_timestamp: Timestamp::from_unix_seconds(0),
//!     last_timestamp: Timestamp::from_unix_seconds(0),
//! };
//! assert_eq!(event.namespace(), "default");
//! assert_eq!(event.to_json()["involvedObject"]["name"], "alpha");
//! ```
//!
//! # Source
//! client-go `tools/record/event.go` (`makeEvent`), `events_cache.go`; api `core/v1/types.go`.
//! What differs: the message is cut.

use std::fmt;

use serde_json::{Value, json};

use crate::api::core::ObjectReference;
use crate::api::{ObjectKey, Timestamp};

/// Whether an event is good news or bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventType {
    /// What was meant to happen has happened.
    Normal,
    /// A person may have to look.
    Warning,
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EventType::Normal => "Normal",
            EventType::Warning => "Warning",
        })
    }
}

/// One event, to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its own name.
    pub name: String,
    /// What it is about.
    pub about: ObjectReference,
    /// Good or bad.
    pub kind: EventType,
    /// For programs, in PascalCase.
    pub reason: String,
    /// For people.
    pub message: String,
    /// Which controller says so.
    pub component: String,
    /// Which process of it.
    pub instance: String,
    /// How often it has happened.
    pub count: u32,
    /// When it first happened.
    pub first_timestamp: Timestamp,
    /// When it last happened.
    pub last_timestamp: Timestamp,
}

impl Event {
    /// The namespace it lives in.
    pub fn namespace(&self) -> &str {
        if self.about.namespace.is_empty() {
            "default"
        } else {
            &self.about.namespace
        }
    }

    /// Its own namespace and name.
    pub fn key(&self) -> ObjectKey {
        ObjectKey::new(self.namespace(), self.name.as_str())
    }

    /// The whole event, to be created.
    pub fn to_json(&self) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": self.name, "namespace": self.namespace()},
            "involvedObject": self.about,
            "type": self.kind.to_string(),
            "reason": self.reason,
            "message": self.message,
            "count": self.count,
            "firstTimestamp": self.first_timestamp,
            "lastTimestamp": self.last_timestamp,
            "source": {"component": self.component, "host": self.instance},
            "reportingComponent": self.component,
            "reportingInstance": self.instance,
        })
    }

    /// What is different when it has happened once more: a merge patch.
    pub fn to_patch(&self) -> Value {
        json!({
            "count": self.count,
            "lastTimestamp": self.last_timestamp,
            "message": self.message,
        })
    }
}

/// The longest message, in bytes: what events.k8s.io allows a note to have.
pub const MAX_MESSAGE: usize = 1_024;

/// `message`, cut at a character boundary to at most [`MAX_MESSAGE`] bytes.
pub(crate) fn cut(mut message: String) -> String {
    message.truncate(message.floor_char_boundary(MAX_MESSAGE));
    message
}
