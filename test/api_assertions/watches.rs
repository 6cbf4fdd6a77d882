//! Watches: what happens, in order, from where one has been.

use serde_json::{Value, json};

use super::Api;
use super::api::{config_map, text, version};
use super::widgets::widget;

async fn now(api: &Api) -> String {
    version(&api.get("configmaps").await.ok())
}

/// `object` as a deletion shows it: what it was, with the version of the deletion.
fn as_it_was(object: &Value, event: &Value) -> Value {
    let mut object = object.clone();
    object["metadata"]["resourceVersion"] = event["metadata"]["resourceVersion"].clone();
    object
}

#[tokio::test]
async fn a_watch_goes_on_where_a_list_ended() {
    let api = Api::start().await;
    let listed = now(&api).await;
    let made = api
        .post("configmaps", config_map("a", json!({"k": "1"})))
        .await
        .created();
    let changed = api
        .merge("configmaps/a", json!({"data": {"k": "2"}}))
        .await
        .ok();
    api.delete("configmaps/a", Value::Null).await.ok();
    let mut watch = api
        .watch(&format!("configmaps?watch=true&resourceVersion={listed}"))
        .await;
    assert_eq!(watch.event().await, ("ADDED".to_owned(), made.clone()));
    assert_eq!(
        watch.event().await,
        ("MODIFIED".to_owned(), changed.clone())
    );
    let (kind, gone) = watch.event().await;
    assert_eq!(
        (kind.as_str(), &gone),
        ("DELETED", &as_it_was(&changed, &gone))
    );
    let versions = [&made, &changed, &gone].map(|object| version(object).parse::<u64>().unwrap());
    assert!(
        versions.is_sorted_by(|one, next| one < next),
        "{versions:?}"
    );

    let path = format!("configmaps?watch=true&resourceVersion={}", version(&made));
    let mut resumed = api.watch(&path).await;
    assert_eq!(resumed.event().await, ("MODIFIED".to_owned(), changed));
}

#[tokio::test]
async fn a_watch_tells_what_happens_while_it_lasts() {
    let api = Api::start().await;
    let path = format!("configmaps?watch=1&resourceVersion={}", now(&api).await);
    let mut watch = api.watch(&path).await;
    let made = api
        .post("configmaps", config_map("a", json!({})))
        .await
        .created();
    assert_eq!(watch.event().await, ("ADDED".to_owned(), made.clone()));
    api.put("configmaps/a", made).await.ok();
    let changed = api
        .merge("configmaps/a", json!({"data": {"k": "1"}}))
        .await
        .ok();
    assert_eq!(
        watch.event().await,
        ("MODIFIED".to_owned(), changed),
        "nothing changed, nothing is told"
    );
}

#[tokio::test]
async fn without_a_version_a_watch_begins_with_what_is_there() {
    let api = Api::start().await;
    let made = api
        .post("configmaps", config_map("a", json!({})))
        .await
        .created();
    for query in ["", "&resourceVersion=0"] {
        let mut watch = api.watch(&format!("configmaps?watch=true{query}")).await;
        assert_eq!(watch.event().await, ("ADDED".to_owned(), made.clone()));
    }
}

#[tokio::test]
async fn to_come_to_be_selected_is_to_come() {
    let api = Api::start().await;
    let listed = now(&api).await;
    let mut watch = api
        .watch(&format!(
            "configmaps?watch=true&labelSelector=app%3Dx&resourceVersion={listed}"
        ))
        .await;
    api.post("configmaps", config_map("a", json!({})))
        .await
        .created();
    let labelled = json!({"metadata": {"labels": {"app": "x"}}});
    let selected = api.merge("configmaps/a", labelled).await.ok();
    assert_eq!(watch.event().await, ("ADDED".to_owned(), selected.clone()));
    let other = json!({"metadata": {"labels": {"app": "y"}}});
    let left = api.merge("configmaps/a", other).await.ok();
    let (kind, gone) = watch.event().await;
    assert_eq!(
        (kind.as_str(), &gone),
        ("DELETED", &as_it_was(&selected, &gone)),
        "as it was when it was selected"
    );
    assert_eq!(version(&gone), version(&left));
    api.delete("configmaps/a", Value::Null).await.ok();
    let mut next = config_map("b", json!({}));
    next["metadata"]["labels"] = json!({"app": "x"});
    let next = api.post("configmaps", next).await.created();
    assert_eq!(
        watch.event().await,
        ("ADDED".to_owned(), next),
        "of what is not selected nothing is told"
    );
}

#[tokio::test]
async fn one_object_can_be_watched() {
    let api = Api::start().await;
    let listed = now(&api).await;
    let path =
        format!("configmaps?watch=true&fieldSelector=metadata.name%3Db&resourceVersion={listed}");
    let mut watch = api.watch(&path).await;
    api.post("configmaps", config_map("a", json!({})))
        .await
        .created();
    let made = api
        .post("configmaps", config_map("b", json!({})))
        .await
        .created();
    assert_eq!(watch.event().await, ("ADDED".to_owned(), made));
}

