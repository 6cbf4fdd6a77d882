//! A map that forgets what has not been used for longest once it is full.
//!
//! # Invariants
//! - At most `capacity` entries.
//! - `entries` and `by_age` hold the same keys; a smaller age was used longer ago.
//!
//! # Example
//! ```
//! use bitcoin_controller::record::lru::Lru;
//! let mut lru = Lru::new(2);
//! lru.get_or_insert_with("a", || 1);
//! lru.get_or_insert_with("b", || 2);
//! *lru.get_or_insert_with("a", || 0) += 10;
//! lru.get_or_insert_with("c", || 3); // full: b goes, a was used later
//! assert_eq!((lru.get(&"a"), lru.get(&"b"), lru.get(&"c")), (Some(&11), None, Some(&3)));
//! ```
//!
//! # Source
//! groupcache `lru/lru.go`, which client-go uses.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// A map with a bound.
#[derive(Debug)]
pub struct Lru<K, V> {
    capacity: usize,
    entries: HashMap<K, (u64, V)>,
    by_age: BTreeMap<u64, K>,
    next_age: u64,
}

impl<K: Hash + Eq + Clone, V> Lru<K, V> {
    /// An empty map that holds at most `capacity` entries, and at least one.
    pub fn new(capacity: usize) -> Self {
        Lru {
            capacity: capacity.max(1),
            entries: HashMap::new(),
            by_age: BTreeMap::new(),
            next_age: 0,
        }
    }

    /// The value of `key`, which becomes the last used; made by `make` if there is none.
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let now = self.next_age;
        self.next_age += 1;
        match self.entries.get(&key) {
            Some((age, _)) => {
                self.by_age.remove(age);
            }
            None if self.entries.len() >= self.capacity => {
                if let Some((_, oldest)) = self.by_age.pop_first() {
                    self.entries.remove(&oldest);
                }
            }
            None => {}
        }
        self.by_age.insert(now, key.clone());
        let (age, value) = self.entries.entry(key).or_insert_with(|| (now, make()));
        *age = now;
        value
    }

    /// Forgets the entries that `keep` says no to. It sees all of them, those not used for longest first,
    /// and that does not count as use.
    pub fn retain(&mut self, mut keep: impl FnMut(&mut V) -> bool) {
        let entries = &mut self.entries;
        self.by_age.retain(|_, key| {
            let is_kept = entries.get_mut(key).is_some_and(|(_, value)| keep(value));
            if !is_kept {
                entries.remove(key);
            }
            is_kept
        });
    }

    /// The value of `key`; looking does not count as use.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
