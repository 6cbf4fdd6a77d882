//! One event as it is written.

use bitcoin_controller::api::{MicroTime, core, events};
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
fn c093_an_object_without_a_namespace_has_its_events_in_default() {
    let mut event = event("a.1f", "a", "Done", "it is done");
    event.about.namespace.clear();
    assert_eq!(event.key().to_string(), "default/a.1f");
    assert_eq!(event.to_json()["metadata"]["namespace"], "default");
    assert_eq!(event.to_json()["involvedObject"]["namespace"], "");
}

#[test]
fn the_whole_series_event_is_events_v1() {
    let mut event = event("a.1f", "a", "Done", "it is done");
    event.action = "Do".to_owned();
    let once = event.to_series_json();
    assert_eq!(
        once,
        json!({
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": "a.1f", "namespace": "x"},
            "regarding": {
                "apiVersion": "v1", "kind": "Pod", "namespace": "x", "name": "a", "uid": "uid-a",
            },
            "type": "Normal",
            "reason": "Done",
            "action": "Do",
            "note": "it is done",
            "eventTime": "1970-01-01T00:00:07.000042Z",
            "reportingController": "test",
            "reportingInstance": "test-host",
        })
    );
    event.count = 3;
    event.related = Some(super::double::about("b"));
    let thrice = event.to_series_json();
    assert_eq!(thrice["series"], event.to_series_patch()["series"]);
    assert_eq!(thrice["related"]["name"], "b");
    let read: events::Event = serde_json::from_value(thrice).unwrap();
    assert_eq!(read.series.unwrap().count, 3);
    assert_eq!(read.event_time, Some(event.first_timestamp));
}

#[test]
fn c102_event_time_and_last_observed_time_have_six_fractional_digits() {
    for (micros, digits) in [(0, "000000"), (500_000, "500000"), (42, "000042")] {
        let mut event = event("a.1f", "a", "Done", "it is done");
        event.count = 2;
        event.first_timestamp = MicroTime::from_unix_micros(micros);
        event.last_timestamp = MicroTime::from_unix_micros(micros);
        let expected = format!("1970-01-01T00:00:00.{digits}Z");
        assert_eq!(event.to_series_json()["eventTime"], expected);
        let series = json!({"count": 2, "lastObservedTime": expected});
        assert_eq!(event.to_series_patch(), json!({"series": series}));
    }
}

#[test]
fn the_reporting_instance_is_never_empty_and_never_too_long() {
    let mut event = event("a.1f", "a", "Done", "it is done");
    event.instance.clear();
    assert_eq!(event.to_series_json()["reportingInstance"], "test");
    event.instance = "ä".repeat(100);
    let written = event.to_series_json();
    let instance = written["reportingInstance"].as_str().unwrap();
    assert_eq!(instance.len(), 127, "cut between characters");
}
