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
//! The three are kept as one [table](crate::workqueue::table), in which each key is once and has a stage:
//!
//! | dirty | processing | stage | found by |
//! |---|---|---|---|
//! | yes | no | `InLine` | `ready`, a chain through the entries |
//! | | yes | `InHand` | `in_hand` |
//! | yes | yes | `InHand`, `again` | likewise |
//! | | | no entry | |
//!
//! So a key is hashed once when it is added and once when it is done, and no addition takes long, however
//! many keys there are.
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

use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

use crate::workqueue::metrics::{Histogram, Metrics};
use crate::workqueue::table::{Slot, Table};

/// The three sets, without lock or waiting.
#[derive(Debug)]
pub struct State<K> {
    /// Every key that owes a run or is in a worker's hand.
    keys: Table<K, Stage>,
    /// Dirty and in nobody's hand, in the order in which they will be handed out.
    ready: Line,
    /// In a worker's hand, in no order.
    in_hand: Vec<Slot>,
    /// How many of those in hand are dirty.
    n_again: usize,
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

/// How far a key is.
#[derive(Debug)]
enum Stage {
    /// It owes a run.
    InLine {
        /// Since when.
        since: Instant,
        /// Who stands behind it.
        next: Option<Slot>,
    },
    /// A worker has it.
    InHand {
        /// Since when.
        since: Instant,
        /// Since when it owes one more run, if it does.
        again: Option<Instant>,
        /// Where it is in `in_hand`.
        place: usize,
    },
}

/// Those who stand in line: each knows who is behind it.
#[derive(Debug, Default)]
struct Line {
    ends: Option<(Slot, Slot)>,
    len: usize,
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
            keys: Table::default(),
            ready: Line::default(),
            in_hand: Vec::new(),
            n_again: 0,
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
        if self.shutting_down {
            return;
        }
        let in_line = || Stage::InLine {
            since: now,
            next: None,
        };
        let (slot, is_new) = self.keys.insert(key, in_line);
        if is_new {
            self.stand_in_line(slot);
        } else if let Stage::InHand { again, .. } = &mut self.keys[slot]
            && again.is_none()
        {
            *again = Some(now);
            self.n_again += 1;
        } else {
            return;
        }
        self.adds += 1;
    }

    /// Hands out the first in line, and how long it has owed this run.
    pub fn take(&mut self, now: Instant) -> Next<(K, Duration)> {
        let Some((slot, since)) = self.leave_line() else {
            return if self.is_finished() {
                Next::Finished
            } else {
                Next::Empty
            };
        };
        self.keys[slot] = Stage::InHand {
            since: now,
            again: None,
            place: self.in_hand.len(),
        };
        self.in_hand.push(slot);
        let waited = now.saturating_duration_since(since);
        self.queue_duration.observe(waited);
        Next::Ready((self.keys.key(slot).clone(), waited))
    }

    /// Takes `key` back from its worker; it stands in line again if it was added meanwhile.
    pub fn done(&mut self, key: &K, now: Instant) {
        let Some(slot) = self.keys.find(key) else {
            return;
        };
        let Stage::InHand {
            since,
            again,
            place,
        } = self.keys[slot]
        else {
            return;
        };
        self.leave_hand(place);
        self.work_duration
            .observe(now.saturating_duration_since(since));
        match again {
            Some(since) => {
                self.n_again -= 1;
                self.keys[slot] = Stage::InLine { since, next: None };
                self.stand_in_line(slot);
            }
            None => drop(self.keys.remove(slot)),
        }
    }

    /// Ignores every `add` from now on.
    pub fn close(&mut self) {
        self.shutting_down = true;
    }

    /// Forgets every run that is owed; keys in hand stay there. Returns how many it forgot.
    pub fn discard_waiting(&mut self) -> usize {
        let n_discarded = self.n_dirty();
        while let Some((slot, _)) = self.leave_line() {
            self.keys.remove(slot);
        }
        for slot in &self.in_hand {
            if let Stage::InHand { again, .. } = &mut self.keys[*slot] {
                *again = None;
            }
        }
        self.n_again = 0;
        n_discarded
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
        self.ready.len
    }

    /// Whether no key stands in line.
    pub fn is_empty(&self) -> bool {
        self.ready.len == 0
    }

    /// Whether nothing is in line and nothing in hand.
    pub fn drained(&self) -> bool {
        // A dirty key is in line or in hand.
        self.keys.is_empty()
    }

    /// Whether it is shut down and no run is owed, so that nobody needs to ask again.
    pub fn is_finished(&self) -> bool {
        self.shutting_down && self.n_dirty() == 0
    }

    /// The keys in line and those in hand; no key is in both.
    pub fn unfinished(&self) -> impl Iterator<Item = &K> {
        let in_hand = self.in_hand.iter().map(|slot| self.keys.key(*slot));
        self.ready().chain(in_hand)
    }

    /// The keys in line, the first first.
    pub fn ready(&self) -> impl Iterator<Item = &K> {
        let behind = |slot: &Slot| match self.keys[*slot] {
            Stage::InLine { next, .. } => next,
            Stage::InHand { .. } => None,
        };
        let first = self.ready.ends.map(|(first, _)| first);
        std::iter::successors(first, behind).map(|slot| self.keys.key(slot))
    }

    /// The keys in hand, since when, and whether each will stand in line again; in no order.
    pub fn processing(&self) -> impl Iterator<Item = (&K, Instant, bool)> {
        self.in_hand
            .iter()
            .filter_map(|slot| match self.keys[*slot] {
                Stage::InHand { since, again, .. } => {
                    Some((self.keys.key(*slot), since, again.is_some()))
                }
                Stage::InLine { .. } => None,
            })
    }

    /// The numbers at `now`.
    pub fn metrics(&self, now: Instant) -> Metrics {
        let ages = || {
            let since = self.processing().map(|(_, since, _)| since);
            since.map(|since| now.saturating_duration_since(since).as_secs_f64())
        };
        Metrics {
            depth: self.n_dirty(),
            processing: self.in_hand.len(),
            delayed: 0,
            adds: self.adds,
            retries: 0,
            queue_duration: self.queue_duration.clone(),
            work_duration: self.work_duration.clone(),
            unfinished_work_seconds: ages().sum(),
            longest_running_processor_seconds: ages().fold(0.0, f64::max),
        }
    }

    /// How many keys owe a run.
    fn n_dirty(&self) -> usize {
        self.ready.len + self.n_again
    }

    /// Puts the key at `slot`, whose stage says so already, behind all others.
    fn stand_in_line(&mut self, slot: Slot) {
        let first = match self.ready.ends {
            None => slot,
            Some((first, last)) => {
                if let Stage::InLine { next, .. } = &mut self.keys[last] {
                    *next = Some(slot);
                }
                first
            }
        };
        self.ready.ends = Some((first, slot));
        self.ready.len += 1;
    }

    /// The first in line, which leaves it, and since when it has owed its run.
    fn leave_line(&mut self) -> Option<(Slot, Instant)> {
        let (first, last) = self.ready.ends?;
        let Stage::InLine { since, next } = self.keys[first] else {
            return None;
        };
        self.ready.ends = next.map(|next| (next, last));
        self.ready.len -= 1;
        Some((first, since))
    }

    /// Fills the `place` in `in_hand` that becomes free with the last one there.
    fn leave_hand(&mut self, place: usize) {
        self.in_hand.swap_remove(place);
        if let Some(moved) = self.in_hand.get(place)
            && let Stage::InHand { place: its, .. } = &mut self.keys[*moved]
        {
            *its = place;
        }
    }
}
