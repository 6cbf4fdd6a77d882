//! Objects the server has and we cannot read.
//!
//! A list says "these are all". If one of them does not decode, leaving it out would say that it
//! is gone, and failing the list would let one bad object blind us to ten thousand good ones. So
//! it is set apart: its key is known to exist, its content is not. It comes back by itself: every
//! later event or list decodes it anew.
//!
//! What if an older, good state is stored? It **stays**. A reader sees a state that was true and
//! is old, as it would behind a slow watch; the alternative, removing it, would be a false
//! deletion, and controllers act on deletions. There is one exception: if the unreadable object
//! has another UID, the stored one is certainly gone (deleted and created anew), and that is told
//! as a deletion.
//!
//! # Invariants
//! - A key is in here exactly while the last thing heard of it could not be read.
//! - Of the object itself nothing is kept but key, UID, version, and where reading went wrong.
//!
//! # Example
//! ```
//! use bitcoin_controller::api::{core::Pod, text::Interner};
//! use bitcoin_controller::cache::Quarantine;
//! use bitcoin_controller::client::Item;
//!
//! let bytes = br#"{"metadata": {"name": "a"}, "status": 7}"#;
//! let Item::Undecodable(bad) = Item::<Pod>::read(bytes, &Interner::default()) else { panic!() };
//! let mut quarantine = Quarantine::default();
//! quarantine.admit(bad);
//! assert_eq!(quarantine.list()[0].key.to_string(), "a");
//! ```
//!
//! # Source
//! None: client-go fails the whole list, and lists again after an event it cannot read.

use std::collections::BTreeMap;

use crate::api::ObjectKey;
use crate::base::json;
use crate::client::Undecodable;

/// One object that exists and cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Which object.
    pub key: ObjectKey,
    /// Its identity; empty if unknown.
    pub uid: Box<str>,
    /// The version that could not be read; empty if unknown.
    pub resource_version: Box<str>,
    /// Where it went wrong; never a value.
    pub error: json::Error,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Quarantine {
    members: BTreeMap<ObjectKey, Quarantined>,
    total: u64,
}

impl Quarantine {
    /// Sets an object apart. Returns whether that is news: another version than the one that is
    /// here.
    ///
    /// One without a key cannot be kept; it is counted.
    pub fn admit(&mut self, bad: Undecodable) -> bool {
        let Some(key) = bad.key else {
            self.total += 1;
            return true;
        };
        let member = Quarantined {
            key: key.clone(),
            uid: bad.uid,
            resource_version: bad.resource_version,
            error: bad.error,
        };
        let is_news = self.members.get(&key) != Some(&member);
        if is_news {
            self.total += 1;
            self.members.insert(key, member);
        }
        is_news
    }

    /// The object at `key` could be read, or is gone.
    pub fn release(&mut self, key: &ObjectKey) {
        self.members.remove(key);
    }

    /// Keeps only those that `is_listed`.
    pub fn retain(&mut self, mut is_listed: impl FnMut(&ObjectKey) -> bool) {
        self.members.retain(|key, _| is_listed(key));
    }

    /// Whether what is here proves that a stored object with `uid` at `key` still exists, as far
    /// as can be known.
    pub fn vouches_for(&self, key: &ObjectKey, uid: &str) -> bool {
        let member = self.members.get(key);
        member.is_some_and(|member| member.uid.is_empty() || *member.uid == *uid)
    }

    /// All, in order of their keys.
    pub fn list(&self) -> Vec<Quarantined> {
        self.members.values().cloned().collect()
    }

    /// How many states could not be read so far; it never falls.
    pub fn total(&self) -> u64 {
        self.total
    }
}
