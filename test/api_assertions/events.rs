//! Events of both APIs, by the sinks that write them: what a server takes, and what it keeps of it.

use std::time::{Duration, UNIX_EPOCH};

use bitcoin_controller::api::core::ObjectReference;
use bitcoin_controller::api::{MicroTime, ObjectKey, Resource, core, events};
use bitcoin_controller::base::Clock;
use bitcoin_controller::client::{Client, DeleteOptions, ListParams, Scope};
use bitcoin_controller::record::{
    ApiEventSink, ApiSeriesSink, BroadcasterOptions, EventBroadcaster, EventType,
};

use super::Api;
use super::api::DEADLINE;

/// Something in our namespace; it need not be there for events about it.
fn about(api: &Api, name: &str) -> ObjectReference {
    ObjectReference {
        api_version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        namespace: api.namespace.clone(),
        name: name.to_owned(),
        uid: "uid".to_owned(),
        ..ObjectReference::default()
    }
}

fn broadcaster() -> EventBroadcaster {
    EventBroadcaster::new(BroadcasterOptions {
        clock: Clock::starting_at(UNIX_EPOCH + Duration::from_millis(1_700_000_000_500)),
        instance: "host".to_owned(),
        ..BroadcasterOptions::default()
    })
}

async fn all<R: Resource>(api: &Api, client: &Client) -> Vec<R> {
    let scope = Scope::Namespace(api.namespace.as_str().into());
    let listed = client.list_all::<R>(&scope, &ListParams::default()).await;
    listed.unwrap()
}

async fn delete<R: Resource>(client: &Client, object: &R) -> ObjectKey {
    let key = object.key();
    let deleted = client.delete::<R>(&key, &DeleteOptions::default()).await;
    deleted.unwrap();
    key
}

#[tokio::test]
async fn c094_a_core_event_is_created_and_patched_with_its_count() {
    let api = Api::start().await;
    let broadcaster = broadcaster();
    broadcaster.start_recording_to(ApiEventSink::new(api.client()));
    let recorder = broadcaster.recorder("assertions");
    for _ in 0..3 {
        recorder.event(&about(&api, "a"), EventType::Warning, "Lost", "it is lost");
    }
    assert_eq!(broadcaster.shutdown(DEADLINE).await, 0);
    let written = all::<core::Event>(&api, &api.client()).await;
    let [event] = &written[..] else {
        panic!("one event: {written:?}");
    };
    assert_eq!(
        (event.count, &*event.reason, &*event.type_),
        (3, "Lost", "Warning")
    );
    let first = event.first_timestamp.unwrap().unix_seconds();
    assert_eq!(first, 1_700_000_000, "to the second");
    assert!(
        event.metadata.name.starts_with("a."),
        "{}",
        event.metadata.name
    );
}

#[tokio::test]
async fn c095_a_core_event_that_is_gone_is_created_again() {
    let (api, broadcaster) = (Api::start().await, broadcaster());
    let client = api.client();
    broadcaster.start_recording_to(ApiEventSink::new(client.clone()));
    let recorder = broadcaster.recorder("assertions");
    let record = || recorder.event(&about(&api, "a"), EventType::Normal, "Done", "m");
    record();
    written(&broadcaster).await;
    let [event] = &all::<core::Event>(&api, &client).await[..] else {
        panic!("one event");
    };
    let key = delete(&client, event).await;
    record();
    assert_eq!(broadcaster.shutdown(DEADLINE).await, 0);
    let again = client.get::<core::Event>(&key).await.unwrap();
    assert_eq!(again.count, 2);
    assert_ne!(again.metadata.uid, event.metadata.uid);
}

