//! Reading the cache: one object, those of a namespace, those with certain labels, those of an
//! index.
//!
//! A [`Lister`] is the reader's end of an [`Indexer`]: it can be cloned, handed to a reconciler,
//! and cannot write. What it returns is shared and does not change under the reader; it may be a
//! moment behind the server, and after a restart even older than what an earlier process saw.
//!
//! # Invariants
//! - Every answer is one snapshot, in order of the keys.
//! - A [`Selector`] and its text select the same objects, here and on the server.
//!
//! # Example
//! ```
//! use bitcoin_controller::api::core::Pod;
//! use bitcoin_controller::cache::{Indexer, Lister, Selector};
//! use std::sync::Arc;
//!
//! let pods = Lister::new(Arc::new(Indexer::<Pod>::default()));
//! let ours: Selector = [("app", "bitcoin-network")].into_iter().collect();
//! assert!(pods.list(Some("default"), &ours).is_empty());
//! assert_eq!(ours.to_string(), "app=bitcoin-network");
//! ```
//!
//! # Source
//! client-go `tools/cache/listers.go`. What differs: selectors are sets of equalities, which is
//! all that is used here; and absence is `None`: whether that means "not found" is for the caller
//! to say.

use std::fmt;
use std::sync::Arc;

use crate::api::meta::Labels;
use crate::api::{ObjectKey, Resource, Text};
use crate::cache::indexer::{Index, Indexer};

/// Reads an [`Indexer`]. Clones read the same one.
pub struct Lister<R> {
    indexer: Arc<Indexer<R>>,
}

impl<R: Resource> Lister<R> {
    /// A reader of `indexer`.
    pub fn new(indexer: Arc<Indexer<R>>) -> Self {
        Lister { indexer }
    }

    /// The object at `key`, if the cache has it.
    pub fn get(&self, key: &ObjectKey) -> Option<Arc<R>> {
        self.indexer.get(key)
    }

    /// The objects in `namespace` (`None`: in all) that `selector` selects, in order of their keys.
    pub fn list(&self, namespace: Option<&str>, selector: &Selector) -> Vec<Arc<R>> {
        let mut objects = match namespace {
            Some(namespace) => self.indexer.list_namespace(namespace),
            None => self.indexer.list(),
        };
        if !selector.is_everything() {
            objects.retain(|object| selector.matches(&object.metadata().labels));
        }
        objects
    }

    /// The objects for which `I` gives `value`, in order of their keys.
    pub fn by_index<I: Index<R>>(&self, value: &I::Value) -> Vec<Arc<R>> {
        self.indexer.by_index::<I>(value)
    }
}

impl<R> Clone for Lister<R> {
    fn clone(&self) -> Self {
        Lister {
            indexer: self.indexer.clone(),
        }
    }
}

impl<R: Resource> fmt::Debug for Lister<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lister({:?})", self.indexer)
    }
}

/// Labels that an object must have, each with one value. Displays as the server reads it:
/// `a=b,c=d`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector(Box<[(Text, Text)]>);

impl Selector {
    /// Selects every object.
    pub fn everything() -> Self {
        Selector::default()
    }

    /// Whether it selects every object.
    pub fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an object with `labels` is selected.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value.as_str()))
    }
}

impl<K: Into<Text>, V: Into<Text>> FromIterator<(K, V)> for Selector {
    /// All of `pairs` must hold: a label asked for with two values selects nothing.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let pairs = pairs.into_iter();
        let mut pairs: Vec<_> = pairs
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        pairs.sort();
        pairs.dedup();
        Selector(pairs.into())
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (key, value)) in self.0.iter().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            write!(f, "{comma}{key}={value}")?;
        }
        Ok(())
    }
}
