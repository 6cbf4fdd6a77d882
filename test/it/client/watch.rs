//! Events: cut anywhere, broken, late, or never.

use std::time::Duration;

use bitcoin_controller::api::core::Pod;
use bitcoin_controller::api::text::Interner;
use bitcoin_controller::base::json;
use bitcoin_controller::client::watch::{MAX_FRAME, READ_MARGIN};
use bitcoin_controller::client::{Error, Item, Scope, WatchEvent, WatchParams, WatchStream};
use tokio::time::{Instant, timeout};

use super::server::{Reply, Server, Then};

fn read(line: &str) -> Result<WatchEvent<Pod>, json::Error> {
    WatchEvent::read(line.as_bytes(), &Interner::default())
}

/// The event in a word: `ADDED x/a@5`, with a question mark if the object could not be read.
fn told(event: &WatchEvent<Pod>) -> String {
    let item = |type_: &str, item: &Item<Pod>| {
        let key = item.key().map_or("-".to_owned(), |key| key.to_string());
        let mark = if matches!(item, Item::Object(_)) {
            ""
        } else {
            "?"
        };
        format!("{type_} {key}@{}{mark}", item.resource_version())
    };
    match event {
        WatchEvent::Added(added) => item("ADDED", added),
        WatchEvent::Modified(modified) => item("MODIFIED", modified),
        WatchEvent::Deleted(deleted) => item("DELETED", deleted),
        WatchEvent::Bookmark {
            resource_version,
            initial_events_end,
        } => format!("BOOKMARK @{resource_version} {initial_events_end}"),
        WatchEvent::Error(status) => format!("ERROR {} {}", status.code, status.reason),
        WatchEvent::Unknown {
            kind,
            resource_version,
        } => format!("unknown {kind}@{resource_version}"),
    }
}

const FRAMES: &str = concat!(
    r#"{"type":"ADDED","object":{"kind":"Pod","metadata":{"name":"a","namespace":"x","resourceVersion":"5"},"status":{"message":"line\nbreak \"}{"}}}"#,
    "\n",
    r#"{"type":"MODIFIED","object":{"metadata":{"name":"ä","namespace":"x","resourceVersion":"6"}}}"#,
    "\n\r\n\n",
    r#"{"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"resourceVersion":"7","creationTimestamp":null}}}"#,
    "\n",
    r#"{"object":{"metadata":{"name":"a","namespace":"x","resourceVersion":"8"}},"type":"DELETED"}"#,
    "\n",
);

const TOLD: [&str; 4] = [
    "ADDED x/a@5",
    "MODIFIED x/ä@6",
    "BOOKMARK @7 false",
    "DELETED x/a@8",
];

async fn watch(server: &Server) -> WatchStream<Pod> {
    let params = WatchParams {
        timeout: Duration::from_secs(300),
        ..WatchParams::default()
    };
    server.client().watch(&Scope::All, &params).await.unwrap()
}

async fn all(mut stream: WatchStream<Pod>) -> Vec<String> {
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        events.push(match event {
            Ok(event) => told(&event),
            Err(error) => error.to_string(),
        });
    }
    events
}

