//! Events, as the stand-ins write them: the same again is a count.

use serde_json::{Value, json};

use crate::sim::request::Key;
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
    let known = store
        .list("events")
        .into_iter()
        .find(|event| is_same(event));
    if let Some(known) = known {
        let count = known["count"].as_i64().unwrap_or(1) + 1;
        let _ = store.update("events", &Key::of(&known), component, |event| {
            event["count"] = count.into();
            event["lastTimestamp"] = now;
        });
        return;
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

/// All is well.
pub(super) const NORMAL: &str = "Normal";

/// A person may have to act.
pub(super) const WARNING: &str = "Warning";
