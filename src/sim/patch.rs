//! Three ways to say what is to change: merge patch, JSON patch, strategic merge patch.
//!
//! | content type | lists | deletes |
//! |---|---|---|
//! | `merge-patch+json` | replaced whole | a field: `null` |
//! | `json-patch+json` | by position | by operation |
//! | `strategic-merge-patch+json` | merged by key, as server-side apply does | a field: `null`; an item: `$patch: delete` |
//!
//! The strategic one is for built-in kinds only, and kubectl's favourite.
//!
//! # Example
//! ```
//! use bitcoin_controller::sim::patch;
//! use serde_json::json;
//!
//! let mut pod = json!({"spec": {"containers": [{"name": "node", "image": "bitcoin:29", "tty": true}]}});
//! let patch = json!({"spec": {"containers": [{"name": "node", "image": "bitcoin:30"}]}});
//! patch::strategic(&mut pod, &patch).expect("a sound patch");
//! assert_eq!(pod["spec"]["containers"][0], json!({"name": "node", "image": "bitcoin:30", "tty": true}));
//!
//! patch::merge(&mut pod, &json!({"spec": null}));
//! assert_eq!(pod, json!({}));
//! ```
//!
//! # Source
//! RFC 7386, RFC 6902; apimachinery `pkg/util/strategicpatch/patch.go`. What differs: the order that
//! `$setElementOrder` asks for is not kept; new items come last.

use serde_json::{Value, json};

use crate::sim::admission::remove;
use crate::sim::shape::{List, Shape, step};

/// Merges `patch` into `target` (RFC 7386).
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        target.clone_from(patch);
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, value) in fields {
        match value {
            Value::Null => remove(target, name),
            value => merge(&mut target[name], value),
        }
    }
}

/// Carries out the operations of `patch`, in order (RFC 6902).
///
/// # Errors
/// One of them cannot be carried out: which and why. `target` may have been changed by then.
pub fn json_patch(target: &mut Value, patch: &Value) -> Result<(), String> {
    let Value::Array(operations) = patch else {
        return Err("a JSON patch is a list of operations".to_owned());
    };
    for operation in operations {
        let path = operation["path"]
            .as_str()
            .ok_or("an operation has no path")?;
        let from = || {
            operation["from"]
                .as_str()
                .ok_or("the operation has no `from`")
        };
        let missing = || format!("there is nothing at `{path}`");
        match operation["op"].as_str() {
            Some("add") => add(target, path, operation["value"].clone())?,
            Some("remove") => drop(take(target, path)?),
            Some("replace") => replace(target, path, operation["value"].clone())?,
            Some("test") if target.pointer(path) == Some(&operation["value"]) => {}
            Some("test") => return Err(format!("testing value {path} failed")),
            Some("move") => {
                let value = take(target, from()?)?;
                add(target, path, value)?;
            }
            Some("copy") => {
                let value = target.pointer(from()?).cloned().ok_or_else(missing)?;
                add(target, path, value)?;
            }
            _ => {
                return Err(
                    "an operation is none of add, remove, replace, test, move, copy".to_owned(),
                );
            }
        }
    }
    Ok(())
}

/// The place that holds what `path` leads to, and the last step.
fn parent<'a>(target: &'a mut Value, path: &str) -> Result<(&'a mut Value, String), String> {
    let missing = || format!("there is no place for `{path}`");
    let (parent, last) = path.rsplit_once('/').ok_or_else(missing)?;
    let last = last.replace("~1", "/").replace("~0", "~");
    Ok((target.pointer_mut(parent).ok_or_else(missing)?, last))
}

fn add(target: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if path.is_empty() {
        *target = value;
        return Ok(());
    }
    let (parent, last) = parent(target, path)?;
    match parent {
        Value::Object(fields) => drop(fields.insert(last, value)),
        Value::Array(items) if last == "-" => items.push(value),
        Value::Array(items) => {
            let index = last.parse().ok().filter(|index| *index <= items.len());
            items.insert(
                index.ok_or_else(|| format!("`{path}` is outside of the list"))?,
                value,
            );
        }
        _ => return Err(format!("there is no place for `{path}`")),
    }
    Ok(())
}

