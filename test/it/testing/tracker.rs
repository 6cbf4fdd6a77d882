//! What answers when no reactor does: client-go's object tracker, and what it leaves out.

use std::sync::Arc;

use bitcoin_controller::api::core::Secret;
use bitcoin_controller::client::{
    Client, DeleteOptions, Item, ListParams, Scope, WatchEvent, WatchParams, WatchStream,
};
use bitcoin_controller::sim::Key;
use bitcoin_controller::testing::Fake;
use serde_json::{Value, json};

use super::{client, key, named};

async fn watch(client: &Client, params: WatchParams) -> WatchStream<Secret> {
    let scope = Scope::Namespace("default".into());
    client.watch(&scope, &params).await.unwrap()
}

fn from(resource_version: &str) -> WatchParams {
    WatchParams {
        resource_version: resource_version.to_owned(),
        ..WatchParams::default()
    }
}

async fn list(client: &Client) -> (Vec<String>, String) {
    let scope = Scope::Namespace("default".into());
    let page = client
        .list::<Secret>(&scope, &ListParams::default())
        .await
        .unwrap();
    let name = |item: &Item<Secret>| match item {
        Item::Object(secret) => secret.metadata.name.to_string(),
        Item::Undecodable(_) => panic!("{item:?}"),
    };
    (
        page.items.iter().map(name).collect(),
        page.resource_version.into(),
    )
}

/// The next event, for people.
async fn next(events: &mut WatchStream<Secret>) -> String {
    let name = |item: Item<Secret>| match item {
        Item::Object(secret) => secret.metadata.name.to_string(),
        Item::Undecodable(bad) => panic!("{bad:?}"),
    };
    match events.next().await.unwrap().unwrap() {
        WatchEvent::Added(item) => format!("added {}", name(item)),
        WatchEvent::Modified(item) => format!("modified {}", name(item)),
        WatchEvent::Deleted(item) => format!("deleted {}", name(item)),
        WatchEvent::Bookmark {
            initial_events_end: true,
            ..
        } => "that was all".to_owned(),
        WatchEvent::Bookmark {
            resource_version, ..
        } => format!("bookmark {resource_version}"),
        other => format!("{other:?}"),
    }
}

async fn create(client: &Client, name: &str) -> Secret {
    client.create("default", &named(name)).await.unwrap()
}

