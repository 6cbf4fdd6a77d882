//! One event as it is written.

use bitcoin_controller::api::core;
use serde_json::json;

use super::double::event;

#[test]
fn the_whole_event_is_core_v1() {
    let mut event = event("a.1f", "a", "Done", "it is done");
    event.about.resource_version = "5".to_owned();
    event.about.field_path = "spec.containers{a}".to_owned();
    assert_eq!(
        event.to_json(),
        json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "a.1f", "namespace": "x"},
            "involvedObject": {
                "apiVersion": "v1", "kind": "Pod", "namespace": "x", "name": "a", "uid": "uid-a",
                "resourceVersion": "5", "fieldPath": "spec.containers{a}",
            },
            "type": "Normal",
            "reason": "Done",
            "message": "it is done",
            "count": 1,
            "firstTimestamp": "1970-01-01T00:00:07Z",
            "lastTimestamp": "1970-01-01T00:00:07Z",
            "source": {"component": "test", "host": "host"},
            "reportingComponent": "test",
            "reportingInstance": "host",
        })
    );
    let read: core::Event = serde_json::from_value(event.to_json()).unwrap();
    assert_eq!((read.count, &*read.message), (1, "it is done"));
}

#[test]
fn a_patch_has_what_changes_and_nothing_else() {
    let mut event = event("a.1f", "a", "Done", "it is done");
    event.count = 4;
    let patch =
        json!({"count": 4, "lastTimestamp": "1970-01-01T00:00:07Z", "message": "it is done"});
    assert_eq!(event.to_patch(), patch);
}

#[test]
fn an_object_without_a_namespace_has_its_events_in_default() {
    let mut event = event("a.1f", "a", "Done", "it is done");
    event.about.namespace.clear();
    assert_eq!(event.key().to_string(), "default/a.1f");
    assert_eq!(event.to_json()["metadata"]["namespace"], "default");
    assert_eq!(event.to_json()["involvedObject"]["namespace"], "");
}
