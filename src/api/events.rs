//! Kinds of the group events.k8s.io: Event, as it tells of a series.
//!
//! # Invariants
//! - A missing series means that it has happened once, as far as is written.
//!
//! # Example
//! ```
//! use bitcoin_controller::api::events::Event;
//! let event: Event = serde_json::from_str(r#"{
//!     "eventTime": "2016-02-25T19:57:59.250000Z", "note": "it is done",
//!     "series": {"count": 2, "lastObservedTime": "2016-02-25T19:58:00.000000Z"}
//! }"#)?;
//! assert_eq!(event.series.map(|series| series.count), Some(2));
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! # Source
//! api `events/v1/types.go`.

use serde::Deserialize;

use crate::api::core::ObjectReference;
use crate::api::{MicroTime, ObjectMeta, Resource, Text, null_is_default};

/// One event: what was done to some object, and whether it goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Event {
    /// Name and version.
    pub metadata: ObjectMeta,
    /// What it happened to.
    #[serde(deserialize_with = "null_is_default")]
    pub regarding: ObjectReference,
    /// A second object that had a part in it.
    pub related: Option<ObjectReference>,
    /// `Normal` or `Warning`.
    #[serde(rename = "type", deserialize_with = "null_is_default")]
    pub type_: Text,
    /// Why, in PascalCase.
    #[serde(deserialize_with = "null_is_default")]
    pub reason: Text,
    /// What was done, in PascalCase.
    #[serde(deserialize_with = "null_is_default")]
    pub action: Text,
    /// For people.
    #[serde(deserialize_with = "null_is_default")]
    pub note: Box<str>,
    /// When it first happened; `None` if it was written as a core/v1 event.
    pub event_time: Option<MicroTime>,
    /// That it has happened again.
    pub series: Option<EventSeries>,
}

/// How often something has happened, and when last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventSeries {
    /// How often, the first time included.
    pub count: u32,
    /// When last.
    pub last_observed_time: MicroTime,
}

impl Resource for Event {
    const GROUP: &'static str = "events.k8s.io";
    const VERSION: &'static str = "v1";
    const KIND: &'static str = "Event";
    const PLURAL: &'static str = "events";

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}
