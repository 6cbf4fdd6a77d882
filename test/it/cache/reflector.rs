//! What the reflector asks for, and how it goes on when nothing is wrong.

use std::collections::BTreeSet;
use std::time::Duration;

use bitcoin_controller::api::meta::Status;
use bitcoin_controller::cache::InformerOptions;
use bitcoin_controller::client::WatchEvent;
use tokio::time::{Instant, advance, sleep};

use super::double::PodServer;
use super::faults::{Fault, status, status_with_cause};
use super::objects::{hear, pod};
use super::running::{Running, noting, seeded, settle};
use bitcoin_controller::client::Item;

#[tokio::test(start_paused = true)]
async fn c001_the_first_list_takes_what_is_at_hand_and_the_watch_goes_on_from_it() {
    let server = PodServer::new();
    server.put("a");
    let running = Running::start(&server);
    settle().await;
    assert_eq!(server.requests(), ["list 0 limit=500", "watch 11"]);
    assert_eq!(running.stored(), ["a@11"]);
    server.put("b");
    server.put("a");
    server.delete("b");
    settle().await;
    assert_eq!(running.stored(), ["a@13"]);
    assert_eq!(server.requests().len(), 2);
    assert_eq!(&*running.informer.last_sync_resource_version(), "14");
}

#[tokio::test(start_paused = true)]
async fn c008_the_version_after_a_list_is_the_lists_and_not_the_newest_objects() {
    let server = PodServer::new();
    server.put("a");
    server.bookmark();
    let running = Running::start(&server);
    settle().await;
    assert_eq!(server.requests(), ["list 0 limit=500", "watch 12"]);
    assert_eq!(&*running.informer.last_sync_resource_version(), "12");
}

#[tokio::test(start_paused = true)]
async fn c011_a_bookmark_moves_the_version_and_nothing_else() {
    let server = PodServer::new();
    server.put("a");
    let running = Running::start(&server);
    let mut handler = running.informer.subscribe(Default::default());
    settle().await;
    assert_eq!(
        format!("{:?}", hear(&mut handler).await.unwrap()),
        "Added(initial) x/a@11"
    );
    server.bookmark();
    settle().await;
    server.close_watches();
    settle().await;
    assert_eq!(
        server.requests(),
        ["list 0 limit=500", "watch 11", "watch 12"]
    );
    assert_eq!(&*running.informer.last_sync_resource_version(), "12");
    assert_eq!(handler.pending(), 1, "only the one in hand");
}

