//! Whether an object has all we want: desired ⊄ live, and where.
//!
//! The server fills in defaults, other people add fields, webhooks inject containers. None of that is
//! ours, so equality would never hold. What must hold is that each field *we want* is there with the
//! value we want. If one is not, the path that differs is the answer: it goes into the event, so that
//! a person can see what was put right.
//!
//! # Invariants
//! - Comparing with itself finds nothing, and adding anything to the live object finds nothing.
//! - Lists whose items have a key (containers, ports, …) are compared item by item, in any order; all
//!   others must have the same number of items in the same order, because it has a meaning (arguments).
//! - What is empty and what is absent are one: a server leaves empty fields out.
//!
//! # Example
//! ```
//! use bitcoin_controller::controller::difference::find;
//! use serde_json::json;
//! let live = json!({"replicas": 5, "containers": [{"name": "sidecar"}, {"name": "node", "image": "b"}]});
//! assert_eq!(find(&json!({"containers": [{"name": "node", "image": "b"}]}), &live), None);
//! assert_eq!(find(&json!({"replicas": 3}), &live).as_deref(), Some("replicas"));
//! ```
//!
//! # Source
//! The keys are Kubernetes' own (`patchMergeKey`, `listMapKey`) of the lists we write.

use serde_json::Value;

/// The path of the first field of `desired` that `live` lacks or has otherwise; `None` if it has all.
pub fn find(desired: &Value, live: &Value) -> Option<String> {
    match (desired, live) {
        (Value::Object(wanted), Value::Object(found)) => wanted.iter().find_map(|(name, value)| {
            let difference = match found.get(name) {
                Some(Value::Array(items)) if key_of(name).is_some() => in_list(name, value, items),
                Some(live) => find(value, live),
                None if is_empty(value) => None,
                None => Some(String::new()),
            };
            difference.map(|rest| joined(name, &rest))
        }),
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            let mut pairs = wanted.iter().zip(found).enumerate();
            pairs.find_map(|(index, (wanted, found))| {
                find(wanted, found).map(|rest| joined(&format!("[{index}]"), &rest))
            })
        }
        _ if desired == live => None,
        _ => Some(String::new()),
    }
}

/// Compares the items of a list by their key.
fn in_list(name: &str, desired: &Value, found: &[Value]) -> Option<String> {
    let key = key_of(name)?;
    desired.as_array().into_iter().flatten().find_map(|wanted| {
        let id = &wanted[key];
        let difference = match found.iter().find(|item| item[key] == *id) {
            Some(live) => find(wanted, live),
            None => Some(String::new()),
        };
        let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        difference.map(|rest| joined(&format!("[{id}]"), &rest))
    })
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The field that tells the items of list `name` apart; `None` if their order does.
fn key_of(name: &str) -> Option<&'static str> {
    match name {
        "containers" | "env" | "ports" | "volumes" => Some("name"),
        "volumeMounts" => Some("mountPath"),
        "ownerReferences" => Some("uid"),
        _ => None,
    }
}

fn joined(name: &str, rest: &str) -> String {
    match rest {
        "" => name.to_owned(),
        _ if rest.starts_with('[') => format!("{name}{rest}"),
        _ => format!("{name}.{rest}"),
    }
}
