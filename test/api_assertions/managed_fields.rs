//! What `metadata.managedFields` says of simple cases: who, how, which part, which fields.

use serde_json::{Value, json};

use super::Api;
use super::api::{PROGRAM, config_map, stateful_set, text};
use super::widgets::widget;

/// The entries, sorted, without their times.
fn entries(object: &Value) -> Vec<Value> {
    let mut entries = object["metadata"]["managedFields"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for entry in &mut entries {
        // Who only lost a field may have lost the time as well.
        entry.as_object_mut().unwrap().remove("time");
    }
    // A controller writes the status of built-in kinds when it likes.
    entries.retain(|entry| entry["manager"] != "kube-controller-manager");
    entries.sort_by_key(|entry| {
        ["manager", "operation", "subresource"].map(|field| text(&entry[field]))
    });
    entries
}

fn entry(manager: &str, operation: &str, api_version: &str, fields: Value) -> Value {
    json!({
        "manager": manager, "operation": operation, "apiVersion": api_version,
        "fieldsType": "FieldsV1", "fieldsV1": fields,
    })
}

const WIDGETS: &str = "assertions.example.com/v1";

#[tokio::test]
async fn an_ordinary_write_owns_what_it_changes() {
    let api = Api::start().await;
    let made = api
        .post("configmaps", config_map("a", json!({"k": "1", "l": "1"})))
        .await
        .created();
    let all = json!({"f:data": {".": {}, "f:k": {}, "f:l": {}}});
    assert_eq!(entries(&made), [entry(PROGRAM, "Update", "v1", all)]);

    let patch = json!({"data": {"l": "2"}, "metadata": {"labels": {"m": "1"}}});
    let changed = api
        .merge("configmaps/a?fieldManager=other", patch)
        .await
        .ok();
    let theirs = json!({"f:data": {".": {}, "f:k": {}}});
    let others = json!({"f:data": {"f:l": {}}, "f:metadata": {"f:labels": {".": {}, "f:m": {}}}});
    assert_eq!(
        entries(&changed),
        [
            entry(PROGRAM, "Update", "v1", theirs),
            entry("other", "Update", "v1", others)
        ]
    );
}

#[tokio::test]
async fn what_is_gone_has_no_owner() {
    let api = Api::start().await;
    api.post("configmaps", config_map("a", json!({"k": "1", "l": "1"})))
        .await
        .created();
    let less = api
        .merge(
            "configmaps/a?fieldManager=other",
            json!({"data": {"l": null}}),
        )
        .await
        .ok();
    let rest = json!({"f:data": {".": {}, "f:k": {}}});
    assert_eq!(entries(&less), [entry(PROGRAM, "Update", "v1", rest)]);
    let none = api
        .merge("configmaps/a?fieldManager=other", json!({"data": null}))
        .await
        .ok();
    assert_eq!(entries(&none), [] as [Value; 0]);
}

#[tokio::test]
async fn an_apply_owns_what_it_names() {
    let api = Api::start().await;
    let mut wanted = config_map("a", json!({"k": "1"}));
    wanted["metadata"]["labels"] = json!({"m": "1"});
    wanted["metadata"]["annotations"] = json!({"n": "1"});
    let made = api
        .apply("configmaps/a", "me", wanted.clone())
        .await
        .created();
    let mine = json!({
        "f:data": {"f:k": {}},
        "f:metadata": {"f:annotations": {"f:n": {}}, "f:labels": {"f:m": {}}},
    });
    assert_eq!(entries(&made), [entry("me", "Apply", "v1", mine.clone())]);

    let shared = api
        .apply("configmaps/a", "two", config_map("a", json!({"k": "1"})))
        .await
        .ok();
    let two = entry("two", "Apply", "v1", json!({"f:data": {"f:k": {}}}));
    assert_eq!(
        entries(&shared),
        [entry("me", "Apply", "v1", mine), two.clone()]
    );

    let forced = api
        .force("configmaps/a", "two", config_map("a", json!({"k": "2"})))
        .await
        .ok();
    let rest = json!({"f:metadata": {"f:annotations": {"f:n": {}}, "f:labels": {"f:m": {}}}});
    assert_eq!(entries(&forced), [entry("me", "Apply", "v1", rest), two]);
}

#[tokio::test]
async fn an_apply_and_an_update_of_one_manager_are_two() {
    let api = Api::start().await;
    api.apply("configmaps/a", "me", config_map("a", json!({"k": "1"})))
        .await
        .created();
    let both = api
        .merge("configmaps/a?fieldManager=me", json!({"data": {"l": "1"}}))
        .await
        .ok();
    assert_eq!(
        entries(&both),
        [
            entry("me", "Apply", "v1", json!({"f:data": {"f:k": {}}})),
            entry("me", "Update", "v1", json!({"f:data": {"f:l": {}}})),
        ]
    );
}

#[tokio::test]
async fn the_parts_of_an_object_have_entries_of_their_own() {
    let api = Api::with_widgets().await;
    api.apply("widgets/a", "me", widget("a", json!({"size": 1})))
        .await
        .created();
    let mut wanted = widget("a", json!({}));
    wanted["status"] =
        json!({"phase": "Seen", "conditions": [{"type": "Ready", "status": "True"}]});
    let seen = api.apply("widgets/a/status", "me", wanted).await.ok();
    let main = entry("me", "Apply", WIDGETS, json!({"f:spec": {"f:size": {}}}));
    let mut status = entry(
        "me",
        "Apply",
        WIDGETS,
        json!({"f:status": {
            "f:conditions": {"k:{\"type\":\"Ready\"}": {".": {}, "f:status": {}, "f:type": {}}},
            "f:phase": {},
        }}),
    );
    status["subresource"] = "status".into();
    assert_eq!(entries(&seen), [main, status]);
}

#[tokio::test]
async fn a_scaler_owns_the_number() {
    let api = Api::with_widgets().await;
    api.apply(
        "widgets/a",
        "me",
        widget("a", json!({"size": 1, "color": "red"})),
    )
    .await
    .created();
    api.merge(
        "widgets/a/scale?fieldManager=scaler",
        json!({"spec": {"replicas": 2}}),
    )
    .await
    .ok();
    let scaled = api.get("widgets/a").await.ok();
    let mut scaler = entry(
        "scaler",
        "Update",
        WIDGETS,
        json!({"f:spec": {"f:size": {}}}),
    );
    scaler["subresource"] = "scale".into();
    let mine = entry("me", "Apply", WIDGETS, json!({"f:spec": {"f:color": {}}}));
    assert_eq!(entries(&scaled), [mine, scaler]);
}

#[tokio::test]
async fn an_update_owns_lists_and_objects_as_well_as_what_is_in_them() {
    let api = Api::with_widgets().await;
    let spec = json!({
        "size": 1, "options": {"o": "1"}, "notes": ["n"], "tags": ["t"],
        "parts": [{"name": "wheel"}], "free": {"a": {"b": 1}},
    });
    let made = api.post("widgets", widget("a", spec)).await.created();
    let fields = json!({"f:spec": {
        ".": {}, "f:size": {}, "f:options": {".": {}, "f:o": {}}, "f:notes": {},
        "f:tags": {".": {}, "v:\"t\"": {}},
        "f:parts": {".": {}, "k:{\"name\":\"wheel\"}": {".": {}, "f:count": {}, "f:name": {}}},
        "f:free": {".": {}, "f:a": {".": {}, "f:b": {}}},
    }});
    assert_eq!(entries(&made), [entry(PROGRAM, "Update", WIDGETS, fields)]);
}

#[tokio::test]
async fn the_fields_of_a_stateful_set_are_known_by_name() {
    let api = Api::start().await;
    let main = json!([{
        "name": "main", "image": "i:1", "args": ["-a"],
        "ports": [{"name": "rpc", "containerPort": 1}],
        "env": [{"name": "A", "value": "1"}, {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        "resources": {"requests": {"cpu": "1"}},
        "readinessProbe": {"httpGet": {"path": "/", "port": 1}},
        "securityContext": {"capabilities": {"drop": ["ALL"]}},
    }]);
    let mut wanted = stateful_set("a", main);
    wanted["spec"]["template"]["spec"]["volumes"] = json!([{"name": "data", "emptyDir": {}}]);
    wanted["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}]);
    let made = api.apply("statefulsets/a", "me", wanted).await.created();
    let container = json!({
        ".": {}, "f:name": {}, "f:image": {}, "f:args": {},
        "f:ports": {"k:{\"containerPort\":1,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}, "f:containerPort": {}}},
        "f:env": {
            "k:{\"name\":\"A\"}": {".": {}, "f:name": {}, "f:value": {}},
            "k:{\"name\":\"IP\"}": {".": {}, "f:name": {}, "f:valueFrom": {"f:fieldRef": {}}},
        },
        "f:volumeMounts": {"k:{\"mountPath\":\"/data\"}": {".": {}, "f:name": {}, "f:mountPath": {}}},
        "f:resources": {"f:requests": {"f:cpu": {}}},
        "f:readinessProbe": {"f:httpGet": {"f:path": {}, "f:port": {}}},
        "f:securityContext": {"f:capabilities": {"f:drop": {}}},
    });
    let fields = json!({
        "f:metadata": {"f:ownerReferences": {"k:{\"uid\":\"u\"}": {}}},
        "f:spec": {
            "f:replicas": {}, "f:serviceName": {}, "f:selector": {},
            "f:template": {
                "f:metadata": {"f:labels": {"f:app": {}}},
                "f:spec": {
                    "f:containers": {"k:{\"name\":\"main\"}": container},
                    "f:volumes": {"k:{\"name\":\"data\"}": {".": {}, "f:name": {}, "f:emptyDir": {}}},
                },
            },
        },
    });
    assert_eq!(entries(&made), [entry("me", "Apply", "apps/v1", fields)]);
}

#[tokio::test]
async fn an_update_of_a_built_in_kind_owns_its_defaults_too() {
    let api = Api::start().await;
    let service = json!({
        "metadata": {"name": "a", "labels": {"m": "1"}},
        "spec": {"clusterIP": "None", "selector": {"app": "a"}, "ports": [{"name": "rpc", "port": 1}]},
    });
    let made = api.post("services", service).await.created();
    let fields = json!({
        "f:metadata": {"f:labels": {".": {}, "f:m": {}}},
        "f:spec": {
            "f:clusterIP": {}, "f:internalTrafficPolicy": {}, "f:selector": {}, "f:sessionAffinity": {}, "f:type": {},
            "f:ports": {".": {}, "k:{\"port\":1,\"protocol\":\"TCP\"}": {
                ".": {}, "f:name": {}, "f:port": {}, "f:protocol": {}, "f:targetPort": {},
            }},
        },
    });
    assert_eq!(entries(&made), [entry(PROGRAM, "Update", "v1", fields)]);
}

#[tokio::test]
async fn text_that_is_applied_to_a_secret_is_owned_as_text() {
    let api = Api::start().await;
    let secret = |texts: Value| {
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "a"}, "stringData": texts,
        })
    };
    let made = api
        .apply("secrets/a", "me", secret(json!({"k": "1"})))
        .await
        .created();
    let mine = entry("me", "Apply", "v1", json!({"f:stringData": {"f:k": {}}}));
    assert_eq!(entries(&made), std::slice::from_ref(&mine));
    assert_eq!(
        api.apply("secrets/a", "me", secret(json!({"k": "1"})))
            .await
            .ok(),
        made
    );
    // So it is still the applier's when others write, and what is dropped stays as data.
    api.merge("secrets/a", json!({"metadata": {"labels": {"m": "1"}}}))
        .await
        .ok();
    let labelled = api.get("secrets/a").await.ok();
    assert!(entries(&labelled).contains(&mine), "{labelled}");
    let less = api
        .apply("secrets/a", "me", secret(json!({"l": "2"})))
        .await
        .ok();
    assert_eq!(less["data"], json!({"k": "MQ==", "l": "Mg=="}));
}
