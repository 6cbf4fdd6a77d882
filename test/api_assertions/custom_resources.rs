//! What a definition does to its resources: prunes, fills in, refuses.

use serde_json::{Value, json};

use super::Api;
use super::api::text;
use super::widgets::widget;

#[tokio::test]
async fn what_the_schema_does_not_know_is_dropped_and_said() {
    let api = Api::with_widgets().await;
    let mut wanted = widget(
        "a",
        json!({"size": 1, "colour": "red", "parts": [{"name": "one", "weight": 3}]}),
    );
    wanted["extra"] = json!(true);
    let reply = api.post("widgets", wanted).await;
    let mut warnings = reply.warnings.clone();
    warnings.sort();
    assert_eq!(
        warnings,
        [
            "299 - \"unknown field \\\"extra\\\"\"",
            "299 - \"unknown field \\\"spec.colour\\\"\"",
            "299 - \"unknown field \\\"spec.parts[0].weight\\\"\"",
        ]
    );
    let made = reply.created();
    assert_eq!(
        made["spec"],
        json!({"size": 1, "parts": [{"name": "one", "count": 1}]})
    );
    assert_eq!(made["extra"], Value::Null);

    let patch = json!({"spec": {"colour": "blue"}});
    let reply = api.merge("widgets/a", patch.clone()).await;
    assert_eq!(
        reply.warnings,
        ["299 - \"unknown field \\\"spec.colour\\\"\""]
    );
    assert_eq!(reply.ok(), made);
    let ignored = api.merge("widgets/a?fieldValidation=Ignore", patch).await;
    assert_eq!(ignored.warnings, [""; 0]);
    ignored.ok();
}

#[tokio::test]
async fn strict_validation_refuses_what_the_schema_does_not_know() {
    let api = Api::with_widgets().await;
    let wrong = widget("a", json!({"colour": "red"}));
    let status = api
        .post("widgets?fieldValidation=Strict", wrong.clone())
        .await
        .refused(400, "BadRequest");
    let message = "Widget in version \"v1\" cannot be handled as a Widget: strict decoding error: unknown field \"spec.colour\"";
    assert_eq!(status["message"], message);
    api.post("widgets", widget("a", json!({}))).await.created();
    let patched = api
        .merge("widgets/a?fieldValidation=Strict", wrong.clone())
        .await;
    let status = patched.refused(422, "Invalid");
    let cause = &status["details"]["causes"][0];
    assert_eq!(cause["field"], "patch");
    let end = ": strict decoding error: unknown field \"spec.colour\"";
    for text in [&cause["message"], &status["message"]] {
        assert!(text.as_str().unwrap().ends_with(end), "{text}");
    }
}

#[tokio::test]
async fn an_apply_of_what_the_schema_does_not_know_is_refused_in_any_case() {
    let api = Api::with_widgets().await;
    let made = api.post("widgets", widget("a", json!({}))).await.created();
    let mut wrong_status = widget("a", json!({}));
    wrong_status["status"] = json!({"mood": "good"});
    for (path, wrong, field) in [
        (
            "widgets/a",
            widget("a", json!({"colour": "red"})),
            ".spec.colour",
        ),
        (
            "widgets/a",
            widget("a", json!({"paint": {"colour": "red"}})),
            ".spec.paint",
        ),
        (
            "widgets/a?fieldValidation=Ignore",
            widget("a", json!({"colour": "red"})),
            ".spec.colour",
        ),
        (
            "widgets/a?fieldValidation=Strict",
            widget("a", json!({"colour": "red"})),
            ".spec.colour",
        ),
        (
            "widgets/b",
            widget("b", json!({"parts": [{"name": "one", "weight": 1}]})),
            ".spec.parts[name=\"one\"].weight",
        ),
        ("widgets/a/status", wrong_status, ".status.mood"),
    ] {
        let name = wrong["metadata"]["name"].as_str().unwrap();
        let message = format!(
            "failed to create typed patch object (/{name}; assertions.example.com/v1, Kind=Widget): {field}: field not declared in schema"
        );
        assert_eq!(
            api.apply(path, "me", wrong.clone()).await.body,
            json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 500,
                "message": message,
            })
        );
    }
    // Of several fields of one object one is said, any of them.
    let two = widget("a", json!({"colour": "red", "weight": 1}));
    let said = text(&api.apply("widgets/a", "me", two).await.body["message"]);
    let ends = [
        ".colour: field not declared in schema",
        ".weight: field not declared in schema",
    ];
    let start =
        "failed to create typed patch object (/a; assertions.example.com/v1, Kind=Widget): .spec";
    assert!(
        ends.map(|end| format!("{start}{end}")).contains(&said),
        "{said}"
    );
    assert_eq!(api.get("widgets/a").await.ok(), made);
    api.get("widgets/b").await.refused(404, "NotFound");
}

#[tokio::test]
async fn a_part_may_be_free() {
    let api = Api::with_widgets().await;
    let spec = json!({"size": 1, "free": {"any": {"thing": [1, "two"]}}, "options": {"a": "b"}});
    let made = api
        .post("widgets", widget("a", spec.clone()))
        .await
        .created();
    assert_eq!(made["spec"], spec);
}

