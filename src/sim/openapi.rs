//! OpenAPI: what kubectl reads before it applies, creates, replaces or explains.
//!
//! kubectl asks `/openapi/v3` for an index and then for one document for each group and version it means to use.
//! It reads two things in it. In `paths`: does this kind's PATCH take the parameter `fieldValidation`? Then the
//! server checks the fields, and kubectl does not. In `components`: the schema, which `kubectl explain` prints.
//! Nothing more is needed, so nothing more is here.
//!
//! What kubectl v1.36 asks for, measured on a real server with `-v=8`:
//!
//! | command | requests |
//! |---|---|
//! | any, once in some hours | `/api`, `/apis` (aggregated discovery) |
//! | `get` | GET list or object as `Table`; with `-o yaml` as JSON |
//! | `get -w` | the same, then `?watch=true&resourceVersion=N` as `Table` |
//! | `describe` | GET object, GET events by `involvedObject` field selector, accepting protobuf, then JSON |
//! | `apply` | index, document, GET object, POST or PATCH with `fieldManager`, `fieldValidation=Strict`: merge patch for custom resources, strategic merge patch for built-in ones; before that `/openapi/v2` (protobuf only) unless the document offers strategic merge patches for the kind. Any error will do as an answer |
//! | `apply --server-side` | index, document, PATCH apply; after a client-side apply also `fieldManager=kubectl-last-applied` and a JSON patch of `managedFields` |
//! | `create -f`, `replace` | index, document, POST; GET and PUT |
//! | `create secret`, `create namespace` | POST in protobuf, accepting protobuf, then JSON; it does not try again in JSON (see [`protobuf`](crate::sim::protobuf)) |
//! | `scale` | GET object, merge PATCH of `/scale` |
//! | `wait` | GET object, then a watch with `sendInitialEvents`, bookmarks and a field selector |
//! | `delete` | DELETE, then GET and, while it is there, a watch as for `wait` |
//! | `label`, `annotate` | GET, merge PATCH |
//! | `set image`, `patch` | GET, strategic merge PATCH; merge PATCH for custom resources |
//! | `explain` | index, document |
//! | `version` | `/version` |
//!
//! # Invariants
//! - A document's hash in the index changes exactly when the document does: clients cache by address.
//! - Every kind has a PATCH with `fieldValidation`.
//! - A schema of a definition is passed on as it is, with the texts for `apiVersion`, `kind` and `metadata` added.
//!
//! # Example
//! ```
//! use std::sync::Arc;
//! use bitcoin_controller::sim::{kinds, openapi};
//!
//! let kinds: Vec<_> = kinds::built_in().into_iter().map(Arc::new).collect();
//! let index = openapi::answer(&kinds, "/openapi/v3").expect("an index");
//! let address = index["paths"]["apis/apps/v1"]["serverRelativeURL"].as_str().expect("there is one");
//! assert!(address.starts_with("/openapi/v3/apis/apps/v1?hash="));
//! assert!(openapi::answer(&kinds, "/openapi/v3/apis/apps/v1").is_some());
//! ```
//!
//! # Source
//! kube-openapi `pkg/handler3`; cli-runtime `pkg/resource/query_param_verifier_v3.go`; kubectl
//! `pkg/explain/v2`, `pkg/cmd/apply/patcher.go`; apiextensions-apiserver `pkg/controller/openapi/builder`.
//!
//! # What differs
//! - Built-in kinds have no schema beyond `metadata`: `kubectl explain pods` names no more fields than that.
//! - Strategic merge patches are not listed: kubectl has the merge keys of built-in kinds compiled in.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::base::hash::fnv1a;
use crate::sim::kinds::Kind;

/// The document at `path`; `None` if there is none.
pub fn answer(kinds: &[Arc<Kind>], path: &str) -> Option<Value> {
    let steps: Vec<&str> = path.trim_matches('/').split('/').collect();
    match steps.as_slice() {
        ["openapi", "v3"] => Some(index(kinds)),
        ["openapi", "v3", "api", version] => document(kinds, "", version),
        ["openapi", "v3", "apis", group, version] if !group.is_empty() => {
            document(kinds, group, version)
        }
        _ => None,
    }
}

/// The answer to `/openapi/v3`: a document for each group and version.
fn index(kinds: &[Arc<Kind>]) -> Value {
    let versions: BTreeSet<(&str, &str)> = kinds
        .iter()
        .map(|kind| (kind.group.as_str(), kind.version.as_str()))
        .collect();
    let mut paths = Map::new();
    for (group, version) in versions {
        if let Some(document) = document(kinds, group, version) {
            let path = root(group, version);
            let address = format!("/openapi/v3/{path}?hash={}", hash(&document));
            paths.insert(path, json!({"serverRelativeURL": address}));
        }
    }
    json!({"paths": paths})
}

/// The answer to `/openapi/v3/api/VERSION` (`group` empty) and `/openapi/v3/apis/GROUP/VERSION`; `None` if no kind is there.
fn document(kinds: &[Arc<Kind>], group: &str, version: &str) -> Option<Value> {
    let kinds: Vec<&Kind> = kinds
        .iter()
        .map(Arc::as_ref)
        .filter(|kind| kind.group == group && kind.version == version)
        .collect();
    if kinds.is_empty() {
        return None;
    }
    let (mut paths, mut schemas) = (Map::new(), Map::new());
    for kind in kinds {
        schemas.insert(schema_name(kind), schema(kind));
        let everywhere = format!("/{}/{}", root(group, version), kind.plural);
        let collection = match kind.is_namespaced {
            true => format!(
                "/{}/namespaces/{{namespace}}/{}",
                root(group, version),
                kind.plural
            ),
            false => everywhere.clone(),
        };
        paths.insert(everywhere, json!({"get": operation(kind, "list")}));
        paths.insert(
            collection.clone(),
            json!({"get": operation(kind, "list"), "post": operation(kind, "post")}),
        );
        paths.insert(
            format!("{collection}/{{name}}"),
            json!({
                "get": operation(kind, "get"),
                "put": operation(kind, "put"),
                "patch": operation(kind, "patch"),
                "delete": operation(kind, "delete"),
            }),
        );
    }
    schemas.insert(OBJECT_META.to_owned(), object_meta());
    Some(json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": crate::sim::discovery::VERSION},
        "paths": paths,
        "components": {"schemas": schemas},
    }))
}

