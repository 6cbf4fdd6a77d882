//! Hands each key to one worker at a time, and once more if it was added in the meantime.
//!
//! What is owed to whom is told in [`state`](crate::workqueue::state). This chapter is the thin
//! layer above: one lock, those who wait, and the guard that ends a worker's hold on a key. Every
//! change goes through one function, `update`, which compares before with after and
//! decides who is woken. Hence no caller can forget to.
//!
//! ```text
//!   add ──> update(State) ──┬─ more in line ─────────> wake one getter for each
//!   get ──> update(State)   ├─ nothing owed, closed ─> wake all getters: `None`
//!   drop ─> update(State)   └─ drained ──────────────> wake all who wait for that
//! ```
//!
//! # Invariants
//! - A key is in processing exactly as long as its [`Processing`] lives.
//! - A getter registers before it looks, so no add can fall between its look and its sleep.
//! - Once `get` has returned `None`, no `get` returns a key again.
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! use bitcoin_controller::workqueue::WorkQueue;
//!
//! let queue = WorkQueue::default();
//! queue.add("alpha");
//! queue.add("alpha");
//! assert_eq!(queue.len(), 1);
//!
//! let alpha = queue.get().await.expect("not shut down");
//! queue.add("alpha"); // it changes while a worker looks at it ...
//! assert_eq!(queue.len(), 0); // ... and no second worker gets it ...
//! drop(alpha);
//! assert_eq!(queue.len(), 1); // ... but it will run once more
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Source
//! client-go `util/workqueue/queue.go`. What differs:
//! - Done is the end of a guard's life, so a worker that panics or is cancelled cannot forget it.
//! - [`shut_down_with_drain`](WorkQueue::shut_down_with_drain) waits for keys in line too, and wakes
//!   everyone who waits; theirs can return with keys in line, and wakes one.
//! - [`drained`](WorkQueue::drained) and [`discard_waiting`](WorkQueue::discard_waiting) are ours.
//! - Metrics are read, not pushed: [`metrics`](WorkQueue::metrics), and two durations on the guard.

use std::fmt;
use std::hash::Hash;
use std::ops::Deref;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

use crate::workqueue::metrics::Metrics;
use crate::workqueue::state::{Next, State};

/// A queue of keys: each once, each in one hand at a time. A clone is the same queue.
pub struct WorkQueue<K>(Arc<Shared<K>>);

struct Shared<K> {
    state: Mutex<State<K>>,
    /// Those who wait for a key.
    getters: Notify,
    /// Those who wait for the queue to be drained.
    drainers: Notify,
}

/// Every key that a queue holds at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents<K> {
    /// In line, the first first.
    pub ready: Vec<K>,
    /// In hand, in order of the keys.
    pub processing: Vec<InHand<K>>,
    /// Due later, the earliest first; none in a plain [`WorkQueue`].
    pub delayed: Vec<(K, Instant)>,
}

/// A key that a worker holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InHand<K> {
    /// The key.
    pub key: K,
    /// Since when.
    pub since: Instant,
    /// Whether it was added meanwhile, and will stand in line again.
    pub again: bool,
}

/// A key in a worker's hand. Dropping it says that the worker is done, however that came about.
///
/// Until then no other worker gets the key. A failure is not said here: add the key again, now or
/// later, before letting go of it.
///
/// Source: client-go `util/workqueue/queue.go`, `Done`.
#[must_use = "dropping it tells the queue that the work is done"]
pub struct Processing<K: Eq + Hash + Clone> {
    queue: WorkQueue<K>,
    key: K,
    waited: Duration,
    since: Instant,
}

impl<K> Clone for WorkQueue<K> {
    fn clone(&self) -> Self {
        WorkQueue(Arc::clone(&self.0))
    }
}

impl<K> Default for WorkQueue<K> {
    fn default() -> Self {
        WorkQueue(Arc::new(Shared {
            state: Mutex::default(),
            getters: Notify::new(),
            drainers: Notify::new(),
        }))
    }
}

impl<K: Eq + Hash + Clone> WorkQueue<K> {
    /// Asks for a run of `key`. Nothing happens if it is owed already, or after shutdown.
    ///
    /// Source: client-go `util/workqueue/queue.go`, `Add`.
    pub fn add(&self, key: K) {
        self.add_at(key, Instant::now());
    }

    /// Waits for a key, and hands it out as a guard; `None` once shut down with nothing owed.
    ///
    /// # Cancel safety
    /// Nothing is lost: a key leaves the line only in the poll that returns it, and a waiter that
    /// was woken and then dropped passes the wake-up on.
    ///
    /// Source: client-go `util/workqueue/queue.go`, `Get`.
    pub async fn get(&self) -> Option<Processing<K>> {
        loop {
            // Register before looking: an add between the two must find somebody to wake.
            let mut woken = pin!(self.woken());
            woken.as_mut().enable();
            match self.take(Instant::now()) {
                Next::Ready(key) => return Some(key),
                Next::Finished => return None,
                Next::Empty => woken.await,
            }
        }
    }

    /// Ignores every `add` from now on, and ends every drain. Keys in line are still handed out.
    ///
    /// Source: client-go `util/workqueue/queue.go`, `ShutDown`.
    pub fn shut_down(&self) {
        self.update(State::shut_down);
        self.0.drainers.notify_waiters();
    }

