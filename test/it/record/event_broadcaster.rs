//! Every event to every sink, each at its pace; what is tried again, what is given up, and the end.

use std::time::Duration;

use bitcoin_controller::record::{BroadcasterOptions, EventBroadcaster, EventRecorder, EventType};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::double::{Fault, Page, ServerSink, about, options};

fn start(sink: &ServerSink) -> (EventBroadcaster, EventRecorder) {
    let broadcaster = EventBroadcaster::new(options());
    broadcaster.start_recording_to(sink.clone());
    let recorder = broadcaster.recorder("test");
    (broadcaster, recorder)
}

fn record(recorder: &EventRecorder, object: &str, message: &str) {
    recorder.event(&about(object), EventType::Normal, "Done", message);
}

const LONG: Duration = Duration::from_secs(1_000);

#[tokio::test(start_paused = true)]
async fn c094_the_same_event_twice_is_created_and_then_patched() {
    let sink = ServerSink::default();
    let (broadcaster, recorder) = start(&sink);
    record(&recorder, "a", "m");
    sleep(Duration::from_secs(60)).await;
    record(&recorder, "a", "m");
    sleep(Duration::from_millis(1)).await;
    assert!(broadcaster.is_idle());
    assert_eq!(sink.attempts(), ["create m", "patch m"]);
    let [event] = &sink.events()[..] else {
        panic!("one event")
    };
    assert_eq!(event.count, 2);
    assert_eq!(
        (
            event.first_timestamp.unix_micros(),
            event.last_timestamp.unix_micros()
        ),
        (1_000_000_000, 1_060_000_000)
    );
    let patch = json!({"count": 2, "lastTimestamp": "1970-01-01T00:17:40Z", "message": "m"});
    assert_eq!(event.to_patch(), patch);
}

#[tokio::test(start_paused = true)]
async fn c095_an_event_that_has_expired_is_created_again_with_its_count() {
    let sink = ServerSink::default();
    let (broadcaster, recorder) = start(&sink);
    record(&recorder, "a", "m");
    sleep(Duration::from_millis(1)).await;
    sink.forget();
    record(&recorder, "a", "m");
    broadcaster.shutdown(LONG).await;
    assert_eq!(sink.attempts(), ["create m", "patch m", "create m"]);
    assert_eq!(sink.events()[0].count, 2);
    let created = sink.events()[0].to_json();
    assert_eq!(created["metadata"].get("resourceVersion"), None);
}

#[tokio::test(start_paused = true)]
async fn c098_what_the_server_refuses_is_given_up_and_what_got_lost_is_tried_twelve_times() {
    let table = [
        (Fault::Status(403, "Forbidden"), 1),
        (Fault::Status(409, "AlreadyExists"), 1),
        (Fault::NamespaceTerminating, 1),
        (Fault::Status(500, "InternalError"), 1),
        (Fault::Status(429, "TooManyRequests"), 1),
        (Fault::Request, 1),
        (Fault::Connection, 12),
    ];
    for (fault, n_attempts) in table {
        let sink = ServerSink::default();
        let (broadcaster, recorder) = start(&sink);
        sink.fail_always(fault.clone());
        record(&recorder, "a", "m");
        sleep(LONG).await;
        assert_eq!(sink.attempts().len(), n_attempts, "{fault:?}");
        assert!(broadcaster.is_idle(), "{fault:?}: given up");
    }
}

