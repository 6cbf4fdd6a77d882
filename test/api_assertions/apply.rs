//! Server-side apply: several managers, one object, and no field changes hands unasked.

use serde_json::{Value, json};

use super::Api;
use super::api::{config_map, version};
use super::widgets::widget;

#[tokio::test]
async fn apply_makes_an_object_and_a_second_one_changes_nothing() {
    let api = Api::start().await;
    let wanted = config_map("a", json!({"k": "v"}));
    let made = api
        .apply("configmaps/a", "me", wanted.clone())
        .await
        .created();
    assert_eq!(made["data"], json!({"k": "v"}));
    assert_eq!(api.apply("configmaps/a", "me", wanted).await.ok(), made);
    assert_eq!(api.get("configmaps/a").await.ok(), made);
}

#[tokio::test]
async fn applying_what_others_want_as_well_moves_the_version_once() {
    let api = Api::start().await;
    let wanted = config_map("a", json!({"k": "v"}));
    let made = api.post("configmaps", wanted.clone()).await.created();
    let shared = api.apply("configmaps/a", "me", wanted.clone()).await.ok();
    assert_ne!(version(&shared), version(&made), "there is one owner more");
    assert_eq!(api.apply("configmaps/a", "me", wanted).await.ok(), shared);
}

#[tokio::test]
async fn fields_of_others_survive() {
    let api = Api::start().await;
    api.apply("configmaps/a", "one", config_map("a", json!({"one": "1"})))
        .await
        .created();
    api.merge("configmaps/a", json!({"data": {"two": "2"}}))
        .await
        .ok();
    let both = api
        .apply("configmaps/a", "one", config_map("a", json!({"one": "3"})))
        .await
        .ok();
    assert_eq!(both["data"], json!({"one": "3", "two": "2"}));
}

#[tokio::test]
async fn a_field_that_its_only_owner_drops_goes() {
    let api = Api::start().await;
    let mut wanted = config_map("a", json!({"k": "1", "l": "2"}));
    wanted["metadata"]["labels"] = json!({"a": "b"});
    api.apply("configmaps/a", "me", wanted).await.created();
    let less = api
        .apply("configmaps/a", "me", config_map("a", json!({"k": "1"})))
        .await
        .ok();
    assert_eq!(less["data"], json!({"k": "1"}));
    assert_eq!(less["metadata"]["labels"], Value::Null);
    let bare = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
    let nothing = api.apply("configmaps/a", "me", bare).await.ok();
    assert_eq!(nothing["data"], Value::Null);
}

#[tokio::test]
async fn a_field_that_one_of_its_owners_drops_stays() {
    let api = Api::start().await;
    api.apply(
        "configmaps/a",
        "one",
        config_map("a", json!({"k": "1", "l": "2"})),
    )
    .await
    .created();
    api.apply("configmaps/a", "two", config_map("a", json!({"l": "2"})))
        .await
        .ok();
    let kept = api
        .apply("configmaps/a", "one", config_map("a", json!({"k": "1"})))
        .await
        .ok();
    assert_eq!(kept["data"], json!({"k": "1", "l": "2"}));
    let gone = api
        .apply("configmaps/a", "two", config_map("a", json!({})))
        .await
        .ok();
    assert_eq!(gone["data"], json!({"k": "1"}));
}

#[tokio::test]
async fn a_field_that_somebody_else_set_stays_with_them() {
    let api = Api::start().await;
    api.apply(
        "configmaps/a",
        "me",
        config_map("a", json!({"k": "1", "l": "2"})),
    )
    .await
    .created();
    // An ordinary write takes the field away from who applied it.
    api.merge("configmaps/a", json!({"data": {"l": "3"}}))
        .await
        .ok();
    let kept = api
        .apply("configmaps/a", "me", config_map("a", json!({"k": "1"})))
        .await
        .ok();
    assert_eq!(kept["data"], json!({"k": "1", "l": "3"}));
}

