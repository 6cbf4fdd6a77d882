//! The three sets behind the queue, and nothing else: no lock, no waiting, time handed in.
//!
//! Two workers on one key would undo each other's work; two runs for two changes would be one too
//! many if the first sees both. Three sets prevent both. `dirty` says which keys owe a run,
//! `processing` which keys a worker holds, and `ready` is the line of those that are dirty and in
//! nobody's hand. Adding marks a key dirty. Taking moves it from dirty to processing *before* the
//! worker looks at the world, so that a change from then on marks it dirty again. Done puts it back
//! in line if it was marked, and forgets it otherwise.
//!
//! ```text
//!              dirty   ready   processing
//!   add(a)       a       a                   owes a run, stands in line
//!   add(a)       a       a                   owes it already: nothing changes
//!   take                            a        in a worker's hand
//!   add(a)       a                  a        changed meanwhile: marked, but not in line
//!   done(a)      a       a                   back in line, once
//!   take                            a
//!   done(a)                                  forgotten
//! ```
//!
//! # Invariants
//! - `ready` is `dirty` without `processing`, each key once, in the order in which they became so.
//! - After [`close`](State::close) no key becomes dirty.
//! - Once [`take`](State::take) has found [`Next::Finished`], it never finds anything else.
//!
//! # Example
//! The drawing, typed in.
//! ```
//! use bitcoin_controller::workqueue::state::{Next, State};
//! use std::time::Duration;
//! use tokio::time::Instant;
//!
//! let (start, second) = (Instant::now(), Duration::from_secs(1));
//! let mut state = State::default();
//! state.add("a", start);
//! state.add("a", start);
//! assert_eq!(state.take(start + second), Next::Ready(("a", second))); // owed for one second
//! state.add("a", start + second);
//! assert_eq!(state.take(start + second), Next::Empty); // marked, but in somebody's hand
//! state.done(&"a", start + second);
//! assert_eq!(state.len(), 1);
//! ```
//!
//! # Source
//! client-go `util/workqueue/queue.go`: the fields `queue`, `dirty`, `processing`. What differs:
//! - `dirty` and `processing` remember since when, so ages are computed when somebody reads them
//!   and no loop keeps them up to date.
//! - Done for a key that is not in hand does nothing; theirs can put it in line twice.
//! - [`Next::Finished`] is final. Theirs reports the shutdown while a marked key is still in
//!   another worker's hand, and if that worker ends there, nobody comes for the key.
//! - The order is first in, first out; there is no pluggable one (`Queue`, `Touch`).

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

use crate::workqueue::metrics::{Histogram, Metrics};

/// The three sets, without lock or waiting.
#[derive(Debug)]
pub struct State<K> {
    /// Dirty and in nobody's hand, in the order in which they will be handed out.
    ready: VecDeque<K>,
    /// Every key that owes a run, and since when.
    dirty: HashMap<K, Instant>,
    /// Every key in a worker's hand, and since when.
    processing: HashMap<K, Instant>,
    /// Once true, nothing becomes dirty any more.
    shutting_down: bool,
    /// How often plain shutdown was asked for: a drain ends when this moves.
    shut_downs: u64,
    /// How often a key became dirty.
    adds: u64,
    /// How long keys were dirty before they were handed out.
    queue_duration: Histogram,
    /// How long keys were in hand.
    work_duration: Histogram,
}

/// What a look at the queue found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// The first in line.
    Ready(T),
    /// Nothing now; wait and look again.
    Empty,
    /// Shut down, and nothing owes a run: nothing will be ready ever again.
    Finished,
}

impl<K> Default for State<K> {
    fn default() -> Self {
        State {
            ready: VecDeque::new(),
            dirty: HashMap::new(),
            processing: HashMap::new(),
            shutting_down: false,
            shut_downs: 0,
            adds: 0,
            queue_duration: Histogram::default(),
            work_duration: Histogram::default(),
        }
    }
}

