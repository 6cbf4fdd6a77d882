//! Parts of an object with a path of their own: `status` and `scale`.

use serde_json::{Value, json};

use super::Api;
use super::api::{config_map, version};
use super::widgets::widget;

#[tokio::test]
async fn the_main_path_leaves_the_status_alone() {
    let api = Api::with_widgets().await;
    let mut wanted = widget("a", json!({"size": 1}));
    wanted["status"] = json!({"phase": "Mine"});
    let made = api.post("widgets", wanted).await.created();
    assert_eq!(made["status"], Value::Null);
    api.merge("widgets/a/status", json!({"status": {"phase": "Seen"}}))
        .await
        .ok();

    let merged = api
        .merge(
            "widgets/a",
            json!({"spec": {"size": 2}, "status": {"phase": "Mine"}}),
        )
        .await
        .ok();
    assert_eq!(merged["status"], json!({"phase": "Seen"}));
    let mut put = merged.clone();
    put["spec"]["size"] = 3.into();
    put["status"] = json!({"phase": "Mine"});
    let put = api.put("widgets/a", put).await.ok();
    assert_eq!(
        (&put["status"], &put["spec"]),
        (&json!({"phase": "Seen"}), &json!({"size": 3}))
    );
    let nothing = api
        .merge("widgets/a", json!({"status": {"phase": "Mine"}}))
        .await
        .ok();
    assert_eq!(version(&nothing), version(&put));
}

#[tokio::test]
async fn the_status_path_leaves_the_rest_alone() {
    let api = Api::with_widgets().await;
    let made = api
        .post("widgets", widget("a", json!({"size": 1})))
        .await
        .created();
    let patch = json!({"spec": {"size": 2}, "status": {"phase": "Seen"}, "metadata": {"labels": {"k": "v"}}});
    let merged = api.merge("widgets/a/status", patch).await.ok();
    assert_eq!(merged["spec"], json!({"size": 1}));
    assert_eq!(merged["status"], json!({"phase": "Seen"}));
    assert_eq!(merged["metadata"]["labels"], Value::Null);
    let mut put = merged.clone();
    put["spec"]["size"] = 2.into();
    put["status"] = json!({"size": 1});
    let put = api.put("widgets/a/status", put).await.ok();
    assert_eq!(
        (&put["spec"], &put["status"]),
        (&json!({"size": 1}), &json!({"size": 1}))
    );
    assert_eq!(
        put["metadata"]["generation"],
        made["metadata"]["generation"]
    );
    assert_eq!(
        api.get("widgets/a/status").await.ok(),
        put,
        "a GET of the part is the whole"
    );
}

#[tokio::test]
async fn the_status_has_its_schema_too() {
    let api = Api::with_widgets().await;
    api.post("widgets", widget("a", json!({}))).await.created();
    let pruned = api
        .merge(
            "widgets/a/status",
            json!({"status": {"phase": "Seen", "mood": "good"}}),
        )
        .await
        .ok();
    assert_eq!(pruned["status"], json!({"phase": "Seen"}));
    let wrong = json!({"status": {"phase": 7}});
    let status = api
        .merge("widgets/a/status", wrong)
        .await
        .refused(422, "Invalid");
    assert_eq!(status["details"]["causes"][0]["field"], "status.phase");
}

#[tokio::test]
async fn a_status_needs_its_object() {
    let api = Api::with_widgets().await;
    api.merge("widgets/a/status", json!({"status": {"phase": "Seen"}}))
        .await
        .refused(404, "NotFound");
    let mut applied = widget("a", json!({}));
    applied["status"] = json!({"phase": "Seen"});
    let status = api
        .apply("widgets/a/status", "me", applied)
        .await
        .refused(404, "NotFound");
    assert_eq!(
        status["message"],
        "widgets.assertions.example.com \"a\" not found"
    );
}

#[tokio::test]
async fn not_every_kind_has_parts() {
    let api = Api::start().await;
    api.post("configmaps", config_map("a", json!({})))
        .await
        .created();
    for part in ["status", "scale", "colour"] {
        let status = api
            .get(&format!("configmaps/a/{part}"))
            .await
            .refused(404, "NotFound");
        assert_eq!(
            status["message"],
            "the server could not find the requested resource"
        );
    }
}

#[tokio::test]
async fn a_scale_is_the_objects_numbers() {
    let api = Api::with_widgets().await;
    let made = api
        .post("widgets", widget("a", json!({"size": 1})))
        .await
        .created();
    let status = json!({"status": {"size": 4, "selector": "app=a"}});
    let seen = api.merge("widgets/a/status", status).await.ok();
    let metadata = &made["metadata"];
    assert_eq!(
        api.get("widgets/a/scale").await.ok(),
        json!({
            "kind": "Scale", "apiVersion": "autoscaling/v1",
            "metadata": {
                "name": "a", "namespace": api.namespace, "uid": metadata["uid"],
                "creationTimestamp": metadata["creationTimestamp"], "resourceVersion": version(&seen),
            },
            "spec": {"replicas": 1},
            "status": {"replicas": 4, "selector": "app=a"},
        })
    );
}

#[tokio::test]
async fn scaling_is_a_wish_like_any_other() {
    let api = Api::with_widgets().await;
    api.post("widgets", widget("a", json!({"size": 1})))
        .await
        .created();
    let scale = api
        .merge("widgets/a/scale", json!({"spec": {"replicas": 5}}))
        .await
        .ok();
    assert_eq!(
        (&scale["kind"], &scale["spec"]),
        (&json!("Scale"), &json!({"replicas": 5}))
    );
    let scaled = api.get("widgets/a").await.ok();
    assert_eq!(scaled["spec"]["size"], 5);
    assert_eq!(scaled["metadata"]["generation"], 2);

    let mut put = scale.clone();
    put["spec"]["replicas"] = 6.into();
    assert_eq!(
        api.put("widgets/a/scale", put.clone()).await.ok()["spec"]["replicas"],
        6
    );
    api.put("widgets/a/scale", put)
        .await
        .refused(409, "Conflict");

    api.merge("widgets/a/scale", json!({"spec": {"replicas": 11}}))
        .await
        .refused(422, "Invalid");
    api.merge("widgets/a/scale", json!({"spec": {"replicas": -1}}))
        .await
        .refused(422, "Invalid");
    assert_eq!(api.get("widgets/a").await.ok()["spec"]["size"], 6);
}
