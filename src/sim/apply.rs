//! Server-side apply: say what you want of an object, and leave the rest to its owners.
//!
//! ```text
//!   live ──┬── fields named by the applied object get its values
//!          ├── fields this manager named last time, and no longer does, go, unless somebody else owns them
//!          └── everything else stays
//! ```
//!
//! # Invariants
//! - A field of another manager changes only with `force`; without, nothing changes at all.
//! - Items of lists with keys are merged by key, and stand in the order of the applied list; those that
//!   are not in it stay where they are.
//!
//! # Source
//! structured-merge-diff `merge/update.go`, `typed/{merge,validate}.go`; apimachinery
//! `pkg/util/managedfields/internal/conflict.go`. What differs: an object from which everything is
//! taken goes, where a real server may leave a null.

use serde_json::Value;

use crate::sim::field_set::{FieldSet, shown};
use crate::sim::kinds::Kind;
use crate::sim::managed_fields::{Manager, applied_part, owned_part};
use crate::sim::refusal::Refusal;
use crate::sim::request::Key;
use crate::sim::shape::{List, Shape, step};
use crate::sim::value::{put, remove};

/// Refuses what cannot be applied to anything.
pub(super) fn check(kind: &Kind, key: &Key, applied: &Value) -> Result<(), Refusal> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &applied["metadata"];
    if !metadata["managedFields"].is_null() {
        return Err(Refusal::bad_request("metadata.managedFields must be nil"));
    }
    let (version, kind_name) = (text(&applied["apiVersion"]), text(&applied["kind"]));
    if version != kind.api_version() || kind_name != kind.kind {
        let message = format!("invalid object type: {version}, Kind={kind_name}");
        return Err(Refusal::bad_request(message));
    }
    let mut rest = applied.clone();
    for known in ["apiVersion", "kind", "metadata"] {
        remove(&mut rest, known);
    }
    let mut wrong = Vec::new();
    check_form("", "", &rest, Shape::of(kind.schema.as_ref()), &mut wrong);
    if !wrong.is_empty() {
        let (namespace, name) = (text(&metadata["namespace"]), text(&metadata["name"]));
        let wrong = match wrong.as_slice() {
            [one] => one.clone(),
            many => format!("errors:\n  {}", many.join("\n  ")),
        };
        // A server takes this for a mistake of its own.
        let message = format!(
            "failed to create typed patch object ({namespace}/{name}; {version}, Kind={kind_name}): {wrong}"
        );
        return Err(Refusal::new(500, "", message));
    }
    let name = text(&metadata["name"]);
    if name != key.name {
        return Err(Refusal::other_name(&name, &key.name));
    }
    Ok(())
}

/// Says what is wrong with the form of the value at `path`, called `name`, for whoever has to merge it.
fn check_form(path: &str, name: &str, value: &Value, shape: Shape<'_>, wrong: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = format!("{path}.{name}");
                if !shape.declares(name) {
                    wrong.push(format!("{path}: field not declared in schema"));
                    // At the first of an object a server stops.
                    break;
                }
                check_form(&path, name, value, shape.field(name), wrong);
            }
        }
        Value::Array(items) => {
            let list = shape.list(name, items);
            let mut seen = Vec::new();
            for (index, item) in items.iter().enumerate() {
                let step = match (&list, step(&list, item)) {
                    (List::Atomic, _) => format!("[{index}]"),
                    (_, Some(step)) => shown(&step),
                    (_, None) => {
                        wrong.push(lacks_key(path, index, &list));
                        continue;
                    }
                };
                let path_of_item = format!("{path}{step}");
                check_form(&path_of_item, "", item, shape.items(name), wrong);
                if seen.contains(&step) {
                    wrong.push(format!("{path}: duplicate entries for key {step}"));
                }
                seen.push(step);
            }
        }
        _ => {}
    }
}

fn lacks_key(path: &str, index: usize, list: &List) -> String {
    let keys = match list {
        List::Map(keys) => keys.iter().map(|key| format!("\"{key}\"")).collect(),
        _ => Vec::new(),
    };
    let keys = keys.join(" ");
    format!(
        "{path}: element {index}: associative list with keys has an element that omits all key fields [{keys}] (and doesn't have default values for any key fields)"
    )
}

