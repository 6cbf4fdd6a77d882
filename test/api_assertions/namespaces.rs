//! A namespace that is going, and how many objects one may hold.

use serde_json::{Value, json};

use super::Api;
use super::api::{config_map, eventually, text};

#[tokio::test]
async fn a_namespace_says_its_name_as_a_label() {
    let api = Api::start().await;
    let namespace = api.get(&format!("namespaces/{}", api.namespace)).await.ok();
    assert_eq!(
        namespace["metadata"]["labels"],
        json!({"kubernetes.io/metadata.name": api.namespace})
    );
    assert_eq!(namespace["spec"], json!({"finalizers": ["kubernetes"]}));
    assert_eq!(namespace["status"], json!({"phase": "Active"}));
}

#[tokio::test]
async fn nothing_new_comes_to_a_namespace_that_is_going() {
    let api = Api::start().await;
    let mut held = config_map("a", json!({"k": "1"}));
    held["metadata"]["finalizers"] = json!(["example.com/held"]);
    api.post("configmaps", held).await.created();
    let going = api
        .delete(&format!("namespaces/{}", api.namespace), Value::Null)
        .await
        .ok();
    assert_eq!(going["status"]["phase"], "Terminating");
    assert!(!text(&going["metadata"]["deletionTimestamp"]).is_empty());

    let status = api
        .post("configmaps", config_map("b", json!({})))
        .await
        .refused(403, "Forbidden");
    let namespace = &api.namespace;
    assert_eq!(
        status["message"],
        format!(
            "configmaps \"b\" is forbidden: unable to create new content in namespace {namespace} because it is being terminated"
        )
    );
    assert_eq!(
        status["details"],
        json!({
            "name": "b", "kind": "configmaps",
            "causes": [{
                "reason": "NamespaceTerminating", "field": "metadata.namespace",
                "message": format!("namespace {namespace} is being terminated"),
            }],
        })
    );
    api.apply("configmaps/c", "me", config_map("c", json!({})))
        .await
        .refused(403, "Forbidden");
    // What is there may still be changed.
    api.merge("configmaps/a", json!({"data": {"k": "2"}}))
        .await
        .ok();
    api.merge("configmaps/a", json!({"metadata": {"finalizers": null}}))
        .await
        .ok();
}

#[tokio::test]
async fn a_quota_bounds_the_number_of_objects() {
    let api = Api::start().await;
    for name in ["a", "b"] {
        api.post("secrets", json!({"metadata": {"name": name}}))
            .await
            .created();
    }
    let quota = json!({"metadata": {"name": "few"}, "spec": {"hard": {"secrets": "2"}}});
    api.post("resourcequotas", quota).await.created();
    // Its controller would say the same in its own time.
    let status = json!({"status": {"hard": {"secrets": "2"}, "used": {"secrets": "2"}}});
    api.merge("resourcequotas/few/status", status).await.ok();
    let one_more = async || {
        api.post("secrets", json!({"metadata": {"name": "c"}}))
            .await
    };
    eventually("the quota is known", async || {
        let is_refused = one_more().await.code == 403;
        if !is_refused {
            api.delete("secrets/c", Value::Null).await;
        }
        is_refused
    })
    .await;
    let status = one_more().await.refused(403, "Forbidden");
    assert_eq!(
        status["message"],
        "secrets \"c\" is forbidden: exceeded quota: few, requested: secrets=1, used: secrets=2, limited: secrets=2"
    );
    assert_eq!(status["details"], json!({"name": "c", "kind": "secrets"}));
}
