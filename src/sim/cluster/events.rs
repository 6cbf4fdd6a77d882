//! Events, as the stand-ins write them: the same again is a count, and the oldest make room.
//!
//! # What differs
//! A real server keeps events for an hour; here the latest `MOST` of all namespaces stay.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::sim::request::{DeleteOptions, Key};
use crate::sim::store::Store;
use crate::sim::value;

/// Notes that something happened to `about`. An event that cannot be written is lost, as elsewhere.
pub(super) fn record(
    store: &Store,
    about: &Value,
    component: &str,
    (kind, reason): (&str, &str),
    message: &str,
) {
    let metadata = &about["metadata"];
    let namespace = metadata["namespace"].as_str().unwrap_or("default");
    let now = value::date(store.clock().unix_seconds());
    let is_same = |event: &Value| {
        event["involvedObject"]["uid"] == metadata["uid"]
            && event["reason"] == reason
            && event["message"] == message
            && event["source"]["component"] == component
    };
    let events = store.list("events");
    if let Some(known) = events.iter().find(|event| is_same(event)) {
        let count = known["count"].as_i64().unwrap_or(1) + 1;
        let _ = store.update("events", &Key::of(known), component, |event| {
            event["count"] = count.into();
            event["lastTimestamp"] = now;
        });
        return;
    }
    if events.len() >= MOST {
        let last_seen = |event: &&Arc<Value>| event["lastTimestamp"].as_str().map(str::to_owned);
        if let Some(oldest) = events.iter().min_by_key(last_seen) {
            let _ = store.delete("events", &Key::of(oldest), &DeleteOptions::default());
        }
    }
    let name = metadata["name"].as_str().unwrap_or_default();
    let event = json!({
        "metadata": {"generateName": format!("{name}.")},
        "involvedObject": {
            "apiVersion": about["apiVersion"], "kind": about["kind"], "name": name,
            "namespace": metadata["namespace"], "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
        },
        "type": kind,
        "reason": reason,
        "message": message,
        "source": {"component": component},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    });
    let _ = store.create("events", namespace, event, component);
}

/// How many events there may be.
const MOST: usize = 1_000;

/// All is well.
pub(super) const NORMAL: &str = "Normal";

/// A person may have to act.
pub(super) const WARNING: &str = "Warning";