/// Makes `live` what it is after `by` applied `applied`.
///
/// # Errors
/// Fields belong to others, and `force` is not set.
pub(super) fn apply(
    kind: &Kind,
    live: &mut Value,
    applied: &Value,
    by: &Manager,
    force: bool,
) -> Result<(), Refusal> {
    let shape = Shape::of(kind.schema.as_ref());
    let before = live.clone();
    let part = applied_part(kind, applied, by);
    merge("", live, &part, shape);
    for field in ["uid", "resourceVersion"] {
        let named = applied["metadata"][field].clone();
        if !named.is_null() {
            put(&mut live["metadata"], field, named);
        }
    }

    let entries = before["metadata"]["managedFields"].as_array();
    let (own, others): (Vec<&Value>, Vec<&Value>) = entries
        .into_iter()
        .flatten()
        .partition(|entry| by.owns(entry));
    let fields = |entry: &Value| FieldSet::from_json(&entry["fieldsV1"]);
    let named = FieldSet::of(&part, shape);
    if !force {
        let changed = FieldSet::changed(&owned_part(&before), &owned_part(live), shape);
        let wanted = changed.intersection(&named);
        let conflicts: Vec<(String, String)> = others
            .iter()
            .flat_map(|entry| {
                let manager = shown_manager(entry);
                let paths = fields(entry).intersection(&wanted).paths();
                paths.into_iter().map(move |path| (manager.clone(), path))
            })
            .collect();
        if !conflicts.is_empty() {
            return Err(Refusal::field_conflicts(&conflicts));
        }
    }
    if let Some(last) = own.first() {
        let kept = others
            .iter()
            .fold(named, |kept, entry| kept.union(&fields(entry)));
        prune("", live, &fields(last), &kept, shape);
    }
    Ok(())
}

/// Whose the fields are, for people.
fn shown_manager(entry: &Value) -> String {
    let mut shown = entry["manager"].to_string();
    if !entry["subresource"].is_null() {
        shown.push_str(&format!(" with subresource {}", entry["subresource"]));
    }
    if entry["operation"] == "Update" {
        let version = entry["apiVersion"].as_str().unwrap_or_default();
        shown.push_str(&format!(" using {version}"));
    }
    shown
}

/// Gives `live` the values of `applied`, field by field.
fn merge(name: &str, live: &mut Value, applied: &Value, shape: Shape<'_>) {
    match (live, applied) {
        (live, applied) if shape.is_atomic() => live.clone_from(applied),
        (Value::Object(live), Value::Object(applied)) => {
            for (name, value) in applied {
                let mine = live.entry(name.clone()).or_insert(Value::Null);
                merge(name, mine, value, shape.field(name));
            }
        }
        (Value::Array(live), Value::Array(applied)) => {
            let list = shape.list(name, applied);
            if applied.iter().any(|item| step(&list, item).is_none()) {
                live.clone_from(applied);
                return;
            }
            merge_list(live, applied, &list, shape.items(name));
        }
        (live, applied) => live.clone_from(applied),
    }
}

/// Merges items by key. Where the two lists have items in common, those stand in the order of `applied`.
fn merge_list(live: &mut Vec<Value>, applied: &[Value], list: &List, shape: Shape<'_>) {
    let before = std::mem::take(live);
    let is_same = |one: &Value, other: &Value| step(list, one) == step(list, other);
    let mine = |wanted: &Value| before.iter().find(|item| is_same(item, wanted));
    let merged = |wanted: &Value| match mine(wanted) {
        Some(mine) => {
            let mut item = mine.clone();
            merge("", &mut item, wanted, shape);
            item
        }
        None => wanted.clone(),
    };
    let mut rest = applied;
    for item in &before {
        if !applied.iter().any(|wanted| is_same(wanted, item)) {
            live.push(item.clone());
            continue;
        }
        // One that both have is not put here unless it is its turn.
        let next = rest.iter().position(|wanted| mine(wanted).is_some());
        if let Some(next) = next.filter(|next| is_same(&rest[*next], item)) {
            let (now, later) = rest.split_at(next + 1);
            live.extend(now.iter().map(merged));
            rest = later;
        }
    }
    live.extend(rest.iter().map(merged));
}

/// Takes out of `live` what is in `last` and not in `kept`.
fn prune(name: &str, live: &mut Value, last: &FieldSet, kept: &FieldSet, shape: Shape<'_>) {
    let nothing = FieldSet::default();
    for (edge, below) in last.children() {
        let kept = kept.child(edge).unwrap_or(&nothing);
        let goes = below.is_member() && kept.is_empty();
        if let Some(field) = edge.strip_prefix("f:") {
            if goes {
                remove(live, field);
            } else if let Some(value) = live.get_mut(field) {
                prune(field, value, below, kept, shape.field(field));
                let is_empty = value.as_object().is_some_and(|fields| fields.is_empty());
                if is_empty && kept.is_empty() {
                    remove(live, field);
                }
            }
        } else if let Value::Array(items) = live {
            let list = shape.list(name, items);
            let place = items
                .iter()
                .position(|item| step(&list, item).as_deref() == Some(edge));
            match place {
                Some(place) if goes => drop(items.remove(place)),
                Some(place) => {
                    prune("", &mut items[place], below, kept, shape.items(name));
                }
                None => {}
            }
        }
    }
}
