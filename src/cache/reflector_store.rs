//! What a reflector fills: the seam between asking the server and keeping the answer.
//!
//! # Invariants
//! - Nothing here is async. Each call is one step, so a reflector can be cancelled between two of
//!   them and never within one.
//!
//! # Example
//! ```
//! use bitcoin_controller::api::{ObjectMeta, core::Pod};
//! use bitcoin_controller::cache::{Indexer, ReflectorStore};
//! use bitcoin_controller::client::Item;
//!
//! let pods = Indexer::<Pod>::default();
//! let pod = Pod { metadata: ObjectMeta { name: "a".into(), ..Default::default() }, ..Default::default() };
//! ReflectorStore::replace(&pods, vec![Item::Object(pod)], "7");
//! assert_eq!(pods.len(), 1);
//! ```
//!
//! # Source
//! client-go `tools/cache/reflector.go`, `ReflectorStore`. What differs: no errors, no `Resync`.

use crate::api::{ObjectKey, Resource};
use crate::cache::indexer::Indexer;
use crate::client::Item;

/// What a [`Reflector`](crate::cache::Reflector) fills.
pub trait ReflectorStore<R>: Send + Sync + 'static {
    /// `items` is everything there is at `resource_version`.
    fn replace(&self, items: Vec<Item<R>>, resource_version: &str);

    /// An object is there, new or changed: the store knows which.
    fn upsert(&self, item: Item<R>);

    /// An object is gone.
    fn delete(&self, item: Item<R>);

    /// Nothing else has happened up to `resource_version`.
    fn bookmark(&self, resource_version: &str);
}

/// A store by itself, with nobody to tell. Objects that cannot be read change nothing in it.
impl<R: Resource> ReflectorStore<R> for Indexer<R> {
    fn replace(&self, items: Vec<Item<R>>, _resource_version: &str) {
        let mut objects = Vec::new();
        let mut unread = Vec::new();
        for item in items {
            match item {
                Item::Object(object) => objects.push(object),
                Item::Undecodable(bad) => unread.push(bad.key),
            }
        }
        // An unreadable item without a key may be any object that seems to be missing.
        let keep = |key: &ObjectKey, _: &R| {
            let mut unread = unread.iter();
            unread.any(|bad| bad.as_ref().is_none_or(|bad| bad == key))
        };
        Indexer::replace(self, objects, keep);
    }

    fn upsert(&self, item: Item<R>) {
        if let Item::Object(object) = item {
            self.insert(object);
        }
    }

    fn delete(&self, item: Item<R>) {
        if let Some(key) = item.key() {
            self.remove(&key);
        }
    }

    fn bookmark(&self, _resource_version: &str) {}
}