#[tokio::test(start_paused = true)]
async fn c012_a_watch_that_ends_after_an_event_goes_on_without_a_list_or_a_wait() {
    let server = PodServer::new();
    let running = Running::start(&server);
    settle().await;
    let start = Instant::now();
    server.put("a");
    settle().await;
    server.close_watches();
    server.put("b"); // while nobody watches
    settle().await;
    assert_eq!(server.requests()[1..], ["watch 10", "watch 11"]);
    assert!(*server.times().last().unwrap() - start < Duration::from_millis(5));
    assert_eq!(running.stored(), ["a@11", "b@12"]);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_watch_that_lasted_goes_on_without_a_list() {
    let server = PodServer::new();
    let _running = Running::start(&server);
    sleep(Duration::from_secs(1)).await;
    server.close_watches();
    settle().await;
    assert_eq!(server.requests()[1..], ["watch 10", "watch 10"]);
}

#[tokio::test(start_paused = true)]
async fn c020_the_version_follows_the_last_event_even_backwards() {
    let server = PodServer::new();
    server.put("z");
    let running = Running::start(&server);
    settle().await;
    server.send(WatchEvent::Added(Item::Object(pod("a", "u", 32))));
    server.send(WatchEvent::Added(Item::Object(pod("b", "v", 5))));
    settle().await;
    assert_eq!(running.stored(), ["a@32", "b@5", "z@11"]);
    server.close_watches();
    settle().await;
    assert_eq!(server.requests().last().unwrap(), "watch 5");
}

#[tokio::test(start_paused = true)]
async fn an_event_of_an_unknown_type_moves_the_version() {
    let server = PodServer::new();
    let running = Running::start(&server);
    settle().await;
    server.send(WatchEvent::Unknown {
        kind: "PATCHED".into(),
        resource_version: "17".into(),
    });
    settle().await;
    assert_eq!(&*running.informer.last_sync_resource_version(), "17");
    server.close_watches();
    settle().await;
    assert_eq!(server.requests().last().unwrap(), "watch 17");
}

/// The timeouts of fifty watches of an informer with this least one.
async fn timeouts(min_watch_timeout: Duration) -> Vec<Duration> {
    let server = PodServer::new();
    let options = InformerOptions {
        min_watch_timeout,
        ..seeded(3)
    };
    let _running = Running::start_with(&server, options);
    for _ in 0..50 {
        settle().await;
        server.bookmark();
        settle().await;
        server.close_watches();
    }
    server.timeouts()
}

fn are_within(timeouts: &[Duration], shortest: u64) -> bool {
    let allowed = Duration::from_secs(shortest)..Duration::from_secs(2 * shortest);
    timeouts.iter().all(|timeout| allowed.contains(timeout))
}

/// How a client writes version, bookmarks and timeout down is a test of the client's.
#[tokio::test(start_paused = true)]
async fn c009_watches_are_asked_to_end_after_five_to_ten_minutes_in_whole_seconds_each_another() {
    let timeouts = timeouts(InformerOptions::default().min_watch_timeout).await;
    assert!(are_within(&timeouts, 300), "{timeouts:?}");
    assert!(timeouts.iter().all(|timeout| timeout.subsec_nanos() == 0));
    assert!(timeouts.iter().collect::<BTreeSet<_>>().len() > 40);
}

#[tokio::test(start_paused = true)]
async fn c010_a_least_timeout_counts_only_above_five_minutes() {
    for (configured, shortest) in [(0, 300), (299, 300), (1_000, 1_000)] {
        let timeouts = timeouts(Duration::from_secs(configured)).await;
        assert!(are_within(&timeouts, shortest), "{timeouts:?}");
    }
}

/// Ends the watch in a way that leads to a list.
async fn provoke_list(server: &PodServer) {
    server.send(WatchEvent::Error(status(500, "InternalError")));
    sleep(Duration::from_secs(100)).await;
}

#[tokio::test(start_paused = true)]
async fn c002_a_later_list_asks_for_the_last_version_in_one_page() {
    let server = PodServer::new();
    let running = Running::start(&server);
    settle().await;
    server.put("a");
    provoke_list(&server).await;
    assert_eq!(
        server.requests(),
        ["list 0 limit=500", "watch 10", "list 11", "watch 11"]
    );
    assert_eq!(running.stored(), ["a@11"]);
}

#[tokio::test(start_paused = true)]
async fn a_page_size_that_is_configured_is_always_asked_for() {
    let server = PodServer::new();
    let options = InformerOptions {
        page_size: Some(7),
        ..seeded(1)
    };
    let _running = Running::start_with(&server, options);
    settle().await;
    provoke_list(&server).await;
    assert_eq!(
        server.requests()[..3],
        ["list 0 limit=7", "watch 10", "list 10 limit=7"]
    );
}

#[tokio::test(start_paused = true)]
async fn c003_a_server_that_gives_pages_even_for_version_0_is_always_asked_for_pages() {
    let server = PodServer::new();
    for name in ["a", "b", "c", "d", "e"] {
        server.put(name);
    }
    server.paginate(3);
    let _running = Running::start(&server);
    settle().await;
    provoke_list(&server).await;
    assert_eq!(
        server.requests()[3..5],
        ["list 15 limit=500", "list - limit=500 continue=15/3"]
    );
}

#[tokio::test(start_paused = true)]
async fn c004_pages_are_put_together_and_only_the_first_names_a_version() {
    let server = PodServer::new();
    for name in ["a", "b", "c", "d", "e"] {
        server.put(name);
    }
    server.paginate(2);
    let running = Running::start(&server);
    settle().await;
    let first_list = [
        "list 0 limit=500",
        "list - limit=500 continue=15/2",
        "list - limit=500 continue=15/4",
    ];
    assert_eq!(server.requests()[..3], first_list);
    assert_eq!(running.stored(), ["a@11", "b@12", "c@13", "d@14", "e@15"]);
}

#[tokio::test(start_paused = true)]
async fn c005_a_later_page_that_has_expired_leads_to_one_whole_list() {
    let server = PodServer::new();
    for name in ["a", "b", "c"] {
        server.put(name);
    }
    server.paginate(2);
    server.fail_lists([None, Some(Fault::Late(410, "Expired"))]);
    let running = Running::start(&server);
    settle().await;
    server.delete("a"); // it was on the first page
    sleep(Duration::from_secs(2)).await;
    let requests = [
        "list 0 limit=500",
        "list - limit=500 continue=13/2",
        "list 0",
        "watch 14",
    ];
    assert_eq!(server.requests(), requests);
    assert_eq!(running.stored(), ["b@12", "c@13"]);
}

#[tokio::test(start_paused = true)]
async fn c006_a_list_whose_version_is_gone_is_repeated_at_once_as_of_now_and_only_once() {
    let server = PodServer::new();
    let _running = Running::start(&server);
    settle().await;
    let gone = || Some(Fault::Status(410, "Expired"));
    server.fail_lists([gone(), gone()]);
    provoke_list(&server).await;
    let requests = [
        "list 10",
        "list - limit=500",
        "list - limit=500",
        "watch 10",
    ];
    assert_eq!(server.requests()[2..], requests);
    let times = server.times();
    assert_eq!(times[3] - times[2], Duration::ZERO);
    assert!(
        times[4] - times[3] >= Duration::from_millis(800),
        "the next try waits"
    );
    // A success clears the mark.
    provoke_list(&server).await;
    assert_eq!(server.requests()[6], "list 10");
}

#[tokio::test(start_paused = true)]
async fn c007_each_way_to_say_that_a_version_is_too_large_leads_to_a_list_as_of_now() {
    const TEXT: &str = "Too large resource version: 20, current: 10";
    let in_the_message = Status {
        message: TEXT.to_owned(),
        ..status(504, "Timeout")
    };
    let spellings = [
        status_with_cause(504, "Timeout", "ResourceVersionTooLarge", ""),
        status_with_cause(504, "Timeout", "", TEXT),
        in_the_message,
    ];
    for spelling in spellings {
        let server = PodServer::new();
        let _running = Running::start(&server);
        settle().await;
        server.fail_lists([Some(Fault::Refused(spelling))]);
        provoke_list(&server).await;
        assert_eq!(server.requests()[2..4], ["list 10", "list - limit=500"]);
        assert_eq!(server.times()[3] - server.times()[2], Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn c023_a_shutdown_before_the_start_asks_nothing_and_one_within_a_list_is_no_error() {
    let server = PodServer::new();
    let mut running = Running::prepare(&server, seeded(1));
    settle().await;
    running.shutdown.cancel();
    running.run();
    settle().await;
    assert!(running.tasks.join_next().await.is_some());
    assert!(server.requests().is_empty());
    assert!(!running.informer.has_synced());
    assert_eq!(&*running.informer.last_sync_resource_version(), "");

    server.fail_lists([Some(Fault::Hang)]);
    let (options, errors) = noting(seeded(1));
    let mut running = Running::start_with(&server, options);
    settle().await;
    running.shutdown.cancel();
    assert!(running.tasks.join_next().await.unwrap().is_ok());
    assert!(errors.lock().unwrap().is_empty());
}

/// Goal: a shutdown ends the reflector at once, wherever it is. Method: stop it at one point after
/// the other; the paused clock must not move, and no watch may stay open.
#[tokio::test(start_paused = true)]
async fn c024_a_shutdown_is_prompt_at_every_point() {
    type Prepare = fn(&PodServer);
    let points: [(&str, Prepare); 5] = [
        ("in a list", |server| server.fail_lists([Some(Fault::Hang)])),
        ("between pages", |server| {
            server.paginate(1);
            server.fail_lists([None, Some(Fault::Hang)]);
        }),
        ("while a watch is opened", |server| {
            server.fail_watches([Some(Fault::Hang)])
        }),
        ("in an open watch", |_| {}),
        ("while it waits", |server| {
            server.fail_lists([Some(Fault::Status(500, "InternalError"))])
        }),
    ];
    for (point, prepare) in points {
        let server = PodServer::new();
        server.put("a");
        server.put("b");
        prepare(&server);
        let mut running = Running::start(&server);
        settle().await;
        let before = Instant::now();
        running.shutdown.cancel();
        assert!(running.tasks.join_next().await.unwrap().is_ok());
        assert_eq!(Instant::now(), before, "{point}");
        assert_eq!(server.n_watches(), 0, "{point}");
        let n_requests = server.requests().len();
        advance(Duration::from_secs(3_600)).await;
        settle().await;
        assert_eq!(server.requests().len(), n_requests, "{point}");
    }
}
