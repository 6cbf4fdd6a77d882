//! A whole new state of a collection while it arrives, kept as the difference from what is stored.
//!
//! After a lost watch everything comes once more, and nearly all of it is what we have. Collecting
//! it and comparing at the end would hold the collection twice. So each object is compared as it
//! arrives: if the store has this very state, a pointer to the stored one is all that is kept; if
//! not, the object is. At the end the store moves to the new state in one step: what was neither
//! pointed at nor put aside is gone. It is mark and sweep, with the server's list as the roots.
//!
//! ```text
//!   arrives      store         kept
//!   a@3          a@3           -> a        unchanged: one pointer
//!   b@9          b@4           b@9         changed
//!   c (broken)   c@5           c: broken   exists, cannot be read
//!                d@2                       not heard of: gone
//! ```
//!
//! # Invariants
//! - What was heard last of a key counts: an object may come, change and go while a state arrives.
//! - Besides what is different it costs one pointer for each object.
//! - The store is not touched; dropping a state that never became whole leaves nothing behind.
//!
//! # Example
//! ```
//! use bitcoin_controller::api::{ObjectMeta, core::Pod};
//! use bitcoin_controller::cache::{Indexer, NextState, ReflectorStore};
//! use bitcoin_controller::client::Item;
//!
//! let pod = |name: &str, version: &str| Pod {
//!     metadata: ObjectMeta { name: name.into(), resource_version: version.into(), ..Default::default() },
//!     ..Default::default()
//! };
//! let pods = Indexer::<Pod>::default();
//! pods.insert(pod("a", "3"));
//! pods.insert(pod("d", "2"));
//! let mut next = NextState::default();
//! next.put(Item::Object(pod("a", "3")), &pods);
//! next.put(Item::Object(pod("b", "9")), &pods);
//! assert_eq!((next.n_unchanged(), next.n_changed()), (1, 1));
//! ReflectorStore::replace(&pods, next, "9");
//! assert!(pods.get(&"d".parse()?).is_none());
//! # Ok::<(), String>(())
//! ```
//!
//! # Source
//! client-go `tools/cache/reflector.go`, the `temporaryStore` of `watchList`. What differs: theirs
//! holds every object a second time until the replace.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::api::{ObjectKey, Resource};
use crate::cache::indexer::is_same_state;
use crate::cache::reflector_store::ReflectorStore;
use crate::client::{Item, Undecodable};

/// What has arrived of a new state. The default: nothing.
pub struct NextState<R> {
    /// Stored objects that are in it as they are.
    unchanged: HashSet<ByAddress<R>>,
    /// The others, in order of their arrival.
    changed: BTreeMap<u64, Arc<R>>,
    /// Where among them each is. Only looked up: its order never shows.
    places: HashMap<ObjectKey, u64>,
    unreadable: BTreeMap<ObjectKey, Undecodable>,
    nameless: Vec<Undecodable>,
    n_arrived: u64,
}

impl<R> Default for NextState<R> {
    fn default() -> Self {
        NextState {
            unchanged: HashSet::new(),
            changed: BTreeMap::new(),
            places: HashMap::new(),
            unreadable: BTreeMap::new(),
            nameless: Vec::new(),
            n_arrived: 0,
        }
    }
}

impl<R: Resource> NextState<R> {
    /// `item` is part of the state, which will replace what `store` has.
    pub fn put(&mut self, item: Item<R>, store: &(impl ReflectorStore<R> + ?Sized)) {
        let Some(key) = item.key() else {
            if let Item::Undecodable(bad) = item {
                self.nameless.push(bad);
            }
            return;
        };
        let stored = store.get(&key);
        self.forget(&key, stored.as_ref());
        match (item, stored) {
            (Item::Undecodable(bad), _) => {
                self.unreadable.insert(key, bad);
            }
            (Item::Object(object), Some(stored)) if is_same_state(&object, &*stored) => {
                self.unchanged.insert(ByAddress(stored));
            }
            (Item::Object(object), _) => self.put_changed(key, object),
        }
    }

    /// The object at `key` is not part of the state, although it may have been put.
    pub fn remove(&mut self, key: &ObjectKey, store: &(impl ReflectorStore<R> + ?Sized)) {
        self.forget(key, store.get(key).as_ref());
    }

    /// How many objects are as they are stored.
    pub fn n_unchanged(&self) -> usize {
        self.unchanged.len()
    }

    /// How many objects are new or different.
    pub fn n_changed(&self) -> usize {
        self.changed.len()
    }

    /// Whether `stored` is part of the state as it is.
    pub fn has_unchanged(&self, stored: &Arc<R>) -> bool {
        self.unchanged.contains(&ByAddress(stored.clone()))
    }

    /// Whether the object at `key` is part of the state and cannot be read.
    pub fn is_unreadable(&self, key: &ObjectKey) -> bool {
        self.unreadable.contains_key(key)
    }

    /// Whether there is an object that cannot be read, not even its name: it may be any that seems
    /// to be missing.
    pub fn has_nameless(&self) -> bool {
        !self.nameless.is_empty()
    }

    /// What cannot be read, in order of the keys, and at last what has none.
    pub fn unreadable(&self) -> impl Iterator<Item = &Undecodable> {
        self.unreadable.values().chain(&self.nameless)
    }

    /// Takes out the new and different objects, in order of their arrival.
    pub fn take_changed(&mut self) -> Vec<Arc<R>> {
        self.places.clear();
        std::mem::take(&mut self.changed).into_values().collect()
    }

    fn put_changed(&mut self, key: ObjectKey, object: R) {
        self.places.insert(key, self.n_arrived);
        self.changed.insert(self.n_arrived, Arc::new(object));
        self.n_arrived += 1;
    }

    fn forget(&mut self, key: &ObjectKey, stored: Option<&Arc<R>>) {
        if let Some(place) = self.places.remove(key) {
            self.changed.remove(&place);
        }
        if let Some(stored) = stored {
            self.unchanged.remove(&ByAddress(stored.clone()));
        }
        self.unreadable.remove(key);
    }
}

/// A state of which nothing is stored yet.
impl<R: Resource> FromIterator<Item<R>> for NextState<R> {
    fn from_iter<I: IntoIterator<Item = Item<R>>>(items: I) -> Self {
        let nothing = crate::cache::Indexer::default();
        let mut next = NextState::default();
        for item in items {
            next.put(item, &nothing);
        }
        next
    }
}

impl<R> fmt::Debug for NextState<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NextState")
            .field("unchanged", &self.unchanged.len())
            .field("changed", &self.changed.len())
            .field("unreadable", &(self.unreadable.len() + self.nameless.len()))
            .finish()
    }
}

/// An object that is told from others by where it is: the `Arc` keeps the place its own.
struct ByAddress<R>(Arc<R>);

impl<R> PartialEq for ByAddress<R> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<R> Eq for ByAddress<R> {}

impl<R> Hash for ByAddress<R> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        Arc::as_ptr(&self.0).hash(hasher);
    }
}
