//! A hash table that never stops to grow: each insertion moves one bucket at most.
//!
//! A table that doubles when it is full is fast on the whole and slow once in a while: with a million keys in
//! it, the one addition that finds it full moves them all, which takes tens of milliseconds, and whoever holds
//! the lock makes everybody wait. This one grows by one bucket with each entry (*linear hashing*, Litwin
//! 1980). Buckets are split in turn, whether or not they are the full ones; when all are split, the number
//! of buckets has doubled, and the turn starts again.
//!
//! ```text
//!   6 buckets, on the way from 4 to 8:    0   1   2   3   4   5
//!                                         └─split─┘       └ halves of 0 and 1
//!   where is hash h?    h mod 8 if there is such a bucket already, h mod 4 otherwise
//! ```
//!
//! Entries never move. They lie in chunks, so that a longer array is never a copy of a shorter one, and each
//! is known by its [`Slot`]: who has that needs no hash. A bucket is a chain of slots, one long on average.
//!
//! # Invariants
//! - There are as many buckets as there ever were entries at one time, and at least one.
//! - Every entry is in the chain of the bucket that its hash leads to, once.
//! - A slot leads to its entry until that is removed; afterwards it may be another's.
//!
//! # Example
//! ```
//! use bitcoin_controller::workqueue::table::Table;
//! let mut table = Table::default();
//! let (alpha, is_new) = table.insert("alpha", || 1);
//! assert!(is_new);
//! assert_eq!(table.insert("alpha", || 2), (alpha, false)); // it is there and stays
//! assert_eq!((table.find(&"alpha"), table[alpha]), (Some(alpha), 1));
//! assert_eq!(table.remove(alpha), ("alpha", 1));
//! assert_eq!(table.find(&"alpha"), None);
//! ```
//!
//! # Source
//! W. Litwin, "Linear Hashing: A New Tool for File and Table Addressing", VLDB 1980. client-go's queue uses
//! Go's maps, which grow in small steps as well.

use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::mem;
use std::num::NonZeroU32;
use std::ops::{Index, IndexMut};

/// Keys and their values; each has a place that does not change while it is there.
pub struct Table<K, V> {
    entries: Chunks<Entry<K, V>>,
    /// The first of each bucket's chain.
    buckets: Chunks<Option<Slot>>,
    /// The first of the chain of empty entries.
    free: Option<Slot>,
    len: usize,
    hasher: RandomState,
}

/// Where an entry is: its number, counted from 1, so that none takes no room of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(NonZeroU32);

struct Entry<K, V> {
    /// As many bits as there can be buckets.
    hash: u32,
    /// The next in its chain: of its bucket, or of the empty ones.
    next: Option<Slot>,
    /// `None`: empty.
    content: Option<(K, V)>,
}

impl<K, V> Default for Table<K, V> {
    /// An empty table.
    fn default() -> Self {
        let mut buckets = Chunks::default();
        buckets.push(None);
        Table {
            entries: Chunks::default(),
            buckets,
            free: None,
            len: 0,
            hasher: RandomState::new(),
        }
    }
}

impl<K: Eq + Hash, V> Table<K, V> {
    /// Where `key` is, and whether it is new: then with the value that `make` gives.
    ///
    /// # Bound
    /// 4,294,967,295 keys.
    pub fn insert(&mut self, key: K, make: impl FnOnce() -> V) -> (Slot, bool) {
        let hash = self.hash(&key);
        if let Some(slot) = self.find_hashed(hash, &key) {
            return (slot, false);
        }
        self.len += 1;
        if self.len > self.buckets.len {
            self.split();
        }
        let bucket = self.bucket_of(hash);
        let entry = Entry {
            hash,
            next: self.buckets[bucket],
            content: Some((key, make())),
        };
        let slot = match self.free {
            Some(slot) => {
                self.free = mem::replace(&mut self.entries[slot.index()], entry).next;
                slot
            }
            None => Slot::of(self.entries.push(entry)),
        };
        self.buckets[bucket] = Some(slot);
        (slot, true)
    }

    /// Where `key` is.
    pub fn find(&self, key: &K) -> Option<Slot> {
        self.find_hashed(self.hash(key), key)
    }

