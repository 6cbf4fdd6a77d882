//! What happens again, told as a series: what is written, when, and that no count is lost.

use std::collections::BTreeMap;
use std::time::Duration;

use bitcoin_controller::api::core::ObjectReference;
use bitcoin_controller::base::Random;
use bitcoin_controller::record::event_series::CAPACITY;
use bitcoin_controller::record::{
    Correlated, Event, EventBroadcaster, EventRecorder, EventSeries, EventType,
};
use tokio::time::{Instant, sleep};

use super::double::{Fault, ServerSink, about, event, options};

const MINUTE: Duration = Duration::from_secs(60);

/// `create NAME xCOUNT MESSAGE`, or `skip`.
fn told(correlated: &Correlated) -> String {
    let (verb, event) = match correlated {
        Correlated::Create(event) => ("create", event),
        Correlated::Patch(event) => ("patch", event),
        Correlated::Skip => return "skip".to_owned(),
    };
    format!("{verb} {} x{} {}", event.name, event.count, event.message)
}

fn all_told(writes: Vec<Correlated>) -> Vec<String> {
    writes.iter().map(told).collect()
}

#[test]
fn c101_the_first_is_created_the_second_patched_and_the_others_are_counted() {
    let (mut series, now) = (EventSeries::default(), Instant::now());
    let mut happen = |name: &str| told(&series.correlate(event(name, "a", "Done", "m"), now));
    assert_eq!(happen("1"), "create 1 x1 m");
    assert_eq!(happen("2"), "patch 1 x2 m");
    assert_eq!([happen("3"), happen("4")], ["skip", "skip"]);
    assert_eq!(all_told(series.finish(now)), ["patch 1 x4 m"]);
    assert!(series.is_empty());
}

#[test]
fn c102_the_message_and_the_objects_version_do_not_make_another_series() {
    let (mut series, now) = (EventSeries::default(), Instant::now());
    series.correlate(event("1", "a", "Done", "block 1"), now);
    let mut later = event("2", "a", "Done", "block 2");
    later.about.resource_version = "77".to_owned();
    later.first_timestamp = bitcoin_controller::api::MicroTime::from_unix_micros(9_000_000);
    later.last_timestamp = later.first_timestamp;
    let Correlated::Patch(patched) = series.correlate(later, now) else {
        panic!("one more of the first");
    };
    assert_eq!((patched.count, patched.message.as_str()), (2, "block 1"));
    assert_eq!(patched.first_timestamp.unix_micros(), 7_000_042);
    assert_eq!(patched.last_timestamp.unix_micros(), 9_000_000);
}

#[test]
fn c102_whatever_else_differs_makes_another_series() {
    let differing: [fn(&mut Event); 10] = [
        |event| event.reason.push('x'),
        |event| event.action.push('x'),
        |event| event.kind = EventType::Warning,
        |event| event.component.push('x'),
        |event| event.instance.push('x'),
        |event| event.about.uid.push('x'),
        |event| event.about.name.push('x'),
        |event| event.about.field_path.push('x'),
        |event| event.related = Some(ObjectReference::default()),
        |event| event.related = Some(about("b")),
    ];
    let (mut series, now) = (EventSeries::default(), Instant::now());
    series.correlate(event("1", "a", "Done", "m"), now);
    for (index, differ) in differing.iter().enumerate() {
        let mut other = event("other", "a", "Done", "m");
        differ(&mut other);
        let outcome = told(&series.correlate(other, now));
        assert_eq!(outcome, "create other x1 m", "{index}");
    }
}

fn start(sink: &ServerSink) -> (EventBroadcaster, EventRecorder) {
    let broadcaster = EventBroadcaster::new(options());
    broadcaster.start_recording_series_to(sink.clone());
    let recorder = broadcaster.recorder("test");
    (broadcaster, recorder)
}

fn record(recorder: &EventRecorder) {
    recorder.event(&about("a"), EventType::Normal, "Done", "m");
}

