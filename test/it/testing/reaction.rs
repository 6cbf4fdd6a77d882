//! Each answer a reactor can give, as the client meets it.

use std::time::Duration;

use bitcoin_controller::api::core::{Pod, Secret};
use bitcoin_controller::client::{Client, Error, Scope, WatchEvent, WatchParams, WatchStream};
use bitcoin_controller::sim::Refusal;
use bitcoin_controller::sim::faults::Effect;
use bitcoin_controller::testing::{Action, Fake, Reaction};
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::{client, key, named, sent};

/// A fake that reacts so to the first creation.
fn once(react: fn(&Action) -> Reaction) -> (Fake, Client) {
    let fake = Fake::new();
    let mut react = Some(react);
    fake.prepend_reactor("create", "secrets", move |action| {
        react.take().map_or(Reaction::Pass, |react| react(action))
    });
    let client = client(&fake);
    (fake, client)
}

async fn refused(react: fn(&Action) -> Reaction) -> Error {
    let (_fake, client) = once(react);
    client
        .create::<Secret>("default", &named("a"))
        .await
        .unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn refusals_are_those_of_a_server() {
    assert!(refused(Reaction::not_found).await.is_not_found());
    assert!(refused(Reaction::already_exists).await.is_already_exists());
    assert!(refused(Reaction::conflict).await.is_conflict());
    assert!(refused(|_| Reaction::gone()).await.is_gone());
    let error =
        refused(|action| Reaction::error(Refusal::forbidden(&action.kind(), "a", "no"))).await;
    assert!(error.is_forbidden());
    assert_eq!(
        error.to_string(),
        "failed to create secret `default/a`: the server answered 403 Forbidden: secrets \"a\" is forbidden: no"
    );
    let error = refused(|_| Reaction::server_error()).await;
    assert_eq!(error.status().unwrap().reason, "InternalError");
    let error = refused(|_| Reaction::Fault(Effect::Garble)).await;
    assert_eq!(error.status().unwrap().code, 502);
}

#[tokio::test(start_paused = true)]
async fn too_many_requests_make_the_client_wait_and_send_again() {
    let (fake, client) = once(|_| Reaction::too_many_requests(3));
    let start = Instant::now();
    assert!(
        client
            .create::<Secret>("default", &named("a"))
            .await
            .is_ok()
    );
    assert_eq!(start.elapsed().as_secs(), 3);
    assert_eq!(sent(&fake), ["create secrets default/a"; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_connection_is_a_lost_one_and_nothing_was_done() {
    let (fake, client) = once(|_| Reaction::Fault(Effect::Drop));
    let error = client
        .create::<Secret>("default", &named("a"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Connection { .. }), "{error}");
    assert!(fake.server().store().list("secrets").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_that_to_something_that_was_done() {
    let (fake, client) = once(|_| Reaction::Fault(Effect::LoseAnswer));
    let error = client
        .create::<Secret>("default", &named("a"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Connection { .. }), "{error}");
    assert_eq!(fake.server().store().list("secrets").len(), 1);
    let again = client.create::<Secret>("default", &named("a")).await;
    assert!(again.unwrap_err().is_already_exists());
}

#[tokio::test(start_paused = true)]
async fn a_delayed_request_goes_on_along_the_chain() {
    let (fake, client) = once(|_| Reaction::Fault(Effect::Delay(Duration::from_secs(7))));
    fake.append_reactor("create", "*", |_| Reaction::Answer(named("late")));
    let start = Instant::now();
    let made: Secret = client.create("default", &named("a")).await.unwrap();
    assert_eq!(
        (&*made.metadata.name, start.elapsed().as_secs()),
        ("late", 7)
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_that_hangs_ends_by_the_clients_deadline_and_holds_up_no_other() {
    let (fake, client) = once(|_| Reaction::Hang);
    let secret = named("a");
    let hanging = client.create::<Secret>("default", &secret);
    let other = async {
        tokio::task::yield_now().await;
        client.get::<Secret>(&key("b")).await
    };
    let (hanging, other) = tokio::join!(hanging, other);
    assert!(matches!(hanging, Err(Error::Deadline { .. })));
    assert!(other.unwrap_err().is_not_found());
    assert_eq!(sent(&fake).len(), 2);
}

async fn watch(client: &Client) -> WatchStream<Pod> {
    let params = WatchParams::default();
    client.watch(&Scope::All, &params).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_watch_by_hand_tells_what_it_is_told() {
    let fake = Fake::new();
    let watcher = fake.prepend_watch("pods");
    let mut events = watch(&client(&fake)).await;
    let pod = |version: &str| json!({"metadata": {"name": "a", "resourceVersion": version}});
    watcher.added(&pod("1")).await;
    watcher.modified(&pod("2")).await;
    watcher.bookmark("3").await;
    watcher.deleted(&pod("4")).await;
    watcher.event("SURPRISE", &pod("5")).await;
    watcher.error(&Refusal::expired(1, 2)).await;
    drop(watcher);
    let mut told = Vec::new();
    while let Some(event) = events.next().await {
        told.push(match event.unwrap() {
            WatchEvent::Added(_) => "added".to_owned(),
            WatchEvent::Modified(_) => "modified".to_owned(),
            WatchEvent::Deleted(_) => "deleted".to_owned(),
            WatchEvent::Bookmark {
                resource_version, ..
            } => format!("bookmark {resource_version}"),
            WatchEvent::Error(status) => format!("error {}", status.code),
            WatchEvent::Unknown { kind, .. } => kind.into(),
        });
    }
    assert_eq!(
        told,
        [
            "added",
            "modified",
            "bookmark 3",
            "deleted",
            "SURPRISE",
            "error 410"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_by_hand_can_break_off_and_the_next_one_is_the_servers() {
    let fake = Fake::new();
    let watcher = fake.prepend_watch("secrets");
    let client = client(&fake);
    let mut events = client
        .watch::<Secret>(&Scope::All, &WatchParams::default())
        .await
        .unwrap();
    watcher.break_off().await;
    assert!(matches!(
        events.next().await,
        Some(Err(Error::Connection { .. }))
    ));

    client
        .create::<Secret>("default", &named("a"))
        .await
        .unwrap();
    let mut events = client
        .watch::<Secret>(&Scope::All, &WatchParams::default())
        .await
        .unwrap();
    assert!(matches!(
        events.next().await,
        Some(Ok(WatchEvent::Added(_)))
    ));
}

#[tokio::test(start_paused = true)]
async fn a_watcher_hears_that_its_client_is_gone() {
    let fake = Fake::new();
    let watcher = fake.prepend_watch("pods");
    let events = watch(&client(&fake)).await;
    drop(events);
    let closed = timeout(Duration::from_secs(1), watcher.closed()).await;
    assert!(closed.is_ok(), "the watch goes on");
}
