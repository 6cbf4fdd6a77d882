//! The first state through the watch, and what happens with servers that do it badly or not at all.

use std::sync::Arc;
use std::time::Duration;

use bitcoin_controller::api::meta::{Status, StatusDetails};
use bitcoin_controller::cache::{InformerOptions, SubscriptionOptions};
use bitcoin_controller::client::{Item, WatchEvent};
use tokio::time::{Instant, sleep};

use super::double::PodServer;
use super::faults::{Fault, StreamFault, broken, status, status_with_cause};
use super::objects::{hear, key, nameless};
use super::running::{Running, noting, settle, streaming};

const LONG: Duration = Duration::from_secs(100);

/// A server with pods `a` and `b`, at version 12.
fn two_pods() -> PodServer {
    let server = PodServer::new();
    server.put("a");
    server.put("b");
    server
}

fn start(server: &PodServer) -> Running {
    Running::start_with(server, streaming(1))
}

/// An informer in the middle of its initial events.
async fn half_way(server: &PodServer) -> Running {
    server.fail_streams([Some(StreamFault::NoEnd)]);
    let running = start(server);
    settle().await;
    running
}

/// Ends the watch so that a new state is asked for.
async fn lose_watch(server: &PodServer) {
    server.send(WatchEvent::Error(status(500, "InternalError")));
    sleep(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn c031_the_first_request_asks_for_initial_events_as_of_now() {
    let server = two_pods();
    let running = start(&server);
    settle().await;
    assert_eq!(server.requests(), ["stream -"]);
    assert_eq!(running.stored(), ["a@11", "b@12"]);
    // How a client writes that down is a test of the client's: `client::watch`.
}

#[tokio::test(start_paused = true)]
async fn c032_nothing_is_stored_or_told_before_the_initial_events_are_whole() {
    let server = two_pods();
    let running = half_way(&server).await;
    let mut handler = running.informer.subscribe(SubscriptionOptions::default());
    assert!(running.stored().is_empty() && !running.informer.has_synced());
    assert_eq!(&*running.informer.last_sync_resource_version(), "");
    assert_eq!(handler.pending(), 0);
    server.end_initial_events();
    settle().await;
    assert_eq!(running.stored(), ["a@11", "b@12"]);
    let told = format!("{:?}", hear(&mut handler).await.unwrap());
    assert_eq!(told, "Added(initial) x/a@11");
}

#[tokio::test(start_paused = true)]
async fn c033_an_ordinary_bookmark_does_not_end_the_initial_events() {
    let server = two_pods();
    let running = half_way(&server).await;
    server.bookmark(); // without the annotation, or with another value: see `client::watch`
    settle().await;
    assert!(!running.informer.has_synced());
    server.end_initial_events();
    settle().await;
    assert!(running.informer.has_synced());
}

#[tokio::test(start_paused = true)]
async fn c034_the_same_stream_goes_on_as_the_watch() {
    let server = two_pods();
    let running = start(&server);
    settle().await;
    server.put("c");
    server.delete("a");
    settle().await;
    assert_eq!(running.stored(), ["b@12", "c@13"]);
    assert_eq!(server.requests(), ["stream -"]);
    // When it ends, however soon, a plain watch follows.
    server.close_watches();
    settle().await;
    assert_eq!(server.requests(), ["stream -", "watch 14"]);
}

#[tokio::test(start_paused = true)]
async fn c035_the_version_is_that_of_the_bookmark_and_never_that_of_an_initial_event() {
    let server = two_pods();
    let running = half_way(&server).await;
    server.bookmark();
    settle().await;
    assert_eq!(&*running.informer.last_sync_resource_version(), "");
    server.end_initial_events();
    settle().await;
    assert_eq!(&*running.informer.last_sync_resource_version(), "13");
}

#[tokio::test(start_paused = true)]
async fn c036_what_changes_and_goes_before_the_end_is_part_of_the_state() {
    let server = two_pods();
    let running = half_way(&server).await;
    server.put("a");
    server.put("c");
    server.delete("b");
    server.put("d");
    server.delete("d");
    server.end_initial_events();
    settle().await;
    assert_eq!(running.stored(), ["a@13", "c@14"]);
}

/// The same on a relist, where what has not changed is only marked.
#[tokio::test(start_paused = true)]
async fn what_changes_back_and_forth_before_the_end_of_a_later_state_is_told_once() {
    let server = two_pods();
    let running = start(&server);
    let mut handler = running.informer.subscribe(SubscriptionOptions::default());
    settle().await;
    hear(&mut handler).await;
    hear(&mut handler).await;
    let unchanged = running.informer.lister().get(&key("b")).unwrap();
    server.fail_streams([Some(StreamFault::NoEnd)]);
    lose_watch_shortly(&server).await;
    server.put("a");
    server.put("a");
    server.delete("b");
    server.send(WatchEvent::Added(Item::Object((*unchanged).clone()))); // it is there again, as it was
    server.end_initial_events();
    settle().await;
    let told = format!("{:?}", hear(&mut handler).await.unwrap());
    assert_eq!(told, "Updated x/a@14");
    assert_eq!(handler.pending(), 1, "only the one in hand");
    let stored = running.informer.lister().get(&key("b")).unwrap();
    assert!(Arc::ptr_eq(&stored, &unchanged));
}

async fn lose_watch_shortly(server: &PodServer) {
    server.send(WatchEvent::Error(status(500, "InternalError")));
    sleep(Duration::from_secs(2)).await;
}

#[tokio::test(start_paused = true)]
async fn c037_a_stream_that_breaks_before_the_end_leaves_the_store_as_it_was() {
    for fault in [StreamFault::Break(1), StreamFault::Close(1)] {
        let server = two_pods();
        let running = start(&server);
        settle().await;
        server.fail_streams([Some(fault)]);
        server.send(WatchEvent::Error(status(500, "InternalError")));
        server.delete("a");
        server.put("b");
        sleep(Duration::from_millis(1_700)).await;
        assert_eq!(server.requests(), ["stream -", "stream 12"]);
        assert_eq!(running.stored(), ["a@11", "b@12"]);
        sleep(LONG).await;
        assert_eq!(server.requests()[2..], ["stream 12"], "tried again");
        assert_eq!(running.stored(), ["b@14"]);
    }
}

#[tokio::test(start_paused = true)]
async fn c038_a_server_that_refuses_initial_events_is_listed_at_once_and_not_asked_again() {
    for (code, reason) in [(422, "Invalid"), (400, "BadRequest")] {
        let server = two_pods();
        server.fail_watches([Some(Fault::Status(code, reason))]);
        let running = start(&server);
        let start = Instant::now();
        settle().await;
        assert!(start.elapsed() < Duration::from_millis(5));
        let first = ["stream -", "list 0 limit=500", "watch 12"];
        assert_eq!(server.requests(), first);
        assert_eq!(running.stored(), ["a@11", "b@12"]);
        lose_watch(&server).await;
        assert_eq!(server.requests()[3..], ["list 12", "watch 12"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_the_moment_is_listed_at_once_and_initial_events_are_tried_the_next_time() {
    for fault in [
        Fault::Status(500, "InternalError"),
        Fault::Status(403, "Forbidden"),
        Fault::Deadline,
    ] {
        let server = two_pods();
        server.fail_watches([Some(fault)]);
        let _running = start(&server);
        settle().await;
        assert_eq!(server.requests()[1..], ["list 0 limit=500", "watch 12"]);
        lose_watch(&server).await;
        assert_eq!(server.requests()[3..], ["stream 12"]);
    }
}

#[tokio::test(start_paused = true)]
async fn c039_a_version_that_is_gone_or_too_large_is_asked_for_again_at_once_as_of_now() {
    let too_large = status_with_cause(504, "Timeout", "ResourceVersionTooLarge", "");
    for fault in [Fault::Status(410, "Expired"), Fault::Refused(too_large)] {
        let server = two_pods();
        let _running = start(&server);
        settle().await;
        server.fail_watches([Some(fault)]);
        lose_watch(&server).await;
        assert_eq!(server.requests()[1..], ["stream 12", "stream -"]);
        assert_eq!(server.times()[2], server.times()[1]);
        // A success clears the mark.
        lose_watch(&server).await;
        assert_eq!(server.requests()[3..], ["stream 12"]);
    }
}

/// The other half of C39.
#[tokio::test(start_paused = true)]
async fn too_many_requests_and_nobody_listening_wait_and_ask_for_initial_events_again() {
    let server = two_pods();
    let details = StatusDetails {
        retry_after_seconds: 20,
        ..StatusDetails::default()
    };
    let busy = Status {
        details,
        ..status(429, "TooManyRequests")
    };
    server.fail_watches([Some(Fault::NobodyListens), Some(Fault::Refused(busy))]);
    let (options, errors) = noting(streaming(1));
    let running = Running::start_with(&server, options);
    sleep(LONG).await;
    assert_eq!(errors.lock().unwrap().len(), 2, "both are told");
    assert_eq!(server.requests(), ["stream -"; 3]);
    let times = server.times();
    assert!(times[1] - times[0] >= Duration::from_millis(800));
    assert!(times[2] - times[1] >= Duration::from_secs(20));
    assert!(running.informer.has_synced());
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_gone_even_as_of_now_waits() {
    let server = two_pods();
    let gone = || Some(Fault::Status(410, "Expired"));
    server.fail_watches([gone(), gone(), gone()]);
    let _running = start(&server);
    sleep(LONG).await;
    assert_eq!(server.requests(), ["stream -"; 4]);
    let times = server.times();
    for (pair, base) in times.windows(2).zip([800, 1_600, 3_200]) {
        assert!(pair[1] - pair[0] >= Duration::from_millis(base));
    }
}

#[tokio::test(start_paused = true)]
async fn c040_after_a_lost_watch_the_last_version_is_asked_for() {
    let server = two_pods();
    let running = start(&server);
    settle().await;
    server.bookmark();
    settle().await;
    lose_watch(&server).await;
    assert_eq!(server.requests(), ["stream -", "stream 13"]);
    assert_eq!(running.stored(), ["a@11", "b@12"]);
}

/// Goal: whatever a server does instead of ending its initial events, the state comes by a list after
/// a bounded time. Method: every way to end too soon, and silence.
#[tokio::test(start_paused = true)]
async fn c041_a_server_that_never_ends_the_initial_events_leads_to_a_list() {
    let table = [
        (StreamFault::Close(1), 3, Duration::from_secs(5)),
        (StreamFault::Break(1), 3, Duration::from_secs(5)),
        (StreamFault::NoEnd, 1, Duration::from_secs(31)),
    ];
    for (fault, n_streams, at_most) in table {
        let server = two_pods();
        server.fail_streams([Some(fault); 10]);
        let running = start(&server);
        let started = Instant::now();
        assert!(running.informer.wait_until_synced().await);
        let took = started.elapsed();
        assert!(took <= 2 * at_most, "{fault:?} took {took:?}");
        settle().await;
        let mut expected = vec!["stream -"; n_streams];
        expected.extend(["list 0 limit=500", "watch 12"]);
        assert_eq!(server.requests(), expected, "{fault:?}");
        lose_watch(&server).await;
        let then = ["list 12", "watch 12"];
        assert_eq!(server.requests()[n_streams + 2..], then, "not asked again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_at_once_is_listed_at_once_and_the_third_is_the_last() {
    let server = two_pods();
    server.fail_streams([Some(StreamFault::Close(0)); 10]);
    let _running = start(&server);
    settle().await;
    assert_eq!(
        server.requests(),
        ["stream -", "list 0 limit=500", "watch 12"]
    );
    lose_watch(&server).await;
    lose_watch(&server).await;
    lose_watch(&server).await;
    let streams = server.requests();
    let streams: Vec<_> = streams
        .iter()
        .filter(|asked| asked.starts_with("stream"))
        .collect();
    assert_eq!(streams, ["stream -", "stream 12", "stream 12"]);
}

/// A proxy that ignores the question: events for as long as the watch lasts, and no end.
#[tokio::test(start_paused = true)]
async fn a_stream_that_is_never_silent_and_never_ends_is_given_up_with_the_watch() {
    let server = two_pods();
    server.fail_streams([Some(StreamFault::NoEnd)]);
    let running = start(&server);
    settle().await;
    let timeout = server.timeouts()[0];
    let started = Instant::now();
    while started.elapsed() < timeout {
        sleep(Duration::from_secs(20)).await;
        server.put("a");
    }
    assert!(!running.informer.has_synced());
    server.close_watches();
    settle().await;
    assert_eq!(server.requests()[1], "list 0 limit=500");
    assert!(running.informer.has_synced());
}

#[tokio::test(start_paused = true)]
async fn streams_that_ended_too_soon_are_counted_in_a_row() {
    let server = two_pods();
    let _running = start(&server);
    settle().await;
    for _ in 0..4 {
        server.fail_streams([Some(StreamFault::Break(1)), Some(StreamFault::Break(1))]);
        lose_watch(&server).await;
        sleep(2 * LONG).await; // waits are short again
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 1 + 4 * 3);
    assert!(requests.iter().all(|asked| asked.starts_with("stream")));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_among_initial_events_is_set_apart_and_stops_nobody() {
    let server = two_pods();
    server.put_bad("bad");
    server.put("c");
    let running = start(&server);
    settle().await;
    assert_eq!(server.requests(), ["stream -"]);
    assert_eq!(running.stored(), ["a@11", "b@12", "c@14"]);
    let set_apart = running.informer.quarantined();
    assert_eq!((set_apart.len(), &*set_apart[0].key.name), (1, "bad"));
    // It goes bad and is well again while the next state arrives.
    server.fail_streams([Some(StreamFault::NoEnd)]);
    lose_watch_shortly(&server).await;
    server.put_bad("a");
    server.put("bad");
    server.end_initial_events();
    settle().await;
    assert_eq!(running.stored(), ["a@11", "b@12", "bad@16", "c@14"]);
    let set_apart = running.informer.quarantined();
    assert_eq!((set_apart.len(), &*set_apart[0].key.name), (1, "a"));
}

#[tokio::test(start_paused = true)]
async fn a_deletion_of_nobody_knows_what_before_the_end_leads_to_a_list() {
    let server = two_pods();
    let running = half_way(&server).await;
    server.send(WatchEvent::Deleted(nameless()));
    settle().await;
    assert_eq!(server.requests()[1..], ["list 0 limit=500", "watch 12"]);
    assert!(running.informer.has_synced());
}

/// Gone right after each whole state: the second time waits.
#[tokio::test(start_paused = true)]
async fn gone_after_each_whole_state_never_goes_round_without_a_wait() {
    let server = two_pods();
    let _running = start(&server);
    settle().await;
    for _ in 0..50 {
        server.send(WatchEvent::Error(status(410, "Expired")));
        settle().await;
    }
    assert!(server.requests().len() <= 4, "{:?}", server.requests());
}

#[tokio::test(start_paused = true)]
async fn without_the_option_initial_events_are_not_asked_for() {
    let server = two_pods();
    let options = InformerOptions {
        initial_events: false,
        ..streaming(1)
    };
    let _running = Running::start_with(&server, options);
    settle().await;
    lose_watch(&server).await;
    let requests = server.requests();
    assert!(!requests.iter().any(|asked| asked.starts_with("stream")));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_in_the_middle_of_initial_events_is_prompt() {
    let server = two_pods();
    let mut running = half_way(&server).await;
    let before = Instant::now();
    running.shutdown.cancel();
    assert!(running.tasks.join_next().await.unwrap().is_ok());
    assert_eq!(Instant::now(), before);
    assert_eq!(server.n_watches(), 0);
    assert!(running.stored().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_after_the_state_is_a_watch_that_ended() {
    let server = two_pods();
    let running = start(&server);
    settle().await;
    server.break_watches(broken);
    server.put("c");
    settle().await;
    assert_eq!(server.requests(), ["stream -", "watch 12"]);
    assert_eq!(running.stored(), ["a@11", "b@12", "c@13"]);
}
