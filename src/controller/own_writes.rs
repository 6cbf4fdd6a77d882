//! Seeing one's own writes before the cache does.
//!
//! Between a write and the watch event that carries it, the cache shows the state before. Who decides
//! on that state writes again, or tells the same news twice. [`OwnWrites`] remembers which cached
//! version a write was based on and what the server answered; as long as the cache still shows that
//! version, the answer is read instead. Once the cache has moved, it is the truth again.
//!
//! # Invariants
//! - Versions are compared for equality only.
//! - One entry for an object, dropped as soon as the cache has moved.
//!
//! # Source
//! client-go `tools/cache/mutation_cache.go`. What differs: no ordering of versions and no time to
//! live; an entry ends when the cache moves away from the version it was based on.

use std::sync::Arc;

use crate::api::Resource;

/// The latest write of one object, until the cache has it.
#[derive(Debug)]
pub struct OwnWrites<R>(Option<Write<R>>);

#[derive(Debug)]
struct Write<R> {
    /// The version the cache showed when the write was made; `None`: no object.
    based_on: Option<Box<str>>,
    answer: Arc<R>,
}

impl<R> Default for OwnWrites<R> {
    fn default() -> Self {
        OwnWrites(None)
    }
}

impl<R: Resource> OwnWrites<R> {
    /// What to go by, if the cache shows `cached`.
    pub fn over(&mut self, cached: Option<Arc<R>>) -> Option<Arc<R>> {
        match &self.0 {
            Some(write) if write.based_on.as_deref() == version(cached.as_deref()) => {
                Some(Arc::clone(&write.answer))
            }
            _ => {
                self.0 = None;
                cached
            }
        }
    }

    /// Remembers that a write, made while the cache showed `cached`, was answered with `answer`.
    pub fn remember(&mut self, cached: Option<&R>, answer: Arc<R>) {
        self.0 = Some(Write { based_on: version(cached).map(Box::from), answer });
    }
}

fn version<R: Resource>(object: Option<&R>) -> Option<&str> {
    object.map(|object| &*object.metadata().resource_version)
}
