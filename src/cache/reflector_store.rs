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
//! ReflectorStore::replace(&pods, [Item::Object(pod)].into_iter().collect(), "7");
//! assert_eq!(pods.len(), 1);
//! ```
//!
//! # Source
//! client-go `tools/cache/reflector.go`, `ReflectorStore`. What differs: no errors, no `Resync`; and
//! it can be asked, so that a new state can be compared while it arrives.

use std::sync::Arc;

use crate::api::{ObjectKey, Resource};
use crate::cache::indexer::Indexer;
use crate::cache::next_state::NextState;
use crate::client::Item;

/// What a [`Reflector`](crate::cache::Reflector) fills.
pub trait ReflectorStore<R>: Send + Sync + 'static {
    /// What is stored at `key`.
    fn get(&self, key: &ObjectKey) -> Option<Arc<R>>;

    /// `next` is everything there is at `resource_version`.
    fn replace(&self, next: NextState<R>, resource_version: &str);

    /// An object is there, new or changed: the store knows which.
    fn upsert(&self, item: Item<R>);

    /// An object is gone.
    fn delete(&self, item: Item<R>);

    /// Nothing else has happened up to `resource_version`.
    fn bookmark(&self, resource_version: &str);
}

/// A store by itself, with nobody to tell. Objects that cannot be read change nothing in it.
impl<R: Resource> ReflectorStore<R> for Indexer<R> {
    fn get(&self, key: &ObjectKey) -> Option<Arc<R>> {
        Indexer::get(self, key)
    }

    fn replace(&self, mut next: NextState<R>, _resource_version: &str) {
        let changed = next.take_changed();
        Indexer::replace(self, changed, |key, stored| {
            next.has_unchanged(stored) || next.has_nameless() || next.is_unreadable(key)
        });
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
