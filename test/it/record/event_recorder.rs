//! The one call: what it makes of its arguments, and that it never waits.

use std::collections::BTreeSet;
use std::time::Duration;

use bitcoin_controller::record::{EventBroadcaster, EventType, MemoryEventSink};

use super::double::{about, options};

async fn recorded(
    record: impl FnOnce(&EventBroadcaster),
) -> Vec<bitcoin_controller::record::Event> {
    let sink = MemoryEventSink::default();
    let broadcaster = EventBroadcaster::new(options());
    broadcaster.start_recording_to(sink.clone());
    record(&broadcaster);
    assert_eq!(broadcaster.shutdown(Duration::from_secs(1)).await, 0);
    sink.events()
}

#[tokio::test(start_paused = true)]
async fn c093_an_event_says_what_happened_to_what_when_and_who_says_so() {
    let events = recorded(|broadcaster| {
        let recorder = broadcaster.recorder("bitcoin-controller");
        recorder.event(&about("a"), EventType::Warning, "Lost", "it is lost");
    })
    .await;
    let [event] = &events[..] else {
        panic!("one event")
    };
    assert_eq!(
        (&event.about, event.kind, event.reason.as_str()),
        (&about("a"), EventType::Warning, "Lost")
    );
    assert_eq!(
        (event.component.as_str(), event.instance.as_str()),
        ("bitcoin-controller", "host")
    );
    assert_eq!(
        (
            event.count,
            event.first_timestamp,
            event.last_timestamp.unix_micros()
        ),
        (1, event.last_timestamp, 1_000_000_000)
    );
    assert_eq!(event.name, format!("a.{:x}", 1_000 * 1_000_000_000_u64));
}

#[tokio::test(start_paused = true)]
async fn names_differ_even_while_the_clock_stands_still() {
    let events = recorded(|broadcaster| {
        for component in ["one", "other"] {
            for n in 0..100 {
                let object = about(&format!("a-{n}"));
                broadcaster
                    .recorder(component)
                    .event(&object, EventType::Normal, "Done", "m");
            }
        }
    })
    .await;
    let suffixes: BTreeSet<_> = events
        .iter()
        .map(|event| event.name.rsplit('.').next().unwrap())
        .collect();
    assert_eq!(suffixes.len(), 200);
}

#[tokio::test(start_paused = true)]
async fn c093_an_object_whose_name_cannot_begin_an_events_name_has_a_uuid_for_its_events() {
    let long = "a".repeat(250);
    for (object, is_kept) in [
        ("a", true),
        ("a.b-c.1", true),
        ("A", false),
        ("a_b", false),
        ("", false),
        (long.as_str(), false),
    ] {
        let events = recorded(|broadcaster| {
            let recorder = broadcaster.recorder("test");
            recorder.event(&about(object), EventType::Normal, "Done", "m");
            recorder.event(&about(object), EventType::Normal, "Other", "m");
        })
        .await;
        assert_eq!(events.len(), 2);
        for event in events {
            assert_eq!(
                event.name.starts_with(&format!("{object}.")),
                is_kept,
                "{object}"
            );
            let is_uuid = event.name.len() == 36 && event.name.split('-').count() == 5;
            assert_eq!(is_uuid, !is_kept, "{}", event.name);
            assert_eq!(event.about.name, object);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_message_is_cut_between_characters() {
    let events = recorded(|broadcaster| {
        let message = format!("a{}", "ä".repeat(1_000));
        broadcaster
            .recorder("test")
            .event(&about("a"), EventType::Normal, "Done", message);
    })
    .await;
    assert_eq!(events[0].message.len(), 1_023);
}

#[tokio::test(start_paused = true)]
async fn an_action_and_a_second_object_can_be_told_and_reasons_stand_in_for_actions() {
    let long: &'static str = Box::leak(format!("A{}", "ä".repeat(100)).into_boxed_str());
    let events = recorded(|broadcaster| {
        let recorder = broadcaster.recorder("test");
        let (a, b) = (about("a"), about("b"));
        recorder.event(&a, EventType::Normal, "Done", "m");
        recorder.event_with_action(&a, Some(&b), EventType::Normal, "Done", "Do", "m");
        recorder.event_with_action(&a, None, EventType::Normal, long, long, "m");
    })
    .await;
    let told = |event: &bitcoin_controller::record::Event| {
        let related = event.related.as_ref().map(|related| related.name.clone());
        (event.action.clone(), related)
    };
    // To older events action and second object are nothing, so the second is one more of the first.
    assert_eq!(events.len(), 2);
    assert_eq!(told(&events[0]), ("Do".to_owned(), Some("b".to_owned())));
    assert_eq!(events[0].count, 2);
    assert_eq!((events[1].reason.len(), events[1].action.len()), (127, 127));
}

#[tokio::test(start_paused = true)]
async fn recording_without_a_sink_or_after_the_end_does_nothing() {
    let broadcaster = EventBroadcaster::new(options());
    let recorder = broadcaster.recorder("test");
    recorder.event(&about("a"), EventType::Normal, "Done", "m");
    assert!(broadcaster.is_idle());
    let sink = MemoryEventSink::default();
    broadcaster.start_recording_to(sink.clone());
    broadcaster.shutdown(Duration::from_secs(1)).await;
    recorder.event(&about("a"), EventType::Normal, "Done", "m");
    broadcaster.start_recording_to(sink.clone());
    assert_eq!(
        broadcaster.shutdown(Duration::from_secs(1)).await,
        0,
        "again: nothing happens"
    );
    assert!(sink.events().is_empty() && broadcaster.is_idle());
    drop(broadcaster);
    recorder.event(&about("a"), EventType::Normal, "Done", "m");
}
