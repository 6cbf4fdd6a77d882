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
//! - A creation is believed for [`UNSEEN_FOR`] only: if the object is created and deleted between two
//!   looks, the cache shows nothing both times and seems not to have moved.
//!
//! # Source
//! client-go `tools/cache/mutation_cache.go`. What differs: no ordering of versions; an entry ends when
//! the cache moves away from the version it was based on, and only a creation needs a time to live.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::api::Resource;

/// How long a creation is believed that the cache does not show. Afterwards the server is asked again,
/// which is right whether the watch is slow or the object is gone.
pub const UNSEEN_FOR: Duration = Duration::from_secs(30);

/// The latest write of one object, until the cache has it.
#[derive(Debug)]
pub struct OwnWrites<R>(Option<Write<R>>);

#[derive(Debug)]
struct Write<R> {
    /// The version the cache showed when the write was made; `None`: no object.
    based_on: Option<Box<str>>,
    answer: Arc<R>,
    at: Instant,
}

impl<R: Resource> Write<R> {
    /// Whether the cache, showing `cached`, may still have this before it.
    fn is_ahead_of(&self, cached: Option<&R>) -> bool {
        let is_believed = cached.is_some() || self.at.elapsed() < UNSEEN_FOR;
        self.based_on.as_deref() == version(cached) && is_believed
    }
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
            Some(write) if write.is_ahead_of(cached.as_deref()) => Some(Arc::clone(&write.answer)),
            _ => {
                self.0 = None;
                cached
            }
        }
    }

    /// Remembers that a write, made while the cache showed `cached`, was answered with `answer`.
    pub fn remember(&mut self, cached: Option<&R>, answer: Arc<R>) {
        let based_on = version(cached).map(Box::from);
        self.0 = Some(Write {
            based_on,
            answer,
            at: Instant::now(),
        });
    }
}

fn version<R: Resource>(object: Option<&R>) -> Option<&str> {
    object.map(|object| &*object.metadata().resource_version)
}