#[tokio::test(start_paused = true)]
async fn c101_a_series_that_goes_on_is_written_every_half_hour() {
    let sink = ServerSink::default();
    let (_broadcaster, recorder) = start(&sink);
    let mut written = Vec::new();
    for minute in 0..95_u32 {
        record(&recorder);
        sleep(MINUTE).await;
        let n_attempts = sink.attempts().len();
        if written
            .last()
            .is_none_or(|(_, last, _)| *last != n_attempts)
        {
            written.push((minute, n_attempts, sink.events()[0].count));
        }
    }
    // Two requests at once, and then one each half hour and the minute until somebody looks.
    let minutes: Vec<u32> = written.iter().map(|(minute, ..)| *minute).collect();
    assert_eq!(written.len(), 5, "{written:?}");
    assert_eq!(minutes[..2], [0, 1]);
    for pair in minutes[1..].windows(2) {
        assert!((30..=31).contains(&(pair[1] - pair[0])), "{written:?}");
    }
    // It happens in every minute, and what is written is up to date.
    for (minute, _, count) in &written {
        assert!((0..=2).contains(&(minute + 2 - count)), "{written:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn c101_a_series_at_rest_is_written_once_more_after_six_minutes_and_forgotten() {
    let sink = ServerSink::default();
    let (broadcaster, recorder) = start(&sink);
    for _ in 0..5 {
        record(&recorder);
    }
    sleep(Duration::from_secs(359)).await;
    assert_eq!(sink.attempts(), ["create m", "patch m"]);
    assert_eq!(sink.events()[0].count, 2);
    sleep(MINUTE + Duration::from_secs(1)).await;
    assert_eq!(sink.attempts().len(), 3);
    assert_eq!(sink.events()[0].count, 5);
    sleep(60 * MINUTE).await;
    assert_eq!(sink.attempts().len(), 3);
    record(&recorder);
    broadcaster.shutdown(MINUTE).await;
    assert_eq!(sink.events().len(), 2, "it is forgotten: a new event");
}

#[tokio::test(start_paused = true)]
async fn c101_what_happened_once_or_is_written_already_is_forgotten_without_a_request() {
    for n_times in [1, 2] {
        let sink = ServerSink::default();
        let (_broadcaster, recorder) = start(&sink);
        for _ in 0..n_times {
            record(&recorder);
        }
        sleep(60 * MINUTE).await;
        assert_eq!(sink.attempts().len(), n_times);
        record(&recorder);
        sleep(MINUTE).await;
        assert_eq!(sink.events().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn c101_a_series_whose_event_has_expired_is_created_again_as_a_series() {
    let sink = ServerSink::default();
    let (_broadcaster, recorder) = start(&sink);
    record(&recorder);
    sleep(MINUTE).await;
    sink.forget();
    record(&recorder);
    sleep(MINUTE).await;
    assert_eq!(sink.attempts(), ["create m", "patch m", "create m"]);
    assert_eq!(sink.events()[0].to_series_json()["series"]["count"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_writes_the_counts_that_are_owed() {
    let sink = ServerSink::default();
    let (broadcaster, recorder) = start(&sink);
    for _ in 0..7 {
        record(&recorder);
    }
    assert_eq!(broadcaster.shutdown(MINUTE).await, 0);
    assert_eq!(sink.events()[0].count, 7);
    assert_eq!(sink.attempts().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn counts_that_are_owed_and_find_no_time_at_a_shutdown_are_counted_as_unwritten() {
    let sink = ServerSink::default();
    let (broadcaster, recorder) = start(&sink);
    for reason in ["One", "Two", "Three"] {
        for _ in 0..7 {
            recorder.event(&about("a"), EventType::Normal, reason, "m");
        }
    }
    sleep(Duration::from_secs(1)).await;
    assert!(broadcaster.is_idle(), "creations and first patches are out");
    sink.fail_always(Fault::Hang);
    assert_eq!(broadcaster.shutdown(MINUTE).await, 3);
}

#[tokio::test(start_paused = true)]
async fn what_got_lost_is_tried_again_and_counts_go_on_meanwhile() {
    let sink = ServerSink::default();
    let (broadcaster, recorder) = start(&sink);
    sink.fail([Some(Fault::Connection), Some(Fault::Connection)]);
    for _ in 0..4 {
        record(&recorder);
    }
    sleep(MINUTE).await;
    assert!(broadcaster.is_idle());
    let expected = ["create m", "create m", "create m", "patch m"];
    assert_eq!(sink.attempts(), expected);
    broadcaster.shutdown(MINUTE).await;
    assert_eq!(sink.events()[0].count, 4);
}

#[test]
fn at_most_so_many_series_are_remembered() {
    let (mut series, now) = (EventSeries::default(), Instant::now());
    series.correlate(event("first", "first", "Done", "m"), now);
    for n in 0..CAPACITY {
        let object = format!("other-{n}");
        series.correlate(event("other", &object, "Done", "m"), now);
    }
    let again = series.correlate(event("2", "first", "Done", "m"), now);
    assert_eq!(told(&again), "create 2 x1 m");
}

/// What has happened, and what a server has been told of it.
#[derive(Default)]
struct Ledger {
    /// The last count of each event.
    server: BTreeMap<String, u32>,
    /// Of each object: the event it goes by, how often that has happened, and since which minute the server
    /// has an older count.
    objects: BTreeMap<String, (String, u32, Option<u64>)>,
}

impl Ledger {
    fn happen(&mut self, object: &str, outcome: Correlated, minute: u64) {
        let entry = self.objects.entry(object.to_owned()).or_default();
        if let Correlated::Create(event) = &outcome {
            *entry = (event.name.clone(), 0, None);
        }
        entry.1 += 1;
        entry.2 = entry.2.or(Some(minute));
        self.write(outcome);
    }

    fn write(&mut self, write: Correlated) {
        let (Correlated::Create(event) | Correlated::Patch(event)) = write else {
            return;
        };
        let (name, count, untold) = self.objects.get_mut(&event.about.name).unwrap();
        assert_eq!((&*name, *count), (&event.name, event.count));
        *untold = None;
        let before = self.server.insert(event.name, event.count);
        assert!(before.unwrap_or(0) < event.count, "nothing new");
    }
}

/// Goal: whatever happens when, no count is lost and none is made up. Method: at the end the counts a
/// pretend server has add up to the number of things that happened, and at no time is what it has older
/// than the rules allow.
#[test]
fn in_two_thousand_random_histories_the_counts_add_up() {
    let start = Instant::now();
    for seed in 0..2_000 {
        let random = Random::seeded(seed);
        let (mut series, mut ledger) = (EventSeries::default(), Ledger::default());
        let (mut n_happened, rarely) = (0, 1 + random.below(8));
        for minute in 0..80 {
            let now = start + MINUTE * minute as u32;
            for write in series.due(now) {
                ledger.write(write);
            }
            while random.below(2) == 0 && random.below(rarely) == 0 {
                let object = ["a", "b", "c"][random.below(3) as usize];
                let event = event(&format!("{object}-{n_happened}"), object, "Done", "m");
                ledger.happen(object, series.correlate(event, now), minute);
                n_happened += 1;
            }
            for (object, (_, _, untold)) in &ledger.objects {
                let age = untold.map_or(0, |since| minute - since);
                assert!(age < 30, "seed {seed}: {object} is {age} minutes behind");
            }
        }
        for write in series.finish(start + 81 * MINUTE) {
            ledger.write(write);
        }
        assert_eq!(
            ledger.server.values().sum::<u32>(),
            n_happened,
            "seed {seed}"
        );
        assert!(series.is_empty());
    }
}
