//! The two maps that kube-rs leaves to its users: objects by namespace, and by the owner that controls them.
//!
//! They are kept as a careful user would: an update that moves nothing touches nothing, and after a relist new maps
//! replace the old ones in one step, as the reflector does with its store.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::Event;

use crate::objects::{Watched, key, owner};

type Index<K> = HashMap<String, HashSet<ObjectRef<K>>>;

/// Where objects are to be found.
pub struct Indices<K: Watched> {
    pub by_namespace: Index<K>,
    pub by_owner: Index<K>,
}

impl<K: Watched> Default for Indices<K> {
    fn default() -> Self {
        Indices {
            by_namespace: Index::new(),
            by_owner: Index::new(),
        }
    }
}

impl<K: Watched> Indices<K> {
    /// Puts `new` where it belongs; `old` is what it replaces.
    pub fn update(&mut self, old: Option<&K>, new: &K) {
        let (before, after) = (old.and_then(|old| owner(old.meta())), owner(new.meta()));
        if old.is_some() && before == after {
            return; // The namespace is part of its name, and stays.
        }
        let key = key(new);
        if let Some(before) = before {
            take(&mut self.by_owner, before, &key);
        }
        if let Some(after) = after {
            put(&mut self.by_owner, after, key.clone());
        }
        if let (None, Some(namespace)) = (old, &new.meta().namespace) {
            put(&mut self.by_namespace, namespace, key);
        }
    }

    pub fn remove(&mut self, object: &K) {
        let key = key(object);
        if let Some(namespace) = &object.meta().namespace {
            take(&mut self.by_namespace, namespace, &key);
        }
        if let Some(owner) = owner(object.meta()) {
            take(&mut self.by_owner, owner, &key);
        }
    }

    /// How many objects each map holds.
    pub fn counts(&self) -> (usize, usize) {
        let count = |index: &Index<K>| index.values().map(HashSet::len).sum();
        (count(&self.by_namespace), count(&self.by_owner))
    }
}

fn put<K: Watched>(index: &mut Index<K>, value: &str, key: ObjectRef<K>) {
    match index.get_mut(value) {
        Some(keys) => drop(keys.insert(key)),
        None => drop(index.insert(value.to_owned(), HashSet::from([key]))),
    }
}

fn take<K: Watched>(index: &mut Index<K>, value: &str, key: &ObjectRef<K>) {
    if let Some(keys) = index.get_mut(value) {
        keys.remove(key);
        if keys.is_empty() {
            index.remove(value);
        }
    }
}

/// What became of an object by an event, as far as the store knew it before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Added,
    Updated,
    Deleted,
}

/// Keeps the indices. It sees each event before the store does, because the store knows the object that is replaced.
pub struct Indexing<K: Watched> {
    pub store: Store<K>,
    pub indices: Arc<Mutex<Indices<K>>>,
    /// Built while a first state comes in.
    pub next: Indices<K>,
}

impl<K: Watched> Indexing<K> {
    /// Takes in `event`, and says what it is to an object; nothing if it is about none.
    pub fn take(&mut self, event: &Event<K>) -> Option<Change> {
        match event {
            Event::Init => self.next = Indices::default(),
            Event::InitApply(object) => {
                self.next.update(None, object);
                return Some(self.change(self.store.get(&key(object)).is_some()));
            }
            Event::InitDone => *self.indices() = std::mem::take(&mut self.next),
            Event::Apply(object) => {
                let old = self.store.get(&key(object));
                self.indices().update(old.as_deref(), object);
                return Some(self.change(old.is_some()));
            }
            Event::Delete(object) => {
                // What the map was built from, not what the event brings.
                if let Some(old) = self.store.get(&key(object)) {
                    self.indices().remove(&old);
                }
                return Some(Change::Deleted);
            }
        }
        None
    }

    fn change(&self, known: bool) -> Change {
        if known {
            Change::Updated
        } else {
            Change::Added
        }
    }

    fn indices(&self) -> std::sync::MutexGuard<'_, Indices<K>> {
        self.indices.lock().expect("nobody panics while holding it")
    }
}