/// As [`add`], but in a list for the item that is there. A server's library does not mind if a field is not.
fn replace(target: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if let Some(place) = target.pointer_mut(path) {
        *place = value;
        return Ok(());
    }
    match parent(target, path)?.0.is_object() {
        true => add(target, path, value),
        false => Err(format!("there is nothing at `{path}`")),
    }
}

fn take(target: &mut Value, path: &str) -> Result<Value, String> {
    let missing = || format!("there is nothing at `{path}`");
    let (parent, last) = parent(target, path)?;
    match parent {
        Value::Object(fields) => fields.remove(&last).ok_or_else(missing),
        Value::Array(items) => {
            let index = last.parse().ok().filter(|index| *index < items.len());
            Ok(items.remove(index.ok_or_else(missing)?))
        }
        _ => Err(missing()),
    }
}

/// Merges `patch` into an object of a built-in kind, lists by key.
///
/// # Errors
/// A directive is unknown, or an item lacks its key.
pub fn strategic(target: &mut Value, patch: &Value) -> Result<(), String> {
    let Value::Object(fields) = patch else {
        target.clone_from(patch);
        return Ok(());
    };
    match patch["$patch"].as_str() {
        None | Some("merge") => {}
        Some("replace") => {
            *target = without_directives(patch);
            return Ok(());
        }
        Some("delete") => {
            *target = json!({});
            return Ok(());
        }
        Some(other) => return Err(format!("unknown directive `$patch: {other}`")),
    }
    if !target.is_object() {
        *target = json!({});
    }
    if let (Some(kept), Some(fields)) = (patch["$retainKeys"].as_array(), target.as_object_mut()) {
        fields.retain(|name, _| kept.iter().any(|kept| kept == name.as_str()));
    }
    for (name, value) in fields {
        if let Some(list) = name.strip_prefix("$deleteFromPrimitiveList/") {
            let gone = value.as_array().cloned().unwrap_or_default();
            if let Some(items) = target.get_mut(list).and_then(Value::as_array_mut) {
                items.retain(|item| !gone.contains(item));
            }
        } else if !name.starts_with('$') {
            match value {
                Value::Null => remove(target, name),
                Value::Array(items) => merge_list(name, &mut target[name], items)?,
                value => strategic(&mut target[name], value)?,
            }
        }
    }
    Ok(())
}

fn merge_list(name: &str, target: &mut Value, patch: &[Value]) -> Result<(), String> {
    let list = Shape::built_in().list(name, patch);
    let replaces = patch.iter().any(|item| item["$patch"] == "replace");
    if list == List::Atomic || replaces {
        let items = patch.iter().filter(|item| item["$patch"].is_null());
        *target = items.map(without_directives).collect();
        return Ok(());
    }
    if !target.is_array() {
        *target = json!([]);
    }
    let Value::Array(items) = target else {
        return Ok(());
    };
    for wanted in patch {
        let key =
            step(&list, wanted).ok_or_else(|| format!("an item of `{name}` lacks its key"))?;
        let place = items
            .iter()
            .position(|item| step(&list, item).as_ref() == Some(&key));
        match place {
            Some(place) if wanted["$patch"] == "delete" => drop(items.remove(place)),
            Some(place) => strategic(&mut items[place], wanted)?,
            None if wanted["$patch"] == "delete" => {}
            None => items.push(without_directives(wanted)),
        }
    }
    Ok(())
}

/// The value without what only says how to merge it.
fn without_directives(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, value)| !name.starts_with('$') && !value.is_null())
            .map(|(name, value)| (name.clone(), without_directives(value)))
            .collect(),
        Value::Array(items) => items.iter().map(without_directives).collect(),
        value => value.clone(),
    }
}
