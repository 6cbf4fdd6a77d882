//! A watch across disconnects: each event once, bookmarks kept back, and where it must end.

use std::sync::Arc;
use std::time::Duration;

use bitcoin_controller::api::core::Pod;
use bitcoin_controller::api::meta::{Status, StatusDetails};
use bitcoin_controller::base::Random;
use bitcoin_controller::cache::RetryWatcher;
use bitcoin_controller::client::{Error, Item, WatchEvent};
use tokio::time::{Instant, timeout};

use super::double::PodServer;
use super::faults::{Fault, broken, status};
use super::objects::{describe, pod};
use super::running::settle;

fn watcher(server: &PodServer, version: &str) -> RetryWatcher<Pod> {
    RetryWatcher::new(Arc::new(server.clone()), version).unwrap()
}

/// The next event, as `name@version`, or why there is none.
async fn next(watcher: &mut RetryWatcher<Pod>) -> String {
    let next = timeout(Duration::from_secs(3_600), watcher.next());
    match next.await.expect("nothing comes") {
        Some(Ok(WatchEvent::Added(Item::Object(pod)))) => format!("+{}", describe(&pod)),
        Some(Ok(WatchEvent::Modified(Item::Object(pod)))) => describe(&pod),
        Some(Ok(WatchEvent::Deleted(Item::Object(pod)))) => format!("-{}", describe(&pod)),
        Some(Ok(other)) => format!("{other:?}"),
        Some(Err(error)) => error.to_string(),
        None => "the end".to_owned(),
    }
}

/// The watch is open, and nothing has happened.
async fn nothing_yet(watcher: &mut RetryWatcher<Pod>) {
    let next = timeout(Duration::from_secs(5), watcher.next()).await;
    assert!(next.is_err(), "{next:?}");
}

#[test]
fn c042_a_version_that_is_none_is_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let _clock = runtime.enter();
    for version in ["", "0"] {
        let refused = RetryWatcher::<Pod>::new(Arc::new(PodServer::new()), version);
        assert!(matches!(refused, Err(Error::Request { .. })), "{version}");
    }
}

/// Goal: whatever breaks between events, each comes once. Method: random histories, compared with what
/// the server did.
#[tokio::test(start_paused = true)]
async fn c043_events_around_disconnects_arrive_exactly_once_and_bookmarks_not_at_all() {
    for seed in 0..200 {
        let random = Random::seeded(seed);
        let server = PodServer::new();
        let mut watcher = watcher(&server, "10");
        let mut expected = Vec::new();
        let mut told = Vec::new();
        for _ in 0..40 {
            match random.below(8) {
                0 => server.close_watches(),
                1 => server.break_watches(broken),
                2 => server.bookmark(),
                3 => server.fail_watches([Some(Fault::NobodyListens)]),
                4 => server.send(WatchEvent::Error(status(500, "InternalError"))),
                5 if told.len() < expected.len() => told.push(next(&mut watcher).await),
                _ => {
                    let name = ["a", "b"][random.below(2) as usize];
                    let is_new = !server.readable().iter().any(|pod| pod.starts_with(name));
                    let version = server.put(name);
                    let sign = if is_new { "+" } else { "" };
                    expected.push(format!("{sign}{name}@{version}"));
                }
            }
        }
        while told.len() < expected.len() {
            told.push(next(&mut watcher).await);
        }
        assert_eq!(told, expected, "seed {seed}");
        let more = timeout(Duration::from_secs(60), watcher.next()).await;
        assert!(more.is_err(), "seed {seed}: nothing comes twice");
    }
}

#[tokio::test(start_paused = true)]
async fn the_version_of_a_bookmark_is_where_the_next_watch_begins() {
    let server = PodServer::new();
    let mut watcher = watcher(&server, "10");
    nothing_yet(&mut watcher).await;
    server.bookmark();
    server.close_watches();
    server.put("a");
    assert_eq!(next(&mut watcher).await, "+a@12");
    assert_eq!(server.requests(), ["watch 10", "watch 11"]);
}

