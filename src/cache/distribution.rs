//! Storing an object and telling everybody is one step.
//!
//! Between "the store has it" and "the handlers know" there must be no gap. If the reflector's
//! task were cancelled in it, an object would be in the store of which no handler ever hears; if
//! a handler subscribed in it, it would get the object twice or not at all. So there is one lock,
//! and everything that moves the store or the list of handlers holds it from beginning to end. No
//! method here is async: there is no await in which to be cancelled.
//!
//! # Invariants
//! - The store is written before the handlers are told: a handler never reads anything older than
//!   what it was told.
//! - Every handler has been told, as initial additions and changes since, exactly the store's
//!   content.
//! - An object whose (UID, resource version) has not changed is told to nobody, also after a
//!   relist.
//! - An object that could not be read deletes nothing; see
//!   [`quarantine`](crate::cache::quarantine).
//! - Store and [`last_sync_resource_version`](Distribution::last_sync_resource_version) move in the
//!   same step.
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! use bitcoin_controller::api::{ObjectMeta, core::Pod};
//! use bitcoin_controller::cache::distribution::Distribution;
//! use bitcoin_controller::cache::{ReflectorStore, SubscriptionOptions};
//! use bitcoin_controller::client::Item;
//! use std::sync::Arc;
//!
//! let pods = Arc::new(Distribution::<Pod>::new("pods"));
//! let mut handler = pods.subscribe(SubscriptionOptions::default());
//! let pod = Pod { metadata: ObjectMeta { name: "a".into(), ..Default::default() }, ..Default::default() };
//! pods.replace([Item::Object(pod)].into_iter().collect(), "7");
//! assert_eq!(format!("{:?}", handler.next().await.unwrap()), "Added(initial) a@");
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Source
//! client-go `tools/cache/controller.go` (`processDeltas`), `shared_informer.go`
//! (`sharedProcessor.distribute`). What differs:
//! - No queue between reflector and store, see the [room](crate::cache).
//! - A deletion of an object that is not stored is told to nobody.
//! - A relist tells only of objects that are different; theirs tells all of them again.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use tracing::warn;

use crate::api::{ObjectKey, Resource};
use crate::cache::indexer::Indexer;
use crate::cache::milestone::Milestone;
use crate::cache::next_state::NextState;
use crate::cache::notification::{After, Change};
use crate::cache::quarantine::{Quarantine, Quarantined};
use crate::cache::reflector_store::ReflectorStore;
use crate::cache::subscription::{Feed, Subscription, SubscriptionOptions};
use crate::cache::tally::Taken;
use crate::client::{Item, Undecodable};

/// A store and those who are told of its changes.
pub struct Distribution<R> {
    name: String,
    indexer: Arc<Indexer<R>>,
    state: Mutex<State<R>>,
    synced: Milestone,
}

struct State<R> {
    /// The version the store is at; empty before the first list.
    resource_version: Box<str>,
    quarantine: Quarantine,
    taken: Taken,
    feeds: Vec<Arc<Feed<R>>>,
    has_synced: bool,
    is_stopped: bool,
}

impl<R: Resource> Distribution<R> {
    /// An empty store; `name` is for logs.
    pub fn new(name: impl Into<String>) -> Self {
        Distribution {
            name: name.into(),
            indexer: Arc::new(Indexer::default()),
            state: Mutex::new(State {
                resource_version: Box::default(),
                quarantine: Quarantine::default(),
                taken: Taken::default(),
                feeds: Vec::new(),
                has_synced: false,
                is_stopped: false,
            }),
            synced: Milestone::default(),
        }
    }

    /// The store itself, for readers.
    pub fn indexer(&self) -> &Arc<Indexer<R>> {
        &self.indexer
    }

    /// Adds a handler. If the store is filled already it is told of every object as initial.
    pub fn subscribe(self: &Arc<Self>, options: SubscriptionOptions) -> Subscription<R> {
        let feed = Arc::new(Feed::new(options.backlog));
        let mut state = self.lock();
        if state.is_stopped {
            feed.end();
        } else if state.has_synced {
            let as_addition = |object| Change {
                before: None,
                after: After::Is(object),
            };
            let replay: Vec<_> = self.indexer.list().into_iter().map(as_addition).collect();
            feed.push(&replay, true);
            feed.complete_initial();
        }
        state.feeds.push(feed.clone());
        drop(state);
        Subscription::new(self.clone(), feed, options.resync)
    }

