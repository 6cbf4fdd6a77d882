//! Our own client against either server: what it makes of lists, watches and refusals.

use bitcoin_controller::api::core::Secret;
use bitcoin_controller::api::{ObjectKey, Resource};
use bitcoin_controller::client::{
    Client, DeleteOptions, Item, ListParams, Scope, WatchEvent, WatchParams,
};
use serde_json::{Value, json};

use super::Api;
use super::api::DEADLINE;

fn secret(name: &str, value: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": name}, "stringData": {"key": value},
    })
}

async fn start() -> (Api, Client, Scope) {
    let api = Api::start().await;
    let (client, scope) = (
        api.client(),
        Scope::Namespace(api.namespace.as_str().into()),
    );
    (api, client, scope)
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let (api, client, scope) = start().await;
    for number in 0..7 {
        let object = secret(&format!("s{number}"), "x");
        client
            .create::<Secret>(&api.namespace, &object)
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
        let keys = page.items.into_iter().filter_map(|item| item.key());
        names.extend(keys.map(|key| key.name.to_string()));
    }
    assert_eq!(names, ["s0", "s1", "s2", "s3", "s4", "s5", "s6"]);
    versions.dedup();
    assert_eq!(versions.len(), 1, "all pages are of one version");
}

#[tokio::test]
async fn a_watch_is_read_from_where_a_list_ended() {
    let (api, client, scope) = start().await;
    let list = client
        .list::<Secret>(&scope, &ListParams::default())
        .await
        .unwrap();
    client
        .create::<Secret>(&api.namespace, &secret("a", "1"))
        .await
        .unwrap();
    let key = ObjectKey::new(api.namespace.as_str(), "a");
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
        let event = tokio::time::timeout(DEADLINE, watch.next()).await;
        let (what, item) = match event.unwrap().unwrap().unwrap() {
            WatchEvent::Added(item) => ("added", item),
            WatchEvent::Modified(item) => ("modified", item),
            WatchEvent::Deleted(item) => ("deleted", item),
            _ => continue,
        };
        let Item::Object(object) = item else {
            panic!("every secret can be read");
        };
        seen.push((what, object.text("key").unwrap().to_owned()));
    }
    let expected = [("added", "1"), ("modified", "2"), ("deleted", "2")];
    assert_eq!(seen, expected.map(|(what, value)| (what, value.to_owned())));
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let (api, client, _) = start().await;
    let namespace = api.namespace.as_str();
    let key = ObjectKey::new(namespace, "a");
    assert!(client.get::<Secret>(&key).await.unwrap_err().is_not_found());
    let created = client
        .create::<Secret>(namespace, &secret("a", "1"))
        .await
        .unwrap();
    let again = client.create::<Secret>(namespace, &secret("a", "1")).await;
    assert!(again.unwrap_err().is_already_exists());
    let wrong = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "A B"}});
    assert!(
        client
            .create::<Secret>(namespace, &wrong)
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
async fn an_apply_meant_for_one_object_spares_every_other() {
    let (api, client, _) = start().await;
    let key = ObjectKey::new(api.namespace.as_str(), "a");
    let mut wanted = secret("a", "1");
    wanted["metadata"]["uid"] = "gone".into();
    let refused = client.apply::<Secret>(&key, &wanted).await.unwrap_err();
    assert!(refused.is_conflict(), "{refused}");
    client
        .create::<Secret>(&api.namespace, &secret("a", "2"))
        .await
        .unwrap();
    let refused = client.apply::<Secret>(&key, &wanted).await.unwrap_err();
    assert!(refused.is_invalid(), "{refused}");
    assert_eq!(
        client.get::<Secret>(&key).await.unwrap().text("key"),
        Some("2")
    );
}