#[tokio::test]
async fn what_is_missing_is_filled_in() {
    let api = Api::with_widgets().await;
    let made = api
        .post("widgets", widget("a", json!({"parts": [{"name": "one"}]})))
        .await
        .created();
    assert_eq!(
        made["spec"],
        json!({"size": 3, "parts": [{"name": "one", "count": 1}]})
    );
    let null = api
        .post(
            "widgets",
            widget("b", json!({"size": null, "color": null, "secret": null})),
        )
        .await
        .created();
    assert_eq!(
        null["spec"],
        json!({"size": 3, "secret": null}),
        "null is a value only where it may be one"
    );
    let back = api
        .merge("widgets/b", json!({"spec": {"size": null}}))
        .await
        .ok();
    assert_eq!(back["spec"]["size"], 3);
}

#[tokio::test]
async fn bounds_are_kept() {
    let api = Api::with_widgets().await;
    for (spec, reason, field, message) in [
        (
            json!({"size": 11}),
            "FieldValueInvalid",
            "spec.size",
            "Invalid value: 11: spec.size in body should be less than or equal to 10",
        ),
        (
            json!({"label": "a"}),
            "FieldValueInvalid",
            "spec.label",
            "Invalid value: \"a\": spec.label in body should be at least 2 chars long",
        ),
        (
            json!({"label": "123456789"}),
            "FieldValueTooLong",
            "spec.label",
            "Too long: may not be more than 8 bytes",
        ),
        (
            json!({"notes": ["a", "b", "c", "d"]}),
            "FieldValueTooMany",
            "spec.notes",
            "Too many: 4: must have at most 3 items",
        ),
        (
            json!({"color": "green"}),
            "FieldValueNotSupported",
            "spec.color",
            "Unsupported value: \"green\": supported values: \"red\", \"blue\"",
        ),
        (
            json!({"parts": [{"count": 2}]}),
            "FieldValueRequired",
            "spec.parts[0].name",
            "Required value",
        ),
        (
            json!({"label": 7}),
            "FieldValueTypeInvalid",
            "spec.label",
            "Invalid value: \"integer\": spec.label in body must be of type string: \"integer\"",
        ),
    ] {
        let status = api
            .post("widgets", widget("a", spec))
            .await
            .refused(422, "Invalid");
        let cause = json!({"reason": reason, "field": field, "message": message});
        assert_eq!(
            status["details"],
            json!({"name": "a", "group": "assertions.example.com", "kind": "Widget", "causes": [cause]})
        );
        assert_eq!(
            status["message"],
            format!("Widget.assertions.example.com \"a\" is invalid: {field}: {message}")
        );
    }
}

#[tokio::test]
async fn fewer_than_none_is_wrong_twice_where_it_can_be_scaled() {
    let api = Api::with_widgets().await;
    let status = api
        .post("widgets", widget("a", json!({"size": -1})))
        .await
        .refused(422, "Invalid");
    assert_eq!(
        status["details"]["causes"],
        json!([
            {
                "reason": "FieldValueInvalid", "field": "spec.size",
                "message": "Invalid value: -1: spec.size in body should be greater than or equal to 0",
            },
            {
                "reason": "FieldValueInvalid", "field": ".spec.size",
                "message": "Invalid value: -1: should be a non-negative integer",
            },
        ])
    );
}

#[tokio::test]
async fn a_key_or_a_value_of_a_set_is_there_once() {
    let api = Api::with_widgets().await;
    for (spec, field, value) in [
        (
            json!({"parts": [{"name": "one"}, {"name": "one"}]}),
            "spec.parts[1]",
            "{\"name\":\"one\"}",
        ),
        (json!({"tags": ["a", "a"]}), "spec.tags[1]", "\"a\""),
    ] {
        let status = api
            .post("widgets", widget("a", spec))
            .await
            .refused(422, "Invalid");
        let cause = json!({
            "reason": "FieldValueDuplicate", "field": field, "message": format!("Duplicate value: {value}"),
        });
        assert_eq!(status["details"]["causes"], json!([cause]));
    }
}

#[tokio::test]
async fn several_wrongs_are_all_said() {
    let api = Api::with_widgets().await;
    let wrong = widget("a", json!({"size": 11, "label": "a"}));
    let status = api.post("widgets", wrong).await.refused(422, "Invalid");
    assert_eq!(status["details"]["causes"].as_array().unwrap().len(), 2);
    let message = status["message"].as_str().unwrap();
    assert!(
        message.starts_with("Widget.assertions.example.com \"a\" is invalid: ["),
        "{message}"
    );
}

#[tokio::test]
async fn a_wrong_patch_changes_nothing() {
    let api = Api::with_widgets().await;
    let made = api
        .post("widgets", widget("a", json!({"size": 1})))
        .await
        .created();
    api.merge("widgets/a", json!({"spec": {"size": 11}}))
        .await
        .refused(422, "Invalid");
    api.apply(
        "widgets/a?force=true",
        "me",
        widget("a", json!({"size": 11})),
    )
    .await
    .refused(422, "Invalid");
    assert_eq!(api.get("widgets/a").await.ok(), made);
}
