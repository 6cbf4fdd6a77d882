//! OpenAPI, as far as kubectl reads it: does the server check fields, and what is in a custom resource.
//!
//! Before it applies, kubectl looks here whether `fieldValidation` is a parameter of a patch; then it
//! leaves the checking to the server. `kubectl explain` reads the schemas. Those of the built-in
//! kinds are left open: kubectl has Go types for them.
//!
//! # Example
//! ```
//! use bitcoin_controller::sim::{kinds, openapi};
//! use std::sync::Arc;
//!
//! let kinds: Vec<_> = kinds::built_in().into_iter().map(Arc::new).collect();
//! let index = openapi::answer(&kinds, "/openapi/v3").expect("an index");
//! assert_eq!(index["paths"]["apis/apps/v1"]["serverRelativeURL"], "/openapi/v3/apis/apps/v1?hash=0");
//! ```
//!
//! # Source
//! kube-openapi `pkg/handler3`; cli-runtime `pkg/resource/query_param_verifier_v3.go`.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::sim::kinds::Kind;

/// The document at `path`; `None` if there is none.
pub fn answer(kinds: &[Arc<Kind>], path: &str) -> Option<Value> {
    let path = path.trim_matches('/').strip_prefix("openapi/v3")?;
    if path.is_empty() {
        let paths: Map<String, Value> = kinds
            .iter()
            .map(|kind| {
                let path = group_version_path(kind);
                let url = format!("/openapi/v3/{path}?hash=0");
                (path, json!({"serverRelativeURL": url}))
            })
            .collect();
        return Some(json!({"paths": paths}));
    }
    let path = path.trim_matches('/');
    let kinds: Vec<&Arc<Kind>> = kinds
        .iter()
        .filter(|kind| group_version_path(kind) == path)
        .collect();
    if kinds.is_empty() {
        return None;
    }
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for kind in kinds {
        let reference = json!({"$ref": format!("#/components/schemas/{}", schema_name(kind))});
        let (collection, object) = (
            collection_path(kind),
            format!("{}/{{name}}", collection_path(kind)),
        );
        paths.insert(collection, json!({"get": operation("list", kind, &reference), "post": operation("post", kind, &reference)}));
        paths.insert(
            object,
            json!({
                "get": operation("get", kind, &reference),
                "put": operation("put", kind, &reference),
                "patch": operation("patch", kind, &reference),
            }),
        );
        schemas.insert(schema_name(kind), schema(kind));
    }
    Some(json!({
        "openapi": "3.0.0",
        "info": {"title": "Simulated Kubernetes", "version": "v1.36.0+sim"},
        "paths": paths,
        "components": {"schemas": schemas},
    }))
}

fn group_version_path(kind: &Kind) -> String {
    match kind.group.as_str() {
        "" => format!("api/{}", kind.version),
        group => format!("apis/{group}/{}", kind.version),
    }
}

fn collection_path(kind: &Kind) -> String {
    let namespace = if kind.is_namespaced {
        "namespaces/{namespace}/"
    } else {
        ""
    };
    format!("/{}/{namespace}{}", group_version_path(kind), kind.plural)
}

/// Group names backwards, as Java names packages.
fn schema_name(kind: &Kind) -> String {
    let group = match kind.group.as_str() {
        "" => "core.api.k8s.io",
        group => group,
    };
    let mut parts: Vec<&str> = group.split('.').rev().collect();
    parts.extend([kind.version.as_str(), kind.kind.as_str()]);
    parts.join(".")
}

fn identity(kind: &Kind) -> Value {
    json!({"group": kind.group, "version": kind.version, "kind": kind.kind})
}

fn operation(action: &str, kind: &Kind, schema: &Value) -> Value {
    let parameter = |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}});
    let parameters: Vec<Value> = match action {
        "get" | "list" => Vec::new(),
        _ => ["dryRun", "fieldManager", "fieldValidation"]
            .map(parameter)
            .to_vec(),
    };
    json!({
        "parameters": parameters,
        "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": schema}}}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": identity(kind),
    })
}

fn schema(kind: &Kind) -> Value {
    let mut schema = match &kind.schema {
        Some(schema) => schema.clone(),
        None => json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
    };
    schema["x-kubernetes-group-version-kind"] = json!([identity(kind)]);
    schema
}