#[tokio::test]
async fn another_value_for_a_field_of_others_is_a_conflict() {
    let api = Api::start().await;
    let made = api
        .apply("configmaps/a", "one", config_map("a", json!({"k": "1"})))
        .await
        .created();
    let wanted = config_map("a", json!({"k": "2"}));
    let message = "Apply failed with 1 conflict: conflict with \"one\": .data.k";
    assert_eq!(
        api.apply("configmaps/a", "two", wanted)
            .await
            .refused(409, "Conflict"),
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 409,
            "reason": "Conflict", "message": message,
            "details": {"causes": [{
                "reason": "FieldManagerConflict", "message": "conflict with \"one\"", "field": ".data.k",
            }]},
        })
    );
    assert_eq!(api.get("configmaps/a").await.ok(), made);
}

#[tokio::test]
async fn conflicts_are_counted_and_named() {
    let api = Api::start().await;
    let mut wanted = config_map("a", json!({"k": "1", "l": "1"}));
    api.apply("configmaps/a", "one", wanted.clone())
        .await
        .created();
    api.merge(
        "configmaps/a?fieldManager=editor",
        json!({"metadata": {"labels": {"m": "1"}}}),
    )
    .await
    .ok();
    wanted["data"] = json!({"k": "2", "l": "2"});
    wanted["metadata"]["labels"] = json!({"m": "2"});
    let status = api
        .apply("configmaps/a", "two", wanted)
        .await
        .refused(409, "Conflict");
    assert_eq!(
        status["message"],
        "Apply failed with 3 conflicts: conflicts with \"editor\" using v1:\n- .metadata.labels.m\nconflicts with \"one\":\n- .data.k\n- .data.l"
    );
    let causes = status["details"]["causes"].as_array().unwrap();
    let mut said: Vec<(&str, &str)> = causes
        .iter()
        .map(|cause| {
            (
                cause["field"].as_str().unwrap(),
                cause["message"].as_str().unwrap(),
            )
        })
        .collect();
    said.sort_unstable();
    assert_eq!(
        said,
        [
            (".data.k", "conflict with \"one\""),
            (".data.l", "conflict with \"one\""),
            (".metadata.labels.m", "conflict with \"editor\" using v1"),
        ]
    );
}

#[tokio::test]
async fn force_takes_the_field() {
    let api = Api::start().await;
    api.apply(
        "configmaps/a",
        "one",
        config_map("a", json!({"k": "1", "l": "1"})),
    )
    .await
    .created();
    let forced = api
        .force("configmaps/a", "two", config_map("a", json!({"k": "2"})))
        .await
        .ok();
    assert_eq!(forced["data"], json!({"k": "2", "l": "1"}));
    // Now it is the first who would need force, and who has nothing to lose by letting go.
    api.apply(
        "configmaps/a",
        "one",
        config_map("a", json!({"k": "1", "l": "1"})),
    )
    .await
    .refused(409, "Conflict");
    let rest = api
        .apply("configmaps/a", "one", config_map("a", json!({"l": "1"})))
        .await
        .ok();
    assert_eq!(rest["data"], json!({"k": "2", "l": "1"}));
}

#[tokio::test]
async fn the_same_value_is_no_conflict() {
    let api = Api::start().await;
    api.post("configmaps", config_map("a", json!({"k": "1"})))
        .await
        .created();
    api.apply("configmaps/a", "me", config_map("a", json!({"k": "1"})))
        .await
        .ok();
}

#[tokio::test]
async fn an_apply_has_a_manager() {
    let api = Api::start().await;
    let body = config_map("a", json!({}));
    let status = api
        .patch("configmaps/a", "apply-patch+yaml", &body)
        .await
        .refused(422, "Invalid");
    assert_eq!(
        status["message"],
        "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch"
    );
    api.get("configmaps/a").await.refused(404, "NotFound");
}

