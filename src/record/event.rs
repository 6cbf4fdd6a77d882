//! One event: what happened to which object, how often, since when.
//!
//! It is a value for *writing*, in either of the two shapes that Kubernetes has for it: core/v1, which
//! counts, and events.k8s.io/v1, which tells of a series. The types for reading are
//! [`api::core::Event`](crate::api::core::Event) and [`api::events::Event`](crate::api::events::Event).
//!
//! | here | core/v1 | events.k8s.io/v1 |
//! |---|---|---|
//! | `about` | `involvedObject` | `regarding` |
//! | `related`, `action` | not written | `related`, `action` |
//! | `message` | `message` | `note` |
//! | `first_timestamp` | `firstTimestamp`, to the second | `eventTime`, to the microsecond |
//! | `count`, `last_timestamp` | `count`, `lastTimestamp` | `series`, from the second time on |
//!
//! # Invariants
//! - It lives in its object's namespace, or in `default` if the object lives in none.
//! - Its name is a DNS subdomain, and no other event of this process has it.
//! - The message has at most [`MAX_MESSAGE`] bytes, reason and action at most [`MAX_REASON`].
//!
//! # Example
//! ```
//! use bitcoin_controller::api::{MicroTime, core::ObjectReference};
//! use bitcoin_controller::record::{Event, EventType};
//!
//! let event = Event {
//!     name: "alpha.17a".into(),
//!     about: ObjectReference { namespace: "default".into(), name: "alpha".into(), ..Default::default() },
//!     related: None,
//!     kind: EventType::Normal,
//!     reason: "Connected".into(),
//!     action: "Connect".into(),
//!     message: "all 3 links are present".into(),
//!     component: "bitcoin-controller".into(),
//!     instance: "host-1".into(),
//!     count: 1,
//!     first_timestamp: MicroTime::from_unix_micros(0),
//!     last_timestamp: MicroTime::from_unix_micros(0),
//! };
//! assert_eq!(event.namespace(), "default");
//! assert_eq!(event.to_json()["firstTimestamp"], "1970-01-01T00:00:00Z");
//! assert_eq!(event.to_series_json()["eventTime"], "1970-01-01T00:00:00.000000Z");
//! ```
//!
//! # Source
//! client-go `tools/record/event.go` and `tools/events/event_recorder.go` (`makeEvent`); api
//! `core/v1/types.go`, `events/v1/types.go`. What differs: what is too long for a server is cut, not
//! refused; a patch is a merge patch, since what changes are plain values.

use std::fmt;

use serde_json::{Value, json};

use crate::api::core::ObjectReference;
use crate::api::{MicroTime, ObjectKey};

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
    /// A second object that had a part in it.
    pub related: Option<ObjectReference>,
    /// Good or bad.
    pub kind: EventType,
    /// Why, for programs, in PascalCase.
    pub reason: String,
    /// What was done or tried, for programs, in PascalCase.
    pub action: String,
    /// For people.
    pub message: String,
    /// Which controller says so.
    pub component: String,
    /// Which process of it.
    pub instance: String,
    /// How often it has happened.
    pub count: u32,
    /// When it first happened.
    pub first_timestamp: MicroTime,
    /// When it last happened.
    pub last_timestamp: MicroTime,
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

    /// The whole event as core/v1 has it, to be created.
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
            "firstTimestamp": self.first_timestamp.to_second(),
            "lastTimestamp": self.last_timestamp.to_second(),
            "source": {"component": self.component, "host": self.instance},
            "reportingComponent": self.component,
            "reportingInstance": self.instance,
        })
    }

    /// What is different in core/v1 when it has happened once more: a merge patch.
    pub fn to_patch(&self) -> Value {
        json!({
            "count": self.count,
            "lastTimestamp": self.last_timestamp.to_second(),
            "message": self.message,
        })
    }

    /// The whole event as events.k8s.io/v1 has it, to be created.
    pub fn to_series_json(&self) -> Value {
        let mut event = json!({
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": self.name, "namespace": self.namespace()},
            "regarding": self.about,
            "type": self.kind.to_string(),
            "reason": self.reason,
            "action": self.action,
            "note": self.message,
            "eventTime": self.first_timestamp,
            "reportingController": self.component,
            "reportingInstance": self.reporting_instance(),
        });
        if let Some(related) = &self.related {
            event["related"] = json!(related);
        }
        if self.count > 1 {
            event["series"] = self.series();
        }
        event
    }

    /// What is different in events.k8s.io/v1 when it has happened more often: a merge patch.
    pub fn to_series_patch(&self) -> Value {
        json!({"series": self.series()})
    }

    fn series(&self) -> Value {
        json!({"count": self.count, "lastObservedTime": self.last_timestamp})
    }

    /// Never empty, and not too long: a server demands both.
    fn reporting_instance(&self) -> String {
        let instance = match self.instance.as_str() {
            "" => self.component.clone(),
            instance => format!("{}-{instance}", self.component),
        };
        cut(instance, MAX_REASON)
    }
}

/// The longest message, in bytes: what events.k8s.io allows a note to have.
pub const MAX_MESSAGE: usize = 1_024;

/// The longest reason, action or instance, in bytes: what events.k8s.io allows.
pub const MAX_REASON: usize = 128;

/// `text`, cut at a character boundary to at most `max` bytes.
pub(crate) fn cut(mut text: String, max: usize) -> String {
    text.truncate(text.floor_char_boundary(max));
    text
}
