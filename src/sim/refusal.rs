//! What an API server says when it does not do what it was asked: a `Status`.
//!
//! Programs read `code` and `reason`, people read `message`, and a few of both read the causes in
//! `details`. The texts are those of a real server, because they end in conditions and events.
//!
//! # Invariants
//! - [`Refusal::to_status`] has the code that the HTTP answer has.
//!
//! # Example
//! ```
//! use bitcoin_controller::sim::kinds::built_in;
//! use bitcoin_controller::sim::refusal::Refusal;
//!
//! let kinds = built_in();
//! let pods = kinds.iter().find(|kind| kind.plural == "pods").expect("pods are built in");
//! let refusal = Refusal::not_found(pods, "alpha-sts-0");
//! assert_eq!(refusal.to_string(), "pods \"alpha-sts-0\" not found");
//! assert_eq!(refusal.to_status()["code"], 404);
//! ```
//!
//! # Source
//! apimachinery `pkg/api/errors/errors.go`.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use crate::sim::kinds::Kind;

/// A request that was not done, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The HTTP code.
    pub code: u16,
    /// The reason, for programs; empty if there is none.
    pub reason: &'static str,
    /// The reason, for people.
    pub message: String,
    /// The object it is about, and causes.
    pub details: Value,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    /// A refusal without details.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Refusal {
            code,
            reason,
            message: message.into(),
            details: Value::Null,
        }
    }

    fn about(code: u16, reason: &'static str, kind: &Kind, name: &str, message: String) -> Self {
        Refusal {
            details: details(name, &kind.group, &kind.plural),
            ..Refusal::new(code, reason, message)
        }
    }

    /// 404: no object of that name.
    pub fn not_found(kind: &Kind, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", kind.resource());
        Refusal::about(404, "NotFound", kind, name, message)
    }

    /// 404: no kind of that name, or a path that leads nowhere.
    pub fn no_such_resource() -> Self {
        Refusal::new(
            404,
            "NotFound",
            "the server could not find the requested resource",
        )
    }

    /// 409: there is one of that name.
    pub fn already_exists(kind: &Kind, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", kind.resource());
        Refusal::about(409, "AlreadyExists", kind, name, message)
    }

    /// 409: the object is not, or is no longer, what the request says it is.
    pub fn conflict(kind: &Kind, name: &str, why: &str) -> Self {
        let resource = kind.resource();
        let message = format!("Operation cannot be fulfilled on {resource} \"{name}\": {why}");
        Refusal::about(409, "Conflict", kind, name, message)
    }

    /// 409: the object to be deleted is not what the request says it is. Unlike in other refusals of
    /// this code, a server calls the object by its kind.
    pub fn precondition_failed(kind: &Kind, object: &Value, why: &str) -> Self {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let kind_name = kind_name(kind);
        let message = format!("Operation cannot be fulfilled on {kind_name} \"{name}\": {why}");
        Refusal {
            details: details(name, &kind.group, &kind.kind),
            ..Refusal::new(409, "Conflict", message)
        }
    }

    /// 409: the resource version in the request is not the object's.
    pub fn stale(kind: &Kind, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Refusal::conflict(kind, name, why)
    }

    /// 409: fields of the applied object belong to others, pairs of manager and field; one cause a field.
    pub fn field_conflicts(conflicts: &[(String, String)]) -> Self {
        let causes: Vec<Value> = conflicts
            .iter()
            .map(|(manager, field)| {
                json!({"reason": "FieldManagerConflict", "message": format!("conflict with {manager}"), "field": field})
            })
            .collect();
        let n = conflicts.len();
        let (manager, field) = conflicts.first().cloned().unwrap_or_default();
        let message = match n {
            1 => format!("Apply failed with 1 conflict: conflict with {manager}: {field}"),
            _ => format!("Apply failed with {n} conflicts: {}", by_manager(conflicts)),
        };
        Refusal {
            details: json!({"causes": causes}),
            ..Refusal::new(409, "Conflict", message)
        }
    }

    /// 422: the object breaks rules of its kind; one cause a rule.
    pub fn invalid(kind: &Kind, name: &str, causes: &[Cause]) -> Self {
        let each: Vec<String> = causes
            .iter()
            .map(|cause| format!("{}: {}", cause.field, cause.message))
            .collect();
        let all = match each.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let kind_name = kind_name(kind);
        let message = format!("{kind_name} \"{name}\" is invalid: {all}");
        let causes: Vec<Value> = causes
            .iter()
            .map(|cause| json!({"reason": cause.reason, "message": cause.message, "field": cause.field}))
            .collect();
        let mut details = details(name, &kind.group, &kind.kind);
        details["causes"] = causes.into();
        Refusal {
            details,
            ..Refusal::new(422, "Invalid", message)
        }
    }

    /// 422: what is asked for beside the object makes no sense, where `options` are those of the verb,
    /// such as `PatchOptions`.
    pub fn invalid_options(options: &str, cause: Cause) -> Self {
        let kind = Kind {
            group: "meta.k8s.io".to_owned(),
            kind: options.to_owned(),
            ..Kind::default()
        };
        Refusal::invalid(&kind, "", &[cause])
    }

    /// 403: an admission rule is against it.
    pub fn forbidden(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("{} \"{name}\" is forbidden: {why}", kind.resource());
        Refusal::about(403, "Forbidden", kind, name, message)
    }

    /// 403: the namespace is going.
    pub fn namespace_terminating(kind: &Kind, name: &str, namespace: &str) -> Self {
        let why = format!(
            "unable to create new content in namespace {namespace} because it is being terminated"
        );
        let mut refusal = Refusal::forbidden(kind, name, &why);
        let message = format!("namespace {namespace} is being terminated");
        refusal.details["causes"] = json!([{
            "reason": "NamespaceTerminating", "message": message, "field": "metadata.namespace",
        }]);
        refusal
    }

    /// 400: the object in the body is not the one in the path.
    pub fn other_name(given: &str, expected: &str) -> Self {
        Refusal::bad_request(format!(
            "the name of the object ({given}) does not match the name on the URL ({expected})"
        ))
    }

    /// 400: the request makes no sense.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Refusal::new(400, "BadRequest", message)
    }

    /// 410: what was asked for lies before the window of history that is kept.
    pub fn expired(asked: u64, oldest: u64) -> Self {
        let message = format!("too old resource version: {asked} ({oldest})");
        Refusal::new(410, "Expired", message)
    }

    /// 504: what was asked for lies in the future.
    pub fn too_large(asked: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
        Refusal {
            details: json!({
                "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
                "retryAfterSeconds": 1,
            }),
            ..Refusal::new(504, "Timeout", message)
        }
    }

    /// As it goes over the wire.
    pub fn to_status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = self.reason.into();
        }
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        status
    }
}