    /// Shuts down, then waits until every key in line has been handed out and every hand is empty.
    ///
    /// Workers must go on calling [`get`](Self::get) until it returns `None`. A later
    /// [`shut_down`](Self::shut_down) ends the wait.
    ///
    /// # Cancel safety
    /// The queue stays shut down; only the waiting ends.
    ///
    /// Source: client-go `util/workqueue/queue.go`, `ShutDownWithDrain`.
    pub async fn shut_down_with_drain(&self) {
        let before = self.update(|state| {
            state.close();
            state.shut_downs()
        });
        self.wait_until(|| {
            let state = self.lock();
            state.drained() || state.shut_downs() != before
        })
        .await;
    }

    /// Forgets every run that is owed, in line or marked while processing; returns how many.
    ///
    /// A level-based controller does this when it stops: whoever starts next looks at everything.
    pub fn discard_waiting(&self) -> usize {
        self.update(State::discard_waiting)
    }

    /// Waits until nothing is ready and nothing is in hand. The queue stays open.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn until_drained(&self) {
        self.wait_until(|| self.drained()).await;
    }

    /// Whether nothing is ready and nothing is in hand.
    pub fn drained(&self) -> bool {
        self.lock().drained()
    }

    /// How many keys are ready. Keys in hand are not counted.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether no key is ready.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Whether it has been shut down. Workers do not ask this: keys may be left. They look at `get`.
    pub fn is_shutting_down(&self) -> bool {
        self.lock().is_shutting_down()
    }

    /// The keys that keep the queue from being drained, sorted: those in line and those in hand.
    pub fn unfinished(&self) -> Vec<K>
    where
        K: Ord,
    {
        let mut keys: Vec<K> = self.lock().unfinished().cloned().collect();
        keys.sort();
        keys
    }

    /// Every key it holds, for `/debug`.
    pub fn contents(&self) -> Contents<K>
    where
        K: Ord,
    {
        let state = self.lock();
        let processing = state.processing();
        let mut processing: Vec<InHand<K>> = processing
            .map(|(key, since, again)| InHand {
                key: key.clone(),
                since,
                again,
            })
            .collect();
        let ready = state.ready().cloned().collect();
        drop(state);
        processing.sort_by(|one, other| one.key.cmp(&other.key));
        Contents {
            ready,
            processing,
            delayed: Vec::new(),
        }
    }

    /// Numbers for metrics and for `/debug`.
    pub fn metrics(&self) -> Metrics {
        self.lock().metrics(Instant::now())
    }

    /// As [`add`](Self::add); it is `now` anyway.
    pub(super) fn add_at(&self, key: K, now: Instant) {
        self.update(|state| state.add(key, now));
    }

    /// Hands out the first in line, if there is one.
    pub(super) fn take(&self, since: Instant) -> Next<Processing<K>> {
        match self.update(|state| state.take(since)) {
            Next::Ready((key, waited)) => Next::Ready(Processing {
                queue: self.clone(),
                key,
                waited,
                since,
            }),
            Next::Empty => Next::Empty,
            Next::Finished => Next::Finished,
        }
    }

    /// Ignores every `add` from now on, and ends no drain.
    pub(super) fn close(&self) {
        self.update(State::close);
    }

    /// Changes the state and wakes whoever the change concerns. Every change goes through here.
    pub(super) fn update<R>(&self, change: impl FnOnce(&mut State<K>) -> R) -> R {
        let mut state = self.lock();
        let before = state.len();
        let result = change(&mut state);
        let more = state.len().saturating_sub(before);
        let (finished, drained) = (state.is_finished(), state.drained());
        drop(state);
        for _ in 0..more {
            self.0.getters.notify_one();
        }
        if finished {
            self.wake_getters();
        }
        if drained {
            self.0.drainers.notify_waiters();
        }
        result
    }

    /// Completes when there is something to look at for a getter that was registered before.
    pub(super) fn woken(&self) -> Notified<'_> {
        self.0.getters.notified()
    }

    /// Makes every waiting getter look again.
    pub(super) fn wake_getters(&self) {
        self.0.getters.notify_waiters();
    }

    /// Waits until `condition` holds; it is looked at again whenever the queue has drained.
    pub(super) async fn wait_until(&self, condition: impl Fn() -> bool) {
        loop {
            // Made before looking: `notify_waiters` reaches every future that exists by then.
            let drained = self.0.drainers.notified();
            if condition() {
                return;
            }
            drained.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.0
            .state
            .lock()
            .expect("no key panics while it is hashed, compared or cloned")
    }
}

impl<K: Eq + Hash + Clone> Processing<K> {
    /// The key.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// How long the key had owed this run when it was handed out.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// When the key was handed out.
    pub fn since(&self) -> Instant {
        self.since
    }
}

impl<K: Eq + Hash + Clone> Deref for Processing<K> {
    type Target = K;

    fn deref(&self) -> &K {
        &self.key
    }
}

impl<K: Eq + Hash + Clone> Drop for Processing<K> {
    fn drop(&mut self) {
        let now = Instant::now();
        self.queue.update(|state| state.done(&self.key, now));
    }
}

impl<K: Eq + Hash + Clone + fmt::Debug> fmt::Debug for Processing<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Processing").field(&self.key).finish()
    }
}

impl<K> fmt::Debug for WorkQueue<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkQueue").finish_non_exhaustive()
    }
}
