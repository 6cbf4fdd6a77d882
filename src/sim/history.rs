//! What was changed lately: where watches come from, and why they sometimes have to start again.
//!
//! Every change of the store has a number, one greater than the one before: the resource version. The
//! history keeps the last of them, bounded as etcd's is by compaction. A watch that asks for changes
//! after one that is no longer there gets 410, lists, and begins anew.
//!
//! ```text
//!   forgotten ──────┐ ┌──────────── kept, oldest first ───────────┐
//!   … 39  40  41    │ │ 42 Added   43 Modified   44 Deleted       │  now: 44
//!                     ^ watches may start from 41 on
//! ```
//!
//! # Invariants
//! - Changes are kept in order and without gaps, newest last.
//! - A change holds what the object was before and after, so that it can also be undone: that is how
//!   the later pages of a list show the state of the first.
//!
//! # Example
//! ```
//! use bitcoin_controller::sim::history::{Change, History};
//! use bitcoin_controller::sim::request::Key;
//! use std::sync::Arc;
//!
//! let mut history = History::with_capacity(1);
//! for resource_version in [1, 2] {
//!     history.push(Change {
//!         resource_version,
//!         resource: "secrets".to_owned(),
//!         key: Key::new("default", "alpha"),
//!         before: None,
//!         object: Arc::new(serde_json::json!({})),
//!         is_deletion: false,
//!     });
//! }
//! assert_eq!(history.since(1).expect("2 is kept").count(), 1);
//! assert_eq!(history.since(0).err(), Some(1));
//! ```
//!
//! # Source
//! apiserver `pkg/storage/cacher/watch_cache.go`; etcd's compaction.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::Value;

use crate::sim::request::Key;

/// One object that came, changed, or went.
#[derive(Clone, Debug)]
pub struct Change {
    /// The change's number; the object carries it, too.
    pub resource_version: u64,
    /// The kind of object, as `statefulsets.apps`.
    pub resource: String,
    /// Which one.
    pub key: Key,
    /// What it was; `None`: it was not there.
    pub before: Option<Arc<Value>>,
    /// What it is, or was at its end; with this change's resource version.
    pub object: Arc<Value>,
    /// The object is gone.
    pub is_deletion: bool,
}

/// The latest changes.
#[derive(Clone, Debug)]
pub struct History {
    changes: VecDeque<Change>,
    capacity: usize,
    /// The number of the last change that was forgotten.
    compacted: u64,
}

impl History {
    /// Keeps the last `capacity` changes.
    pub fn with_capacity(capacity: usize) -> Self {
        History {
            changes: VecDeque::new(),
            capacity,
            compacted: 0,
        }
    }

    /// Keeps the last `capacity` changes from now on.
    pub fn set_capacity(&mut self, capacity: usize) {
        self.capacity = capacity;
        self.bound();
    }

    /// Adds the newest change, and forgets the oldest if there are too many.
    pub fn push(&mut self, change: Change) {
        self.changes.push_back(change);
        self.bound();
    }

    /// The changes after `resource_version`, oldest first.
    ///
    /// # Errors
    /// Some of them were forgotten: the oldest version that can be asked for.
    pub fn since(
        &self,
        resource_version: u64,
    ) -> Result<impl DoubleEndedIterator<Item = &Change>, u64> {
        if resource_version < self.compacted {
            return Err(self.compacted);
        }
        let first = self
            .changes
            .partition_point(|change| change.resource_version <= resource_version);
        Ok(self.changes.range(first..))
    }

    /// Forgets everything, as etcd's compaction would.
    pub fn compact(&mut self) {
        while !self.changes.is_empty() {
            self.forget_oldest();
        }
    }

    fn bound(&mut self) {
        while self.changes.len() > self.capacity {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.changes.pop_front() {
            self.compacted = oldest.resource_version;
        }
    }
}
