//! Which events are new, which are one more of a known one, and which are too many.

use std::time::Duration;

use bitcoin_controller::api::MicroTime;
use bitcoin_controller::record::event_correlator::CAPACITY;
use bitcoin_controller::record::{Correlated, Event, EventCorrelator, EventType};
use tokio::time::{Instant, advance};

use super::double::event;

const PREFIX: &str = "(combined from similar events): ";

/// The outcome in a word: `create NAME xCOUNT MESSAGE`.
fn told(correlated: &Correlated) -> String {
    let event = |verb: &str, event: &Event| {
        format!("{verb} {} x{} {}", event.name, event.count, event.message)
    };
    match correlated {
        Correlated::Create(created) => event("create", created),
        Correlated::Patch(patched) => event("patch", patched),
        Correlated::Skip => "skip".to_owned(),
    }
}

fn correlate(correlator: &mut EventCorrelator, event: Event) -> String {
    told(&correlator.correlate(event, Instant::now()))
}

#[tokio::test(start_paused = true)]
async fn c094_the_same_event_again_is_one_more_of_the_first() {
    let mut correlator = EventCorrelator::default();
    assert_eq!(
        correlate(&mut correlator, event("1", "a", "Done", "m")),
        "create 1 x1 m"
    );
    let mut again = event("2", "a", "Done", "m");
    again.first_timestamp = MicroTime::from_unix_micros(90_000_000);
    again.last_timestamp = MicroTime::from_unix_micros(90_000_000);
    let Correlated::Patch(patched) = correlator.correlate(again, Instant::now()) else {
        panic!("a patch");
    };
    assert_eq!((patched.name.as_str(), patched.count), ("1", 2));
    assert_eq!(
        patched.first_timestamp.unix_micros(),
        7_000_042,
        "since the first"
    );
    assert_eq!(patched.last_timestamp.unix_micros(), 90_000_000);
}

