//! Who has set which field: `metadata.managedFields`, kept at every write.
//!
//! Ordinary writes own what they change and take it from whoever had it. An apply owns what it names,
//! changed or not; what it no longer names and nobody else owns goes ([`apply`](crate::sim::apply)).
//!
//! # Invariants
//! - No entry names a field that is not there, but for text applied to a Secret, which is there as data.
//! - The time of an entry changes only when its fields do: a write that changes nothing changes this
//!   neither.
//!
//! # Source
//! apimachinery `pkg/util/managedfields`. What differs: entries are not capped.

use serde_json::{Map, Value, json};

use crate::sim::field_set::FieldSet;
use crate::sim::kinds::Kind;
use crate::sim::object_meta::SERVERS_OWN;
use crate::sim::request::Part;
use crate::sim::shape::Shape;
use crate::sim::value::{self, put, remove};

/// Who writes, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manager {
    /// The field manager's name.
    pub name: String,
    /// A server-side apply.
    pub applies: bool,
    /// What is written.
    pub part: Part,
    /// The path it is written by, if that is one of its own: `status`, `scale`.
    pub subresource: &'static str,
}

impl Manager {
    /// An ordinary write.
    pub fn update(name: &str, part: Part) -> Self {
        Manager {
            name: name.to_owned(),
            applies: false,
            part,
            subresource: if part == Part::Status { "status" } else { "" },
        }
    }

    /// An ordinary write of the number by the path `scale`.
    pub fn scale(name: &str) -> Self {
        Manager {
            subresource: "scale",
            ..Manager::update(name, Part::Main)
        }
    }

    /// A server-side apply.
    pub fn apply(name: &str, part: Part) -> Self {
        Manager {
            applies: true,
            ..Manager::update(name, part)
        }
    }

    fn operation(&self) -> &'static str {
        if self.applies { "Apply" } else { "Update" }
    }

    /// Whether `entry` is this manager's.
    pub(super) fn owns(&self, entry: &Value) -> bool {
        entry["manager"] == *self.name
            && entry["operation"] == self.operation()
            && entry["subresource"].as_str().unwrap_or_default() == self.subresource
    }
}

/// The fields that have owners: all but those that say which object it is and those of the server.
pub(super) fn owned_part(object: &Value) -> Value {
    let mut object = object.clone();
    remove(&mut object, "apiVersion");
    remove(&mut object, "kind");
    for field in SERVERS_OWN.iter().chain(&["generateName", "selfLink"]) {
        remove(&mut object["metadata"], field);
    }
    if object["metadata"].as_object().is_none_or(Map::is_empty) {
        remove(&mut object, "metadata");
    }
    object
}

/// Notes an ordinary write that made `next` of `before`.
pub(super) fn note_update(kind: &Kind, before: &Value, next: &mut Value, by: &Manager, now: i64) {
    let (mut was, mut is) = (owned_part(before), owned_part(next));
    if kind.has_status && by.part == Part::Main {
        // What a new object's status begins with is nobody's.
        remove(&mut was, "status");
        remove(&mut is, "status");
    }
    let shape = Shape::of(kind.schema.as_ref());
    let changed = FieldSet::changed(&was, &is, shape);
    let there = FieldSet::whole(&owned_part(next), shape);
    note(next, by, now, |own, mine| match mine {
        true => stored(&own.union(&changed), &there),
        false => stored(&own.difference(&changed), &there),
    });
}

/// Notes an apply of `applied` that made `next` of `before`.
pub(super) fn note_apply(
    kind: &Kind,
    before: &Value,
    next: &mut Value,
    applied: &Value,
    by: &Manager,
    now: i64,
) {
    let (was, is) = (owned_part(before), owned_part(next));
    let shape = Shape::of(kind.schema.as_ref());
    let named = FieldSet::of(&applied_part(kind, applied, by), shape);
    let taken = FieldSet::changed(&was, &is, shape).intersection(&named);
    let there = FieldSet::whole(&is, shape);
    note(next, by, now, |own, mine| match mine {
        true => stored(&named, &there),
        false => stored(&own.difference(&taken), &there),
    });
}

const TEXT: &str = "f:stringData";

/// What of `fields` is there, or is of a kind that is never there: a Secret's text becomes data at once.
fn stored(fields: &FieldSet, there: &FieldSet) -> FieldSet {
    let stored = fields.intersection(there);
    match fields.child(TEXT) {
        Some(text) => stored.with_child(TEXT, text),
        None => stored,
    }
}

/// What of an applied object counts: an apply of the status owns only that, any other never does.
pub(super) fn applied_part(kind: &Kind, applied: &Value, by: &Manager) -> Value {
    let mut part = owned_part(applied);
    match by.part {
        Part::Status => json!({"status": part["status"]}),
        Part::Main => {
            if kind.has_status {
                remove(&mut part, "status");
            }
            part
        }
    }
}

/// Rewrites every entry; `fields` gets an entry's set and whether it is the writer's.
fn note(object: &mut Value, by: &Manager, now: i64, fields: impl Fn(&FieldSet, bool) -> FieldSet) {
    let mut entries = object["metadata"]["managedFields"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    if !entries.iter().any(|entry| by.owns(entry)) {
        let mut entry = json!({
            "manager": by.name, "operation": by.operation(), "apiVersion": object["apiVersion"],
            "fieldsType": "FieldsV1",
        });
        if !by.subresource.is_empty() {
            entry["subresource"] = by.subresource.into();
        }
        entries.push(entry);
    }
    entries.retain_mut(|entry| {
        let had = match &entry["fieldsV1"] {
            Value::Null => FieldSet::default(),
            fields => FieldSet::from_json(fields),
        };
        let has = fields(&had, by.owns(entry));
        if has != had {
            entry["fieldsV1"] = has.to_json();
            entry["time"] = value::date(now);
        }
        !has.is_empty()
    });
    let entries = if entries.is_empty() {
        Value::Null
    } else {
        entries.into()
    };
    put(&mut object["metadata"], "managedFields", entries);
}

/// Whether nothing differs but when somebody last set something.
pub(super) fn are_equal_but_for_times(before: &Value, next: &Value) -> bool {
    let timeless = |object: &Value| {
        let mut object = object.clone();
        let entries = object["metadata"]
            .get_mut("managedFields")
            .and_then(Value::as_array_mut);
        for entry in entries.into_iter().flatten() {
            remove(entry, "time");
        }
        object
    };
    timeless(before) == timeless(next)
}