#[tokio::test]
async fn an_apply_says_what_it_applies() {
    let api = Api::start().await;
    let mut managed = config_map("a", json!({}));
    managed["metadata"]["managedFields"] = json!([{"manager": "me", "operation": "Apply"}]);
    let status = api
        .apply("configmaps/a", "me", managed)
        .await
        .refused(400, "BadRequest");
    assert_eq!(status["message"], "metadata.managedFields must be nil");
    let other = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}});
    api.apply("configmaps/a", "me", other)
        .await
        .refused(400, "BadRequest");
    let renamed = api
        .apply("configmaps/a", "me", config_map("b", json!({})))
        .await;
    let status = renamed.refused(400, "BadRequest");
    assert_eq!(
        status["message"],
        "the name of the object (b) does not match the name on the URL (a)"
    );
    let typeless = json!({"metadata": {"name": "a"}, "data": {"k": "v"}});
    api.apply("configmaps/a", "me", typeless)
        .await
        .refused(400, "BadRequest");
}

#[tokio::test]
async fn an_apply_meant_for_one_object_makes_no_other() {
    let api = Api::start().await;
    let mut wanted = config_map("a", json!({"k": "v"}));
    wanted["metadata"]["uid"] = "gone".into();
    let status = api
        .force("configmaps/a", "me", wanted)
        .await
        .refused(409, "Conflict");
    assert_eq!(
        status["message"],
        "Operation cannot be fulfilled on configmaps \"a\": uid mismatch: the provided object specified uid gone, and no existing object was found"
    );
    assert_eq!(
        status["details"],
        json!({"name": "a", "kind": "configmaps"})
    );
    api.get("configmaps/a").await.refused(404, "NotFound");
}

#[tokio::test]
async fn an_apply_of_the_right_object_and_version_is_done() {
    let api = Api::start().await;
    let made = api
        .apply("configmaps/a", "me", config_map("a", json!({"k": "1"})))
        .await
        .created();
    let mut wanted = config_map("a", json!({"k": "2"}));
    wanted["metadata"]["uid"] = made["metadata"]["uid"].clone();
    wanted["metadata"]["resourceVersion"] = version(&made).into();
    assert_eq!(
        api.apply("configmaps/a", "me", wanted).await.ok()["data"]["k"],
        "2"
    );
}

#[tokio::test]
async fn a_status_is_applied_alone() {
    let api = Api::with_widgets().await;
    let made = api
        .apply("widgets/a", "me", widget("a", json!({"size": 1})))
        .await
        .created();
    let mut wanted = widget("a", json!({"size": 2}));
    wanted["status"] = json!({"phase": "Seen"});
    let seen = api
        .apply("widgets/a/status", "me", wanted.clone())
        .await
        .ok();
    assert_eq!(
        (&seen["spec"], &seen["status"]),
        (&made["spec"], &json!({"phase": "Seen"}))
    );
    assert_eq!(
        api.apply("widgets/a/status", "me", wanted.clone())
            .await
            .ok(),
        seen
    );
    // The other way round: the main path does not touch the status, nor who owns it.
    wanted["status"] = json!({"phase": "Mine"});
    let main = api.apply("widgets/a", "me", wanted).await.ok();
    assert_eq!(
        (&main["spec"]["size"], &main["status"]),
        (&json!(2), &json!({"phase": "Seen"}))
    );
    let mut dropped = widget("a", json!({}));
    dropped["status"] = json!({"size": 1});
    let dropped = api.apply("widgets/a/status", "me", dropped).await.ok();
    assert_eq!(dropped["status"], json!({"size": 1}));
}

#[tokio::test]
async fn what_is_defaulted_is_nobodys_until_it_is_applied() {
    let api = Api::with_widgets().await;
    let red = widget("a", json!({"color": "red"}));
    let made = api.apply("widgets/a", "one", red.clone()).await.created();
    assert_eq!(made["spec"]["size"], 3);
    let larger = widget("a", json!({"color": "red", "size": 4}));
    let other = api.apply("widgets/a", "two", larger).await.ok();
    assert_eq!(other["spec"]["size"], 4);
    let back = api.apply("widgets/a", "two", red).await.ok();
    assert_eq!(
        back["spec"]["size"], 3,
        "without an owner the default comes back"
    );
}

#[tokio::test]
async fn an_apply_may_be_written_as_yaml() {
    let api = Api::start().await;
    let yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: v\n";
    let made = api
        .apply_text("configmaps/a?fieldManager=me", yaml)
        .await
        .created();
    assert_eq!(made["data"], json!({"k": "v"}));
}