/// The conflicts in a text of many lines.
fn by_manager(conflicts: &[(String, String)]) -> String {
    let mut fields: BTreeMap<&str, String> = BTreeMap::new();
    for (manager, field) in conflicts {
        let text = fields.entry(manager).or_default();
        text.push_str(&format!("\n- {field}"));
    }
    let parts: Vec<String> = fields
        .iter()
        .map(|(manager, fields)| format!("conflicts with {manager}:{fields}"))
        .collect();
    parts.join("\n")
}

/// The kind with its group, `StatefulSet.apps`.
fn kind_name(kind: &Kind) -> String {
    match kind.group.as_str() {
        "" => kind.kind.clone(),
        group => format!("{}.{group}", kind.kind),
    }
}

/// What a refusal is about; as in every answer of a server, what is empty is left out.
pub(super) fn details(name: &str, group: &str, kind: &str) -> Value {
    let mut details = json!({"kind": kind});
    for (field, text) in [("name", name), ("group", group)] {
        if !text.is_empty() {
            details[field] = text.into();
        }
    }
    details
}

/// One rule that an object breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Which, for programs: `FieldValueInvalid`, `FieldValueRequired`, …
    pub reason: &'static str,
    /// The path of the field.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl Cause {
    /// A value that may not be there.
    pub fn invalid(field: impl Into<String>, shown: &Value, why: &str) -> Self {
        Cause {
            reason: "FieldValueInvalid",
            field: field.into(),
            message: format!("Invalid value: {shown}: {why}"),
        }
    }

    /// A field that has to be there.
    pub fn required(field: impl Into<String>) -> Self {
        Cause {
            reason: "FieldValueRequired",
            field: field.into(),
            message: "Required value".to_owned(),
        }
    }

    /// A value that is none of those there are.
    pub fn unsupported(field: impl Into<String>, value: &Value, supported: &[&str]) -> Self {
        let supported: Vec<String> = supported.iter().map(|one| format!("\"{one}\"")).collect();
        let supported = supported.join(", ");
        Cause {
            reason: "FieldValueNotSupported",
            field: field.into(),
            message: format!("Unsupported value: {value}: supported values: {supported}"),
        }
    }

    /// Something that may be there once only.
    pub fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        Cause {
            reason: "FieldValueDuplicate",
            field: field.into(),
            message: format!("Duplicate value: {value}"),
        }
    }

    /// A change that may not be made.
    pub fn forbidden(field: impl Into<String>, why: &str) -> Self {
        Cause {
            reason: "FieldValueForbidden",
            field: field.into(),
            message: format!("Forbidden: {why}"),
        }
    }
}
