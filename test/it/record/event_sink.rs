//! Where events end up.

use std::sync::{Arc, Mutex};

use bitcoin_controller::client::{Client, Config, RequestRecord};
use bitcoin_controller::http::MemoryNetwork;
use bitcoin_controller::record::{
    ApiEventSink, ApiSeriesSink, EventSink, EventType, LogEventSink, MemoryEventSink,
};

use super::double::{event, logged};

/// Verbs and paths of a creation and a patch as they reach an API server, here one that is not there.
async fn asked<S: EventSink>(sink: impl FnOnce(Client) -> S) -> Vec<(&'static str, String)> {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let observer = {
        let asked = asked.clone();
        Arc::new(move |record: &RequestRecord| {
            let path = record.path.split('?').next().unwrap().to_owned();
            asked.lock().unwrap().push((record.verb, path));
        })
    };
    let client = Client::new(
        Config::plain("http://api").unwrap(),
        Arc::new(MemoryNetwork::default()),
    );
    let sink = sink(client.unwrap().with_observer(observer));
    let event = event("a.1f", "a", "Done", "m");
    assert!(sink.create(&event).await.unwrap_err().is_transient());
    assert!(sink.patch(&event).await.unwrap_err().is_transient());
    let asked = asked.lock().unwrap();
    asked.clone()
}

#[tokio::test(start_paused = true)]
async fn each_api_has_its_events_created_and_patched_in_the_objects_namespace() {
    for (asked, path) in [
        (
            asked(ApiEventSink::new).await,
            "/api/v1/namespaces/x/events",
        ),
        (
            asked(ApiSeriesSink::new).await,
            "/apis/events.k8s.io/v1/namespaces/x/events",
        ),
    ] {
        let expected = [
            ("create", path.to_owned()),
            ("patch", format!("{path}/a.1f")),
        ];
        assert_eq!(asked, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn memory_keeps_one_event_per_name_with_its_last_count() {
    let sink = MemoryEventSink::default();
    let mut first = event("1", "a", "Done", "m");
    sink.create(&first).await.unwrap();
    sink.create(&event("0", "b", "Done", "m")).await.unwrap();
    first.count = 2;
    sink.clone().patch(&first).await.unwrap();
    let kept: Vec<_> = sink
        .events()
        .into_iter()
        .map(|event| (event.name, event.count))
        .collect();
    assert_eq!(kept, [("1".to_owned(), 2), ("0".to_owned(), 1)]);
}

#[test]
fn the_log_has_a_line_for_each_time_with_a_level_for_each_type() {
    let mut event = event("1", "a", "Done", "it is done");
    let lines = logged(|| {
        drop(LogEventSink.create(&event));
        event.count = 2;
        event.kind = EventType::Warning;
        drop(LogEventSink.patch(&event));
    });
    let lines: Vec<_> = lines.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    for (line, parts) in lines.iter().zip([["INFO", "count=1"], ["WARN", "count=2"]]) {
        for part in parts.into_iter().chain(["Pod x/a", "Done", "it is done"]) {
            assert!(line.contains(part), "{line}");
        }
    }
}