/// A namespace that goes away takes its events along, and an event that is there is there: no news.
#[tokio::test(start_paused = true)]
async fn c098_what_is_ordinary_is_given_up_quietly() {
    for (fault, is_quiet) in [
        (Fault::NamespaceTerminating, true),
        (Fault::Status(409, "AlreadyExists"), true),
        (Fault::Status(403, "Forbidden"), false),
        (Fault::Status(422, "Invalid"), false),
    ] {
        let page = Page::default();
        let _logging = tracing::subscriber::set_default(page.clone().log());
        let sink = ServerSink::default();
        let (broadcaster, recorder) = start(&sink);
        sink.fail_always(fault.clone());
        record(&recorder, "a", "m");
        broadcaster.shutdown(LONG).await;
        let text = page.text();
        assert_eq!(text.contains("WARN"), !is_quiet, "{fault:?}: {text}");
        assert!(text.contains("an event "), "{fault:?}: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn c098_the_first_pause_is_a_random_share_of_ten_seconds_and_the_others_are_whole() {
    let sink = ServerSink::default();
    let (_broadcaster, recorder) = start(&sink);
    sink.fail_always(Fault::Connection);
    record(&recorder, "a", "m");
    sleep(LONG).await;
    let waits = sink.waits();
    assert!(
        waits[0] > Duration::ZERO && waits[0] < Duration::from_secs(10),
        "{waits:?}"
    );
    assert!(
        waits[1..]
            .iter()
            .all(|wait| *wait == Duration::from_secs(10)),
        "{waits:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_that_got_lost_is_written_by_a_later_attempt() {
    let sink = ServerSink::default();
    let (broadcaster, recorder) = start(&sink);
    sink.fail([Some(Fault::Connection), Some(Fault::Connection)]);
    record(&recorder, "a", "m");
    record(&recorder, "b", "n");
    assert_eq!(broadcaster.pending(), 2);
    sleep(Duration::from_secs(30)).await;
    assert_eq!(
        sink.attempts(),
        ["create m", "create m", "create m", "create n"]
    );
    assert_eq!(sink.events().len(), 2);
    assert!(broadcaster.is_idle());
}

#[tokio::test(start_paused = true)]
async fn c099_a_dead_server_stops_neither_the_recorder_nor_another_sink() {
    let (dead, alive) = (ServerSink::default(), ServerSink::default());
    dead.fail_always(Fault::Hang);
    let broadcaster = EventBroadcaster::new(BroadcasterOptions {
        queue: 100,
        ..options()
    });
    broadcaster.start_recording_to(dead.clone());
    broadcaster.start_recording_to(alive.clone());
    let recorder = broadcaster.recorder("test");
    let start = Instant::now();
    for n in 0..1_000 {
        record(&recorder, &format!("a-{n}"), "m");
        if n % 50 == 0 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(Instant::now(), start, "nobody waited");
    sleep(Duration::from_millis(1)).await;
    assert_eq!(alive.events().len(), 1_000);
    assert_eq!(dead.attempts().len(), 1);
    assert_eq!(
        broadcaster.pending(),
        101,
        "one in hand, a hundred in the queue"
    );
    assert_eq!(broadcaster.n_dropped(), 899);
    assert!(!broadcaster.is_idle());
}

#[tokio::test(start_paused = true)]
async fn c090_every_sink_gets_the_same_order_and_nothing_from_before_it_came() {
    let (first, second) = (ServerSink::default(), ServerSink::default());
    let (broadcaster, recorder) = start(&first);
    record(&recorder, "a", "0");
    broadcaster.start_recording_to(second.clone());
    for n in 1..20 {
        record(&recorder, &format!("a-{n}"), &n.to_string());
    }
    broadcaster.shutdown(LONG).await;
    let expected: Vec<_> = (0..20).map(|n| format!("create {n}")).collect();
    assert_eq!(first.attempts(), expected);
    assert_eq!(second.attempts(), expected[1..]);
}

/// Eight threads record; whatever order comes of that is every sink's order.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn c090_sinks_agree_on_the_order_of_what_many_threads_record() {
    let (first, second) = (ServerSink::default(), ServerSink::default());
    let (broadcaster, recorder) = start(&first);
    broadcaster.start_recording_to(second.clone());
    let mut threads = JoinSet::new();
    for thread in 0..8 {
        let recorder = recorder.clone();
        threads.spawn(async move {
            for n in 0..100 {
                record(
                    &recorder,
                    &format!("a-{thread}-{n}"),
                    &format!("{thread} {n}"),
                );
            }
        });
    }
    threads.join_all().await;
    broadcaster.shutdown(LONG).await;
    assert_eq!(first.attempts().len(), 800);
    assert_eq!(first.attempts(), second.attempts());
}

#[tokio::test(start_paused = true)]
async fn c091_a_full_queue_drops_for_its_own_sink_alone_and_nobody_waits() {
    let (slow, quick) = (ServerSink::default(), ServerSink::default());
    slow.fail([Some(Fault::Connection)]);
    let broadcaster = EventBroadcaster::new(BroadcasterOptions {
        queue: 10,
        ..options()
    });
    broadcaster.start_recording_to(slow.clone());
    broadcaster.start_recording_to(quick.clone());
    let recorder = broadcaster.recorder("test");
    for n in 0..30 {
        record(&recorder, &format!("a-{n:02}"), &n.to_string());
        tokio::task::yield_now().await;
    }
    assert_eq!(broadcaster.shutdown(LONG).await, 0);
    assert_eq!(quick.events().len(), 30);
    // One in hand, ten in the queue: the earliest stay, the later are lost.
    let written: Vec<_> = slow
        .events()
        .into_iter()
        .map(|event| event.message)
        .collect();
    let expected: Vec<_> = (0..11).map(|n| n.to_string()).collect();
    assert_eq!((written, broadcaster.n_dropped()), (expected, 19));
}

#[tokio::test(start_paused = true)]
async fn c092_after_a_shutdown_recording_adding_and_shutting_down_do_nothing() {
    let (sink, late) = (ServerSink::default(), ServerSink::default());
    let (broadcaster, recorder) = start(&sink);
    record(&recorder, "a", "m");
    assert_eq!(broadcaster.shutdown(LONG).await, 0);
    record(&recorder, "b", "n");
    broadcaster.start_recording_to(late.clone());
    broadcaster.start_recording_series_to(late.clone());
    assert_eq!(broadcaster.shutdown(LONG).await, 0);
    record(&broadcaster.recorder("test"), "c", "o");
    sleep(LONG).await;
    assert_eq!(sink.attempts(), ["create m"]);
    assert_eq!(late.attempts(), [""; 0]);
    assert_eq!((broadcaster.pending(), broadcaster.n_dropped()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn sinks_correlate_each_for_itself() {
    let (first, second) = (ServerSink::default(), ServerSink::default());
    let (broadcaster, recorder) = start(&first);
    record(&recorder, "a", "m");
    broadcaster.start_recording_to(second.clone());
    record(&recorder, "a", "m");
    broadcaster.shutdown(LONG).await;
    assert_eq!(first.attempts(), ["create m", "patch m"]);
    assert_eq!(second.attempts(), ["create m"]);
}

#[tokio::test(start_paused = true)]
async fn c092_a_shutdown_writes_what_waits() {
    let sink = ServerSink::default();
    let (broadcaster, recorder) = start(&sink);
    sink.fail([Some(Fault::Connection)]);
    for n in 0..50 {
        record(&recorder, &format!("a-{n}"), "m");
    }
    assert_eq!(broadcaster.shutdown(Duration::from_secs(20)).await, 0);
    assert_eq!(sink.events().len(), 50);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_takes_no_longer_than_writing_does() {
    let sink = ServerSink::default();
    let (broadcaster, recorder) = start(&sink);
    record(&recorder, "a", "m");
    let start = Instant::now();
    assert_eq!(broadcaster.shutdown(LONG).await, 0);
    assert_eq!(start.elapsed(), Duration::ZERO);
    record(&recorder, "a", "m");
    assert_eq!((sink.attempts().len(), broadcaster.n_dropped()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn c100_a_shutdown_ends_at_its_deadline_and_leaves_no_task() {
    for fault in [Fault::Hang, Fault::Connection] {
        let sink = ServerSink::default();
        let (broadcaster, recorder) = start(&sink);
        sink.fail_always(fault);
        for n in 0..5 {
            record(&recorder, &format!("a-{n}"), "m");
        }
        let start = Instant::now();
        let n_unwritten = broadcaster.shutdown(Duration::from_secs(15)).await;
        assert_eq!((n_unwritten, start.elapsed()), (5, Duration::from_secs(15)));
        let n_attempts = sink.attempts().len();
        sleep(LONG).await;
        assert_eq!(sink.attempts().len(), n_attempts);
        assert!(broadcaster.is_idle());
        assert_eq!(
            tokio::runtime::Handle::current()
                .metrics()
                .num_alive_tasks(),
            0
        );
    }
}

#[tokio::test(start_paused = true)]
async fn c100_a_broadcaster_that_is_dropped_leaves_no_task() {
    let sink = ServerSink::default();
    let (broadcaster, recorder) = start(&sink);
    sink.fail_always(Fault::Hang);
    record(&recorder, "a", "m");
    sleep(Duration::from_millis(1)).await;
    drop(broadcaster);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks(),
        0
    );
    record(&recorder, "a", "m"); // nobody is there any more
}

/// In the middle of the first pause of twelve attempts.
#[tokio::test(start_paused = true)]
async fn c100_a_shutdown_without_patience_ends_pending_retries_at_once() {
    let sink = ServerSink::default();
    let (broadcaster, recorder) = start(&sink);
    sink.fail_always(Fault::Connection);
    record(&recorder, "a", "m");
    sleep(Duration::from_millis(1)).await;
    let start = Instant::now();
    assert_eq!(broadcaster.shutdown(Duration::ZERO).await, 1);
    assert!(start.elapsed() <= Duration::from_millis(1));
    sleep(LONG).await;
    assert_eq!(sink.attempts().len(), 1);
}

/// Recording from many threads: every event is written or counted as dropped.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn c091_events_from_many_threads_are_written_or_counted() {
    let sink = ServerSink::default();
    let broadcaster = EventBroadcaster::new(BroadcasterOptions {
        queue: 50,
        ..options()
    });
    broadcaster.start_recording_to(sink.clone());
    let mut threads = tokio::task::JoinSet::new();
    for thread in 0..8 {
        let recorder = broadcaster.recorder("test");
        threads.spawn(async move {
            for n in 0..200 {
                record(&recorder, &format!("a-{thread}-{n}"), "m");
                tokio::task::yield_now().await;
            }
        });
    }
    while let Some(thread) = threads.join_next().await {
        thread.unwrap();
    }
    assert_eq!(broadcaster.shutdown(Duration::from_secs(60)).await, 0);
    let n_written = u64::try_from(sink.events().len()).unwrap();
    assert_eq!(n_written + broadcaster.n_dropped(), 8 * 200);
}
