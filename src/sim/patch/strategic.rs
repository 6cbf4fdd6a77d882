//! Strategic merge patch: a merge that knows which lists are maps in disguise.
//!
//! `containers` is a list on the wire and a map in everybody's mind: "change the image of the container named
//! `bitcoind`". So for the lists of built-in kinds there is a table of [merge keys](merge_key): items with the
//! same key are merged, others are added. Lists that are not in the table are replaced whole. What a merge
//! cannot say is said with directives, fields whose names begin with `$`:
//!
//! | directive | in | means |
//! |---|---|---|
//! | `$patch: delete` | an item of a list | the item with this key goes |
//! | `$patch: delete`, `$patch: replace` | an object | it becomes empty, or what the patch says and nothing else |
//! | `$patch: replace` | an item of its own | the list becomes the patch's other items |
//! | `$retainKeys` | an object | fields that are not named go |
//! | `$deleteFromPrimitiveList/NAME` | beside the list | these values go |
//! | `$setElementOrder/NAME` | beside the list | these items (keys or values) have this order |
//!
//! Order: items that the patch names follow the patch's order, the others keep their own, and where an item of
//! each meet, the one that was there earlier goes first.
//!
//! # Invariants
//! - No directive is ever left in the object.
//! - `null` is never stored: it takes a field away, or is nothing at all where there was none.
//!
//! # Source
//! apimachinery `pkg/util/strategicpatch/patch.go`: `mergeMap`, `mergeSlice`, `normalizeElementOrder`; the
//! table is the `patchMergeKey` tags in `k8s.io/api/core/v1/types.go` and `meta/v1/types.go`.
//!
//! # What differs
//! - The table goes by a field's name and its parent's, not by Go types: enough for the built-in kinds here.
//! - Go's library refuses a patch whose `$setElementOrder` or `$retainKeys` lacks an item it also changes.
//!   This applies it.

use std::cmp::Ordering;

use serde_json::{Map, Value};

type Fields = Map<String, Value>;

/// Lays `patch` over `target`, an object of a built-in kind, and merges lists by their keys.
///
/// # Errors
/// A directive is unknown or misplaced, or an item lacks its list's key. The message names the field.
pub fn strategic(target: &mut Value, patch: &Value) -> Result<(), String> {
    let Value::Object(patch) = patch else {
        return Err("a strategic merge patch is an object".to_owned());
    };
    let mut fields = target.as_object().cloned().unwrap_or_default();
    merge_fields("", &mut fields, patch)?;
    *target = Value::Object(fields);
    Ok(())
}

/// How the items of a list are told apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Identity {
    /// By this field of theirs.
    Key(&'static str),
    /// By what they are: the list is a set of plain values.
    Value,
}

/// The table; `None` for lists that are replaced whole.
fn merge_key(parent: &str, name: &str) -> Option<Identity> {
    Some(Identity::Key(match (parent, name) {
        (_, "containers" | "initContainers" | "ephemeralContainers") => "name",
        (_, "containerStatuses" | "initContainerStatuses") => return None,
        (
            _,
            "env" | "volumes" | "imagePullSecrets" | "secrets" | "schedulingGates"
            | "resourceClaims",
        ) => "name",
        (_, "volumeMounts") => "mountPath",
        (_, "volumeDevices") => "devicePath",
        ("spec", "ports") => "port",
        ("containers" | "initContainers" | "ephemeralContainers", "ports") => "containerPort",
        ("status", "conditions" | "addresses") => "type",
        ("status", "podIPs" | "hostIPs") | (_, "hostAliases") => "ip",
        (_, "topologySpreadConstraints") => "topologyKey",
        ("metadata", "ownerReferences") => "uid",
        ("metadata", "finalizers") | (_, "podCIDRs") => return Some(Identity::Value),
        _ => return None,
    }))
}

/// Merges `patch` into the object that is the field `parent`, or an item of the list `parent`.
fn merge_fields(parent: &str, fields: &mut Fields, patch: &Fields) -> Result<(), String> {
    match patch.get(PATCH).map(Value::as_str) {
        None => {}
        Some(Some("delete")) => {
            fields.clear();
            return Ok(());
        }
        Some(Some("replace")) => {
            fields.clone_from(patch);
            drop_directives(fields);
            return Ok(());
        }
        Some(_) => return Err(format!("`{parent}`: no such {PATCH}")),
    }
    if let Some(keep) = patch.get(RETAIN_KEYS) {
        let keep = list(RETAIN_KEYS, keep)?;
        fields.retain(|name, _| keep.iter().any(|kept| kept == name.as_str()));
    }
    let before = lists_to_order(fields, patch);
    for (name, change) in patch.iter().filter(|(name, _)| !is_directive(name)) {
        merge_field(parent, name, fields, change)?;
    }
    for (directive, gone) in patch {
        if let Some(name) = directive.strip_prefix(DELETE_FROM) {
            let gone = list(directive, gone)?;
            if let Some(Value::Array(items)) = fields.get_mut(name) {
                items.retain(|item| !gone.contains(item));
            }
        }
    }
    for (name, before) in before {
        let directive = format!("{SET_ORDER}{name}");
        let order = list(&directive, &patch[&directive])?;
        let identity =
            merge_key(parent, name).ok_or_else(|| format!("`{name}` is no list that is merged"))?;
        if let Some(Value::Array(items)) = fields.get_mut(name) {
            put_in_order(items, order, &before, identity);
        }
    }
    Ok(())
}

