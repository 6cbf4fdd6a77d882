//! How the reflector goes on when something is wrong: what it asks next, and how long it waits first.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bitcoin_controller::api::core::Pod;
use bitcoin_controller::api::meta::{ListMeta, Status, StatusDetails};
use bitcoin_controller::cache::list_watch::Answer;
use bitcoin_controller::cache::{ListWatch, SharedInformer};
use bitcoin_controller::client::{
    EachItem, Item, ListParams, WatchEvent, WatchParams, WatchStream,
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::double::PodServer;
use super::faults::{Fault, broken, status};
use super::objects::{nameless, pod};
use super::running::{Running, noting, seeded, settle};

const LONG: Duration = Duration::from_secs(100);

/// The waits before each request but the first.
fn waits(server: &PodServer) -> Vec<Duration> {
    let times = server.times();
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

fn is_backoff(wait: Duration, base_millis: u64) -> bool {
    let base = Duration::from_millis(base_millis);
    // Tokio's timer has a grain of a millisecond.
    (base..=2 * base + Duration::from_millis(1)).contains(&wait)
}

#[tokio::test(start_paused = true)]
async fn c021_waits_double_from_800_milliseconds_to_30_seconds_and_jitter_doubles_at_most() {
    let server = PodServer::new();
    let failing = || Some(Fault::Status(500, "InternalError"));
    server.fail_lists(std::iter::repeat_with(failing).take(10));
    let running = Running::start(&server);
    sleep(Duration::from_secs(1_000)).await;
    let expected = [
        800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000, 30_000, 30_000,
    ];
    let waits = waits(&server);
    for (wait, base) in waits.iter().zip(expected) {
        assert!(is_backoff(*wait, base), "{wait:?} for {base} ms");
    }
    let is_jittered = waits
        .iter()
        .zip(expected)
        .any(|(wait, base)| *wait > Duration::from_millis(base + 1));
    assert!(is_jittered && running.informer.has_synced());
}

#[tokio::test(start_paused = true)]
async fn waits_are_short_again_after_two_quiet_minutes_and_no_sooner() {
    // The fourth failure was 12 to 24 seconds after the start. What fails again is a watch, then a list.
    for (failing_again, base) in [(110, 25_600), (200, 1_600)] {
        let server = PodServer::new();
        let failing = || Some(Fault::Status(500, "InternalError"));
        server.fail_lists(std::iter::repeat_with(failing).take(4));
        let _running = Running::start(&server);
        sleep(Duration::from_secs(failing_again)).await;
        let n_requests = server.requests().len();
        server.fail_lists([failing()]);
        server.send(WatchEvent::Error(status(500, "InternalError")));
        sleep(LONG).await;
        let waits = waits(&server);
        let wait = waits[n_requests];
        assert!(is_backoff(wait, base), "after {failing_again} s: {waits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn c013_a_watch_that_ends_at_once_and_empty_waits_and_lists() {
    let server = PodServer::new();
    let _running = Running::start(&server);
    settle().await;
    server.close_watches();
    sleep(LONG).await;
    assert_eq!(server.requests()[2..], ["list 10", "watch 10"]);
    assert!(is_backoff(
        waits(&server)[1] - Duration::from_millis(1),
        800
    ));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_is_a_watch_that_ended() {
    let server = PodServer::new();
    let running = Running::start(&server);
    settle().await;
    server.put("a");
    settle().await;
    server.break_watches(broken);
    server.put("b");
    settle().await;
    assert_eq!(server.requests()[1..], ["watch 10", "watch 11"]);
    assert_eq!(running.stored(), ["a@11", "b@12"]);
}

/// Both forms of Gone: as an event within the watch, and as the answer to one.
#[tokio::test(start_paused = true)]
async fn gone_leads_at_once_to_a_list_as_of_now() {
    for within in [true, false] {
        let server = PodServer::new();
        server.put("a");
        let running = Running::start(&server);
        sleep(Duration::from_secs(5)).await;
        let start = server.times().len();
        if within {
            server.delete("a");
            server.put("b");
            server.send(WatchEvent::Error(status(410, "Expired")));
        } else {
            server.close_watches();
            server.delete("a");
            server.put("b");
            server.compact();
        }
        settle().await;
        let asked = server.requests()[start..].to_vec();
        let list = asked
            .iter()
            .position(|asked| asked == "list - limit=500")
            .unwrap();
        assert_eq!(asked[list + 1], "watch 13");
        assert!(
            waits(&server)[start..].iter().all(Duration::is_zero),
            "{:?}",
            waits(&server)
        );
        assert_eq!(running.stored(), ["b@13"], "{within}");
    }
}

#[tokio::test(start_paused = true)]
async fn gone_again_and_again_waits_longer_and_longer() {
    let server = PodServer::new();
    let gone = || Some(Fault::Status(410, "Gone"));
    server.fail_watches(std::iter::repeat_with(gone).take(4));
    let _running = Running::start(&server);
    sleep(LONG).await;
    let lists: Vec<_> = server
        .requests()
        .iter()
        .filter(|asked| asked.starts_with("list"))
        .cloned()
        .collect();
    assert_eq!(lists[1..], ["list - limit=500"; 4]);
    let waits: Vec<_> = waits(&server)
        .into_iter()
        .filter(|wait| !wait.is_zero())
        .collect();
    for (wait, base) in waits.iter().zip([800, 1_600, 3_200]) {
        assert!(is_backoff(*wait, base), "{waits:?}");
    }
    assert_eq!(waits.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn gone_once_in_a_while_never_waits() {
    let server = PodServer::new();
    let _running = Running::start(&server);
    for _ in 0..3 {
        sleep(LONG).await;
        server.fail_watches([Some(Fault::Status(410, "Gone"))]);
        server.close_watches();
        settle().await;
        let requests = server.requests();
        let last = &requests[requests.len() - 3..];
        assert_eq!(last, ["watch 10", "list - limit=500", "watch 10"]);
    }
}

#[tokio::test(start_paused = true)]
async fn c016_too_many_requests_and_nobody_listening_wait_and_watch_again_without_a_list() {
    let server = PodServer::new();
    server.fail_watches([
        Some(Fault::Status(429, "TooManyRequests")),
        Some(Fault::NobodyListens),
        Some(Fault::NobodyListens),
    ]);
    let running = Running::start(&server);
    sleep(LONG).await;
    assert_eq!(
        server.requests(),
        [
            "list 0 limit=500",
            "watch 10",
            "watch 10",
            "watch 10",
            "watch 10"
        ]
    );
    let waits = waits(&server);
    for (wait, base) in waits[1..].iter().zip([800, 1_600, 3_200]) {
        assert!(is_backoff(*wait, base), "{waits:?}");
    }
    server.put("a");
    settle().await;
    assert_eq!(running.stored(), ["a@11"]);
}

#[tokio::test(start_paused = true)]
async fn c017_too_many_requests_within_a_watch_wait_as_long_as_the_server_asks() {
    let server = PodServer::new();
    let _running = Running::start(&server);
    settle().await;
    server.put("a");
    settle().await;
    let details = StatusDetails {
        retry_after_seconds: 20,
        ..StatusDetails::default()
    };
    server.send(WatchEvent::Error(Status {
        details,
        ..status(429, "TooManyRequests")
    }));
    sleep(LONG).await;
    assert_eq!(server.requests()[1..], ["watch 10", "watch 11"]);
    assert!(waits(&server)[1] >= Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn any_other_refusal_waits_and_lists() {
    for fault in [
        Fault::Status(500, "InternalError"),
        Fault::Status(403, "Forbidden"),
        Fault::Deadline,
    ] {
        let server = PodServer::new();
        server.fail_watches([Some(fault)]);
        let _running = Running::start(&server);
        sleep(LONG).await;
        assert_eq!(server.requests()[1..], ["watch 10", "list 10", "watch 10"]);
        assert!(is_backoff(waits(&server)[1], 800));
    }
}

/// One counter for all kinds of failures.
#[tokio::test(start_paused = true)]
async fn c022_lists_and_watches_that_fail_share_one_backoff() {
    let server = PodServer::new();
    server.fail_lists([Some(Fault::Status(500, "InternalError"))]);
    server.fail_watches([
        Some(Fault::Status(429, "TooManyRequests")),
        Some(Fault::Status(500, "InternalError")),
    ]);
    let _running = Running::start(&server);
    sleep(LONG).await;
    let waits: Vec<_> = waits(&server)
        .into_iter()
        .filter(|wait| !wait.is_zero())
        .collect();
    for (wait, base) in waits.iter().zip([800, 1_600, 3_200]) {
        assert!(is_backoff(*wait, base), "{waits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn c019_an_event_that_names_no_object_does_not_move_the_version_and_leads_to_a_list() {
    let unread = || bitcoin_controller::client::Error::Decode {
        operation: "watch pods".to_owned(),
        source: bitcoin_controller::base::json::from_slice::<u8>(b"?").unwrap_err(),
    };
    let server = PodServer::new();
    let running = Running::start(&server);
    sleep(LONG).await; // a watch that just ended would go on without a list
    server.break_watches(unread);
    server.put("a");
    sleep(LONG).await;
    assert_eq!(server.requests()[2..], ["list 10", "watch 11"]);
    assert_eq!(running.stored(), ["a@11"]);

    server.send(WatchEvent::Modified(nameless()));
    sleep(LONG).await;
    assert_eq!(server.requests()[4..], ["list 11", "watch 11"]);
    assert_eq!(running.informer.n_undecodable(), 1);
    assert_eq!(running.stored(), ["a@11"]);
}

#[tokio::test(start_paused = true)]
async fn c014_gone_within_a_watch_leads_to_a_list_and_is_told_to_nobody() {
    let server = PodServer::new();
    let (options, errors) = noting(seeded(1));
    let _running = Running::start_with(&server, options);
    settle().await;
    server.send(WatchEvent::Error(status(410, "Expired")));
    settle().await;
    assert_eq!(server.requests()[2..], ["list - limit=500", "watch 10"]);
    assert!(errors.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn c015_gone_as_the_answer_to_a_watch_is_told_and_leads_to_a_list() {
    let server = PodServer::new();
    server.fail_watches([Some(Fault::Status(410, "Expired"))]);
    let (options, errors) = noting(seeded(1));
    let _running = Running::start_with(&server, options);
    settle().await; // theirs waits first, and asks for the lost version
    assert_eq!(
        server.requests()[1..],
        ["watch 10", "list - limit=500", "watch 10"]
    );
    assert_eq!(errors.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn lists_that_fail_are_told_and_what_a_second_one_mends_is_not() {
    let server = PodServer::new();
    let (options, errors) = noting(seeded(1));
    server.fail_lists([Some(Fault::Status(500, "InternalError"))]);
    let _running = Running::start_with(&server, options);
    sleep(LONG).await;
    server.fail_lists([Some(Fault::Status(410, "Expired"))]);
    server.send(WatchEvent::Error(status(500, "InternalError")));
    sleep(LONG).await;
    assert_eq!(server.requests()[3..5], ["list 10", "list - limit=500"]);
    let errors = errors.lock().unwrap();
    assert!(errors.len() == 1 && errors[0].contains("500"), "{errors:?}");
}

#[tokio::test(start_paused = true)]
async fn c018_an_internal_error_within_a_watch_is_never_tried_again_at_once() {
    let server = PodServer::new();
    let _running = Running::start(&server);
    settle().await;
    server.put("a"); // the watch has brought something, and lasted
    sleep(Duration::from_secs(2)).await;
    server.send(WatchEvent::Error(status(500, "InternalError")));
    settle().await;
    assert_eq!(server.requests().len(), 2, "it waits");
    sleep(LONG).await;
    assert_eq!(server.requests()[2..], ["list 11", "watch 11"]);
}

#[tokio::test(start_paused = true)]
async fn a_list_without_a_version_is_a_failure() {
    struct NoVersion;
    impl ListWatch<Pod> for NoVersion {
        fn list<'a>(&'a self, _: ListParams, each: EachItem<'a, Pod>) -> Answer<'a, ListMeta> {
            each(Item::Object(pod("a", "u", 1)));
            Box::pin(async { Ok(ListMeta::default()) })
        }

        fn watch(&self, _: WatchParams) -> Answer<'_, WatchStream<Pod>> {
            panic!("there is nothing to watch from")
        }
    }

    let informer = SharedInformer::new(NoVersion, seeded(1));
    let run = informer.run(CancellationToken::new());
    tokio::select! {
        () = run => panic!("it goes on trying"),
        () = sleep(LONG) => {}
    }
    assert!(!informer.has_synced());
}

/// A proxy that cuts each watch after the bookmark it begins with, say.
#[tokio::test(start_paused = true)]
async fn watches_that_end_at_once_and_no_further_than_they_began_are_not_asked_for_in_a_loop() {
    struct Bookmarks(Arc<AtomicUsize>);
    impl ListWatch<Pod> for Bookmarks {
        fn list<'a>(&'a self, _: ListParams, _: EachItem<'a, Pod>) -> Answer<'a, ListMeta> {
            let resource_version = "10".into();
            Box::pin(async {
                Ok(ListMeta {
                    resource_version,
                    ..ListMeta::default()
                })
            })
        }

        fn watch(&self, _: WatchParams) -> Answer<'_, WatchStream<Pod>> {
            let n_asked = self.0.fetch_add(1, Ordering::Relaxed);
            assert!(n_asked < 1_000, "it is a loop");
            let (server, events) = tokio::sync::mpsc::unbounded_channel();
            let bookmark = WatchEvent::Bookmark {
                resource_version: "10".into(),
                initial_events_end: false,
            };
            server.send(Ok(bookmark)).unwrap();
            Box::pin(async { Ok(WatchStream::from_channel(events)) })
        }
    }

    let n_asked = Arc::<AtomicUsize>::default();
    let informer = SharedInformer::new(Bookmarks(n_asked.clone()), seeded(1));
    tokio::select! {
        () = informer.run(CancellationToken::new()) => panic!("it goes on trying"),
        () = sleep(LONG) => {}
    }
    let n_asked = n_asked.load(Ordering::Relaxed);
    assert!((5..=10).contains(&n_asked), "{n_asked}");
}
