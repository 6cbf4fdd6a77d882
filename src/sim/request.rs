//! What is asked of a store: which object, which part of it, how it is to be deleted.
//!
//! # Invariants
//! - Keys are ordered as a server lists objects: by namespace, then by name.

use std::fmt;

use serde_json::Value;

/// Which object of its kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Empty for objects that live in no namespace.
    pub namespace: String,
    /// Unique among the objects of its kind there.
    pub name: String,
}

impl Key {
    /// `namespace` is empty for objects that live in none.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Key {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// The key of an object that has a name.
    pub fn of(object: &Value) -> Self {
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
        Key::new(text("namespace"), text("name"))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "" => f.write_str(&self.name),
            namespace => write!(f, "{namespace}/{}", self.name),
        }
    }
}

/// What becomes of an object's dependents when it is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Propagation {
    /// They go after it.
    #[default]
    Background,
    /// They go before it.
    Foreground,
    /// They stay.
    Orphan,
}

/// How to delete.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    /// Only if it is this very object.
    pub uid: Option<String>,
    /// Only if nobody has changed it since.
    pub resource_version: Option<String>,
    /// What becomes of its dependents.
    pub propagation: Propagation,
    /// How long a pod may take to end, in seconds; `None`: what its spec says.
    pub grace_seconds: Option<i64>,
}

/// Which part of an object a write is about; the other one is left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Everything but the status, where that is a subresource.
    Main,
    /// The status alone.
    Status,
}
