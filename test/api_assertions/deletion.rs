//! Objects go: at once, when nothing holds them any more, or after what they own.

use serde_json::{Value, json};

use super::Api;
use super::api::{config_map, text, version};
use super::widgets::widget;

const FINALIZER: &str = "example.com/held";

fn held(name: &str) -> Value {
    let mut object = config_map(name, json!({"k": "v"}));
    object["metadata"]["finalizers"] = json!([FINALIZER]);
    object
}

#[tokio::test]
async fn what_nothing_holds_goes_at_once() {
    let api = Api::with_widgets().await;
    let made = api
        .post("configmaps", config_map("a", json!({})))
        .await
        .created();
    assert_eq!(
        api.delete("configmaps/a", Value::Null).await.ok(),
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": {"name": "a", "kind": "configmaps", "uid": made["metadata"]["uid"]},
        })
    );
    api.get("configmaps/a").await.refused(404, "NotFound");
    api.post("widgets", widget("a", json!({}))).await.created();
    let details = api.delete("widgets/a", Value::Null).await.ok()["details"].clone();
    assert_eq!(
        (&details["group"], &details["kind"]),
        (&json!("assertions.example.com"), &json!("widgets"))
    );
}

#[tokio::test]
async fn a_later_object_of_the_same_name_is_another() {
    let api = Api::start().await;
    let one = api
        .post("configmaps", config_map("a", json!({})))
        .await
        .created();
    api.delete("configmaps/a", Value::Null).await.ok();
    let other = api
        .post("configmaps", config_map("a", json!({})))
        .await
        .created();
    assert_ne!(one["metadata"]["uid"], other["metadata"]["uid"]);
}

#[tokio::test]
async fn a_finalizer_holds_an_object() {
    let api = Api::start().await;
    let made = api.post("configmaps", held("a")).await.created();
    let going = api.delete("configmaps/a", Value::Null).await.ok();
    assert_eq!(going["kind"], "ConfigMap");
    assert!(!text(&going["metadata"]["deletionTimestamp"]).is_empty());
    assert_eq!(going["metadata"]["deletionGracePeriodSeconds"], 0);
    assert_eq!(going["metadata"]["finalizers"], json!([FINALIZER]));
    assert_ne!(version(&going), version(&made));
    assert_eq!(api.get("configmaps/a").await.ok(), going);

    let again = api.delete("configmaps/a", Value::Null).await.ok();
    assert_eq!(again, going, "a second deletion changes nothing");
    let changed = api
        .merge("configmaps/a", json!({"data": {"k": "w"}}))
        .await
        .ok();
    assert_eq!(
        changed["data"]["k"], "w",
        "it can be changed until it has gone"
    );
    api.post("configmaps", config_map("a", json!({})))
        .await
        .refused(409, "AlreadyExists");

    let last = api
        .merge("configmaps/a", json!({"metadata": {"finalizers": null}}))
        .await
        .ok();
    assert_eq!(last["metadata"]["finalizers"], Value::Null);
    api.get("configmaps/a").await.refused(404, "NotFound");
}

#[tokio::test]
async fn nothing_new_holds_what_is_going() {
    let api = Api::start().await;
    api.post("configmaps", held("a")).await.created();
    api.delete("configmaps/a", Value::Null).await.ok();
    let more = json!({"metadata": {"finalizers": [FINALIZER, "example.com/more"]}});
    let status = api
        .merge("configmaps/a", more)
        .await
        .refused(422, "Invalid");
    assert_eq!(
        status["message"],
        "ConfigMap \"a\" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{\"example.com/more\"}"
    );
    assert_eq!(
        status["details"]["causes"][0]["reason"],
        "FieldValueForbidden"
    );
}

#[tokio::test]
async fn a_deletion_cannot_be_taken_back() {
    let api = Api::start().await;
    api.post("configmaps", held("a")).await.created();
    let going = api.delete("configmaps/a", Value::Null).await.ok();
    let back = json!({"metadata": {"deletionTimestamp": null, "deletionGracePeriodSeconds": null}});
    assert_eq!(api.merge("configmaps/a", back).await.ok(), going);
}

#[tokio::test]
async fn the_order_of_going_is_kept_in_finalizers() {
    let api = Api::start().await;
    for (name, propagation, finalizer) in [
        ("a", "Foreground", "foregroundDeletion"),
        ("b", "Orphan", "orphan"),
    ] {
        api.post("configmaps", held(name)).await.created();
        let path = format!("configmaps/{name}");
        let going = api
            .delete(&path, json!({"propagationPolicy": propagation}))
            .await
            .ok();
        assert!(!text(&going["metadata"]["deletionTimestamp"]).is_empty());
        let finalizers = going["metadata"]["finalizers"].as_array().unwrap();
        assert!(finalizers.contains(&json!(finalizer)), "{finalizers:?}");
        assert!(finalizers.contains(&json!(FINALIZER)), "{finalizers:?}");
    }
    api.post("configmaps", held("c")).await.created();
    let going = api
        .delete("configmaps/c?propagationPolicy=Background", Value::Null)
        .await
        .ok();
    assert_eq!(going["metadata"]["finalizers"], json!([FINALIZER]));
}

#[tokio::test]
async fn there_are_three_orders_of_going() {
    let api = Api::start().await;
    api.post("configmaps", config_map("a", json!({})))
        .await
        .created();
    let reply = api
        .delete("configmaps/a", json!({"propagationPolicy": "Sideways"}))
        .await;
    let status = reply.refused(422, "Invalid");
    assert_eq!(
        status["message"],
        "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: \"Sideways\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""
    );
    api.get("configmaps/a").await.ok();
}

#[tokio::test]
async fn all_that_are_selected_go_together() {
    let api = Api::start().await;
    for (name, app) in [("a", "x"), ("b", "x"), ("c", "y")] {
        let mut object = held(name);
        object["metadata"]["labels"] = json!({"app": app});
        if name != "b" {
            object["metadata"]["finalizers"] = Value::Null;
        }
        api.post("configmaps", object).await.created();
    }
    let gone = api
        .delete("configmaps?labelSelector=app%3Dx", Value::Null)
        .await
        .ok();
    assert_eq!(gone["kind"], "ConfigMapList");
    let names: Vec<&Value> = gone["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["metadata"]["name"])
        .collect();
    assert_eq!(names, ["a", "b"]);
    api.get("configmaps/a").await.refused(404, "NotFound");
    assert!(!text(&api.get("configmaps/b").await.ok()["metadata"]["deletionTimestamp"]).is_empty());
    assert_eq!(
        api.get("configmaps/c").await.ok()["metadata"]["deletionTimestamp"],
        Value::Null
    );
}
