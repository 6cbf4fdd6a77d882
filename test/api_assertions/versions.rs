//! Which object it is, which version of it, and which wish: uid, resourceVersion, generation.

use serde_json::{Value, json};

use super::Api;
use super::api::{config_map, text, version};
use super::widgets::widget;

const STALE: &str =
    "the object has been modified; please apply your changes to the latest version and try again";

#[tokio::test]
async fn identity_is_the_servers_to_give() {
    let api = Api::start().await;
    let mut wanted = config_map("a", json!({}));
    wanted["metadata"]["uid"] = "mine".into();
    wanted["metadata"]["creationTimestamp"] = "2001-01-01T00:00:00Z".into();
    wanted["metadata"]["deletionTimestamp"] = "2001-01-01T00:00:00Z".into();
    let metadata = api.post("configmaps", wanted).await.created()["metadata"].clone();
    assert_eq!(text(&metadata["uid"]).len(), 36);
    assert!(
        version(&json!({"metadata": metadata}))
            .parse::<u64>()
            .unwrap()
            > 0
    );
    let created = text(&metadata["creationTimestamp"]);
    assert!(
        created.ends_with('Z') && created.len() == 20 && !created.starts_with("2001"),
        "{created}"
    );
    assert_eq!(metadata["deletionTimestamp"], Value::Null);
}

#[tokio::test]
async fn identity_does_not_change() {
    let api = Api::start().await;
    let made = api
        .post("configmaps", config_map("a", json!({})))
        .await
        .created();
    let patch = json!({"metadata": {"creationTimestamp": "2001-01-01T00:00:00Z", "generation": 7}, "data": {"k": "v"}});
    let changed = api.merge("configmaps/a", patch).await.ok();
    for field in ["uid", "name", "namespace", "creationTimestamp"] {
        assert_eq!(
            changed["metadata"][field], made["metadata"][field],
            "{field}"
        );
    }
    assert_ne!(version(&changed), version(&made));
}

#[tokio::test]
async fn a_generation_counts_wishes_not_writes() {
    let api = Api::with_widgets().await;
    let mut wanted = widget("a", json!({"size": 1}));
    wanted["metadata"]["generation"] = 7.into();
    let made = api.post("widgets", wanted).await.created();
    assert_eq!(made["metadata"]["generation"], 1);
    let labelled = api
        .merge("widgets/a", json!({"metadata": {"labels": {"k": "v"}}}))
        .await
        .ok();
    assert_eq!(labelled["metadata"]["generation"], 1);
    let seen = api
        .merge("widgets/a/status", json!({"status": {"phase": "Seen"}}))
        .await
        .ok();
    assert_eq!(seen["metadata"]["generation"], 1);
    let wish = api
        .merge("widgets/a", json!({"spec": {"size": 2}}))
        .await
        .ok();
    assert_eq!(wish["metadata"]["generation"], 2);
    let again = api
        .merge("widgets/a", json!({"spec": {"size": 2}}))
        .await
        .ok();
    assert_eq!(again["metadata"]["generation"], 2);
    let held = api
        .merge(
            "widgets/a",
            json!({"metadata": {"finalizers": ["example.com/held"]}}),
        )
        .await
        .ok();
    assert_eq!(held["metadata"]["generation"], 2);
    let going = api.delete("widgets/a", Value::Null).await.ok();
    assert_eq!(going["metadata"]["generation"], 3, "the wish to go is one");
}

#[tokio::test]
async fn not_every_kind_counts_wishes() {
    let api = Api::start().await;
    let service = json!({"metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}});
    let quota = json!({"metadata": {"name": "a"}, "spec": {"hard": {"pods": "3"}}});
    for (resource, object) in [
        ("configmaps", config_map("a", json!({}))),
        ("secrets", json!({"metadata": {"name": "a"}})),
        ("services", service),
        ("resourcequotas", quota),
        ("leases", json!({"metadata": {"name": "a"}})),
    ] {
        let made = api.post(resource, object).await.created();
        assert_eq!(made["metadata"]["generation"], Value::Null, "{resource}");
    }
    let namespace = api.get(&format!("namespaces/{}", api.namespace)).await.ok();
    assert_eq!(namespace["metadata"]["generation"], Value::Null);
}

#[tokio::test]
async fn a_write_that_changes_nothing_makes_no_version() {
    let api = Api::start().await;
    let made = api
        .post("configmaps", config_map("a", json!({"k": "v"})))
        .await
        .created();
    let same = json!({"data": {"k": "v"}});
    let test = json!([{"op": "replace", "path": "/data/k", "value": "v"}]);
    for (what, reply) in [
        ("put", api.put("configmaps/a", made.clone()).await),
        (
            "put without server's fields",
            api.put("configmaps/a", config_map("a", json!({"k": "v"})))
                .await,
        ),
        ("merge", api.merge("configmaps/a", same.clone()).await),
        ("empty merge", api.merge("configmaps/a", json!({})).await),
        ("json patch", api.json_patch("configmaps/a", test).await),
        ("strategic", api.strategic("configmaps/a", same).await),
    ] {
        assert_eq!(reply.ok(), made, "{what}");
    }
    assert_eq!(api.get("configmaps/a").await.ok(), made);
}

#[tokio::test]
async fn a_stale_version_is_a_conflict() {
    let api = Api::start().await;
    let made = api
        .post("configmaps", config_map("a", json!({"k": "1"})))
        .await
        .created();
    api.merge("configmaps/a", json!({"data": {"k": "2"}}))
        .await
        .ok();
    let stale = json!({"metadata": {"resourceVersion": version(&made)}, "data": {"k": "3"}});
    let mut put = made.clone();
    put["data"]["k"] = "3".into();
    let expected = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 409,
        "reason": "Conflict",
        "message": format!("Operation cannot be fulfilled on configmaps \"a\": {STALE}"),
        "details": {"name": "a", "kind": "configmaps"},
    });
    assert_eq!(
        api.put("configmaps/a", put).await.refused(409, "Conflict"),
        expected
    );
    assert_eq!(
        api.merge("configmaps/a", stale)
            .await
            .refused(409, "Conflict"),
        expected
    );
    let mut applied = config_map("a", json!({"k": "3"}));
    applied["metadata"]["resourceVersion"] = version(&made).into();
    assert_eq!(
        api.force("configmaps/a", "me", applied)
            .await
            .refused(409, "Conflict"),
        expected
    );
    assert_eq!(api.get("configmaps/a").await.ok()["data"]["k"], "2");
}

