//! What the store holds: a table for each kind, the number of the latest change, and the history.
//!
//! This page knows nothing of rules; [`store`](crate::sim::store) asks it for objects and hands it
//! finished ones.
//!
//! # Invariants
//! - What is in a table and what the history says are the same: both change in [`State::commit`].
//! - Kinds of custom resources come and go with their definitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::sim::history::{Change, History};
use crate::sim::kinds::{self, Kind};
use crate::sim::refusal::Refusal;
use crate::sim::request::Key;

#[derive(Clone)]
pub(super) struct State {
    pub(super) resource_version: u64,
    pub(super) tables: BTreeMap<String, Table>,
    pub(super) history: History,
}

#[derive(Clone)]
pub(super) struct Table {
    pub(super) kind: Arc<Kind>,
    pub(super) objects: BTreeMap<Key, Arc<Value>>,
}

/// How many changes are kept: enough that a watch cut for seconds need not list again.
const HISTORY_LENGTH: usize = 1_024;

impl Table {
    fn new(kind: Kind) -> (String, Table) {
        let resource = kind.resource();
        let table = Table {
            kind: Arc::new(kind),
            objects: BTreeMap::new(),
        };
        (resource, table)
    }
}

impl State {
    pub(super) fn new() -> Self {
        State {
            // A real server's first object is not its first change either.
            resource_version: 1,
            tables: kinds::built_in().into_iter().map(Table::new).collect(),
            history: History::with_capacity(HISTORY_LENGTH),
        }
    }

    /// Puts an object in its place, or takes it out, as the next change.
    pub(super) fn commit(
        &mut self,
        kind: &Kind,
        key: Key,
        before: Option<Arc<Value>>,
        mut object: Value,
        is_deletion: bool,
    ) -> Arc<Value> {
        self.resource_version += 1;
        object["metadata"]["resourceVersion"] = self.resource_version.to_string().into();
        let object = Arc::new(object);
        let resource = kind.resource();
        if let Some(table) = self.tables.get_mut(&resource) {
            match is_deletion {
                true => table.objects.remove(&key),
                false => table.objects.insert(key.clone(), Arc::clone(&object)),
            };
        }
        if resource == kinds::DEFINITIONS {
            self.define(&object, is_deletion);
        }
        self.history.push(Change {
            resource_version: self.resource_version,
            resource,
            key,
            before,
            object: Arc::clone(&object),
            is_deletion,
        });
        object
    }

    pub(super) fn kind(&self, resource: &str) -> Result<Arc<Kind>, Refusal> {
        let table = self.tables.get(resource);
        table
            .map(|table| Arc::clone(&table.kind))
            .ok_or_else(Refusal::no_such_resource)
    }

    pub(super) fn object(
        &self,
        resource: &str,
        key: &Key,
    ) -> Result<(Arc<Kind>, Arc<Value>), Refusal> {
        let kind = self.kind(resource)?;
        match self.tables[resource].objects.get(key) {
            Some(object) => Ok((kind, Arc::clone(object))),
            None => Err(Refusal::not_found(&kind, &key.name)),
        }
    }

    pub(super) fn changes_after(
        &self,
        resource_version: u64,
    ) -> Result<impl DoubleEndedIterator<Item = &Change>, Refusal> {
        if resource_version > self.resource_version {
            return Err(Refusal::too_large(resource_version, self.resource_version));
        }
        self.history
            .since(resource_version)
            .map_err(|oldest| Refusal::expired(resource_version, oldest))
    }

    /// Adds, changes or removes the kinds of a CustomResourceDefinition.
    fn define(&mut self, definition: &Value, is_deletion: bool) {
        // What makes no kind was refused when it was written.
        for kind in Kind::of_definition(definition).unwrap_or_default() {
            let resource = kind.resource();
            if is_deletion {
                self.undefine(&resource);
            } else if let Some(table) = self.tables.get_mut(&resource) {
                table.kind = Arc::new(kind);
            } else {
                self.tables.extend([Table::new(kind)]);
            }
        }
    }

    /// Takes a kind out, and all its objects before it, whatever holds them.
    fn undefine(&mut self, resource: &str) {
        let Some(table) = self.tables.get(resource).cloned() else {
            return;
        };
        for (key, object) in table.objects {
            let last = (*object).clone();
            self.commit(&table.kind, key, Some(object), last, true);
        }
        self.tables.remove(resource);
    }
}
