//! What was asked of the API server: the audit log of the pretend world.
//!
//! # Invariants
//! - No body is in it, and no header.
//! - It has at most `CAPACITY` lines; the oldest go first, and the count goes on.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

/// One request that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `apply`, `delete`, …
    pub verb: String,
    /// `statefulsets.apps`, with `/status` or another subresource.
    pub resource: String,
    /// `namespace/name`, a namespace, or nothing.
    pub object: String,
    /// The HTTP code of the answer.
    pub code: u16,
}

/// `apply statefulsets.apps default/alpha-sts 200`.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry {
            verb,
            resource,
            object,
            code,
        } = self;
        write!(f, "{verb} {resource} {object} {code}")
    }
}

/// The latest requests. Clones are the same log.
#[derive(Clone, Debug, Default)]
pub struct RequestLog(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    entries: VecDeque<Entry>,
    total: u64,
}

/// How many entries are kept: a long test's worth.
const CAPACITY: usize = 100_000;

impl RequestLog {
    /// The entries that are kept, oldest first.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().entries.iter().cloned().collect()
    }

    /// How many requests there were, kept or not.
    pub fn total(&self) -> u64 {
        self.lock().total
    }

    pub(super) fn note(&self, entry: Entry) {
        let mut state = self.lock();
        state.total += 1;
        if state.entries.len() == CAPACITY {
            state.entries.pop_front();
        }
        state.entries.push_back(entry);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no holder of the log panics")
    }
}
