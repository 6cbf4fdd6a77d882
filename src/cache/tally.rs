//! What an informer can say about itself: how much it holds, how fresh that is, what it took.
//!
//! Half of it is known where objects are stored, half where the server is asked; neither keeps anything
//! for this but a number that is one larger each time, and two moments.
//!
//! # Invariants
//! - Counts never fall.
//! - Asking holds no lock for longer than reading an object from the store does.
//!
//! # Source
//! client-go `tools/cache/reflector_metrics.go`, which lost its provider in 1.10 for leaking a series for
//! each reflector. What differs: read, not pushed; no durations: those of the requests say as much.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use crate::cache::quarantine::Quarantined;

/// Numbers about one informer at one moment.
#[derive(Clone, Debug)]
pub struct InformerTally {
    /// Whether the first list is in the store.
    pub has_synced: bool,
    /// How many objects are in the store.
    pub objects: usize,
    /// The version up to which the store knows everything; empty before the first list.
    pub resource_version: Box<str>,
    /// How often the whole state came in: by a list, or as initial events of a watch.
    pub lists: u64,
    /// When it last did.
    pub last_list: Option<Instant>,
    /// How many changes of single objects came in.
    pub events: u64,
    /// When the last one did.
    pub last_event: Option<Instant>,
    /// How many watches the server has opened.
    pub watches: u64,
    /// How many lists and watches have failed or were refused.
    pub failures: u64,
    /// How many notifications all handlers together have yet to handle.
    pub pending: usize,
    /// How many states of objects could not be read so far.
    pub undecodable: u64,
    /// The objects that exist and cannot be read, in order of their keys.
    pub quarantined: Vec<Quarantined>,
}

/// What a store has taken in.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Taken {
    pub(crate) lists: u64,
    pub(crate) last_list: Option<Instant>,
    pub(crate) events: u64,
    pub(crate) last_event: Option<Instant>,
}

impl Taken {
    pub(crate) fn list(&mut self) {
        self.lists += 1;
        self.last_list = Some(Instant::now());
    }

    pub(crate) fn event(&mut self) {
        self.events += 1;
        self.last_event = Some(Instant::now());
    }
}

/// What a reflector has asked for.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    watches: AtomicU64,
    failures: AtomicU64,
}

impl Asked {
    pub(crate) fn watch_opened(&self) {
        self.watches.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn watches(&self) -> u64 {
        self.watches.load(Ordering::Relaxed)
    }

    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}
