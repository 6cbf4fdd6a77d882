//! Ways to change a part: merge patch, JSON patch, strategic merge patch; and PUT, which is the whole.

use serde_json::{Value, json};

use super::Api;
use super::api::{config_map, stateful_set};
use super::widgets::widget;

#[tokio::test]
async fn put_is_the_whole() {
    let api = Api::start().await;
    let mut wanted = config_map("a", json!({"k": "1", "l": "2"}));
    wanted["metadata"]["labels"] = json!({"a": "b"});
    api.post("configmaps", wanted).await.created();
    let put = api
        .put("configmaps/a", config_map("a", json!({"l": "3"})))
        .await
        .ok();
    assert_eq!(put["data"], json!({"l": "3"}));
    assert_eq!(put["metadata"]["labels"], Value::Null);
}

#[tokio::test]
async fn a_merge_patch_sets_and_null_takes_away() {
    let api = Api::start().await;
    api.post("configmaps", config_map("a", json!({"k": "1", "l": "2"})))
        .await
        .created();
    let patch =
        json!({"data": {"k": null, "m": "3", "never": null}, "metadata": {"labels": {"a": "b"}}});
    let patched = api.merge("configmaps/a", patch).await.ok();
    assert_eq!(patched["data"], json!({"l": "2", "m": "3"}));
    assert_eq!(patched["metadata"]["labels"], json!({"a": "b"}));
    let patched = api.merge("configmaps/a", json!({"data": null})).await.ok();
    assert_eq!(patched["data"], Value::Null);
}

#[tokio::test]
async fn a_merge_patch_replaces_lists() {
    let api = Api::with_widgets().await;
    let parts = json!([{"name": "one"}, {"name": "two"}]);
    api.post("widgets", widget("a", json!({"parts": parts})))
        .await
        .created();
    let patched = api
        .merge("widgets/a", json!({"spec": {"parts": [{"name": "three"}]}}))
        .await
        .ok();
    assert_eq!(
        patched["spec"]["parts"],
        json!([{"name": "three", "count": 1}])
    );
}

#[tokio::test]
async fn a_json_patch_is_done_step_by_step() {
    let api = Api::with_widgets().await;
    let notes = json!({"notes": ["one", "two"], "options": {"a/b": "1"}});
    api.post("widgets", widget("a", notes)).await.created();
    let patch = json!([
        {"op": "test", "path": "/spec/notes/0", "value": "one"},
        {"op": "add", "path": "/spec/notes/-", "value": "three"},
        {"op": "remove", "path": "/spec/notes/0"},
        {"op": "replace", "path": "/spec/options/a~1b", "value": "2"},
        {"op": "copy", "from": "/spec/notes/0", "path": "/spec/label"},
        {"op": "move", "from": "/spec/options/a~1b", "path": "/spec/options/c"},
    ]);
    let patched = api.json_patch("widgets/a", patch).await.ok();
    assert_eq!(patched["spec"]["notes"], json!(["two", "three"]));
    assert_eq!(patched["spec"]["options"], json!({"c": "2"}));
    assert_eq!(patched["spec"]["label"], "two");
}

#[tokio::test]
async fn a_json_patch_that_cannot_be_done_changes_nothing() {
    let api = Api::start().await;
    let made = api
        .post("configmaps", config_map("a", json!({"k": "1"})))
        .await
        .created();
    for last in [
        json!({"op": "test", "path": "/data/k", "value": "9"}),
        json!({"op": "remove", "path": "/data/missing"}),
        json!({"op": "add", "path": "/missing/k", "value": "9"}),
    ] {
        let patch = json!([{"op": "add", "path": "/data/l", "value": "2"}, last]);
        let status = api
            .json_patch("configmaps/a", patch)
            .await
            .refused(422, "Invalid");
        assert_eq!(
            status["message"], "the server rejected our request due to an error in our request",
            "{last}"
        );
    }
    assert_eq!(api.get("configmaps/a").await.ok(), made);
}

#[tokio::test]
async fn a_json_patch_replaces_even_what_is_not_there() {
    let api = Api::start().await;
    api.post("configmaps", config_map("a", json!({"k": "1"})))
        .await
        .created();
    let patch = json!([{"op": "replace", "path": "/data/l", "value": "2"}]);
    let patched = api.json_patch("configmaps/a", patch).await.ok();
    assert_eq!(patched["data"], json!({"k": "1", "l": "2"}));
}

#[tokio::test]
async fn a_strategic_patch_merges_lists_by_key() {
    let api = Api::start().await;
    let env = json!([{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]);
    let containers =
        json!([{"name": "main", "image": "i:1", "env": env}, {"name": "side", "image": "s:1"}]);
    api.post("statefulsets", stateful_set("a", containers))
        .await
        .created();
    let patch = json!({"spec": {"template": {"spec": {"containers": [{
        "name": "main", "image": "i:2",
        "env": [{"name": "B", "$patch": "delete"}, {"name": "C", "value": "3"}],
    }]}}}});
    let patched = api.strategic("statefulsets/a", patch).await.ok();
    let containers = &patched["spec"]["template"]["spec"]["containers"];
    let names: Vec<&Value> = containers
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert_eq!(names, ["main", "side"]);
    assert_eq!(containers[0]["image"], "i:2");
    let mut env = containers[0]["env"].as_array().unwrap().clone();
    env.sort_by_key(|one| one["name"].to_string());
    assert_eq!(
        env,
        [
            json!({"name": "A", "value": "1"}),
            json!({"name": "C", "value": "3"})
        ]
    );

    let gone = json!({"spec": {"template": {"spec": {"containers": [{"name": "side", "$patch": "delete"}]}}}});
    let patched = api.strategic("statefulsets/a", gone).await.ok();
    assert_eq!(
        patched["spec"]["template"]["spec"]["containers"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_strategic_patch_replaces_and_nulls() {
    let api = Api::start().await;
    api.post("configmaps", config_map("a", json!({"k": "1", "l": "2"})))
        .await
        .created();
    let patched = api
        .strategic("configmaps/a", json!({"data": {"k": null}}))
        .await
        .ok();
    assert_eq!(patched["data"], json!({"l": "2"}));
    let patch = json!({"data": {"$patch": "replace", "m": "3"}});
    let patched = api.strategic("configmaps/a", patch).await.ok();
    assert_eq!(patched["data"], json!({"m": "3"}));
}

#[tokio::test]
async fn custom_resources_know_no_strategic_patch() {
    let api = Api::with_widgets().await;
    api.post("widgets", widget("a", json!({}))).await.created();
    let reply = api
        .strategic("widgets/a", json!({"spec": {"size": 4}}))
        .await;
    let status = reply.refused(415, "UnsupportedMediaType");
    assert_eq!(
        status["message"],
        "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
    );
}

#[tokio::test]
async fn a_patch_says_what_it_is() {
    let api = Api::start().await;
    api.post("configmaps", config_map("a", json!({})))
        .await
        .created();
    let reply = api
        .patch("configmaps/a", "json", &json!({"data": {"k": "v"}}))
        .await;
    let status = reply.refused(415, "UnsupportedMediaType");
    assert_eq!(status["message"], "415: Unsupported Media Type");
}

#[tokio::test]
async fn a_patch_does_not_rename() {
    let api = Api::start().await;
    api.post("configmaps", config_map("a", json!({})))
        .await
        .created();
    let status = api
        .merge("configmaps/a", json!({"metadata": {"name": "b"}}))
        .await
        .refused(400, "BadRequest");
    assert_eq!(
        status["message"],
        "the name of the object (b) does not match the name on the URL (a)"
    );
}
