//! Watches: initial events, what follows, what is told again, and how they end.

use serde_json::Value;

use crate::options::Options;
use crate::shapes::Shape;
use crate::tests::client::{Client, Mirror, version};
use crate::tests::{SHAPES, client, options};

const WATCH: &str = "/api/v1/pods?watch=true&allowWatchBookmarks=true";
const WATCH_LIST: &str = "/api/v1/pods?&watch=true&timeoutSeconds=290&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=0";

/// Reads initial events up to their end. Returns the version of the bookmark.
fn initial(watch: &mut Client, mirror: &mut Mirror) -> u64 {
    loop {
        let (type_, object) = watch.event().unwrap();
        if type_ == "BOOKMARK" {
            let annotations = &object["metadata"]["annotations"];
            assert_eq!(annotations["k8s.io/initial-events-end"], "true");
            return version(&object);
        }
        assert_eq!(type_, "ADDED");
        mirror.take((type_, object));
    }
}

fn truth(client: &mut Client, mode: &str) -> Value {
    client.json(&format!("GET /bench/truth?mode={mode}"))["hash"].take()
}

#[test]
fn initial_events_end_and_changes_follow() {
    for shape in SHAPES {
        let mut client = client(&options(shape, 60));
        let mut watch = client.another();
        watch.watch(&WATCH_LIST.replace("/api/v1/pods", shape.path()));
        let mut mirror = Mirror::default();
        assert_eq!(initial(&mut watch, &mut mirror), 1_000_000_060);
        assert_eq!(mirror.hash(shape, "typed"), truth(&mut client, "typed"));

        for (order, n_events) in [("pump?events=70", 70), ("churn?events=7", 14)] {
            let order = client.order(format!("POST /bench/{order}"));
            for _ in 0..n_events {
                mirror.take(watch.event().unwrap());
            }
            order.join().unwrap();
        }
        assert_eq!(mirror.0.len(), 60);
        assert_eq!(mirror.hash(shape, "typed"), truth(&mut client, "typed"));
    }
}

#[test]
fn metadata_can_be_watched() {
    let mut client = client(&options(Shape::Pod, 10));
    let mut watch = client.another();
    watch.watch_with(
        WATCH_LIST,
        "Accept: application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1\r\n",
    );
    let mut mirror = Mirror::default();
    initial(&mut watch, &mut mirror);
    client.json("POST /bench/pump?events=3");
    for _ in 0..3 {
        let (type_, object) = watch.event().unwrap();
        assert_eq!(object["kind"], "PartialObjectMetadata");
        assert_eq!(object["spec"], Value::Null);
        mirror.take((type_, object));
    }
    assert_eq!(
        mirror.hash(Shape::Pod, "metadata"),
        truth(&mut client, "metadata")
    );
}

#[test]
fn what_came_after_a_version_is_told_again() {
    let mut client = client(&options(Shape::Pod, 10));
    let listed = client.json("GET /api/v1/pods");
    client.json("POST /bench/pump?events=3");
    client.json("POST /bench/churn?events=1");
    let mut watch = client.another();
    watch.watch(&format!("{WATCH}&resourceVersion=1000000010"));
    let events: Vec<_> = (0..5).map(|_| watch.event().unwrap()).collect();
    let types: Vec<&str> = events.iter().map(|(type_, _)| &**type_).collect();
    assert_eq!(
        types,
        ["MODIFIED", "MODIFIED", "MODIFIED", "DELETED", "ADDED"]
    );
    let versions: Vec<u64> = events.iter().map(|(_, object)| version(object)).collect();
    assert_eq!(versions, [11, 12, 13, 14, 15].map(|n| 1_000_000_000 + n));
    let mut mirror = Mirror::default();
    for item in listed["items"].as_array().unwrap() {
        mirror.take(("ADDED".to_owned(), item.clone()));
    }
    for event in events {
        mirror.take(event);
    }
    assert_eq!(
        mirror.hash(Shape::Pod, "typed"),
        truth(&mut client, "typed")
    );
}

#[test]
fn without_a_version_a_watch_begins_with_what_there_is() {
    let mut client = client(&options(Shape::Pod, 2));
    client.watch("/api/v1/pods?watch=1");
    for number in [0, 1] {
        let (type_, object) = client.event().unwrap();
        assert_eq!(type_, "ADDED");
        assert_eq!(object["metadata"]["name"], format!("object-{number}"));
    }
}

#[test]
fn a_watch_ends_when_its_time_is_up_and_the_connection_goes_on() {
    let mut client = client(&options(Shape::Pod, 1));
    client.watch(&format!(
        "{WATCH}&resourceVersion=1000000001&timeoutSeconds=1"
    ));
    assert!(client.event().is_none());
    client.watch("/api/v1/services?watch=true&sendInitialEvents=true&timeoutSeconds=1");
    let (type_, object) = client.event().unwrap();
    assert_eq!((&*type_, &object["kind"]), ("BOOKMARK", &"Service".into()));
    assert!(client.event().is_none());
    client.json("GET /api/v1/pods");
}

/// Whether a watch from `version` is answered 410: by a status, or by an event.
fn is_gone(client: &Client, version: u64) -> Option<&'static str> {
    let mut watch = client.another();
    let target = format!("{WATCH}&timeoutSeconds=1&resourceVersion={version}");
    let response = watch.ask(&format!("GET {target}"));
    match response.code {
        410 => {
            assert_eq!(response.json()["reason"], "Expired");
            Some("status")
        }
        _ if response.bytes.is_empty() => None,
        _ => {
            let event = response.json();
            assert_eq!(event["type"], "ERROR");
            assert_eq!(event["object"]["kind"], "Status");
            assert_eq!(event["object"]["code"], 410);
            Some("event")
        }
    }
}

#[test]
fn gone_comes_in_both_forms_until_somebody_lists_anew() {
    for form in ["event", "status"] {
        let mut client = client(&options(Shape::Pod, 5));
        let mut watch = client.another();
        watch.watch(&format!("{WATCH}&resourceVersion=1000000005"));
        client.json(&format!("POST /bench/gone?form={form}"));
        if form == "event" {
            let (type_, status) = watch.event().unwrap();
            assert_eq!((&*type_, &status["code"]), ("ERROR", &410.into()));
        }
        assert!(watch.event().is_none());
        assert_eq!(is_gone(&client, 1_000_000_005), Some(form));

        client.json("GET /api/v1/pods");
        assert_eq!(is_gone(&client, 1_000_000_004), Some(form));
        assert_eq!(is_gone(&client, 1_000_000_005), None);
    }
}

#[test]
fn initial_events_are_never_gone() {
    let mut client = client(&options(Shape::Pod, 5));
    client.json("POST /bench/gone?form=status");
    let target = WATCH_LIST.replace("Version=0", "Version=1000000003");
    client.watch(&target);
    assert_eq!(initial(&mut client, &mut Mirror::default()), 1_000_000_005);
}

#[test]
fn an_order_does_not_wait_for_a_watcher_that_has_hung_up() {
    let options = Options {
        n_probes: 1,
        ..options(Shape::Pod, 40)
    };
    let mut client = client(&options);
    let mut watch = client.another();
    watch.watch(WATCH_LIST);
    initial(&mut watch, &mut Mirror::default());
    drop(watch);
    // More than any socket would take by itself.
    client.json("POST /bench/pump?events=20000");
}
