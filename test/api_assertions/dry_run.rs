//! `dryRun=All`: everything is said, nothing is done.

use serde_json::{Value, json};

use super::Api;
use super::api::config_map;
use super::widgets::widget;

#[tokio::test]
async fn a_dry_run_makes_nothing() {
    let api = Api::with_widgets().await;
    let said = api
        .post("widgets?dryRun=All", widget("a", json!({})))
        .await
        .created();
    assert_eq!(said["spec"]["size"], 3, "what would be there is said");
    api.get("widgets/a").await.refused(404, "NotFound");
    api.apply("widgets/a?dryRun=All", "me", widget("a", json!({})))
        .await
        .created();
    api.get("widgets/a").await.refused(404, "NotFound");
    api.post("widgets?dryRun=All", widget("a", json!({"size": 11})))
        .await
        .refused(422, "Invalid");
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let api = Api::start().await;
    let made = api
        .post("configmaps", config_map("a", json!({"k": "1"})))
        .await
        .created();
    let patch = json!({"data": {"k": "2"}});
    for said in [
        api.merge("configmaps/a?dryRun=All", patch).await,
        api.put(
            "configmaps/a?dryRun=All",
            config_map("a", json!({"k": "2"})),
        )
        .await,
        api.force(
            "configmaps/a?dryRun=All",
            "me",
            config_map("a", json!({"k": "2"})),
        )
        .await,
    ] {
        assert_eq!(said.ok()["data"]["k"], "2");
    }
    api.post("configmaps?dryRun=All", config_map("a", json!({})))
        .await
        .refused(409, "AlreadyExists");
    assert_eq!(api.get("configmaps/a").await.ok(), made);
}

#[tokio::test]
async fn a_dry_run_deletes_nothing() {
    let api = Api::start().await;
    let made = api
        .post("configmaps", config_map("a", json!({"k": "1"})))
        .await
        .created();
    api.delete("configmaps/a?dryRun=All", Value::Null)
        .await
        .ok();
    api.delete("configmaps/a", json!({"dryRun": ["All"]}))
        .await
        .ok();
    assert_eq!(api.get("configmaps/a").await.ok(), made);
}
