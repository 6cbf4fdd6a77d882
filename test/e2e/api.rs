//! The client and the cache against a real API server: what `sim` will have to agree with.

mod api_server;
#[path = "../api_assertions/mod.rs"]
mod assertions;

use std::time::Duration;

use bitcoin_controller::api::core::Secret;
use bitcoin_controller::api::{ObjectKey, Resource};
use bitcoin_controller::cache::{
    ApiListWatch, InformerOptions, Notification, SharedInformer, SubscriptionOptions,
};
use bitcoin_controller::client::{
    Client, Config, DeleteOptions, Item, ListParams, Scope, WatchEvent, WatchParams,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::harness::{DEADLINE, eventually, kubectl, node};

fn client() -> Client {
    Client::connect(Config::load(None, None).unwrap()).unwrap()
}

fn namespace(name: &str) -> Scope {
    kubectl(&["create", "namespace", name]);
    Scope::Namespace(name.into())
}

fn secret(name: &str, value: &str) -> serde_json::Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"key": value}})
}

#[tokio::test]
async fn a_list_comes_in_pages_at_one_version() {
    let (client, scope) = (client(), namespace("pages"));
    for number in 0..7 {
        client
            .create::<Secret>("pages", &secret(&format!("s{number}"), "x"))
            .await
            .unwrap();
    }
    let mut params = Some(ListParams {
        limit: Some(3),
        ..ListParams::default()
    });
    let (mut names, mut versions) = (Vec::new(), Vec::new());
    while let Some(asked) = params {
        let page = client.list::<Secret>(&scope, &asked).await.unwrap();
        params = asked.after(&page);
        versions.push(page.resource_version.clone());
        names.extend(
            page.items
                .into_iter()
                .filter_map(|item| item.key())
                .map(|key| key.name.to_string()),
        );
    }
    assert_eq!(names, ["s0", "s1", "s2", "s3", "s4", "s5", "s6"]);
    versions.dedup();
    assert_eq!(versions.len(), 1, "all pages are of one version");
}

#[tokio::test]
async fn a_watch_goes_on_where_a_list_ended() {
    let (client, scope) = (client(), namespace("watched"));
    let list = client
        .list::<Secret>(&scope, &ListParams::default())
        .await
        .unwrap();
    client
        .create::<Secret>("watched", &secret("a", "1"))
        .await
        .unwrap();
    let key = ObjectKey::new("watched", "a");
    client
        .patch::<Secret>(&key, &json!({"stringData": {"key": "2"}}))
        .await
        .unwrap();
    client
        .delete::<Secret>(&key, &DeleteOptions::default())
        .await
        .unwrap();
    let params = WatchParams {
        resource_version: list.resource_version.into(),
        ..WatchParams::default()
    };
    let mut watch = client.watch::<Secret>(&scope, &params).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let event = tokio::time::timeout(DEADLINE, watch.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        match event {
            WatchEvent::Added(Item::Object(object)) => {
                seen.push(("added", object.text("key").map(str::to_owned)))
            }
            WatchEvent::Modified(Item::Object(object)) => {
                seen.push(("modified", object.text("key").map(str::to_owned)));
            }
            WatchEvent::Deleted(Item::Object(object)) => {
                seen.push(("deleted", object.text("key").map(str::to_owned)))
            }
            _ => {}
        }
    }
    let value = |text: &str| Some(text.to_owned());
    assert_eq!(
        seen,
        [
            ("added", value("1")),
            ("modified", value("2")),
            ("deleted", value("2"))
        ]
    );
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let client = client();
    namespace("refusals");
    let key = ObjectKey::new("refusals", "a");
    assert!(client.get::<Secret>(&key).await.unwrap_err().is_not_found());
    let created = client
        .create::<Secret>("refusals", &secret("a", "1"))
        .await
        .unwrap();
    assert!(
        client
            .create::<Secret>("refusals", &secret("a", "1"))
            .await
            .unwrap_err()
            .is_already_exists()
    );
    let wrong = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "A B"}});
    assert!(
        client
            .create::<Secret>("refusals", &wrong)
            .await
            .unwrap_err()
            .is_invalid()
    );
    let other = DeleteOptions {
        uid: Some("another".to_owned()),
        ..DeleteOptions::default()
    };
    assert!(
        client
            .delete::<Secret>(&key, &other)
            .await
            .unwrap_err()
            .is_conflict()
    );
    let same = DeleteOptions {
        uid: Some(created.metadata().uid.to_string()),
        ..DeleteOptions::default()
    };
    client.delete::<Secret>(&key, &same).await.unwrap();
}

#[tokio::test]
async fn an_informer_outlives_the_api_server() {
    let (client, scope) = (client(), namespace("informed"));
    let informer = SharedInformer::<Secret>::new(
        ApiListWatch::new(client.clone(), scope),
        InformerOptions::default(),
    );
    let mut subscription = informer.subscribe(SubscriptionOptions::default());
    let shutdown = CancellationToken::new();
    let run = informer.run(shutdown.clone());
    let story = async {
        assert!(informer.wait_until_synced().await);
        client
            .create::<Secret>("informed", &secret("before", "1"))
            .await
            .unwrap();
        expect_added(&mut subscription, "before").await;
        node(&["restart-apiserver"]);
        eventually("a secret can be made again", || async {
            client
                .create::<Secret>("informed", &secret("after", "1"))
                .await
                .map(|_| ())
                .map_err(|error| error.to_string())
        })
        .await;
        expect_added(&mut subscription, "after").await;
        assert_eq!(
            informer
                .lister()
                .list(None, &bitcoin_controller::cache::Selector::everything())
                .len(),
            2
        );
        shutdown.cancel();
    };
    tokio::join!(run, story);
}

async fn expect_added(
    subscription: &mut bitcoin_controller::cache::Subscription<Secret>,
    name: &str,
) {
    let next = tokio::time::timeout(DEADLINE + Duration::from_secs(30), subscription.next())
        .await
        .unwrap();
    match next {
        Some(Notification::Added { object, .. }) => {
            assert_eq!(object.metadata().name.as_str(), name)
        }
        _ => panic!("{name} was to be added"),
    }
}