impl<K: Eq + Hash + Clone> State<K> {
    /// Marks `key` as owing a run since `now`; ignored if it owes one already, or after shutdown.
    pub fn add(&mut self, key: K, now: Instant) {
        if self.shutting_down || self.dirty.contains_key(&key) {
            return;
        }
        self.adds += 1;
        self.dirty.insert(key.clone(), now);
        if !self.processing.contains_key(&key) {
            self.ready.push_back(key);
        }
    }

    /// Hands out the first in line, and how long it has owed this run.
    pub fn take(&mut self, now: Instant) -> Next<(K, Duration)> {
        let Some(key) = self.ready.pop_front() else {
            return if self.is_finished() {
                Next::Finished
            } else {
                Next::Empty
            };
        };
        let since = self.dirty.remove(&key).expect("a key in line is dirty");
        self.processing.insert(key.clone(), now);
        let waited = now.saturating_duration_since(since);
        self.queue_duration.observe(waited);
        Next::Ready((key, waited))
    }

    /// Takes `key` back from its worker; it stands in line again if it was added meanwhile.
    pub fn done(&mut self, key: &K, now: Instant) {
        let Some(since) = self.processing.remove(key) else {
            return;
        };
        self.work_duration
            .observe(now.saturating_duration_since(since));
        if self.dirty.contains_key(key) {
            self.ready.push_back(key.clone());
        }
    }

    /// Ignores every `add` from now on.
    pub fn close(&mut self) {
        self.shutting_down = true;
    }

    /// Forgets every run that is owed; keys in hand stay there. Returns how many it forgot.
    pub fn discard_waiting(&mut self) -> usize {
        self.ready.clear();
        self.dirty.drain().count()
    }

    /// Ignores every `add` from now on, and lets every drain go that has begun.
    pub fn shut_down(&mut self) {
        self.close();
        self.shut_downs += 1;
    }

    /// Whether `add` is ignored.
    pub fn is_shutting_down(&self) -> bool {
        self.shutting_down
    }

    /// How often plain shutdown was asked for; a drain that sees it move stops waiting.
    pub fn shut_downs(&self) -> u64 {
        self.shut_downs
    }

    /// How many keys stand in line.
    pub fn len(&self) -> usize {
        self.ready.len()
    }

    /// Whether no key stands in line.
    pub fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// Whether nothing is in line and nothing in hand.
    pub fn drained(&self) -> bool {
        // A dirty key is in line or in hand.
        self.ready.is_empty() && self.processing.is_empty()
    }

    /// Whether it is shut down and no run is owed, so that nobody needs to ask again.
    pub fn is_finished(&self) -> bool {
        self.shutting_down && self.dirty.is_empty()
    }

    /// The keys in line and those in hand; no key is in both.
    pub fn unfinished(&self) -> impl Iterator<Item = &K> {
        self.ready.iter().chain(self.processing.keys())
    }

    /// The keys in line, the first first.
    pub fn ready(&self) -> impl Iterator<Item = &K> {
        self.ready.iter()
    }

    /// The keys in hand, since when, and whether each will stand in line again; in no order.
    pub fn processing(&self) -> impl Iterator<Item = (&K, Instant, bool)> {
        let processing = self.processing.iter();
        processing.map(|(key, since)| (key, *since, self.dirty.contains_key(key)))
    }

    /// The numbers at `now`.
    pub fn metrics(&self, now: Instant) -> Metrics {
        let ages = || {
            let since = self.processing.values();
            since.map(|since| now.saturating_duration_since(*since).as_secs_f64())
        };
        Metrics {
            depth: self.dirty.len(),
            processing: self.processing.len(),
            delayed: 0,
            adds: self.adds,
            retries: 0,
            queue_duration: self.queue_duration.clone(),
            work_duration: self.work_duration.clone(),
            unfinished_work_seconds: ages().sum(),
            longest_running_processor_seconds: ages().fold(0.0, f64::max),
        }
    }
}
