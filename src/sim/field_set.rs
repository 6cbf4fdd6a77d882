//! Sets of fields of an object: the arithmetic under server-side apply.
//!
//! A set is a tree whose edges are the steps of a path: `f:spec` a field, `k:{"name":"web"}` the item
//! of a list with that key, `v:"x"` a value of a list that is a set. Written as JSON, the tree is what
//! `metadata.managedFields` holds (`FieldsV1`).
//!
//! Which lists have keys, and which values are one field as a whole, is the kind's affair
//! ([`shape`](crate::sim::shape)).
//!
//! # Invariants
//! - A node without children is in the set; one with children may be as well (`.`): who made a map
//!   owns the map and what is in it, who applied a field of it only that field.
//!
//! # Example
//! ```
//! use bitcoin_controller::sim::field_set::FieldSet;
//! use bitcoin_controller::sim::shape::Shape;
//! use serde_json::json;
//!
//! let shape = Shape::built_in();
//! let before = json!({"spec": {"replicas": 3, "paused": false}});
//! let after = json!({"spec": {"replicas": 4, "paused": false}});
//! let changed = FieldSet::changed(&before, &after, shape);
//! assert_eq!(changed.to_json(), json!({"f:spec": {"f:replicas": {}}}));
//! assert_eq!(changed.paths(), [".spec.replicas"]);
//! ```
//!
//! # Source
//! structured-merge-diff `fieldpath/{set,path,serialize}.go`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::sim::shape::{List, Shape, step};

/// A set of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    is_member: bool,
    children: BTreeMap<String, FieldSet>,
}

impl FieldSet {
    /// The fields that `value` names: leaves, and items of lists with keys.
    pub fn of(value: &Value, shape: Shape<'_>) -> Self {
        FieldSet::of_named("", value, shape, false).below_root()
    }

    /// The fields of `value`, and every object and list on the way to them.
    pub fn whole(value: &Value, shape: Shape<'_>) -> Self {
        FieldSet::of_named("", value, shape, true).below_root()
    }

    /// The object itself is nobody's field.
    fn below_root(mut self) -> Self {
        self.is_member = false;
        self
    }

    /// `name` is what the value is called where it comes from.
    fn of_named(name: &str, value: &Value, shape: Shape<'_>, is_whole: bool) -> Self {
        let mut set = FieldSet::default();
        match value {
            _ if shape.is_atomic() => {}
            Value::Object(fields) => {
                for (name, value) in fields {
                    let child = FieldSet::of_named(name, value, shape.field(name), is_whole);
                    set.children.insert(format!("f:{name}"), child);
                }
            }
            Value::Array(items) => {
                let list = shape.list(name, items);
                for item in items {
                    if let Some(step) = step(&list, item) {
                        let mut child = FieldSet::of_named("", item, shape.items(name), is_whole);
                        child.is_member = true;
                        set.children.insert(step, child);
                    }
                }
            }
            _ => {}
        }
        set.is_member = set.children.is_empty() || (is_whole && !shape.is_embedded(name));
        set
    }

    /// The fields of `after` that are new or other than they were in `before`.
    pub fn changed(before: &Value, after: &Value, shape: Shape<'_>) -> Self {
        let changed = FieldSet::changed_named("", before, after, shape);
        changed.unwrap_or_default().below_root()
    }

    fn changed_named(
        name: &str,
        before: &Value,
        after: &Value,
        shape: Shape<'_>,
    ) -> Option<FieldSet> {
        if before == after {
            return None;
        }
        let mut set = FieldSet::default();
        match (before, after) {
            _ if shape.is_atomic() => Some(FieldSet::leaf()),
            (Value::Object(before), Value::Object(after)) if !after.is_empty() => {
                for (name, value) in after {
                    let was = before.get(name);
                    let shape = shape.field(name);
                    let child = match was {
                        Some(was) => FieldSet::changed_named(name, was, value, shape),
                        None => Some(FieldSet::of_named(name, value, shape, true)),
                    };
                    set.adopt(format!("f:{name}"), child);
                }
                Some(set)
            }
            (Value::Array(before), Value::Array(items)) => {
                let (list, items_shape) = (shape.list(name, items), shape.items(name));
                if list == List::Atomic || items.is_empty() {
                    return Some(FieldSet::leaf());
                }
                for item in items {
                    let Some(step_here) = step(&list, item) else {
                        return Some(FieldSet::leaf());
                    };
                    let mut same = before.iter();
                    let was = same.find(|was| step(&list, was).as_ref() == Some(&step_here));
                    let child = match was {
                        Some(was) => FieldSet::changed_named("", was, item, items_shape),
                        None => Some(FieldSet::of_named("", item, items_shape, true)),
                    };
                    set.adopt(step_here, child);
                }
                Some(set)
            }
            _ => Some(FieldSet::of_named(name, after, shape, true)),
        }
    }

