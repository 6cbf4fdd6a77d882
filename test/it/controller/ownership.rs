//! Goal: what is not ours is never taken for ours, nor a miss in the cache for a free name.

use std::sync::Arc;

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::api::core::Service;
use bitcoin_controller::controller::ownership::{Found, find};
use serde_json::{Value, json};

use super::build::{NETWORK_UID, read};
use crate::client::server::{Reply, Server};

fn service(owner_uid: Option<&str>) -> Value {
    let owner = |uid: &str| json!([{"apiVersion": "g/v1", "kind": "BitcoinNetwork", "name": "alpha", "uid": uid, "controller": true}]);
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": "alpha-svc", "namespace": "default", "uid": "u",
            "ownerReferences": owner_uid.map_or(json!([]), owner),
        },
    })
}

/// What is found if the cache has nothing and the server replies so; and what it was asked.
async fn found(reply: Reply) -> (Found<Service>, Vec<String>) {
    let server = Server::start([reply]);
    let key = ObjectKey::new("default", "alpha-svc");
    let found = find::<Service>(&server.client(), None, &key, NETWORK_UID)
        .await
        .unwrap();
    (found, server.lines())
}

fn object(value: &Value) -> Reply {
    Reply::ok(&value.to_string())
}

#[tokio::test(start_paused = true)]
async fn a_name_is_free_only_if_the_server_says_so() {
    let status = json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404});
    let reply = Reply::new(
        404,
        "content-type: application/json\r\n",
        &status.to_string(),
    );
    let (found, asked) = found(reply).await;
    assert!(matches!(found, Found::Free), "{found:?}");
    assert_eq!(asked, ["GET /api/v1/namespaces/default/services/alpha-svc"]);
}

#[tokio::test(start_paused = true)]
async fn what_the_cache_has_is_not_asked_for() {
    let server = Server::start([]);
    let cached: Arc<Service> = Arc::new(read(service(Some(NETWORK_UID))));
    let key = ObjectKey::new("default", "alpha-svc");
    let found = find(&server.client(), Some(cached), &key, NETWORK_UID)
        .await
        .unwrap();
    assert!(matches!(found, Found::Ours(_)), "{found:?}");
    assert!(server.lines().is_empty());
}

#[tokio::test(start_paused = true)]
async fn ours_without_its_label_is_found_all_the_same() {
    let (found, _) = found(object(&service(Some(NETWORK_UID)))).await;
    assert!(matches!(found, Found::Ours(_)), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_adopted() {
    for owner in [None, Some("an earlier network of this name")] {
        let (found, _) = found(object(&service(owner))).await;
        assert!(matches!(found, Found::Foreign(_)), "{found:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_is_not_the_controller_does_not_count() {
    let mut value = service(Some(NETWORK_UID));
    value["metadata"]["ownerReferences"][0]["controller"] = json!(false);
    let (found, _) = found(object(&value)).await;
    assert!(matches!(found, Found::Foreign(_)), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_being_deleted_is_waited_for_whoever_has_it() {
    for owner in [None, Some("another"), Some(NETWORK_UID)] {
        let mut value = service(owner);
        value["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        let (found, _) = found(object(&value)).await;
        assert!(matches!(found, Found::Terminating), "{found:?}");
    }
}
