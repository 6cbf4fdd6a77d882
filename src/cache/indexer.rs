//! Objects by key, and by whatever else one looks for them, under one lock.
//!
//! A reconciler asks "which Pods belong to this network?" many times a second. An index answers
//! that without a scan: it maps each value an object has (an owner's UID, the name of a Secret)
//! to the keys of the objects that have it. Objects and indices change together, so they share
//! one lock, and every answer is one snapshot: what the store held at one moment.
//!
//! ```text
//!   objects      default/a ──> Pod      default/b ──> Pod      sorted by namespace, then name:
//!                                                              a namespace is a range of it
//!   ByOwner      uid-1 ──> {default/a, default/b}
//! ```
//!
//! # Invariants
//! - For every index `I`: a key stands under value `v` exactly if `I::values(object)` contains `v`.
//! - No value has an empty set of keys.
//! - Objects are shared and never change: a new state is a new [`Arc`].
//! - An object whose (UID, resource version) is stored already stays in place: the same `Arc`.
//!
//! # Example
//! ```
//! use bitcoin_controller::api::{ObjectKey, ObjectMeta, Text, core::Pod};
//! use bitcoin_controller::cache::{Index, Indexer};
//!
//! struct ByOwner;
//! impl Index<Pod> for ByOwner {
//!     type Value = Text;
//!     fn values(pod: &Pod) -> Vec<Text> {
//!         pod.metadata.owner_references.iter().map(|owner| owner.uid.clone()).collect()
//!     }
//! }
//!
//! let pods = Indexer::<Pod>::default();
//! pods.add_index::<ByOwner>();
//! pods.insert(Pod { metadata: ObjectMeta { name: "a".into(), ..Default::default() }, ..Default::default() });
//! assert!(pods.get(&ObjectKey::new("", "a")).is_some());
//! assert!(pods.by_index::<ByOwner>(&"uid-1".into()).is_empty());
//! ```
//!
//! # Source
//! client-go `tools/cache/thread_safe_store.go`, `index.go`. What differs:
//! - An index is a type, not a name: its values have a type, and it cannot be misspelt. Asking by
//!   an index that was never added is no error but a scan: the same answer, only slower.
//! - The map is sorted: answers come in order of the keys, and namespaces need no index of their
//!   own.
//! - Every change says what was there before, and a replace says all that changed.

use std::any::{Any, TypeId};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::api::{ObjectKey, Resource};
use crate::cache::notification::{After, Change};

/// A way to find objects of kind `R`: each has none, one or several values.
pub trait Index<R>: Send + Sync + 'static {
    /// What is looked for.
    type Value: Ord + Clone + Send + Sync + 'static;

    /// The values of `object`: a pure function of it, and one that does not panic, since it runs
    /// while the store is locked.
    fn values(object: &R) -> Vec<Self::Value>;
}

/// The store: objects and their indices. Shared behind an `Arc` by one writer and many readers.
pub struct Indexer<R> {
    state: RwLock<State<R>>,
}

struct State<R> {
    objects: BTreeMap<ObjectKey, Arc<R>>,
    indices: BTreeMap<TypeId, Box<dyn AnyIndex<R>>>,
}

impl<R> Default for Indexer<R> {
    /// An empty store without indices.
    fn default() -> Self {
        Indexer {
            state: RwLock::new(State {
                objects: BTreeMap::new(),
                indices: BTreeMap::new(),
            }),
        }
    }
}

impl<R: Resource> Indexer<R> {
    /// Adds the index `I`, at any time: objects that are there already are covered. Adding it again
    /// changes nothing.
    pub fn add_index<I: Index<R>>(&self) {
        let mut state = self.write();
        let State { objects, indices } = &mut *state;
        indices.entry(TypeId::of::<I>()).or_insert_with(|| {
            let mut index = KeysByValue::<R, I>::default();
            for (key, object) in objects {
                index.update(key, None, Some(object));
            }
            Box::new(index)
        });
    }

    /// Stores `object`, in place of an older state. `None`: this very state was there already.
    pub fn insert(&self, object: R) -> Option<Change<R>> {
        self.write().insert(Arc::new(object))
    }

    /// Removes the object at `key`. `None`: there was none.
    pub fn remove(&self, key: &ObjectKey) -> Option<Change<R>> {
        self.write().remove(key)
    }

    /// Makes `objects` the whole content, in one step for every reader, except that a stored
    /// object that is missing from them stays if `keep` says so.
    ///
    /// Returns what changed: first deletions in order of their keys, then additions and updates in
    /// order of `objects`.
    pub fn replace(
        &self,
        objects: Vec<Arc<R>>,
        keep: impl Fn(&ObjectKey, &Arc<R>) -> bool,
    ) -> Vec<Change<R>> {
        let listed: HashSet<ObjectKey> = objects.iter().map(|object| object.key()).collect();
        let mut state = self.write();
        let is_gone =
            |(key, object): &(&ObjectKey, &Arc<R>)| !listed.contains(key) && !keep(key, object);
        let gone: Vec<ObjectKey> = state
            .objects
            .iter()
            .filter(is_gone)
            .map(|(key, _)| key.clone())
            .collect();

        let mut changes = Vec::new();
        changes.extend(gone.iter().filter_map(|key| state.remove(key)));
        changes.extend(
            objects
                .into_iter()
                .filter_map(|object| state.insert(object)),
        );
        changes
    }