    fn leaf() -> Self {
        FieldSet {
            is_member: true,
            children: BTreeMap::new(),
        }
    }

    fn adopt(&mut self, step: String, child: Option<FieldSet>) {
        if let Some(child) = child.filter(|child| !child.is_empty()) {
            self.children.insert(step, child);
        }
    }

    /// Nothing is in it.
    pub fn is_empty(&self) -> bool {
        !self.is_member && self.children.values().all(FieldSet::is_empty)
    }

    /// Whether the place itself, not only something below it, is in the set.
    pub fn is_member(&self) -> bool {
        self.is_member
    }

    /// The steps from here, and what is below them.
    pub fn children(&self) -> impl Iterator<Item = (&str, &FieldSet)> {
        self.children
            .iter()
            .map(|(step, child)| (step.as_str(), child))
    }

    /// What is below `step`, if anything is.
    pub fn child(&self, step: &str) -> Option<&FieldSet> {
        self.children.get(step)
    }

    /// The set with what is below `step` replaced.
    #[must_use]
    pub fn with_child(mut self, step: &str, child: &FieldSet) -> FieldSet {
        self.children.insert(step.to_owned(), child.clone());
        self
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &FieldSet) -> FieldSet {
        let mut set = self.clone();
        set.is_member |= other.is_member;
        for (step, theirs) in &other.children {
            let mine = set.children.entry(step.clone()).or_default();
            *mine = mine.union(theirs);
        }
        set
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &FieldSet) -> FieldSet {
        self.combined(other, |mine, theirs| mine && theirs)
    }

    /// What is in this one only.
    #[must_use]
    pub fn difference(&self, other: &FieldSet) -> FieldSet {
        self.combined(other, |mine, theirs| mine && !theirs)
    }

    fn combined(&self, other: &FieldSet, keep: fn(bool, bool) -> bool) -> FieldSet {
        let mut set = FieldSet {
            is_member: keep(self.is_member, other.is_member),
            children: BTreeMap::new(),
        };
        let nothing = FieldSet::default();
        for (step, mine) in &self.children {
            let theirs = other.children.get(step).unwrap_or(&nothing);
            set.adopt(step.clone(), Some(mine.combined(theirs, keep)));
        }
        set
    }

    /// The members as paths, `.spec.containers[name="web"].image`, sorted.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect_paths(String::new(), &mut paths);
        paths
    }

    fn collect_paths(&self, path: String, paths: &mut Vec<String>) {
        if self.is_member && !path.is_empty() {
            paths.push(path.clone());
        }
        for (step, child) in &self.children {
            child.collect_paths(format!("{path}{}", shown(step)), paths);
        }
    }

    /// As `FieldsV1`.
    pub fn to_json(&self) -> Value {
        let mut json = Map::new();
        if self.is_member && !self.children.is_empty() {
            json.insert(".".to_owned(), json!({}));
        }
        for (step, child) in &self.children {
            json.insert(step.clone(), child.to_json());
        }
        Value::Object(json)
    }

    /// From `FieldsV1`.
    pub fn from_json(json: &Value) -> Self {
        let mut set = FieldSet::default();
        for (step, child) in json.as_object().into_iter().flatten() {
            if step == "." {
                set.is_member = true;
            } else {
                set.children
                    .insert(step.clone(), FieldSet::from_json(child));
            }
        }
        set.is_member |= set.children.is_empty();
        set
    }
}

/// A step as people write it.
pub(super) fn shown(step: &str) -> String {
    match step.split_at_checked(2) {
        Some(("f:", name)) => format!(".{name}"),
        Some(("v:", value)) => format!("[={value}]"),
        Some(("k:", key)) => {
            let key: Value = serde_json::from_str(key).unwrap_or_default();
            let parts = key.as_object().into_iter().flatten();
            let parts: Vec<String> = parts
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            format!("[{}]", parts.join(","))
        }
        _ => step.to_owned(),
    }
}