#[tokio::test(start_paused = true)]
async fn whatever_differs_makes_another_event() {
    let differing: [fn(&mut Event); 9] = [
        |event| event.reason.push('x'),
        |event| event.message.push('x'),
        |event| event.kind = EventType::Warning,
        |event| event.component.push('x'),
        |event| event.instance.push('x'),
        |event| event.about.uid.push('x'),
        |event| event.about.kind.push('x'),
        |event| event.about.api_version.push('x'),
        |event| event.about.field_path.push('x'),
    ];
    for (n, change) in differing.into_iter().enumerate() {
        let mut correlator = EventCorrelator::default();
        correlate(&mut correlator, event("1", "a", "Done", "m"));
        let mut other = event("2", "a", "Done", "m");
        change(&mut other);
        assert!(
            matches!(
                correlator.correlate(other, Instant::now()),
                Correlated::Create(_)
            ),
            "{n}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_that_differs_makes_no_other_event() {
    let mut correlator = EventCorrelator::default();
    correlate(&mut correlator, event("1", "a", "Done", "m"));
    let mut later = event("2", "a", "Done", "m");
    later.about.resource_version = "9".to_owned();
    assert_eq!(correlate(&mut correlator, later), "patch 1 x2 m");
}

#[tokio::test(start_paused = true)]
async fn c096_the_tenth_message_of_a_group_and_those_after_it_are_combined() {
    let mut correlator = EventCorrelator::default();
    for n in 1..10 {
        let message = format!("m{n}");
        let outcome = correlate(
            &mut correlator,
            event(&n.to_string(), "a", "Done", &message),
        );
        assert_eq!(outcome, format!("create {n} x1 m{n}"));
        // The same message again does not count towards the ten.
        let outcome = correlate(&mut correlator, event("again", "a", "Done", &message));
        assert_eq!(outcome, format!("patch {n} x2 m{n}"));
    }
    assert_eq!(
        correlate(&mut correlator, event("10", "a", "Done", "m10")),
        format!("create 10 x1 {PREFIX}m10")
    );
    assert_eq!(
        correlate(&mut correlator, event("11", "a", "Done", "m11")),
        format!("patch 10 x2 {PREFIX}m11")
    );
    assert_eq!(
        correlate(&mut correlator, event("12", "a", "Done", "m1")),
        format!("patch 10 x3 {PREFIX}m1")
    );
    // Another reason is another group.
    assert_eq!(
        correlate(&mut correlator, event("13", "a", "Other", "m13")),
        "create 13 x1 m13"
    );
}

#[tokio::test(start_paused = true)]
async fn c096_a_group_starts_anew_after_more_than_ten_quiet_minutes() {
    for (quiet, expected) in [
        (600, format!("create 10 x1 {PREFIX}m10")),
        (601, "create 10 x1 m10".to_owned()),
    ] {
        let mut correlator = EventCorrelator::default();
        for n in 1..10 {
            correlate(
                &mut correlator,
                event(&n.to_string(), "a", "Done", &format!("m{n}")),
            );
            // Quiet is counted from the last of them, not from the first.
            advance(Duration::from_secs(if n == 9 { quiet } else { 599 })).await;
        }
        assert_eq!(
            correlate(&mut correlator, event("10", "a", "Done", "m10")),
            expected
        );
    }
}

#[tokio::test(start_paused = true)]
async fn c097_an_object_may_have_25_events_at_once_and_one_more_every_five_minutes() {
    let mut correlator = EventCorrelator::default();
    for count in 1..=25 {
        assert!(
            correlate(&mut correlator, event("1", "a", "Done", "m"))
                .contains(&format!("x{count} "))
        );
    }
    assert_eq!(
        correlate(&mut correlator, event("1", "a", "Done", "m")),
        "skip"
    );
    assert_eq!(
        correlate(&mut correlator, event("2", "a", "Other", "m")),
        "skip",
        "whatever its reason"
    );
    assert_eq!(
        correlate(&mut correlator, event("3", "b", "Done", "m")),
        "create 3 x1 m",
        "another object"
    );
    let mut warning = event("4", "a", "Done", "m");
    warning.kind = EventType::Warning;
    assert_eq!(
        correlate(&mut correlator, warning),
        "create 4 x1 m",
        "another type"
    );

    advance(Duration::from_secs(299)).await;
    assert_eq!(
        correlate(&mut correlator, event("1", "a", "Done", "m")),
        "skip"
    );
    advance(Duration::from_secs(1)).await;
    // Those that were skipped count.
    assert_eq!(
        correlate(&mut correlator, event("1", "a", "Done", "m")),
        "patch 1 x28 m"
    );
    assert_eq!(
        correlate(&mut correlator, event("1", "a", "Done", "m")),
        "skip"
    );
}

#[tokio::test(start_paused = true)]
async fn a_long_quiet_object_has_25_events_again_and_no_more() {
    let mut correlator = EventCorrelator::default();
    for _ in 0..30 {
        correlate(&mut correlator, event("1", "a", "Done", "m"));
    }
    advance(Duration::from_secs(1_000_000)).await;
    let outcomes: Vec<_> = (0..30)
        .map(|_| correlate(&mut correlator, event("1", "a", "Done", "m")))
        .collect();
    assert_eq!(
        outcomes.iter().filter(|outcome| *outcome == "skip").count(),
        5
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_not_used_for_longest_is_forgotten() {
    let mut correlator = EventCorrelator::default();
    correlate(&mut correlator, event("first", "first", "Done", "m"));
    for n in 0..CAPACITY {
        correlate(
            &mut correlator,
            event("other", &format!("other-{n}"), "Done", "m"),
        );
    }
    assert_eq!(
        correlate(&mut correlator, event("2", "first", "Done", "m")),
        "create 2 x1 m"
    );
}

/// What is remembered of a group does not grow with its messages; its `Debug` form shows all of it.
#[tokio::test(start_paused = true)]
async fn a_group_remembers_ten_messages_at_most() {
    let mut correlator = EventCorrelator::default();
    for n in 0..1_000 {
        correlate(
            &mut correlator,
            event("1", "a", "Done", &format!("message-{n}")),
        );
    }
    let remembered = format!("{correlator:?}");
    assert!(remembered.contains("message-8") && !remembered.contains("message-9"));
}

#[tokio::test(start_paused = true)]
async fn a_combined_message_is_cut_to_what_a_server_takes() {
    let mut correlator = EventCorrelator::default();
    let mut last = Correlated::Skip;
    for n in 0..10 {
        let message = format!("{n}{}", "ä".repeat(511));
        last = correlator.correlate(event("1", "a", "Done", &message), Instant::now());
    }
    let Correlated::Create(combined) = last else {
        panic!("a new one")
    };
    assert!(combined.message.starts_with(PREFIX));
    assert!(
        (1_020..=1_024).contains(&combined.message.len()),
        "{}",
        combined.message.len()
    );
}
