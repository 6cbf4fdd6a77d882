//! What one handler has yet to be told: every change while it keeps up, one per key once it
//! does not.
//!
//! A handler that hangs must stall nobody, so somebody has to keep its news. An unbounded list of
//! them is a leak with a delay. But a handler that lags by thousands of changes has no use for
//! each of them: what matters is what is different now from what it last heard. So up to a bound
//! every change waits by itself; past it, a change of a key that has one waiting joins that one
//! ([`Change::then`]): *before* of the first, *after* of the second, at the place of the first.
//!
//! ```text
//!   bound 2, waiting:  [a: 1->2] [b: +1]
//!   push a: 2->3       [a: 1->3] [b: +1]           joined: the handler never hears of 2
//!   push c: +1         [a: 1->3] [b: +1] [c: +1]   no change of c to join: one more key
//!   push b: gone       [a: 1->3] [b: gone] [c: +1] kept although b was never told: see Change::then
//! ```
//!
//! # Invariants
//! - At most `bound` + (number of different keys) changes wait, however many were pushed.
//! - Changes of one key come out in the order they went in; the last of them is the store's state.
//! - Putting what comes out after what the handler knew gives the store, whatever was joined.
//! - `has_synced` turns true when the last initial change has been *handled*: taken, and the next
//!   one asked for. It never turns back.
//!
//! # Example
//! ```
//! use bitcoin_controller::api::{ObjectMeta, core::Pod};
//! use bitcoin_controller::cache::{After, Backlog, Change};
//! use std::sync::Arc;
//!
//! let pod = |version: &str| {
//!     let metadata = ObjectMeta { name: "a".into(), resource_version: version.into(), ..Default::default() };
//!     Arc::new(Pod { metadata, ..Default::default() })
//! };
//! let mut backlog = Backlog::new(1);
//! backlog.push(Change { before: None, after: After::Is(pod("1")) }, false);
//! for version in 2..1_000 {
//!     let (old, new) = (pod(&(version - 1).to_string()), pod(&version.to_string()));
//!     backlog.push(Change { before: Some(old), after: After::Is(new) }, false);
//! }
//! assert_eq!(backlog.pending(), 1);
//! assert_eq!(format!("{:?}", backlog.take().unwrap()), "Added a@999");
//! ```
//!
//! # Source
//! client-go `tools/cache/shared_informer.go`, `processorListener` (a ring that grows without
//! bound). What differs: the bound, and therefore that some states between are not told.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use crate::api::{ObjectKey, Resource};
use crate::cache::notification::{After, Change, Notification};

/// The changes one handler has yet to be told, and how far it is with its initial ones.
pub struct Backlog<R> {
    bound: usize,
    /// In the order in which they will be told.
    waiting: BTreeMap<u64, Waiting<R>>,
    /// The last waiting change of each key. Only looked up: its order never shows.
    last_of_key: HashMap<ObjectKey, u64>,
    next_number: u64,
    /// Whether the change the handler is at now is an initial one; `None`: it is at none.
    in_hand: Option<bool>,
    /// Initial changes that wait or are in hand.
    n_initial: usize,
    /// Whether all initial changes have been pushed.
    is_initial_complete: bool,
}

struct Waiting<R> {
    change: Change<R>,
    is_initial: bool,
}

impl<R: Resource> Backlog<R> {
    /// An empty backlog that joins changes once `bound` of them wait.
    pub fn new(bound: usize) -> Self {
        Backlog {
            bound,
            waiting: BTreeMap::new(),
            last_of_key: HashMap::new(),
            next_number: 0,
            in_hand: None,
            n_initial: 0,
            is_initial_complete: false,
        }
    }

    /// Adds a change, or joins it with the one of its key that waits already.
    ///
    /// `is_initial`: it is part of what was there when the handler's view began.
    pub fn push(&mut self, change: Change<R>, is_initial: bool) {
        let key = change.object().key();
        if self.waiting.len() >= self.bound
            && let Some(number) = self.last_of_key.get(&key)
            && let Some(waiting) = self.waiting.get_mut(number)
        {
            waiting.change = waiting.change.clone().then(change);
            return;
        }
        self.n_initial += usize::from(is_initial);
        self.last_of_key.insert(key, self.next_number);
        self.waiting
            .insert(self.next_number, Waiting { change, is_initial });
        self.next_number += 1;
    }

    /// Reminds of `objects`, which are in the store, as updates without a difference. Those of
    /// which a change waits will be told anyway and are left out.
    pub fn push_resync(&mut self, objects: Vec<Arc<R>>) {
        for object in objects {
            if !self.last_of_key.contains_key(&object.key()) {
                let reminder = Change {
                    before: Some(object.clone()),
                    after: After::Is(object),
                };
                self.push(reminder, false);
            }
        }
    }

    /// Says that all initial changes have been pushed.
    pub fn complete_initial(&mut self) {
        self.is_initial_complete = true;
    }

    /// The handler has handled what it took last.
    pub fn finish(&mut self) {
        if let Some(is_initial) = self.in_hand.take() {
            self.n_initial -= usize::from(is_initial);
        }
    }

    /// Gives out the next change; what was taken before counts as handled.
    pub fn take(&mut self) -> Option<Notification<R>> {
        self.finish();
        let (number, Waiting { change, is_initial }) = self.waiting.pop_first()?;
        let key = change.object().key();
        if self.last_of_key.get(&key) == Some(&number) {
            self.last_of_key.remove(&key);
        }
        self.in_hand = Some(is_initial);
        Some(change.into_notification(is_initial))
    }

    /// How many changes are not handled yet: those that wait and the one in hand.
    pub fn pending(&self) -> usize {
        self.waiting.len() + usize::from(self.in_hand.is_some())
    }

    /// Whether all initial changes have been handled.
    pub fn has_synced(&self) -> bool {
        self.is_initial_complete && self.n_initial == 0
    }
}

impl<R> fmt::Debug for Backlog<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backlog")
            .field("bound", &self.bound)
            .field("waiting", &self.waiting.len())
            .field("n_initial", &self.n_initial)
            .finish()
    }
}
