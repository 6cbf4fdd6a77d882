//! Objects come and are found, under names that are theirs alone.

use serde_json::json;

use super::Api;
use super::api::{config_map, text};

#[tokio::test]
async fn what_was_made_is_found() {
    let api = Api::start().await;
    let made = api
        .post("configmaps", config_map("a", json!({"k": "v"})))
        .await
        .created();
    assert_eq!(made["kind"], "ConfigMap");
    assert_eq!(made["apiVersion"], "v1");
    assert_eq!(made["data"], json!({"k": "v"}));
    assert_eq!(made["metadata"]["namespace"], *api.namespace);
    assert_eq!(api.get("configmaps/a").await.ok(), made);
}

#[tokio::test]
async fn what_is_not_there_is_404_with_its_name() {
    let api = Api::start().await;
    let expected = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 404,
        "reason": "NotFound", "message": "configmaps \"a\" not found",
        "details": {"name": "a", "kind": "configmaps"},
    });
    let patch = json!({"data": {"k": "v"}});
    assert_eq!(
        api.get("configmaps/a").await.refused(404, "NotFound"),
        expected
    );
    assert_eq!(
        api.merge("configmaps/a", patch)
            .await
            .refused(404, "NotFound"),
        expected
    );
    assert_eq!(
        api.delete("configmaps/a", json!({}))
            .await
            .refused(404, "NotFound"),
        expected
    );
    let put = api.put("configmaps/a", config_map("a", json!({}))).await;
    assert_eq!(put.refused(404, "NotFound"), expected);

    let status = api.get("statefulsets/a").await.refused(404, "NotFound");
    assert_eq!(status["message"], "statefulsets.apps \"a\" not found");
    assert_eq!(
        status["details"],
        json!({"name": "a", "group": "apps", "kind": "statefulsets"})
    );
}

#[tokio::test]
async fn a_path_that_leads_nowhere_is_404_too() {
    let api = Api::start().await;
    let status = api.get("gadgets").await.refused(404, "NotFound");
    assert_eq!(
        status["message"],
        "the server could not find the requested resource"
    );
}

#[tokio::test]
async fn a_name_is_given_once() {
    let api = Api::start().await;
    api.post("configmaps", config_map("a", json!({})))
        .await
        .created();
    let again = api.post("configmaps", config_map("a", json!({}))).await;
    assert_eq!(
        again.refused(409, "AlreadyExists"),
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 409,
            "reason": "AlreadyExists", "message": "configmaps \"a\" already exists",
            "details": {"name": "a", "kind": "configmaps"},
        })
    );
}

#[tokio::test]
async fn a_generated_name_begins_as_it_is_asked_to() {
    let api = Api::start().await;
    let wanted = json!({"metadata": {"generateName": "a-"}});
    let one = api.post("configmaps", wanted.clone()).await.created();
    let other = api.post("configmaps", wanted).await.created();
    let name = text(&one["metadata"]["name"]);
    assert_ne!(one["metadata"]["name"], other["metadata"]["name"]);
    assert_eq!(one["metadata"]["generateName"], "a-");
    assert!(name.starts_with("a-") && name.len() == 7, "{name}");

    let both = json!({"metadata": {"generateName": "a-", "name": "b"}});
    let named = api.post("configmaps", both).await.created();
    assert_eq!(named["metadata"]["name"], "b");
}

#[tokio::test]
async fn a_nameless_object_is_refused() {
    let api = Api::start().await;
    let status = api
        .post("configmaps", json!({"metadata": {}}))
        .await
        .refused(422, "Invalid");
    assert_eq!(
        status["message"],
        "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required"
    );
    assert_eq!(
        status["details"],
        json!({"kind": "ConfigMap", "causes": [{
            "reason": "FieldValueRequired", "field": "metadata.name",
            "message": "Required value: name or generateName is required",
        }]})
    );
}

#[tokio::test]
async fn a_name_has_a_form() {
    let api = Api::start().await;
    let status = api
        .post("configmaps", config_map("A b", json!({})))
        .await
        .refused(422, "Invalid");
    assert_eq!(status["details"]["name"], "A b");
    let cause = &status["details"]["causes"][0];
    assert_eq!(cause["reason"], "FieldValueInvalid");
    assert_eq!(cause["field"], "metadata.name");
    assert_eq!(
        cause["message"],
        "Invalid value: \"A b\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
         characters, '-' or '.', and must start and end with an alphanumeric character (e.g. \
         'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    );
}

#[tokio::test]
async fn a_body_that_contradicts_the_path_is_refused() {
    let api = Api::start().await;
    let mut elsewhere = config_map("a", json!({}));
    elsewhere["metadata"]["namespace"] = "elsewhere".into();
    let status = api
        .post("configmaps", elsewhere.clone())
        .await
        .refused(400, "BadRequest");
    assert_eq!(
        status["message"],
        "the namespace of the provided object does not match the namespace sent on the request"
    );
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}});
    api.post("configmaps", secret)
        .await
        .refused(400, "BadRequest");

    api.post("configmaps", config_map("a", json!({})))
        .await
        .created();
    let renamed = api.put("configmaps/a", config_map("b", json!({}))).await;
    let status = renamed.refused(400, "BadRequest");
    assert_eq!(
        status["message"],
        "the name of the object (b) does not match the name on the URL (a)"
    );
    api.put("configmaps/a", elsewhere)
        .await
        .refused(400, "BadRequest");
}

#[tokio::test]
async fn a_new_object_has_no_version_yet() {
    let api = Api::start().await;
    let mut object = config_map("a", json!({}));
    object["metadata"]["resourceVersion"] = "7".into();
    // To a server that is its own mistake: it does not even give a reason.
    assert_eq!(
        api.post("configmaps", object).await.body,
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 500,
            "message": "resourceVersion should not be set on objects to be created",
        })
    );
}

#[tokio::test]
async fn an_object_needs_its_namespace() {
    let mut api = Api::start().await;
    api.namespace = "nowhere".to_owned();
    let status = api
        .post("configmaps", config_map("a", json!({})))
        .await
        .refused(404, "NotFound");
    assert_eq!(status["message"], "namespaces \"nowhere\" not found");
    assert_eq!(
        status["details"],
        json!({"name": "nowhere", "kind": "namespaces"})
    );
}

#[tokio::test]
async fn a_text_is_no_object() {
    let api = Api::start().await;
    let text = json!("this is no object");
    api.post("configmaps", text)
        .await
        .refused(400, "BadRequest");
}
