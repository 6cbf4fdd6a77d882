//! What has happened: one change for each version, as far back as is remembered.
//!
//! # Invariants
//! - The last change has the present version, the one before it the version before, and so on.
//! - Every change after the oldest version to watch from is there.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::body::Body;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Added,
    Modified,
    Deleted,
}

impl Event {
    pub fn name(self) -> &'static str {
        match self {
            Event::Added => "ADDED",
            Event::Modified => "MODIFIED",
            Event::Deleted => "DELETED",
        }
    }
}

/// An object has another version now.
#[derive(Clone)]
pub struct Change {
    /// `None`: nobody is to hear of it.
    pub event: Option<Event>,
    pub body: Arc<Body>,
    /// It is to be written by itself, behind nothing that could wait.
    pub is_urgent: bool,
}

pub struct History {
    changes: VecDeque<Change>,
    version: u64,
    oldest: u64,
}

/// How many changes are remembered.
pub const REMEMBERED: usize = 100_000;

impl History {
    /// Nothing is remembered of what led to `version`.
    pub fn new(version: u64) -> Self {
        History {
            changes: VecDeque::new(),
            version,
            oldest: version,
        }
    }

    /// The present one.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The lowest version from which a watch may begin.
    pub fn oldest(&self) -> u64 {
        self.oldest
    }

    /// Returns the version that the change made.
    pub fn push(&mut self, change: Change) -> u64 {
        self.changes.push_back(change);
        self.version += 1;
        if self.changes.len() > REMEMBERED {
            self.changes.pop_front();
            self.oldest = self.oldest.max(self.version - REMEMBERED as u64);
        }
        self.version
    }

    /// The changes that made the versions after `version`, of those that are remembered.
    pub fn after(&self, version: u64) -> impl Iterator<Item = (u64, &Change)> {
        let before_first = self.version - self.changes.len() as u64;
        let n_known = version.saturating_sub(before_first) as usize;
        let changes = self.changes.range(n_known.min(self.changes.len())..);
        (before_first + n_known as u64 + 1..).zip(changes)
    }

    /// Forgets everything: nobody can watch from any version that there has been, the present one included.
    pub fn forget(&mut self) {
        self.changes.clear();
        self.oldest = self.version + 1;
    }

    /// Somebody is told of everything as of now, and may watch from here.
    pub fn begin_anew(&mut self) {
        self.oldest = self.oldest.min(self.version);
    }
}