/// The lists that the patch gives an order to, as they are before it.
fn lists_to_order<'a>(fields: &Fields, patch: &'a Fields) -> Vec<(&'a str, Vec<Value>)> {
    let names = patch.keys().filter_map(|name| name.strip_prefix(SET_ORDER));
    let items = |name| fields.get(name).and_then(Value::as_array).cloned();
    names
        .map(|name| (name, items(name).unwrap_or_default()))
        .collect()
}

fn merge_field(
    parent: &str,
    name: &str,
    fields: &mut Fields,
    change: &Value,
) -> Result<(), String> {
    match (fields.get_mut(name), change) {
        (_, Value::Null) => {
            fields.remove(name);
        }
        (Some(Value::Object(old)), Value::Object(new)) => merge_fields(name, old, new)?,
        (Some(Value::Array(old)), Value::Array(new)) => match merge_key(parent, name) {
            Some(identity) => merge_items(name, old, new, identity)?,
            None => {
                old.clone_from(new);
                old.iter_mut().for_each(clean);
            }
        },
        _ => {
            let mut value = change.clone();
            clean(&mut value);
            fields.insert(name.to_owned(), value);
        }
    }
    Ok(())
}

fn merge_items(
    name: &str,
    items: &mut Vec<Value>,
    patch: &[Value],
    identity: Identity,
) -> Result<(), String> {
    let before = items.clone();
    let mut named = Vec::new();
    if patch.iter().any(|item| item[PATCH] == "replace") {
        items.clear();
    }
    for change in patch {
        let directive = change.get(PATCH).map(Value::as_str);
        if directive == Some(Some("replace")) {
            continue;
        }
        if identify(change, identity).is_none() {
            return Err(format!("`{name}`: an item has no {}", identity.name()));
        }
        match directive {
            None => {}
            Some(Some("delete")) => {
                items.retain(|item| !same(item, change, identity));
                continue;
            }
            Some(_) => return Err(format!("`{name}`: no such {PATCH}")),
        }
        named.push(change.clone());
        let old = items.iter_mut().find(|item| same(item, change, identity));
        match (old, change) {
            (Some(Value::Object(old)), Value::Object(new)) => merge_fields(name, old, new)?,
            (Some(old), new) => old.clone_from(new),
            (None, new) => {
                let mut new = new.clone();
                clean(&mut new);
                items.push(new);
            }
        }
    }
    put_in_order(items, &named, &before, identity);
    Ok(())
}

/// Gives the items that `wanted` names its order; the others keep theirs. Where one of each meet, the one that
/// came first in `before` goes first, and the named one if they did not meet there.
fn put_in_order(items: &mut Vec<Value>, wanted: &[Value], before: &[Value], identity: Identity) {
    let place_in =
        |list: &[Value], item: &Value| list.iter().position(|other| same(item, other, identity));
    let (mut named, others): (Vec<_>, Vec<_>) = std::mem::take(items)
        .into_iter()
        .partition(|item| place_in(wanted, item).is_some());
    named.sort_by_key(|item| place_in(wanted, item));
    let mut named = named.into_iter().peekable();
    let mut others = others.into_iter().peekable();
    while let (Some(one), Some(other)) = (named.peek(), others.peek()) {
        let order = match (place_in(before, other), place_in(before, one)) {
            (Some(other), Some(one)) => other.cmp(&one),
            _ => Ordering::Greater,
        };
        let next = if order == Ordering::Less {
            others.next()
        } else {
            named.next()
        };
        items.extend(next);
    }
    items.extend(named);
    items.extend(others);
}

impl Identity {
    fn name(self) -> &'static str {
        match self {
            Identity::Key(key) => key,
            Identity::Value => "value",
        }
    }
}

fn identify(item: &Value, identity: Identity) -> Option<&Value> {
    match identity {
        Identity::Key(key) => item.get(key),
        Identity::Value => Some(item),
    }
}

fn same(one: &Value, other: &Value, identity: Identity) -> bool {
    identify(one, identity).is_some_and(|key| Some(key) == identify(other, identity))
}

fn list<'a>(name: &str, value: &'a Value) -> Result<&'a [Value], String> {
    let items = value.as_array().map(Vec::as_slice);
    items.ok_or_else(|| format!("`{name}` is no list"))
}

/// Takes directives and nulls out of a value that is stored as it is.
fn clean(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            drop_directives(fields);
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(clean);
        }
        Value::Array(items) => {
            items.retain(|item| item.get(PATCH).is_none());
            items.iter_mut().for_each(clean);
        }
        _ => {}
    }
}

fn drop_directives(fields: &mut Fields) {
    fields.retain(|name, _| !is_directive(name));
}

/// A field of a map may begin with a dollar as well, so the whole names count.
fn is_directive(name: &str) -> bool {
    name == PATCH
        || name == RETAIN_KEYS
        || name.starts_with(DELETE_FROM)
        || name.starts_with(SET_ORDER)
}

const PATCH: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
const SET_ORDER: &str = "$setElementOrder/";
