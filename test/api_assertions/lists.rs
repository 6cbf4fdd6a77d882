//! Lists: of one moment, whole or in pages.

use serde_json::{Value, json};

use super::Api;
use super::api::{config_map, eventually, text, version};
use super::widgets::widget;

async fn with_seven() -> Api {
    let api = Api::start().await;
    for number in 0..7 {
        api.post(
            "secrets",
            json!({"metadata": {"name": format!("s{number}")}}),
        )
        .await
        .created();
    }
    api
}

fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_list_is_of_one_moment() {
    let api = with_seven().await;
    let list = api.get("secrets").await.ok();
    assert_eq!(
        (&list["kind"], &list["apiVersion"]),
        (&json!("SecretList"), &json!("v1"))
    );
    assert_eq!(names(&list), ["s0", "s1", "s2", "s3", "s4", "s5", "s6"]);
    let newest = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| version(item).parse::<u64>().unwrap());
    assert!(version(&list).parse::<u64>().unwrap() >= newest.max().unwrap());
}

#[tokio::test]
async fn items_of_built_in_kinds_do_not_say_what_they_are() {
    let api = Api::with_widgets().await;
    api.post("secrets", json!({"metadata": {"name": "a"}}))
        .await
        .created();
    let item = &api.get("secrets").await.ok()["items"][0];
    assert_eq!(
        (&item["kind"], &item["apiVersion"]),
        (&Value::Null, &Value::Null)
    );

    api.post("widgets", widget("a", json!({}))).await.created();
    let list = api.get("widgets").await.ok();
    assert_eq!(
        (&list["kind"], &list["apiVersion"]),
        (&json!("WidgetList"), &json!("assertions.example.com/v1"))
    );
    let item = &list["items"][0];
    assert_eq!(
        (&item["kind"], &item["apiVersion"]),
        (&json!("Widget"), &json!("assertions.example.com/v1"))
    );
}

#[tokio::test]
async fn nothing_is_an_empty_list() {
    let mut api = Api::start().await;
    assert_eq!(api.get("secrets").await.ok()["items"], json!([]));
    api.namespace = "nowhere".to_owned();
    assert_eq!(
        api.get("secrets").await.ok()["items"],
        json!([]),
        "a namespace need not be there to be empty"
    );
}

#[tokio::test]
async fn a_list_may_be_of_all_namespaces() {
    let (one, other) = (Api::start().await, Api::start().await);
    for api in [&one, &other] {
        let mut object = config_map("a", json!({}));
        object["metadata"]["labels"] = json!({"among": one.namespace});
        api.post("configmaps", object).await;
    }
    let list = one
        .get(&format!(
            "/api/v1/configmaps?labelSelector=among%3D{}",
            one.namespace
        ))
        .await
        .ok();
    assert!(names(&list).contains(&"a"));
}

