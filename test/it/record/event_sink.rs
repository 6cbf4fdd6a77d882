//! Where events end up.

use std::sync::{Arc, Mutex};

use bitcoin_controller::client::{Client, Config, RequestRecord};
use bitcoin_controller::http::MemoryNetwork;
use bitcoin_controller::record::{
    ApiEventSink, EventSink, EventType, LogEventSink, MemoryEventSink,
};

use super::double::event;

/// Verbs and paths as they reach an API server, here one that is not there.
#[tokio::test(start_paused = true)]
async fn the_api_servers_events_are_created_and_patched_in_the_objects_namespace() {
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
    let sink = ApiEventSink::new(client.unwrap().with_observer(observer));
    let event = event("a.1f", "a", "Done", "m");
    assert!(sink.create(&event).await.unwrap_err().is_transient());
    assert!(sink.patch(&event).await.unwrap_err().is_transient());
    let path = "/api/v1/namespaces/x/events";
    let expected = [
        ("create", path.to_owned()),
        ("patch", format!("{path}/a.1f")),
    ];
    assert_eq!(*asked.lock().unwrap(), expected);
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

/// What is logged while `write` runs.
fn logged(write: impl FnOnce()) -> String {
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let page = Page::default();
    let writer = page.clone();
    let log = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone());
    tracing::subscriber::with_default(log.finish(), write);
    let bytes = page.0.lock().unwrap();
    String::from_utf8(bytes.clone()).unwrap()
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