    /// Nothing will be stored any more; handlers end once they have drained their backlogs.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.is_stopped = true;
        for feed in &state.feeds {
            feed.end();
        }
        self.synced.miss();
    }

    /// Reached when the first list is in the store.
    pub fn synced(&self) -> &Milestone {
        &self.synced
    }

    /// The version the store is at, bookmarks included; empty before the first list.
    pub fn last_sync_resource_version(&self) -> Box<str> {
        self.lock().resource_version.clone()
    }

    /// The objects that exist and could not be read, in order of their keys.
    pub fn quarantined(&self) -> Vec<Quarantined> {
        self.lock().quarantine.list()
    }

    /// How many states of objects could not be read so far; it never falls.
    pub fn n_undecodable(&self) -> u64 {
        self.lock().quarantine.total()
    }

    /// How many notifications all handlers together have yet to handle.
    pub fn pending(&self) -> usize {
        self.lock().feeds.iter().map(|feed| feed.pending()).sum()
    }

    /// What came in so far.
    pub(crate) fn taken(&self) -> Taken {
        self.lock().taken
    }

    /// Reminds one handler of every object.
    pub(crate) fn resync(&self, feed: &Feed<R>) {
        let state = self.lock();
        if !state.is_stopped {
            feed.push_resync(self.indexer.list());
        }
    }

    pub(crate) fn unsubscribe(&self, feed: &Arc<Feed<R>>) {
        self.lock().feeds.retain(|known| !Arc::ptr_eq(known, feed));
    }

    fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.state
            .lock()
            .expect("only an index function may panic while a change is stored")
    }

    /// The stored object stays, unless the unreadable one proves by its UID that it is another.
    fn set_apart(&self, state: &mut State<R>, bad: Undecodable) -> Option<Change<R>> {
        let key = bad.key.clone();
        self.admit(state, bad);
        let key = key?;
        let stored = self.indexer.get(&key)?;
        let is_kept = state.quarantine.vouches_for(&key, &stored.metadata().uid);
        if is_kept {
            None
        } else {
            self.indexer.remove(&key)
        }
    }

    /// Names the object in the log, once for each version of it.
    fn admit(&self, state: &mut State<R>, bad: Undecodable) {
        let key = bad.key.as_ref().map(ObjectKey::to_string);
        let error = bad.error.to_string();
        if state.quarantine.admit(bad) {
            let object = key.as_deref().unwrap_or("(without a name)");
            warn!(informer = %self.name, object, error, "an object could not be read and is set apart");
        }
    }
}

impl<R: Resource> ReflectorStore<R> for Distribution<R> {
    fn get(&self, key: &ObjectKey) -> Option<Arc<R>> {
        self.indexer.get(key)
    }

    fn replace(&self, mut next: NextState<R>, resource_version: &str) {
        let mut state = self.lock();
        let changed = next.take_changed();
        for bad in next.unreadable() {
            self.admit(&mut state, bad.clone());
        }
        state.quarantine.retain(|key| next.is_unreadable(key));
        let keep = |key: &ObjectKey, stored: &Arc<R>| {
            next.has_unchanged(stored)
                || next.has_nameless()
                || state.quarantine.vouches_for(key, &stored.metadata().uid)
        };
        let changes = self.indexer.replace(changed, keep);

        state.taken.list();
        let is_first = !state.has_synced;
        state.tell(&changes, is_first);
        state.resource_version = resource_version.into();
        if is_first {
            state.has_synced = true;
            for feed in &state.feeds {
                feed.complete_initial();
            }
            self.synced.reach();
        }
    }

    fn upsert(&self, item: Item<R>) {
        let mut state = self.lock();
        state.move_to(item.resource_version());
        state.taken.event();
        let change = match item {
            Item::Object(object) => {
                state.quarantine.release(&object.key());
                self.indexer.insert(object)
            }
            Item::Undecodable(bad) => self.set_apart(&mut state, bad),
        };
        state.tell(change.as_slice(), false);
    }

    fn delete(&self, item: Item<R>) {
        let mut state = self.lock();
        state.move_to(item.resource_version());
        state.taken.event();
        let Some(key) = item.key() else {
            return;
        };
        state.quarantine.release(&key);
        let mut change = self.indexer.remove(&key);
        if let (Some(change), Item::Object(last)) = (&mut change, item) {
            change.after = After::Gone {
                last: Arc::new(last),
                final_state_unknown: false,
            };
        }
        state.tell(change.as_slice(), false);
    }

    fn bookmark(&self, resource_version: &str) {
        self.lock().move_to(resource_version);
    }
}

impl<R: Resource> State<R> {
    fn tell(&self, changes: &[Change<R>], is_initial: bool) {
        for feed in &self.feeds {
            feed.push(changes, is_initial);
        }
    }

    /// Versions are not compared: the last one heard counts. An empty one could not be read.
    fn move_to(&mut self, resource_version: &str) {
        if !resource_version.is_empty() {
            self.resource_version = resource_version.into();
        }
    }
}

impl<R: Resource> fmt::Debug for Distribution<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Distribution")
            .field("name", &self.name)
            .field("resource_version", &state.resource_version)
            .field("n_handlers", &state.feeds.len())
            .finish()
    }
}