#[tokio::test(start_paused = true)]
async fn c029_events_are_the_same_however_the_network_cuts_them() {
    let bytes = FRAMES.as_bytes();
    let mut cuts: Vec<_> = (0..bytes.len())
        .map(|at| Reply::chunked([&bytes[..at], &bytes[at..]], Then::GoOn))
        .collect();
    cuts.push(Reply::chunked(bytes.chunks(1), Then::GoOn));
    let server = Server::start(cuts);
    for at in 0..=bytes.len() {
        assert_eq!(all(watch(&server).await).await, TOLD, "cut at {at}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_cut_anywhere_tells_whole_events_only() {
    let bytes = FRAMES.as_bytes();
    let server =
        Server::start((0..bytes.len()).map(|at| Reply::chunked([&bytes[..at]], Then::GoOn)));
    for at in 0..bytes.len() {
        let events = all(watch(&server).await).await;
        assert_eq!(events, TOLD[..events.len()], "cut at {at}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_event_needs_no_line_break() {
    let server = Server::start([Reply::chunked([FRAMES.trim_end()], Then::GoOn)]);
    assert_eq!(all(watch(&server).await).await, TOLD);
}

#[tokio::test(start_paused = true)]
async fn garbage_between_events_does_not_end_the_stream() {
    let large = format!(
        r#"{{"type":"MODIFIED","object":{{"metadata":{{"name":"large","namespace":"x","resourceVersion":"3"}},"x":"{}"}}}}"#,
        "x".repeat(MAX_FRAME)
    );
    let lines = [
        r#"{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"1"}}}"#,
        "<html>502 Bad Gateway</html>",
        r#"{"type":"ADDED","object":{"metadata":{"name":"b","resourceVersion":"2"},"status":{"podIP":"#,
        &large,
        r#"{"type":7,"object":{}}"#,
        r#"{"type":"ADDED"}"#,
        r#"{"type":"ADDED","object":{"metadata":{"name":"c","resourceVersion":"4"}}}"#,
    ];
    let body = lines.map(|line| format!("{line}\n")).concat();
    let server = Server::start([Reply::chunked(body.as_bytes().chunks(1 << 16), Then::GoOn)]);
    let events = all(watch(&server).await).await;
    assert_eq!(
        events,
        [
            "ADDED a@1",
            "failed to watch pods",
            "ADDED b@2?",
            "MODIFIED x/large@3?",
            "failed to watch pods",
            "ADDED -@?",
            "ADDED c@4",
        ]
    );
}

#[test]
fn an_object_that_does_not_decode_is_named_also_when_it_is_deleted() {
    for type_ in ["ADDED", "MODIFIED", "DELETED"] {
        let line = format!(
            r#"{{"type":"{type_}","object":{{"metadata":{{"name":"a","namespace":"x","uid":"u","resourceVersion":"5","labels":7}},"status":"hunter2"}}}}"#
        );
        let event = read(&line).unwrap();
        assert_eq!(told(&event), format!("{type_} x/a@5?"));
        assert!(!format!("{event:?}").contains("hunter2"));
    }
}

#[test]
fn a_line_cut_anywhere_is_an_error_or_names_its_object() {
    let line = r#"{"type":"DELETED","object":{"kind":"Pod","metadata":{"name":"a","namespace":"x","uid":"u","resourceVersion":"5"},"spec":{}}}"#;
    let named_from = line.find(r#","spec""#).unwrap();
    for length in 0..line.len() {
        let outcome = read(&line[..length]);
        if length > named_from {
            assert_eq!(told(&outcome.unwrap()), "DELETED x/a@5?", "cut at {length}");
        } else if let Ok(event) = outcome {
            assert!(matches!(event, WatchEvent::Deleted(Item::Undecodable(_))));
        }
    }
}

#[test]
fn bytes_that_are_not_utf_8_spoil_one_event_only() {
    let mut line = FRAMES.lines().next().unwrap().as_bytes().to_vec();
    let at = line.len() - 10;
    line[at] = 0xff;
    let event = WatchEvent::<Pod>::read(&line, &Interner::default()).unwrap();
    assert_eq!(told(&event), "ADDED x/a@5?");
}

#[test]
fn a_bookmark_ends_the_initial_events_only_if_it_says_true() {
    let bookmark = |annotations: &str| {
        let line = format!(
            r#"{{"type":"BOOKMARK","object":{{"metadata":{{"resourceVersion":"9","annotations":{annotations}}}}}}}"#
        );
        read(&line).map(|event| told(&event))
    };
    let says = |value: &str| format!(r#"{{"k8s.io/initial-events-end":"{value}"}}"#);
    assert_eq!(bookmark(&says("true")).unwrap(), "BOOKMARK @9 true");
    for other in [
        &says("false"),
        &says("True"),
        "{}",
        "null",
        r#"{"other":"true"}"#,
    ] {
        assert_eq!(bookmark(other).unwrap(), "BOOKMARK @9 false", "{other}");
    }
    assert!(bookmark("7").is_err());
}

#[test]
fn an_error_in_the_stream_is_heard_even_if_it_cannot_be_read() {
    let gone = r#"{"type":"ERROR","object":{"kind":"Status","status":"Failure","message":"too old resource version","reason":"Expired","code":410}}"#;
    let Ok(WatchEvent::Error(status)) = read(gone) else {
        panic!("no error");
    };
    assert!(Error::refused("watch pods", status).is_gone());
    for object in [
        "7",
        "null",
        r#""gone""#,
        r#"{"code":"x"}"#,
        r#"{"code":410"#,
    ] {
        let line = format!(r#"{{"type":"ERROR","object":{object}}}"#);
        let event = read(&line).unwrap();
        assert!(matches!(event, WatchEvent::Error(_)), "{object}");
    }
}

#[test]
fn an_unknown_type_is_told_with_its_version() {
    let line = r#"{"type":"SPLIT","object":{"metadata":{"resourceVersion":"9"}}}"#;
    assert_eq!(told(&read(line).unwrap()), "unknown SPLIT@9");
}

#[test]
fn no_changed_byte_makes_reading_panic() {
    let line = FRAMES.lines().next().unwrap().as_bytes();
    for at in 0..line.len() {
        for byte in [b'"', b'\\', b'[', b'}', b',', b'7', 0, 0xff] {
            let mut changed = line.to_vec();
            changed[at] = byte;
            let _ = WatchEvent::<Pod>::read(&changed, &Interner::default());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_request_says_what_to_watch_and_for_how_long() {
    let server = Server::start([Reply::ok(""), Reply::ok("")]);
    let params = WatchParams {
        label_selector: Some("app=a".to_owned()),
        resource_version: "5".to_owned(),
        timeout: Duration::from_millis(299_900),
        ..WatchParams::default()
    };
    let client = server.client();
    let scope = Scope::Namespace("x".into());
    client.watch::<Pod>(&scope, &params).await.unwrap();
    let initial = WatchParams {
        send_initial_events: true,
        ..WatchParams::default()
    };
    client.watch::<Pod>(&Scope::All, &initial).await.unwrap();
    assert_eq!(
        server.lines(),
        [
            "GET /api/v1/namespaces/x/pods?watch=true&allowWatchBookmarks=true&timeoutSeconds=299&labelSelector=app%3Da&resourceVersion=5",
            "GET /api/v1/pods?watch=true&allowWatchBookmarks=true&timeoutSeconds=300&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_watch_is_not_tried_again() {
    let busy = Reply::new(429, "retry-after: 3\r\n", "");
    let server = Server::start([busy.clone(), busy]);
    let (client, params) = (server.client(), WatchParams::default());
    let watching = client.watch::<Pod>(&Scope::All, &params).await;
    let error = watching.unwrap_err();
    assert!(error.is_too_many_requests());
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
    assert_eq!(server.lines().len(), 1);
}

/// A dead connection looks like a quiet one, until the server should have ended the watch.
#[tokio::test(start_paused = true)]
async fn a_silent_connection_ends_a_little_after_the_server_should_have_ended_it() {
    let server = Server::start([Reply::chunked([FRAMES], Then::Hang)]);
    let mut stream = watch(&server).await;
    let started = Instant::now();
    for _ in TOLD {
        stream.next().await.unwrap().unwrap();
    }
    let error = stream.next().await.unwrap().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(started.elapsed(), Duration::from_secs(300) + READ_MARGIN);
    assert!(stream.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_is_an_error_and_then_the_end() {
    let server = Server::start([Reply::chunked([FRAMES], Then::Close)]);
    let mut stream = watch(&server).await;
    for _ in TOLD {
        stream.next().await.unwrap().unwrap();
    }
    assert!(stream.next().await.unwrap().unwrap_err().is_transient());
    assert!(stream.next().await.is_none());
}

/// Events come a byte at a time, and between any two bytes the waiting is given up.
#[tokio::test(start_paused = true)]
async fn giving_up_waiting_loses_nothing() {
    let slow = Reply::chunked(FRAMES.as_bytes().chunks(1), Then::GoOn)
        .with_pace(Duration::from_millis(100));
    let server = Server::start([slow]);
    let mut stream = watch(&server).await;
    let (mut events, mut n_given_up) = (Vec::new(), 0);
    loop {
        match timeout(Duration::from_millis(30), stream.next()).await {
            Err(_) => n_given_up += 1,
            Ok(Some(event)) => events.push(told(&event.unwrap())),
            Ok(None) => break,
        }
    }
    assert_eq!(events, TOLD);
    assert!(n_given_up > 100, "only {n_given_up} times");
}

#[tokio::test]
async fn a_double_can_tell_events_by_hand() {
    let (sender, events) = tokio::sync::mpsc::unbounded_channel();
    sender
        .send(Ok(read(FRAMES.lines().next().unwrap()).unwrap()))
        .unwrap();
    drop(sender);
    assert_eq!(
        all(WatchStream::from_channel(events)).await,
        ["ADDED x/a@5"]
    );
}
