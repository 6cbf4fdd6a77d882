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
//! - Items of lists with keys are merged by key; new ones come last.
//!
//! # Source
//! structured-merge-diff `merge/update.go`, `typed/merge.go`.

use serde_json::Value;

use crate::sim::admission::{put, remove};
use crate::sim::field_set::{FieldSet, Shape, step};
use crate::sim::kinds::Kind;
use crate::sim::managed_fields::{Manager, applied_part, owned_part};
use crate::sim::refusal::Refusal;

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
    if !applied.is_object() {
        return Err(Refusal::bad_request("the applied body is not an object"));
    }
    if !applied["metadata"]["managedFields"].is_null() {
        return Err(Refusal::bad_request("metadata.managedFields must be nil"));
    }
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
                let manager = entry["manager"].as_str().unwrap_or_default().to_owned();
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

/// Gives `live` the values of `applied`, field by field.
fn merge(name: &str, live: &mut Value, applied: &Value, shape: Shape<'_>) {
    match (live, applied) {
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
            for item in applied {
                let wanted = step(&list, item);
                match live.iter_mut().find(|mine| step(&list, mine) == wanted) {
                    Some(mine) => merge("", mine, item, shape.items()),
                    None => live.push(item.clone()),
                }
            }
        }
        (live, applied) => live.clone_from(applied),
    }
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
                Some(place) => prune("", &mut items[place], below, kept, shape.items()),
                None => {}
            }
        }
    }
}
