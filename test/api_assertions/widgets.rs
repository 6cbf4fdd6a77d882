//! A custom kind that has one of everything: defaults, bounds, lists of each sort, status, scale.

use serde_json::{Value, json};

use super::Api;
use super::api::eventually;

impl Api {
    /// Starts with the kind defined.
    pub async fn with_widgets() -> Self {
        let api = Api::start().await;
        // On a real server it may be there: other tests share it.
        let reply = api.post("customresourcedefinitions", definition()).await;
        assert!([201, 409].contains(&reply.code), "{}", reply.body);
        eventually("widgets are served", async || {
            api.get("widgets").await.code == 200
        })
        .await;
        api
    }
}

pub fn widget(name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "assertions.example.com/v1", "kind": "Widget",
        "metadata": {"name": name}, "spec": spec,
    })
}

fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.assertions.example.com"},
        "spec": {
            "group": "assertions.example.com",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {
                    "type": "object",
                    "properties": {"spec": spec_schema(), "status": status_schema()},
                }},
                "subresources": {"status": {}, "scale": {
                    "specReplicasPath": ".spec.size",
                    "statusReplicasPath": ".status.size",
                    "labelSelectorPath": ".status.selector",
                }},
            }],
        },
    })
}

fn spec_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "size": {"type": "integer", "minimum": 0, "maximum": 10, "default": 3},
            "color": {"type": "string", "enum": ["red", "blue"]},
            "label": {"type": "string", "minLength": 2, "maxLength": 8},
            "secret": {"type": "string", "nullable": true},
            "options": {"type": "object", "additionalProperties": {"type": "string"}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "notes": {"type": "array", "maxItems": 3, "items": {"type": "string"}},
            "tags": {
                "type": "array", "x-kubernetes-list-type": "set",
                "items": {"type": "string"},
            },
            "parts": {
                "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                "items": {
                    "type": "object", "required": ["name"],
                    "properties": {
                        "name": {"type": "string"},
                        "count": {"type": "integer", "default": 1},
                        "color": {"type": "string"},
                    },
                },
            },
        },
    })
}

fn status_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "size": {"type": "integer"},
            "selector": {"type": "string"},
            "phase": {"type": "string"},
            "conditions": {
                "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"],
                "items": {
                    "type": "object", "required": ["type", "status"],
                    "properties": {"type": {"type": "string"}, "status": {"type": "string"}},
                },
            },
        },
    })
}
