//! The objects, and all that is known of them: under one lock, which is never held while anything is written.
//!
//! # Invariants
//! - Every object has a place, and keeps it; what replaces it is put there.
//! - Who watches is waited for by orders: nobody is further behind than [`changes`] allows.

mod changes;
mod watchers;

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use crate::body::{Maker, Mode};
use crate::history::History;
use crate::options::Options;
use crate::snapshots::{Object, Snapshot, Snapshots, Token};
pub use crate::store::changes::{GoneForm, Outcome, Pump};
pub use crate::store::watchers::{News, Notice, TooOld, Watcher, Written};

pub struct Store {
    maker: Maker,
    now: Mutex<Now>,
    /// Orders are carried out one by one.
    order: Mutex<()>,
    /// There is something for watchers.
    news: Condvar,
    /// A watcher has got to where an order waits for it.
    progress: Condvar,
}

/// What is so at the moment.
struct Now {
    objects: Vec<Object>,
    n_probes: usize,
    /// How many objects there have been.
    n_made: u64,
    history: History,
    snapshots: Snapshots,
    /// Where the next order of each kind goes on: at these places.
    next_changed: usize,
    next_probe: usize,
    next_replaced: usize,
    /// Up to which version each watcher has been written to.
    watchers: BTreeMap<u64, u64>,
    n_watchers: u64,
    /// How often all watches were ended, and how the last time.
    n_gone: u64,
    gone_form: GoneForm,
    /// What watchers were written for the order at hand.
    written: Written,
    /// The version at which an order waits for the watchers.
    awaited: u64,
    /// Version and time of each probe's event.
    sent: Vec<(u64, u64)>,
}

/// The version before the first object.
const BEFORE_FIRST: u64 = 1_000_000_000;

/// What a store should have in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truth {
    pub hash: u64,
    pub count: usize,
    pub version: u64,
}

impl Store {
    /// # Errors
    /// The options ask for what cannot be made.
    pub fn new(options: &Options) -> Result<Self, String> {
        let maker = Maker::new(options)?;
        let objects = (0..options.n_objects).map(|number| Object {
            body: Arc::new(maker.make(number)),
            version: BEFORE_FIRST + 1 + number,
        });
        let n_probes = options.n_probes as usize;
        let now = Now {
            objects: objects.collect(),
            n_probes,
            n_made: options.n_objects,
            history: History::new(BEFORE_FIRST + options.n_objects),
            snapshots: Snapshots::default(),
            next_changed: n_probes,
            next_probe: 0,
            next_replaced: n_probes,
            watchers: BTreeMap::new(),
            n_watchers: 0,
            n_gone: 0,
            gone_form: GoneForm::Event,
            written: Written::default(),
            awaited: 0,
            sent: Vec::new(),
        };
        Ok(Store {
            maker,
            now: Mutex::new(now),
            order: Mutex::new(()),
            news: Condvar::new(),
            progress: Condvar::new(),
        })
    }

    /// Everything as of now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.now().snapshot()
    }

    /// What a list goes on with; `None`: that is forgotten.
    pub fn snapshot_of(&self, token: Token) -> Option<Arc<Snapshot>> {
        self.now().snapshots.at(token.version)
    }

    pub fn get(&self, namespace: &str, name: &str) -> Option<Object> {
        let now = self.now();
        let mut objects = now.objects.iter();
        let object = objects
            .find(|Object { body, .. }| *body.name == *name && *body.namespace == *namespace);
        object.cloned()
    }

    /// What is true now.
    pub fn truth(&self, mode: Mode) -> Truth {
        let now = self.now();
        let hashes = now
            .objects
            .iter()
            .map(|object| object.body.hash(mode, object.version));
        Truth {
            hash: hashes.fold(0, u64::wrapping_add),
            count: now.objects.len(),
            version: now.history.version(),
        }
    }

    pub fn version(&self) -> u64 {
        self.now().history.version()
    }

    /// Version and time of each probe's event so far.
    pub fn sent(&self) -> Vec<(u64, u64)> {
        self.now().sent.clone()
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now
            .lock()
            .expect("nobody panics while the store is locked")
    }
}

impl Now {
    fn snapshot(&mut self) -> Arc<Snapshot> {
        self.history.begin_anew();
        let version = self.history.version();
        if let Some(snapshot) = self.snapshots.at(version) {
            return snapshot;
        }
        let objects = self.objects.clone();
        let snapshot = Arc::new(Snapshot { version, objects });
        self.snapshots.keep(snapshot.clone());
        snapshot
    }
}