async fn delete(client: &Client, name: &str) {
    let options = DeleteOptions::default();
    client.delete::<Secret>(&key(name), &options).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn c129_creating_twice_is_already_exists() {
    let client = client(&Fake::new());
    create(&client, "a").await;
    let error = client
        .create::<Secret>("default", &named("a"))
        .await
        .unwrap_err();
    assert!(error.is_already_exists(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn c129_what_is_missing_is_not_found() {
    let client = client(&Fake::new());
    let get = client.get::<Secret>(&key("a")).await.unwrap_err();
    let patch = client
        .patch::<Secret>(&key("a"), &json!({}))
        .await
        .unwrap_err();
    let delete = client
        .delete::<Secret>(&key("a"), &DeleteOptions::default())
        .await
        .unwrap_err();
    for error in [get, patch, delete] {
        assert!(error.is_not_found(), "{error}");
        assert!(
            error.to_string().contains("secrets \"a\" not found"),
            "{error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn c129_an_object_of_another_namespace_is_a_bad_request() {
    let client = client(&Fake::new());
    create(&client, "a").await;
    let body = json!({"metadata": {"name": "a", "namespace": "kube-system"}});
    let create = client.create::<Secret>("default", &body).await.unwrap_err();
    let apply = client.apply::<Secret>(&key("a"), &body).await.unwrap_err();
    for error in [create, apply] {
        assert_eq!(error.status().unwrap().reason, "BadRequest", "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn c129_nobody_can_reach_into_the_store_through_what_it_was_given_or_gave() {
    let fake = Fake::new();
    let client = client(&fake);
    let mut body = named("a");
    client.create::<Secret>("default", &body).await.unwrap();
    body["metadata"]["labels"] = json!({"changed": "afterwards"});

    let object = || {
        fake.server()
            .store()
            .get("secrets", &Key::new("default", "a"))
            .unwrap()
    };
    let mut given = object();
    Arc::make_mut(&mut given)["metadata"]["labels"] = json!({"changed": "afterwards"});
    let mut recorded = fake.actions();
    recorded[0].set_object(&body);

    assert_eq!(object()["metadata"]["labels"], Value::Null);
    assert_eq!(fake.actions()[0].object(), named("a"));
    let again: Secret = client.get(&key("a")).await.unwrap();
    assert_eq!(again.metadata.labels.iter().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn c130_a_watch_from_the_version_of_a_list_misses_nothing() {
    let client = client(&Fake::new());
    create(&client, "a").await;
    let (names, version) = list(&client).await;
    assert_eq!(names, ["a"]);

    create(&client, "b").await;
    delete(&client, "a").await;
    let mut events = watch(&client, from(&version)).await;
    create(&client, "c").await;
    for expected in ["added b", "deleted a", "added c"] {
        assert_eq!(next(&mut events).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn c130_streamed_lists_are_implemented_in_full() {
    let client = client(&Fake::new());
    create(&client, "a").await;
    create(&client, "b").await;
    let params = WatchParams {
        send_initial_events: true,
        ..WatchParams::default()
    };
    let mut events = watch(&client, params).await;
    create(&client, "c").await;
    for expected in ["added a", "added b", "that was all", "added c"] {
        assert_eq!(next(&mut events).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn c131_a_write_with_a_stale_version_is_a_conflict() {
    let client = client(&Fake::new());
    let made = create(&client, "a").await;
    let patch = |label: &str| {
        let version = &made.metadata.resource_version;
        json!({"metadata": {"resourceVersion": version, "labels": {"by": label}}})
    };
    assert!(
        client
            .patch::<Secret>(&key("a"), &patch("first"))
            .await
            .is_ok()
    );
    let error = client
        .patch::<Secret>(&key("a"), &patch("second"))
        .await
        .unwrap_err();
    assert!(error.is_conflict(), "{error}");
    let now: Secret = client.get(&key("a")).await.unwrap();
    assert_eq!(now.metadata.labels.get("by"), Some("first"));
}

#[tokio::test(start_paused = true)]
async fn c131_each_life_has_a_uid_and_each_change_a_version_deletions_too() {
    let client = client(&Fake::new());
    let first = create(&client, "a").await.metadata;
    let (_, before) = list(&client).await;
    delete(&client, "a").await;
    let (_, after) = list(&client).await;
    let second = create(&client, "a").await.metadata;
    assert!(!first.uid.is_empty() && first.creation_timestamp.is_some());
    assert_ne!(first.uid, second.uid);
    let number = |version: &str| version.parse::<u64>().unwrap();
    assert_eq!(*first.resource_version, *before);
    assert!(number(&before) < number(&after));
    assert!(number(&after) < number(&second.resource_version));
}

#[tokio::test(start_paused = true)]
async fn c131_a_generated_name_is_new_each_time() {
    let client = client(&Fake::new());
    let body = json!({"metadata": {"generateName": "a-"}});
    let one: Secret = client.create("default", &body).await.unwrap();
    let other: Secret = client.create("default", &body).await.unwrap();
    assert_ne!(one.metadata.name, other.metadata.name);
    for name in [one.metadata.name, other.metadata.name] {
        assert!(name.len() == 7 && name.starts_with("a-"), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn c131_a_finalizer_keeps_what_is_deleted_and_dates_its_deletion() {
    let client = client(&Fake::new());
    let body = json!({"metadata": {"name": "a", "finalizers": ["example.org/wait"]}});
    client.create::<Secret>("default", &body).await.unwrap();
    delete(&client, "a").await;
    let kept: Secret = client.get(&key("a")).await.unwrap();
    assert!(kept.metadata.deletion_timestamp.is_some());
    let release = json!({"metadata": {"finalizers": null}});
    client.patch::<Secret>(&key("a"), &release).await.unwrap();
    assert!(
        client
            .get::<Secret>(&key("a"))
            .await
            .unwrap_err()
            .is_not_found()
    );
}

#[tokio::test(start_paused = true)]
async fn c131_a_bookmark_says_how_far_a_watch_has_come() {
    let fake = Fake::new();
    let client = client(&fake);
    let made = create(&client, "a").await;
    let mut events = watch(&client, from("1")).await;
    assert_eq!(next(&mut events).await, "added a");
    fake.server().send_bookmarks();
    let bookmark = format!("bookmark {}", made.metadata.resource_version);
    assert_eq!(next(&mut events).await, bookmark);
}

#[tokio::test(start_paused = true)]
async fn c131_a_version_that_is_forgotten_is_gone() {
    let fake = Fake::new();
    let client = client(&fake);
    let (_, version) = list(&client).await;
    create(&client, "a").await;
    fake.server().store().compact();
    let mut events = watch(&client, from(&version)).await;
    let WatchEvent::Error(status) = events.next().await.unwrap().unwrap() else {
        panic!("it goes on");
    };
    assert_eq!((status.code, &*status.reason), (410, "Expired"));
}