#[tokio::test]
async fn c101_a_series_is_created_patched_and_created_again_if_it_is_gone() {
    let (api, broadcaster) = (Api::start().await, broadcaster());
    let client = api.client();
    broadcaster.start_recording_series_to(ApiSeriesSink::new(client.clone()));
    let recorder = broadcaster.recorder("assertions");
    let record = |object: &str| {
        let (regarding, related) = (about(&api, object), about(&api, "other"));
        let other = Some(&related);
        recorder.event_with_action(&regarding, other, EventType::Normal, "Done", "Do", "m");
    };
    record("a");
    written(&broadcaster).await;
    let [event] = &all::<events::Event>(&api, &client).await[..] else {
        panic!("one event");
    };
    assert_eq!(
        (event.series, &*event.action, &*event.note),
        (None, "Do", "m")
    );
    assert_eq!((&*event.regarding.name, &*event.reason), ("a", "Done"));
    assert_eq!(event.related.as_ref().unwrap().name, "other");
    record("a");
    written(&broadcaster).await;
    let key = event.key();
    let patched = client.get::<events::Event>(&key).await.unwrap();
    assert_eq!(patched.series.unwrap().count, 2);
    assert_eq!(patched.metadata.uid, event.metadata.uid);

    record("b");
    written(&broadcaster).await;
    let both = all::<events::Event>(&api, &client).await;
    let of_b = both.iter().find(|event| event.regarding.name == "b");
    let key = delete(&client, of_b.unwrap()).await;
    record("b");
    assert_eq!(broadcaster.shutdown(DEADLINE).await, 0);
    let again = client.get::<events::Event>(&key).await.unwrap();
    assert_eq!(again.series.unwrap().count, 2);
}

#[tokio::test]
async fn c102_microseconds_arrive_and_stay() {
    let (api, broadcaster) = (Api::start().await, broadcaster());
    broadcaster.start_recording_series_to(ApiSeriesSink::new(api.client()));
    let recorder = broadcaster.recorder("assertions");
    for _ in 0..3 {
        recorder.event(&about(&api, "a"), EventType::Normal, "Done", "m");
    }
    assert_eq!(broadcaster.shutdown(DEADLINE).await, 0);
    let written = all::<events::Event>(&api, &api.client()).await;
    let [event] = &written[..] else {
        panic!("one event: {written:?}");
    };
    let earliest = MicroTime::from_unix_micros(1_700_000_000_500_000);
    assert!(event.event_time.unwrap() >= earliest);
    let series = event.series.unwrap();
    assert_eq!(series.count, 3);
    assert!(series.last_observed_time >= event.event_time.unwrap());
}

/// Why the digits matter: a server takes six of them, and no other number.
#[tokio::test]
async fn c102_a_server_refuses_another_number_of_fractional_digits() {
    let api = Api::start().await;
    for (number, time) in [
        "1970-01-01T00:00:07Z",
        "1970-01-01T00:00:07.042Z",
        "1970-01-01T00:00:07.000042000Z",
        "1970-01-01T00:00:07.000042Z",
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("a.{number}");
        let event = serde_json::json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": name},
            "regarding": about(&api, "a"), "type": "Normal", "reason": "Done", "action": "Do", "note": "m",
            "reportingController": "assertions", "reportingInstance": "host", "eventTime": time,
        });
        let client = api.client();
        let made = client.create::<events::Event>(&api.namespace, &event).await;
        let is_taken = made.as_ref().is_ok_and(|made| made.event_time.is_some());
        let is_refused =
            made.is_err_and(|error| error.status().is_some_and(|said| said.code == 400));
        assert_eq!((is_taken, is_refused), (number == 3, number != 3), "{time}");
    }
}

/// Texts as long as a server takes them, and no longer.
#[tokio::test]
async fn events_that_are_too_long_are_cut_to_what_a_server_takes() {
    let core = write_too_long(|broadcaster, client| {
        broadcaster.start_recording_to(ApiEventSink::new(client));
    });
    let core = core.await;
    assert_eq!(all::<core::Event>(&core, &core.client()).await.len(), 1);
    let series = write_too_long(|broadcaster, client| {
        broadcaster.start_recording_series_to(ApiSeriesSink::new(client));
    });
    let series = series.await;
    let written = all::<events::Event>(&series, &series.client()).await;
    assert_eq!((written.len(), written[0].note.len()), (1, 1_024));
}

async fn write_too_long(add_sink: impl Fn(&EventBroadcaster, Client)) -> Api {
    let api = Api::start().await;
    let broadcaster = EventBroadcaster::new(BroadcasterOptions {
        instance: "i".repeat(300),
        ..BroadcasterOptions::default()
    });
    add_sink(&broadcaster, api.client());
    let word: &'static str = Box::leak("Word".repeat(100).into_boxed_str());
    let (object, note) = (about(&api, "Not a name!"), "ä".repeat(2_000));
    let recorder = broadcaster.recorder("assertions");
    recorder.event(&object, EventType::Normal, word, note);
    assert_eq!(broadcaster.shutdown(DEADLINE).await, 0);
    api
}

/// Waits until everything recorded so far has been written or given up.
async fn written(broadcaster: &EventBroadcaster) {
    super::api::eventually("the events are written", async || broadcaster.is_idle()).await;
}