#[tokio::test]
async fn the_version_may_be_left_out_of_some_kinds_only() {
    let api = Api::with_widgets().await;
    api.post("configmaps", config_map("a", json!({})))
        .await
        .created();
    let put = api
        .put("configmaps/a", config_map("a", json!({"k": "v"})))
        .await
        .ok();
    assert_eq!(put["data"]["k"], "v");

    api.post("widgets", widget("a", json!({}))).await.created();
    let status = api
        .put("widgets/a", widget("a", json!({"size": 5})))
        .await
        .refused(422, "Invalid");
    assert_eq!(
        status["details"]["causes"][0]["field"],
        "metadata.resourceVersion"
    );
    assert_eq!(
        status["details"]["causes"][0]["message"],
        "Invalid value: 0: must be specified for an update"
    );
    let lease = json!({"metadata": {"name": "a"}, "spec": {"holderIdentity": "me"}});
    api.post("leases", lease.clone()).await.created();
    api.put("leases/a", lease).await.refused(422, "Invalid");
}

#[tokio::test]
async fn a_deletion_may_be_meant_for_one_object_only() {
    let api = Api::start().await;
    let made = api
        .post("configmaps", config_map("a", json!({})))
        .await
        .created();
    let uid = text(&made["metadata"]["uid"]);
    let other = json!({"preconditions": {"uid": "other"}});
    let status = api
        .delete("configmaps/a", other)
        .await
        .refused(409, "Conflict");
    assert_eq!(
        status["message"],
        format!(
            "Operation cannot be fulfilled on ConfigMap \"a\": the UID in the precondition (other) does not match the UID in record ({uid}). The object might have been deleted and then recreated"
        )
    );
    assert_eq!(status["details"], json!({"name": "a", "kind": "ConfigMap"}));
    let stale = json!({"preconditions": {"resourceVersion": "1"}});
    let status = api
        .delete("configmaps/a", stale)
        .await
        .refused(409, "Conflict");
    assert_eq!(
        status["message"],
        format!(
            "Operation cannot be fulfilled on ConfigMap \"a\": the ResourceVersion in the precondition (1) does not match the ResourceVersion in record ({}). The object might have been modified",
            version(&made)
        )
    );
    let both = json!({"preconditions": {"uid": uid, "resourceVersion": version(&made)}});
    api.delete("configmaps/a", both).await.ok();
}

#[tokio::test]
async fn a_write_may_be_meant_for_one_object_only() {
    let api = Api::start().await;
    let made = api
        .post("configmaps", config_map("a", json!({})))
        .await
        .created();
    let mut put = config_map("a", json!({"k": "v"}));
    put["metadata"]["uid"] = "other".into();
    let status = api
        .put("configmaps/a", put.clone())
        .await
        .refused(409, "Conflict");
    let message = text(&status["message"]);
    let uid = text(&made["metadata"]["uid"]);
    let precondition =
        format!("Precondition failed: UID in precondition: other, UID in object meta: {uid}");
    assert!(message.contains(&precondition), "{message}");
    for reply in [
        api.merge("configmaps/a", json!({"metadata": {"uid": "other"}}))
            .await,
        api.force("configmaps/a", "me", put).await,
    ] {
        let status = reply.refused(422, "Invalid");
        assert_eq!(
            status["message"],
            "ConfigMap \"a\" is invalid: metadata.uid: Invalid value: \"other\": field is immutable"
        );
    }
    assert_eq!(api.get("configmaps/a").await.ok(), made);
    let right = json!({"metadata": {"uid": uid}, "data": {"k": "v"}});
    assert_eq!(
        api.merge("configmaps/a", right).await.ok()["data"]["k"],
        "v"
    );
}
