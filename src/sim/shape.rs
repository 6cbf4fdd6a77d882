//! The form of objects: which of their values have parts with owners of their own.
//!
//! A list may have keys (containers have names), be a set (finalizers), or be one value. An object may
//! be one value, too: half a label selector selects something else altogether. A custom resource's
//! schema says which; of the built-in kinds short tables know those that controllers meet. Every other
//! list of those is one value, every other object is not.
//!
//! # Example
//! ```
//! use bitcoin_controller::sim::shape::{List, Shape, step};
//! use serde_json::json;
//!
//! let ports = [json!({"containerPort": 18443, "name": "rpc"})];
//! let list = Shape::built_in().list("ports", &ports);
//! assert_eq!(
//!     step(&list, &ports[0]).as_deref(),
//!     Some(r#"k:{"containerPort":18443,"protocol":"TCP"}"#)
//! );
//! assert_eq!(Shape::built_in().list("args", &[]), List::Atomic);
//! ```
//!
//! # Source
//! structured-merge-diff `schema/elements.go`; the `x-kubernetes-` extensions of the OpenAPI documents.

use serde_json::{Map, Value};

/// What is known of the form of a value.
#[derive(Clone, Copy, Debug)]
pub enum Shape<'a> {
    /// A built-in kind, or a part of one: the tables know.
    BuiltIn,
    /// A custom resource, or a part of one: its schema says so.
    Schema(&'a Value),
    /// One value, whatever is in it.
    Atomic,
}

/// How the items of a list are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum List {
    /// They are not: the list is one value.
    Atomic,
    /// By what they are.
    Set,
    /// By the values of these fields.
    Map(Vec<String>),
}

/// The objects in built-in kinds that are one value.
const ATOMIC: [&str; 12] = [
    "claimRef",
    "configMapKeyRef",
    "configMapRef",
    "fieldRef",
    "involvedObject",
    "nodeSelector",
    "resourceFieldRef",
    "roleRef",
    "secretKeyRef",
    "secretRef",
    "selector",
    "volumeAttributes",
];

/// The objects in built-in kinds that are always there, if only empty: nobody makes them.
const EMBEDDED: [&str; 7] = [
    "metadata",
    "names",
    "resources",
    "spec",
    "status",
    "template",
    "updateStrategy",
];

impl<'a> Shape<'a> {
    /// The shape of a built-in kind.
    pub fn built_in() -> Self {
        Shape::BuiltIn
    }

    /// The shape of objects with this schema, or of a built-in kind without one.
    pub fn of(schema: Option<&'a Value>) -> Self {
        schema.map_or(Shape::BuiltIn, Shape::Schema)
    }

    /// The shape of a field.
    pub fn field(self, name: &str) -> Self {
        match self {
            // The schema leaves metadata to the server, which knows it as that of every kind.
            Shape::Schema(_) if name == "metadata" => Shape::BuiltIn,
            Shape::Schema(schema) => {
                let known = &schema["properties"][name];
                let any = &schema["additionalProperties"];
                Shape::of_part(if known.is_null() { any } else { known })
            }
            Shape::BuiltIn if ATOMIC.contains(&name) => Shape::Atomic,
            shape => shape,
        }
    }

    /// The shape of the items of the list called `name`, whose shape this is.
    pub fn items(self, name: &str) -> Self {
        match self {
            Shape::Schema(schema) => Shape::of_part(&schema["items"]),
            Shape::BuiltIn if name == "ownerReferences" => Shape::Atomic,
            shape => shape,
        }
    }

    fn of_part(schema: &'a Value) -> Self {
        match schema["x-kubernetes-map-type"].as_str() {
            Some("atomic") => Shape::Atomic,
            _ => Shape::Schema(schema),
        }
    }

    /// Whether it is one value, whatever is in it.
    pub fn is_atomic(self) -> bool {
        matches!(self, Shape::Atomic)
    }

    /// Whether the object called `name`, whose shape this is, is there in any case.
    pub fn is_embedded(self, name: &str) -> bool {
        matches!(self, Shape::BuiltIn) && (name.is_empty() || EMBEDDED.contains(&name))
    }

    /// Whether an object of this shape may have a field called `name`, as far as is known.
    pub fn declares(self, name: &str) -> bool {
        let Shape::Schema(schema) = self else {
            return true;
        };
        let is_free = schema.is_null() || schema["x-kubernetes-preserve-unknown-fields"] == true;
        is_free
            || !schema["properties"][name].is_null()
            || !schema["additionalProperties"].is_null()
    }

    /// How the items of the list called `name`, whose shape this is, are told apart.
    pub fn list(self, name: &str, items: &[Value]) -> List {
        let schema = match self {
            Shape::BuiltIn => return list_of_built_in(name, items),
            Shape::Atomic => return List::Atomic,
            Shape::Schema(schema) => schema,
        };
        let keys = schema["x-kubernetes-list-map-keys"].as_array();
        match schema["x-kubernetes-list-type"].as_str() {
            Some("set") => List::Set,
            Some("map") => {
                let keys = keys.into_iter().flatten().filter_map(Value::as_str);
                List::Map(keys.map(str::to_owned).collect())
            }
            _ => List::Atomic,
        }
    }
}

fn list_of_built_in(name: &str, items: &[Value]) -> List {
    let keys: &[&str] = match name {
        "containers" | "initContainers" | "volumes" | "env" => &["name"],
        "ports" if items.iter().any(|item| !item["containerPort"].is_null()) => {
            &["containerPort", "protocol"]
        }
        "ports" => &["port", "protocol"],
        "volumeMounts" => &["mountPath"],
        "conditions" => &["type"],
        "ownerReferences" => &["uid"],
        "finalizers" => return List::Set,
        _ => return List::Atomic,
    };
    List::Map(keys.iter().map(|key| (*key).to_owned()).collect())
}

/// The step from a list to one of its items; `None` if the list has no such steps or the item no key.
pub fn step(list: &List, item: &Value) -> Option<String> {
    match list {
        List::Atomic => None,
        List::Set => Some(format!("v:{item}")),
        List::Map(keys) => {
            let mut key = Map::new();
            for name in keys {
                let value = match &item[name] {
                    Value::Null if name == "protocol" => "TCP".into(),
                    Value::Null => return None,
                    value => value.clone(),
                };
                key.insert(name.clone(), value);
            }
            Some(format!("k:{}", Value::Object(key)))
        }
    }
}