    /// Takes out the entry at `slot`, which is there.
    pub fn remove(&mut self, slot: Slot) -> (K, V) {
        let Entry { hash, next, .. } = self.entries[slot.index()];
        let bucket = self.bucket_of(hash);
        let before = self.chain(bucket).take_while(|at| *at != slot).last();
        match before {
            Some(before) => self.entries[before.index()].next = next,
            None => self.buckets[bucket] = next,
        }
        self.len -= 1;
        let entry = &mut self.entries[slot.index()];
        entry.next = self.free.replace(slot);
        entry.content.take().expect(IS_THERE)
    }

    /// The key at `slot`, which is there.
    pub fn key(&self, slot: Slot) -> &K {
        let content = &self.entries[slot.index()].content;
        &content.as_ref().expect(IS_THERE).0
    }

    fn hash(&self, key: &K) -> u32 {
        // The lower half of a hash is as good as the whole.
        self.hasher.hash_one(key) as u32
    }

    fn find_hashed(&self, hash: u32, key: &K) -> Option<Slot> {
        self.chain(self.bucket_of(hash)).find(|slot| {
            let entry = &self.entries[slot.index()];
            entry.hash == hash
                && entry
                    .content
                    .as_ref()
                    .is_some_and(|(known, _)| known == key)
        })
    }
}

impl<K, V> Table<K, V> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The drawing at the top, for any number of buckets.
    fn bucket_of(&self, hash: u32) -> usize {
        let n_buckets = self.buckets.len;
        let after_this_turn = n_buckets.next_power_of_two();
        let bucket = hash as usize & (after_this_turn - 1);
        if bucket < n_buckets {
            bucket
        } else {
            bucket & (after_this_turn / 2 - 1)
        }
    }

    /// One bucket more: what belongs there is in the one whose number lacks its highest bit.
    fn split(&mut self) {
        let new = self.buckets.push(None);
        let old = new & !(1 << new.ilog2());
        let mut rest = self.buckets[old].take();
        while let Some(slot) = rest {
            let bucket = self.bucket_of(self.entries[slot.index()].hash);
            let first = self.buckets[bucket].replace(slot);
            rest = mem::replace(&mut self.entries[slot.index()].next, first);
        }
    }

    fn chain(&self, bucket: usize) -> impl Iterator<Item = Slot> {
        let next = |slot: &Slot| self.entries[slot.index()].next;
        std::iter::successors(self.buckets[bucket], next)
    }
}

const IS_THERE: &str = "a slot is used as long as its entry is there";

impl<K, V> Index<Slot> for Table<K, V> {
    type Output = V;

    fn index(&self, slot: Slot) -> &V {
        let content = &self.entries[slot.index()].content;
        &content.as_ref().expect(IS_THERE).1
    }
}

impl<K, V> IndexMut<Slot> for Table<K, V> {
    fn index_mut(&mut self, slot: Slot) -> &mut V {
        let content = &mut self.entries[slot.index()].content;
        &mut content.as_mut().expect(IS_THERE).1
    }
}

impl<K, V> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl Slot {
    fn of(index: usize) -> Self {
        let number = u32::try_from(index + 1).ok().and_then(NonZeroU32::new);
        Slot(number.expect("nobody has the memory for so many entries"))
    }

    fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// An array that grows without moving what it holds, but for its first chunk, which starts small.
struct Chunks<T> {
    chunks: Vec<Vec<T>>,
    len: usize,
}

/// How many elements a chunk has: so many are made room for at a time, and copied at most.
const CHUNK: usize = 512;

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Chunks {
            chunks: Vec::new(),
            len: 0,
        }
    }
}

impl<T> Chunks<T> {
    /// Puts `element` at the end, and says where that is.
    fn push(&mut self, element: T) -> usize {
        let index = self.len;
        if index.is_multiple_of(CHUNK) {
            let room = if index == 0 { 0 } else { CHUNK };
            self.chunks.push(Vec::with_capacity(room));
        }
        self.chunks[index / CHUNK].push(element);
        self.len += 1;
        index
    }
}

impl<T> Index<usize> for Chunks<T> {
    type Output = T;

    fn index(&self, index: usize) -> &T {
        &self.chunks[index / CHUNK][index % CHUNK]
    }
}

impl<T> IndexMut<usize> for Chunks<T> {
    fn index_mut(&mut self, index: usize) -> &mut T {
        &mut self.chunks[index / CHUNK][index % CHUNK]
    }
}
