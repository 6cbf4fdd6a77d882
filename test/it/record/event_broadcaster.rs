//! Every event to every sink, each at its pace; what is tried again, what is given up, and the end.

use std::time::Duration;

use bitcoin_controller::record::{BroadcasterOptions, EventBroadcaster, EventRecorder, EventType};
use tokio::time::{Instant, sleep};

use super::double::{Fault, ServerSink, about, options};

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
async fn the_same_event_twice_is_created_and_then_patched() {
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
            event.first_timestamp.unix_seconds(),
            event.last_timestamp.unix_seconds()
        ),
        (1_000, 1_060)
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_that_has_expired_is_created_again_with_its_count() {
    let sink = ServerSink::default();
    let (broadcaster, recorder) = start(&sink);
    record(&recorder, "a", "m");
    sleep(Duration::from_millis(1)).await;
    sink.forget();
    record(&recorder, "a", "m");
    broadcaster.shutdown(LONG).await;
    assert_eq!(sink.attempts(), ["create m", "patch m", "create m"]);
    assert_eq!(sink.events()[0].count, 2);
}

#[tokio::test(start_paused = true)]
async fn what_the_server_refuses_is_given_up_and_what_got_lost_is_tried_twelve_times() {
    let table = [
        (Fault::Status(403, "Forbidden"), 1),
        (Fault::Status(409, "AlreadyExists"), 1),
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

#[tokio::test(start_paused = true)]
async fn the_first_pause_is_a_random_share_of_ten_seconds_and_the_others_are_whole() {
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
async fn a_dead_server_stops_neither_the_recorder_nor_another_sink() {
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
async fn every_sink_gets_the_same_order_and_nothing_from_before_it_came() {
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
async fn a_shutdown_writes_what_waits() {
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
async fn a_shutdown_ends_at_its_deadline_and_leaves_no_task() {
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
async fn a_broadcaster_that_is_dropped_leaves_no_task() {
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

/// Recording from many threads: every event is written or counted as dropped.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn events_from_many_threads_are_written_or_counted() {
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