/// `api/v1`, `apis/apps/v1`: the part of a path that all resources of a version share.
fn root(group: &str, version: &str) -> String {
    match group {
        "" => format!("api/{version}"),
        group => format!("apis/{group}/{version}"),
    }
}

fn operation(kind: &Kind, action: &str) -> Value {
    let reference =
        json!({"schema": {"$ref": format!("#/components/schemas/{}", schema_name(kind))}});
    let parameters: &[&str] = match action {
        "patch" => &["dryRun", "fieldManager", "fieldValidation", "force"],
        "post" | "put" => &["dryRun", "fieldManager", "fieldValidation"],
        "delete" => &["dryRun", "gracePeriodSeconds", "propagationPolicy"],
        _ => &[],
    };
    let parameter = |name: &&str| {
        let kind = match *name {
            "force" => "boolean",
            "gracePeriodSeconds" => "integer",
            _ => "string",
        };
        json!({"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": true}})
    };
    let mut operation = json!({
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": group_version_kind(kind),
        "parameters": parameters.iter().map(parameter).collect::<Vec<_>>(),
        "responses": {"200": {"description": "OK", "content": {"application/json": reference}}},
    });
    let content = match action {
        "post" | "put" => json!({"application/json": reference}),
        "patch" => json!({
            "application/apply-patch+yaml": {"schema": {"type": "object"}},
            "application/json-patch+json": {"schema": {"type": "object"}},
            "application/merge-patch+json": {"schema": {"type": "object"}},
        }),
        _ => return operation,
    };
    operation["requestBody"] = json!({"content": content, "required": true});
    operation
}

fn group_version_kind(kind: &Kind) -> Value {
    json!({"group": kind.group, "version": kind.version, "kind": kind.kind})
}

/// Like a Java package: `com.example.group.v1.Kind`.
fn schema_name(kind: &Kind) -> String {
    let group = match (kind.group.as_str(), &kind.schema) {
        ("", _) => "io.k8s.api.core".to_owned(),
        (group, None) => format!("io.k8s.api.{}", group.split('.').next().unwrap_or(group)),
        (group, Some(_)) => group.split('.').rev().collect::<Vec<_>>().join("."),
    };
    format!("{group}.{}.{}", kind.version, kind.kind)
}

fn schema(kind: &Kind) -> Value {
    let built_in = || {
        json!({
            "type": "object",
            "description": "A kind that is built in; see the API reference of Kubernetes.",
            "x-kubernetes-preserve-unknown-fields": true,
        })
    };
    let mut schema = kind.schema.clone().unwrap_or_else(built_in);
    schema["x-kubernetes-group-version-kind"] = json!([group_version_kind(kind)]);
    if !schema["properties"].is_object() {
        schema["properties"] = json!({});
    }
    let properties = &mut schema["properties"];
    properties["apiVersion"] = json!({"type": "string", "description": API_VERSION});
    properties["kind"] = json!({"type": "string", "description": KIND});
    properties["metadata"] = json!({
        "description": METADATA,
        "allOf": [{"$ref": format!("#/components/schemas/{OBJECT_META}")}],
    });
    schema
}

const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
const CONVENTIONS: &str =
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md";
const API_VERSION: &str =
    "APIVersion defines the versioned schema of this representation of an object.";
const KIND: &str = "Kind is a string value representing the REST resource this object represents.";
const METADATA: &str = "Standard object's metadata.";

/// Every object's metadata, the fields a person sets or looks at.
fn object_meta() -> Value {
    let text = |description: &str| json!({"type": "string", "description": description});
    let date = |description: &str| json!({"type": "string", "format": "date-time", "description": description});
    let number = |description: &str| json!({"type": "integer", "format": "int64", "description": description});
    let texts = |description: &str| json!({"type": "object", "additionalProperties": {"type": "string"}, "description": description});
    let objects = |description: &str| json!({"type": "array", "items": {"type": "object"}, "description": description});
    json!({
        "type": "object",
        "description": format!("What every object has. More info: {CONVENTIONS}#metadata"),
        "properties": {
            "annotations": texts("Anything tools want to keep with the object."),
            "creationTimestamp": date("When the object was created; set by the server."),
            "deletionGracePeriodSeconds": number("How long the object may take to end; set by the server."),
            "deletionTimestamp": date("When the object was or will be deleted; set by the server."),
            "finalizers": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Who still has to do something before the object is gone.",
            },
            "generateName": text("What the server makes a name from if there is none."),
            "generation": number("Counts the changes of what is asked for; set by the server."),
            "labels": texts("By what the object is selected."),
            "managedFields": objects("Who set which field; kept by the server."),
            "name": text("The object's name, one of its kind in its namespace."),
            "namespace": text("The namespace the object lives in."),
            "ownerReferences": objects("The objects this one goes with when they are deleted."),
            "resourceVersion": text("Changes with every write; says nothing else to clients."),
            "uid": text("One in space and time; set by the server."),
        },
    })
}

/// Says whether a document changed; it protects nothing.
fn hash(document: &Value) -> String {
    format!("{:016X}", fnv1a(document.to_string().as_bytes()))
}