    /// The object at `key`.
    pub fn get(&self, key: &ObjectKey) -> Option<Arc<R>> {
        self.read().objects.get(key).cloned()
    }

    /// All objects in order of their keys.
    pub fn list(&self) -> Vec<Arc<R>> {
        self.read().objects.values().cloned().collect()
    }

    /// All objects in `namespace`, in order of their names.
    pub fn list_namespace(&self, namespace: &str) -> Vec<Arc<R>> {
        let state = self.read();
        let from_first_name = state.objects.range(ObjectKey::new(namespace, "")..);
        from_first_name
            .take_while(|(key, _)| key.namespace == namespace)
            .map(|(_, object)| object.clone())
            .collect()
    }

    /// The objects for which `I` gives `value`, in order of their keys.
    pub fn by_index<I: Index<R>>(&self, value: &I::Value) -> Vec<Arc<R>> {
        let state = self.read();
        match state.index::<I>() {
            Some(index) => {
                let keys = index.keys.get(value).into_iter().flatten();
                keys.filter_map(|key| state.objects.get(key).cloned())
                    .collect()
            }
            None => {
                let mut objects: Vec<_> = state.objects.values().cloned().collect();
                objects.retain(|object| I::values(object).contains(value));
                objects
            }
        }
    }

    /// Every value that `I` gives for any object, in order.
    pub fn index_values<I: Index<R>>(&self) -> Vec<I::Value> {
        let state = self.read();
        match state.index::<I>() {
            Some(index) => index.keys.keys().cloned().collect(),
            None => {
                let values = state.objects.values().flat_map(|object| I::values(object));
                values.collect::<BTreeSet<_>>().into_iter().collect()
            }
        }
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.read().objects.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn read(&self) -> RwLockReadGuard<'_, State<R>> {
        self.state.read().expect(NOT_POISONED)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State<R>> {
        self.state.write().expect(NOT_POISONED)
    }
}

const NOT_POISONED: &str = "only an index function that panics leaves objects and indices apart";

impl<R: Resource> State<R> {
    fn insert(&mut self, after: Arc<R>) -> Option<Change<R>> {
        let key = after.key();
        let before = self.objects.get(&key).cloned();
        let is_stored = |stored: &Arc<R>| is_same_state(&**stored, &*after);
        if before.as_ref().is_some_and(is_stored) {
            return None;
        }
        for index in self.indices.values_mut() {
            index.update(&key, before.as_deref(), Some(&after));
        }
        self.objects.insert(key, after.clone());
        Some(Change {
            before,
            after: After::Is(after),
        })
    }

    fn remove(&mut self, key: &ObjectKey) -> Option<Change<R>> {
        let before = self.objects.remove(key)?;
        for index in self.indices.values_mut() {
            index.update(key, Some(&before), None);
        }
        Some(Change {
            before: Some(before.clone()),
            after: After::Gone {
                last: before,
                final_state_unknown: true,
            },
        })
    }

    fn index<I: Index<R>>(&self) -> Option<&KeysByValue<R, I>> {
        let index: &dyn Any = self.indices.get(&TypeId::of::<I>())?.as_ref();
        index.downcast_ref()
    }
}

/// Whether both are one state of one object. A version that could not be read equals none.
pub(crate) fn is_same_state<R: Resource>(one: &R, other: &R) -> bool {
    let (one, other) = (one.metadata(), other.metadata());
    one.uid == other.uid
        && one.resource_version == other.resource_version
        && !one.resource_version.is_empty()
}

/// An index whose type of values is forgotten, so that indices of several types fit in one map.
trait AnyIndex<R>: Any + Send + Sync {
    /// Moves `key` from the values of its old state to those of its new one.
    fn update(&mut self, key: &ObjectKey, old: Option<&R>, new: Option<&R>);
}

struct KeysByValue<R, I: Index<R>> {
    keys: BTreeMap<I::Value, BTreeSet<ObjectKey>>,
    kind: PhantomData<fn() -> R>,
}

impl<R, I: Index<R>> Default for KeysByValue<R, I> {
    fn default() -> Self {
        KeysByValue {
            keys: BTreeMap::new(),
            kind: PhantomData,
        }
    }
}

impl<R: Resource, I: Index<R>> AnyIndex<R> for KeysByValue<R, I> {
    fn update(&mut self, key: &ObjectKey, old: Option<&R>, new: Option<&R>) {
        let before = old.map(I::values).unwrap_or_default();
        let after = new.map(I::values).unwrap_or_default();
        if before == after {
            return;
        }
        for value in before {
            if let Entry::Occupied(mut entry) = self.keys.entry(value) {
                entry.get_mut().remove(key);
                if entry.get().is_empty() {
                    entry.remove();
                }
            }
        }
        for value in after {
            self.keys.entry(value).or_default().insert(key.clone());
        }
    }
}

impl<R: Resource> fmt::Debug for Indexer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.read();
        f.debug_struct("Indexer")
            .field("kind", &R::KIND)
            .field("objects", &state.objects.len())
            .field("indices", &state.indices.len())
            .finish()
    }
}
