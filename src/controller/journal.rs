//! Why each key was last called, and what came of it: for whoever asks what the controller is doing.
//!
//! The queue holds keys and nothing else, which is what makes a level-based loop right, and hard to look
//! into: nothing says why a key is there. So workers write down two things of each, the last call and the
//! last pass, each over the one before. Nothing is decided by what is written here.
//!
//! # Invariants
//! - One entry a key, however often it is called.
//! - A key whose pass has ended with nothing more to do has none, unless it was called meanwhile: the
//!   object may be gone, and then nobody would take the entry out.
//!
//! # Example
//! ```
//! use bitcoin_controller::api::ObjectKey;
//! use bitcoin_controller::controller::journal::{Cause, Journal};
//! use std::time::Duration;
//!
//! let (journal, key) = (Journal::default(), ObjectKey::new("default", "alpha"));
//! journal.called(&key, Cause::RequeueAfter(Duration::from_secs(10)));
//! assert_eq!(journal.entries()[0].1.cause.to_string(), "requeue after 10s");
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

use crate::api::{ObjectKey, Resource};
use crate::cache::Notification;
use crate::controller::workers::{Action, PassResult};

/// Why a key was called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// An object that is this key's business has changed.
    Changed {
        /// Its kind.
        kind: &'static str,
        /// Which one.
        object: ObjectKey,
        /// `ADDED`, `MODIFIED` or `DELETED`, as the server would say it.
        how: &'static str,
    },
    /// A reminder, in case a change was never told.
    Resync,
    /// The last pass has asked for it.
    RequeueAfter(Duration),
    /// The last pass has failed.
    Retry,
    /// Whoever called it has not said.
    Unknown,
}

impl Cause {
    /// What `notification` tells.
    pub fn of<R: Resource>(notification: &Notification<R>) -> Self {
        let how = match notification {
            Notification::Added { .. } => "ADDED",
            Notification::Updated { old, new } if std::sync::Arc::ptr_eq(old, new) => {
                return Cause::Resync;
            }
            Notification::Updated { .. } => "MODIFIED",
            Notification::Deleted { .. } => "DELETED",
        };
        Cause::Changed {
            kind: R::KIND,
            object: notification.key(),
            how,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Changed { kind, object, how } => write!(f, "{kind} {object} {how}"),
            Cause::Resync => f.write_str("resync"),
            Cause::RequeueAfter(delay) => write!(f, "requeue after {delay:?}"),
            Cause::Retry => f.write_str("retry after a failure"),
            Cause::Unknown => f.write_str("unknown"),
        }
    }
}

/// What is known of one key.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Why it was last called.
    pub cause: Cause,
    /// When.
    pub called: Instant,
    /// How often it was called.
    pub n_calls: u64,
    /// The last pass; `None`: there was none yet.
    pub last_pass: Option<Pass>,
    /// How many there were.
    pub n_passes: u64,
}

/// One pass.
#[derive(Clone, Debug)]
pub struct Pass {
    /// When it ended.
    pub ended: Instant,
    /// How long it took.
    pub duration: Duration,
    /// How it ended.
    pub result: PassResult,
    /// Why, if it failed; as it was logged.
    pub error: Option<String>,
}

/// The entries of all keys.
#[derive(Debug, Default)]
pub struct Journal(Mutex<BTreeMap<ObjectKey, Entry>>);

impl Journal {
    /// `key` is called because of `cause`.
    pub fn called(&self, key: &ObjectKey, cause: Cause) {
        let mut entries = self.lock();
        let entry = entries.entry(key.clone()).or_insert_with(Entry::new);
        entry.cause = cause;
        entry.called = Instant::now();
        entry.n_calls += 1;
    }

    /// How often `key` was called so far: for [`passed`](Self::passed).
    pub(crate) fn n_calls(&self, key: &ObjectKey) -> u64 {
        self.lock().get(key).map_or(0, |entry| entry.n_calls)
    }

    /// A pass has ended that began when `key` had been called `n_calls` times.
    pub(crate) fn passed(&self, key: &ObjectKey, n_calls: u64, pass: Pass) {
        let mut entries = self.lock();
        let entry = entries.entry(key.clone()).or_insert_with(Entry::new);
        let is_done = pass.result == PassResult::Ended(Action::Done);
        if is_done && entry.n_calls == n_calls {
            entries.remove(key);
            return;
        }
        entry.last_pass = Some(pass);
        entry.n_passes += 1;
    }

    /// All entries, in order of the keys.
    pub fn entries(&self) -> Vec<(ObjectKey, Entry)> {
        let entries = self.lock();
        let entries = entries.iter();
        entries
            .map(|(key, entry)| (key.clone(), entry.clone()))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ObjectKey, Entry>> {
        self.0.lock().expect("writing an entry does not panic")
    }
}

impl Entry {
    fn new() -> Self {
        Entry {
            cause: Cause::Unknown,
            called: Instant::now(),
            n_calls: 0,
            last_pass: None,
            n_passes: 0,
        }
    }
}
