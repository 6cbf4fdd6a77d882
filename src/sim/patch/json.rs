//! JSON patch: a list of operations at paths, applied one after the other, all of them or none.
//!
//! Every operation is made of three moves: look something up, put something in, take something out. A path
//! is split into its parent, which must exist, and its last step, which is a field or a place in a list.
//!
//! # Invariants
//! - If an operation fails, the object is as it was before the first one.
//! - An index is written without sign or leading zero; `-` is the place after the last, only for `add`.
//!
//! # Source
//! RFC 6902 and RFC 6901.
//!
//! # What differs
//! As a kube-apiserver does, and not as the RFC says: `replace` puts a field in that is not there yet, and what
//! is not there passes a `test` for `null`. It also takes indices counted from the end; this does not.

use serde_json::Value;

/// Applies a JSON patch, RFC 6902.
///
/// # Errors
/// The patch is no list of operations, a path leads nowhere, or a `test` does not hold. The message names
/// the operation by its place and path, and never a value.
pub fn json_patch(target: &mut Value, patch: &Value) -> Result<(), String> {
    let operations = patch
        .as_array()
        .ok_or("a JSON patch is a list of operations")?;
    if operations.len() > MOST_OPERATIONS {
        return Err(format!("there are more than {MOST_OPERATIONS} operations"));
    }
    let (mut changed, mut n_copied) = (target.clone(), 0);
    for (place, operation) in operations.iter().enumerate() {
        let path = operation["path"].as_str().unwrap_or_default();
        apply(&mut changed, operation, &mut n_copied)
            .map_err(|why| format!("operation {place} at `{path}`: {why}"))?;
    }
    *target = changed;
    Ok(())
}

/// A real server's bound.
const MOST_OPERATIONS: usize = 10_000;

/// How many bytes one patch may copy, as on a real server: each copy can double what there is.
const MOST_COPIED_BYTES: usize = 3 * 1024 * 1024;

/// How deep anything may be put. What comes in a body is no deeper than this, but moves could pile it up
/// until nobody can walk through it any more.
const DEEPEST: usize = 128;

fn apply(document: &mut Value, operation: &Value, n_copied: &mut usize) -> Result<(), String> {
    let path = text(operation, "path")?;
    match text(operation, "op")? {
        "add" => put_in(document, path, value(operation)?.clone()),
        "remove" => take_out(document, path).map(drop),
        "replace" => {
            let value = value(operation)?.clone();
            check_depth(path, &value)?;
            if let Some(old) = document.pointer_mut(path) {
                *old = value;
                return Ok(());
            }
            if is_in_list(document, path) {
                return Err(leads_nowhere(path));
            }
            put_in(document, path, value)
        }
        "copy" => {
            let copy = look_up(document, text(operation, "from")?)?.clone();
            *n_copied += copy.to_string().len();
            if *n_copied > MOST_COPIED_BYTES {
                return Err(format!("more than {MOST_COPIED_BYTES} bytes are copied"));
            }
            put_in(document, path, copy)
        }
        "move" => {
            let from = text(operation, "from")?;
            if path
                .strip_prefix(from)
                .is_some_and(|rest| rest.starts_with('/'))
            {
                return Err("nothing can be moved into itself".to_owned());
            }
            let moved = take_out(document, from)?;
            put_in(document, path, moved)
        }
        "test" if document.pointer(path).unwrap_or(&Value::Null) == value(operation)? => Ok(()),
        "test" => Err("the test does not hold".to_owned()),
        _ => Err("no such operation".to_owned()),
    }
}

fn text<'a>(operation: &'a Value, field: &str) -> Result<&'a str, String> {
    let found = operation.get(field).and_then(Value::as_str);
    found.ok_or_else(|| format!("`{field}` is missing"))
}

/// The operation's value; `null` is one.
fn value(operation: &Value) -> Result<&Value, String> {
    operation
        .get("value")
        .ok_or_else(|| "`value` is missing".to_owned())
}

fn look_up<'a>(document: &'a Value, path: &str) -> Result<&'a Value, String> {
    document.pointer(path).ok_or_else(|| leads_nowhere(path))
}

fn look_up_mut<'a>(document: &'a mut Value, path: &str) -> Result<&'a mut Value, String> {
    document
        .pointer_mut(path)
        .ok_or_else(|| leads_nowhere(path))
}

fn leads_nowhere(path: &str) -> String {
    format!("`{path}` leads nowhere")
}

/// The path of the parent, and the last step. The whole document has no parent.
fn split(path: &str) -> Option<(&str, String)> {
    let (parent, step) = path.rsplit_once('/')?;
    Some((parent, step.replace("~1", "/").replace("~0", "~")))
}

fn is_in_list(document: &Value, path: &str) -> bool {
    let parent = split(path).and_then(|(parent, _)| document.pointer(parent));
    parent.is_some_and(Value::is_array)
}

fn check_depth(path: &str, value: &Value) -> Result<(), String> {
    let n_steps = path.matches('/').count();
    match n_steps + depth(value) > DEEPEST {
        true => Err(format!("it would be more than {DEEPEST} deep")),
        false => Ok(()),
    }
}

fn depth(value: &Value) -> usize {
    let below = match value {
        Value::Object(fields) => fields.values().map(depth).max(),
        Value::Array(items) => items.iter().map(depth).max(),
        _ => None,
    };
    1 + below.unwrap_or_default()
}

fn put_in(document: &mut Value, path: &str, value: Value) -> Result<(), String> {
    check_depth(path, &value)?;
    if path.is_empty() {
        *document = value;
        return Ok(());
    }
    let (parent, step) = split(path).ok_or_else(|| leads_nowhere(path))?;
    match look_up_mut(document, parent)? {
        Value::Object(fields) => {
            fields.insert(step, value);
        }
        Value::Array(items) => {
            let place = if step == "-" {
                Some(items.len())
            } else {
                index(&step)
            };
            let place = place.filter(|place| *place <= items.len());
            items.insert(place.ok_or_else(|| leads_nowhere(path))?, value);
        }
        _ => return Err(leads_nowhere(path)),
    }
    Ok(())
}

fn take_out(document: &mut Value, path: &str) -> Result<Value, String> {
    let (parent, step) = split(path).ok_or("the whole document cannot be taken out")?;
    let found = match look_up_mut(document, parent)? {
        Value::Object(fields) => fields.remove(&step),
        Value::Array(items) => {
            let place = index(&step).filter(|place| *place < items.len());
            place.map(|place| items.remove(place))
        }
        _ => None,
    };
    found.ok_or_else(|| leads_nowhere(path))
}

fn index(step: &str) -> Option<usize> {
    let is_plain = step.bytes().all(|byte| byte.is_ascii_digit());
    let is_padded = step.len() > 1 && step.starts_with('0');
    (is_plain && !is_padded).then(|| step.parse().ok())?
}