#[tokio::test]
async fn a_list_comes_in_pages_of_one_moment() {
    let api = with_seven().await;
    let first = api.get("secrets?limit=3").await.ok();
    assert_eq!(names(&first), ["s0", "s1", "s2"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 4);
    // What happens between the pages is not in them.
    api.delete("secrets/s5", Value::Null).await.ok();
    api.post("secrets", json!({"metadata": {"name": "s9"}}))
        .await
        .created();
    let token = text(&first["metadata"]["continue"]);
    let second = api
        .get(&format!("secrets?limit=3&continue={token}"))
        .await
        .ok();
    assert_eq!(names(&second), ["s3", "s4", "s5"]);
    assert_eq!(second["metadata"]["remainingItemCount"], 1);
    let token = text(&second["metadata"]["continue"]);
    let last = api
        .get(&format!("secrets?limit=3&continue={token}"))
        .await
        .ok();
    assert_eq!(names(&last), ["s6"]);
    assert_eq!(text(&last["metadata"]["continue"]), "");
    assert_eq!(last["metadata"]["remainingItemCount"], Value::Null);
    for page in [&second, &last] {
        assert_eq!(version(page), version(&first));
    }
}

#[tokio::test]
async fn pages_are_of_what_is_selected() {
    let api = with_seven().await;
    api.merge(
        "secrets/s1",
        json!({"metadata": {"labels": {"odd": "yes"}}}),
    )
    .await
    .ok();
    api.merge(
        "secrets/s5",
        json!({"metadata": {"labels": {"odd": "yes"}}}),
    )
    .await
    .ok();
    let first = api.get("secrets?limit=1&labelSelector=odd").await.ok();
    assert_eq!(names(&first), ["s1"]);
    assert_eq!(
        first["metadata"]["remainingItemCount"],
        Value::Null,
        "nobody counts what a selector leaves"
    );
    let token = text(&first["metadata"]["continue"]);
    let second = api
        .get(&format!(
            "secrets?limit=1&labelSelector=odd&continue={token}"
        ))
        .await
        .ok();
    assert_eq!(names(&second), ["s5"]);
}

#[tokio::test]
async fn a_moment_can_be_asked_for() {
    let api = with_seven().await;
    let then = version(&api.get("secrets").await.ok());
    api.delete("secrets/s5", Value::Null).await.ok();
    api.merge("secrets/s4", json!({"stringData": {"k": "v"}}))
        .await
        .ok();
    let exact = format!("secrets?resourceVersionMatch=Exact&resourceVersion={then}");
    let list = api.get(&exact).await.ok();
    assert_eq!(version(&list), then);
    assert_eq!(names(&list).len(), 7);
    assert_eq!(list["items"][4]["data"], Value::Null);
    let later = format!("secrets?resourceVersionMatch=NotOlderThan&resourceVersion={then}");
    let list = api.get(&later).await.ok();
    assert_ne!(version(&list), then);
    assert!(names(&list).contains(&"s4"));
    assert!(!api.get("secrets?resourceVersion=0").await.ok()["items"].is_null());
}

#[tokio::test]
async fn a_moment_to_come_is_waited_for_but_not_long() {
    let api = Api::start().await;
    let status = api
        .get("secrets?resourceVersion=4000000000")
        .await
        .refused(504, "Timeout");
    let message = text(&status["message"]);
    assert!(
        message.starts_with("Timeout: Too large resource version: 4000000000, current: "),
        "{message}"
    );
    assert_eq!(
        status["details"],
        json!({
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        })
    );
}

#[tokio::test]
async fn what_is_no_version_or_token_is_refused() {
    let api = Api::start().await;
    api.get("secrets?resourceVersion=yesterday")
        .await
        .refused(400, "BadRequest");
    api.get("secrets?limit=1&continue=nothing")
        .await
        .refused(400, "BadRequest");
    api.get("secrets?resourceVersionMatch=Exact")
        .await
        .refused(422, "Invalid");
    let both = api
        .get("secrets?resourceVersionMatch=Exact&resourceVersion=0")
        .await;
    both.refused(422, "Invalid");
}

#[tokio::test]
async fn a_token_does_not_last() {
    let api = with_seven().await;
    let first = api.get("secrets?limit=3").await.ok();
    let token = text(&first["metadata"]["continue"]);
    let second = format!("secrets?limit=3&continue={token}");
    api.delete("secrets/s6", Value::Null).await.ok();
    api.server.forget_history().await;
    eventually("the moment is forgotten", async || {
        api.get(&second).await.code != 200
    })
    .await;
    let status = api.get(&second).await.refused(410, "Expired");
    let message = text(&status["message"]);
    let start = "The provided continue parameter is too old to display a consistent list result.";
    assert!(message.starts_with(start), "{message}");
    let then = version(&first);
    let exact = format!("secrets?resourceVersionMatch=Exact&resourceVersion={then}");
    api.get(&exact).await.refused(410, "Expired");
    // What is there is there.
    assert_eq!(names(&api.get("secrets").await.ok()).len(), 6);
}