#[tokio::test(start_paused = true)]
async fn c044_what_asking_again_would_not_mend_is_told_and_ends_the_watch() {
    let refusals = [
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (410, "Expired"), // theirs asks again for ever
    ];
    for (code, reason) in refusals {
        let server = PodServer::new();
        server.fail_watches([Some(Fault::Status(code, reason))]);
        let mut watcher = watcher(&server, "10");
        let told = next(&mut watcher).await;
        assert!(told.contains(&code.to_string()), "{told}");
        assert_eq!(next(&mut watcher).await, "the end");
        assert_eq!(server.requests().len(), 1);
    }
    let server = PodServer::new();
    let mut watcher = watcher(&server, "10");
    nothing_yet(&mut watcher).await;
    server.send(WatchEvent::Error(status(410, "Expired")));
    assert!(next(&mut watcher).await.contains("410"));
    assert_eq!(next(&mut watcher).await, "the end");
}

#[tokio::test(start_paused = true)]
async fn an_error_that_may_pass_is_waited_out_as_long_as_the_server_asks() {
    let details = StatusDetails {
        retry_after_seconds: 7,
        ..StatusDetails::default()
    };
    let later = Status {
        details,
        ..status(504, "Timeout")
    };
    for is_within in [true, false] {
        let server = PodServer::new();
        let mut watcher = watcher(&server, "10");
        if is_within {
            nothing_yet(&mut watcher).await;
            server.send(WatchEvent::Error(later.clone()));
        } else {
            server.fail_watches([Some(Fault::Refused(later.clone()))]);
        }
        settle().await;
        server.put("a");
        let start = Instant::now();
        assert_eq!(next(&mut watcher).await, "+a@11");
        assert!(start.elapsed() >= Duration::from_secs(7), "{is_within}");
    }
}

#[tokio::test(start_paused = true)]
async fn requests_are_at_least_a_second_apart_also_if_calls_are_dropped() {
    // Dropped in a pause, and while an answer is waited for.
    for fault in [Fault::NobodyListens, Fault::Hang] {
        let server = PodServer::new();
        server.fail_watches(std::iter::repeat_n(Some(fault), 20));
        let mut watcher = watcher(&server, "10");
        for _ in 0..100 {
            let _ = timeout(Duration::from_millis(130), watcher.next()).await;
        }
        let times = server.times();
        assert!((12..=14).contains(&times.len()), "{}", times.len());
        for pair in times.windows(2) {
            assert!(pair[1] - pair[0] >= Duration::from_secs(1));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_without_a_version_ends_the_watch() {
    let server = PodServer::new();
    let mut watcher = watcher(&server, "10");
    nothing_yet(&mut watcher).await;
    let mut unknown = pod("a", "u", 0);
    unknown.metadata.resource_version = "".into();
    server.send(WatchEvent::Added(Item::Object(unknown)));
    assert!(next(&mut watcher).await.contains("no version"));
    assert_eq!(next(&mut watcher).await, "the end");
}

#[tokio::test(start_paused = true)]
async fn waiting_until_something_holds_passes_over_the_rest_and_has_a_deadline() {
    let server = PodServer::new();
    server.put("a");
    server.put("b");
    server.delete("a");
    let mut watcher = watcher(&server, "10");
    let is_deletion = |event: &WatchEvent<Pod>| matches!(event, WatchEvent::Deleted(_));
    let minute = Duration::from_secs(60);
    let found = watcher.until(minute, is_deletion).await.unwrap();
    assert!(is_deletion(&found));
    let start = Instant::now();
    let late = watcher.until(minute, is_deletion).await.unwrap_err();
    assert!(late.is_timeout() && start.elapsed() == minute);
    server.put("b");
    assert_eq!(next(&mut watcher).await, "b@14", "it goes on");
    server.send(WatchEvent::Error(status(410, "Expired")));
    assert!(watcher.until(minute, |_| true).await.unwrap_err().is_gone());
    assert!(watcher.until(minute, |_| true).await.is_err());
}
