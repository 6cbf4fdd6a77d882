//! Keys and when they are due, the earliest first: what a delaying queue holds, without lock or timer.
//!
//! Two questions are asked all the time: who is due first, and does this key wait already. A heap answers the
//! first and a [table](crate::workqueue::table) the second. The heap holds slots of the table, four bytes each;
//! and each entry knows its place in the heap, so that a key that is to come sooner is found there and rises.
//!
//! ```text
//!   heap      a 10:01                    at 0: no later than those at 1 and 2
//!             ├── c 10:04                at 1: no later than those at 3 and 4
//!             │   ├── b 10:09
//!             │   └── e 10:05
//!             └── d 10:02                at 2
//! ```
//!
//! # Invariants
//! - One entry per key, and one place for each entry; the earliest deadline stands.
//! - Who is at place `n` is due no later than those at `2n + 1` and `2n + 2`; of equal deadlines the one that was
//!   asked for first is the earlier.
//!
//! # Example
//! ```
//! use bitcoin_controller::workqueue::waiting::Waiting;
//! use std::time::Duration;
//! use tokio::time::Instant;
//!
//! let (now, second) = (Instant::now(), Duration::from_secs(1));
//! let mut waiting = Waiting::default();
//! waiting.insert("a", now + 9 * second);
//! waiting.insert("b", now + 5 * second);
//! waiting.insert("a", now + second); // sooner: stands
//! assert_eq!(waiting.next_due(), Some(now + second));
//! assert_eq!(waiting.pop_due(now + 2 * second), Some(("a", now + second)));
//! assert_eq!(waiting.pop_due(now + 2 * second), None);
//! ```
//!
//! # Source
//! client-go `util/workqueue/delaying_queue.go`, `waitForPriorityQueue`. What differs: equal deadlines come in the
//! order of the calls.

use std::hash::Hash;

use tokio::time::Instant;

use crate::workqueue::table::{Slot, Table};

/// Keys and when they are due.
#[derive(Debug)]
pub struct Waiting<K> {
    keys: Table<K, Wait>,
    heap: Vec<Slot>,
    /// How many deadlines were ever set.
    sequence: u64,
}

/// How long one key waits.
#[derive(Debug)]
struct Wait {
    deadline: Instant,
    /// Keeps equal deadlines apart, and in the order of the calls.
    sequence: u64,
    /// Where in the heap it is.
    place: usize,
}

impl<K> Default for Waiting<K> {
    fn default() -> Self {
        Waiting {
            keys: Table::default(),
            heap: Vec::new(),
            sequence: 0,
        }
    }
}

impl<K: Eq + Hash> Waiting<K> {
    /// Lets `key` wait until `deadline`, unless it waits for an earlier or equal one already.
    pub fn insert(&mut self, key: K, deadline: Instant) {
        let wait = || Wait {
            deadline,
            sequence: self.sequence,
            place: self.heap.len(),
        };
        let (slot, is_new) = self.keys.insert(key, wait);
        if is_new {
            self.heap.push(slot);
        } else {
            let wait = &mut self.keys[slot];
            if wait.deadline <= deadline {
                return;
            }
            wait.deadline = deadline;
            wait.sequence = self.sequence;
        }
        self.sequence += 1;
        self.rise(self.keys[slot].place);
    }

    /// Takes out the first key that is due at `now`, and its deadline.
    pub fn pop_due(&mut self, now: Instant) -> Option<(K, Instant)> {
        self.next_due().filter(|deadline| *deadline <= now)?;
        let first = self.heap.swap_remove(0);
        if let Some(last) = self.heap.first() {
            self.keys[*last].place = 0;
            self.sink(0);
        }
        let (key, wait) = self.keys.remove(first);
        Some((key, wait.deadline))
    }

    /// The earliest deadline.
    pub fn next_due(&self) -> Option<Instant> {
        let first = self.heap.first()?;
        Some(self.keys[*first].deadline)
    }

    /// How many keys wait.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether no key waits.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Drops every key.
    pub fn clear(&mut self) {
        self.keys = Table::default();
        self.heap = Vec::new();
    }

    /// The keys and their deadlines, earliest first. They have to be sorted for it.
    pub fn iter(&self) -> impl Iterator<Item = (&K, Instant)> {
        let mut slots = self.heap.clone();
        slots.sort_by_key(|slot| self.order(*slot));
        let entry = |slot| (self.keys.key(slot), self.keys[slot].deadline);
        slots.into_iter().map(entry)
    }

    fn order(&self, slot: Slot) -> (Instant, u64) {
        let wait = &self.keys[slot];
        (wait.deadline, wait.sequence)
    }

    fn order_at(&self, place: usize) -> Option<(Instant, u64)> {
        self.heap.get(place).map(|slot| self.order(*slot))
    }

    /// Moves who is at `place` to where nobody above is due later.
    fn rise(&mut self, mut place: usize) {
        while place > 0 {
            let above = (place - 1) / 2;
            if self.order_at(above) <= self.order_at(place) {
                return;
            }
            self.swap(above, place);
            place = above;
        }
    }

    /// Moves who is at `place` to where nobody below is due sooner.
    fn sink(&mut self, mut place: usize) {
        loop {
            let below = [2 * place + 1, 2 * place + 2].into_iter();
            let below = below.filter_map(|at| Some((self.order_at(at)?, at))).min();
            match below {
                Some((order, at)) if Some(order) < self.order_at(place) => {
                    self.swap(place, at);
                    place = at;
                }
                _ => return,
            }
        }
    }

    fn swap(&mut self, one: usize, other: usize) {
        self.heap.swap(one, other);
        for place in [one, other] {
            self.keys[self.heap[place]].place = place;
        }
    }
}