#[tokio::test]
async fn a_finalizer_makes_a_deletion_two_events() {
    let api = Api::start().await;
    let mut wanted = config_map("a", json!({}));
    wanted["metadata"]["finalizers"] = json!(["example.com/held"]);
    let made = api.post("configmaps", wanted).await.created();
    let mut watch = api
        .watch(&format!(
            "configmaps?watch=true&resourceVersion={}",
            version(&made)
        ))
        .await;
    let going = api.delete("configmaps/a", Value::Null).await.ok();
    assert_eq!(watch.event().await, ("MODIFIED".to_owned(), going.clone()));
    api.merge("configmaps/a", json!({"metadata": {"finalizers": null}}))
        .await
        .ok();
    let (kind, gone) = watch.event().await;
    assert_eq!(
        (kind.as_str(), &gone),
        ("DELETED", &as_it_was(&going, &gone))
    );
}

#[tokio::test]
async fn a_bookmark_ends_the_initial_events() {
    let api = Api::with_widgets().await;
    let one = api.post("widgets", widget("a", json!({}))).await.created();
    let two = api.post("widgets", widget("b", json!({}))).await.created();
    let query = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut watch = api.watch(&format!("widgets?{query}")).await;
    assert_eq!(watch.event().await, ("ADDED".to_owned(), one));
    assert_eq!(watch.event().await, ("ADDED".to_owned(), two.clone()));
    let (kind, bookmark) = watch.event().await;
    assert_eq!(kind, "BOOKMARK");
    assert_eq!(
        (&bookmark["kind"], &bookmark["apiVersion"]),
        (&two["kind"], &two["apiVersion"])
    );
    assert_eq!(
        bookmark["metadata"]["annotations"],
        json!({"k8s.io/initial-events-end": "true"})
    );
    let seen = version(&bookmark).parse::<u64>().unwrap();
    assert!(seen >= version(&two).parse().unwrap());
    let three = api.post("widgets", widget("c", json!({}))).await.created();
    assert_eq!(watch.event().await, ("ADDED".to_owned(), three));
}

#[tokio::test]
async fn initial_events_are_asked_for_in_full() {
    let api = Api::start().await;
    for query in [
        "watch=true&sendInitialEvents=true",
        "watch=true&resourceVersionMatch=NotOlderThan",
        "watch=true&sendInitialEvents=true&resourceVersionMatch=Exact",
        "sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
    ] {
        let reply = api.get(&format!("configmaps?{query}")).await;
        assert_eq!((query, reply.code), (query, 422), "{}", reply.body);
        reply.refused(422, "Invalid");
    }
}

#[tokio::test]
async fn a_watch_from_too_long_ago_ends_with_an_error() {
    let api = Api::with_widgets().await;
    api.post("widgets", widget("a", json!({}))).await.created();
    // A real server's memory of this kind begins when it was defined.
    api.server.forget_history().await;
    let mut watch = api.watch("widgets?watch=true&resourceVersion=1").await;
    let (kind, status) = watch.event().await;
    assert_eq!(kind, "ERROR");
    let message = text(&status["message"]);
    assert!(
        message.starts_with("too old resource version: 1 ("),
        "{message}"
    );
    assert_eq!(
        status,
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "reason": "Expired", "code": 410, "message": message,
        })
    );
    assert_eq!(watch.next().await, None);
}

#[tokio::test]
async fn initial_events_of_a_moment_to_come_are_waited_for_but_not_long() {
    let api = Api::start().await;
    let query = "watch=true&sendInitialEvents=true&allowWatchBookmarks=true";
    let moment = "resourceVersionMatch=NotOlderThan&resourceVersion=4000000000";
    let mut watch = api.watch(&format!("secrets?{query}&{moment}")).await;
    let (kind, status) = watch.event().await;
    assert_eq!(kind, "ERROR");
    let message = text(&status["message"]);
    let start = "Timeout: Too large resource version: 4000000000, current: ";
    assert!(message.starts_with(start), "{message}");
    assert_eq!(
        status,
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "reason": "Timeout", "code": 504, "message": message,
            "details": {
                "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
                "retryAfterSeconds": 1,
            },
        })
    );
    assert_eq!(watch.next().await, None);
}

#[tokio::test]
async fn a_watch_ends_when_it_is_asked_to() {
    let api = Api::start().await;
    let path = format!(
        "configmaps?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3Da&resourceVersion={}",
        now(&api).await
    );
    let mut watch = api.watch(&path).await;
    let made = api
        .post("configmaps", config_map("a", json!({})))
        .await
        .created();
    assert_eq!(watch.event().await, ("ADDED".to_owned(), made));
    assert_eq!(watch.next().await, None);
}
