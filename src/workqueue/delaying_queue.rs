//! Adds a key later, without a task that waits for it.
//!
//! A worker that failed says "this key again in five seconds". A task and a timer for each would
//! cost memory by the million and leave somebody to clean up after. Here a delayed key is an entry in
//! [`Waiting`], and nothing happens when its time comes. It *is* due, and whoever looks next finds
//! that out: every method first moves what is due to the [`WorkQueue`]. The only ones who need a
//! timer are those asleep in `get`, so each of them brings its own, set to the earliest deadline.
//!
//! ```text
//!   add_after ──> Waiting: by deadline ──┐
//!                   10:00:01  b          │ due, moved by whoever looks
//!                   10:00:05  a          v
//!   get, len, drained, … ──────────> WorkQueue
//!     └─ asleep until the earliest deadline, or until woken
//! ```
//!
//! A timer per sleeper instead of one for all means that none has to be handed over: a sleeper that
//! is dropped, or that gets a key and leaves, takes nothing from the others. It costs one timer per
//! idle worker, and they all look up when a key comes due.
//!
//! # Invariants
//! - One entry per key, however often it is added; the earliest deadline stands.
//! - Keys become ready in the order of their deadlines, then of the calls.
//! - A sleeper in `get` wakes no later than the earliest deadline, also one set after it fell asleep.
//! - A due key is never out of sight: it is in one of the two, and who looks at both holds `waiting`.
//! - The lock of `waiting` is taken before that of the queue, never after.
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
//! use bitcoin_controller::workqueue::DelayingQueue;
//! use std::time::Duration;
//! use tokio::time::Instant;
//!
//! let start = Instant::now();
//! let queue = DelayingQueue::default();
//! queue.add_after("alpha", Duration::from_secs(60));
//! queue.add_after("alpha", Duration::from_secs(5)); // sooner: stands
//! assert!(queue.drained()); // nothing to do now
//!
//! let alpha = queue.get().await.expect("not shut down");
//! assert_eq!((*alpha, start.elapsed()), ("alpha", Duration::from_secs(5)));
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Source
//! client-go `util/workqueue/delaying_queue.go`. What differs:
//! - No goroutine, no channel of 1000 requests, no heartbeat: `add_after` never blocks.
//! - A key that is due counts as ready at once, whether or not anyone has woken up for it.
//! - What is due at shutdown is still handed out; what is not yet due is dropped, as theirs is.

use std::fmt;
use std::hash::Hash;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::workqueue::metrics::Metrics;
use crate::workqueue::state::Next;
use crate::workqueue::waiting::Waiting;
use crate::workqueue::{Contents, Processing, WorkQueue};

/// A [`WorkQueue`] that takes keys for later. A clone is the same queue.
pub struct DelayingQueue<K> {
    queue: WorkQueue<K>,
    waiting: Arc<Mutex<Waiting<K>>>,
    /// How often a delay was asked for.
    retries: Arc<AtomicU64>,
}

impl<K> Clone for DelayingQueue<K> {
    fn clone(&self) -> Self {
        DelayingQueue {
            queue: self.queue.clone(),
            waiting: Arc::clone(&self.waiting),
            retries: Arc::clone(&self.retries),
        }
    }
}

impl<K> Default for DelayingQueue<K> {
    fn default() -> Self {
        DelayingQueue {
            queue: WorkQueue::default(),
            waiting: Arc::default(),
            retries: Arc::default(),
        }
    }
}

impl<K: Eq + Hash + Clone> DelayingQueue<K> {
    /// Adds `key` once `delay` has passed, or sooner if an earlier wait for it is pending.
    ///
    /// A zero delay is the same as [`add`](Self::add). Adding a key at once does not end its wait:
    /// it is added again when that is over. Ignored after shutdown.
    ///
    /// # Bound
    /// One entry per key, however often it is called.
    ///
    /// Source: client-go `util/workqueue/delaying_queue.go`, `AddAfter`.
    pub fn add_after(&self, key: K, delay: Duration) {
        self.up_to_date(|waiting, now| {
            if self.queue.is_shutting_down() {
                return;
            }
            self.retries.fetch_add(1, Ordering::Relaxed);
            if delay.is_zero() {
                self.queue.add_at(key, now);
                return;
            }
            let before = waiting.next_due();
            waiting.insert(key, now.checked_add(delay).unwrap_or(now + FAR_FUTURE));
            if waiting.next_due() != before {
                // Every sleeper has set its timer to a later deadline, or has none.
                self.queue.wake_getters();
            }
        });
    }

    /// Asks for a run of `key` now; see [`WorkQueue::add`].
    pub fn add(&self, key: K) {
        self.up_to_date(|_, now| self.queue.add_at(key, now));
    }

    /// Waits for a key that is ready or comes due; see [`WorkQueue::get`].
    ///
    /// # Cancel safety
    /// Nothing is lost, neither a key nor another waiter's wake-up or timer.
    pub async fn get(&self) -> Option<Processing<K>> {
        loop {
            // Register before looking: an add between the two must find somebody to wake.
            let mut woken = pin!(self.queue.woken());
            woken.as_mut().enable();
            let (next, next_due) =
                self.up_to_date(|waiting, now| (self.queue.take(now), waiting.next_due()));
            match (next, next_due) {
                (Next::Ready(key), _) => return Some(key),
                (Next::Finished, _) => return None,
                (Next::Empty, None) => woken.await,
                // Woken or due, the answer is the same: look again.
                (Next::Empty, Some(deadline)) => drop(timeout_at(deadline, woken).await),
            }
        }
    }

    /// Drops every key that is not due yet and shuts down; see [`WorkQueue::shut_down`].
    pub fn shut_down(&self) {
        self.up_to_date(|waiting, _| {
            waiting.clear();
            self.queue.shut_down();
        });
    }

    /// Drops every key that is not due yet, shuts down and waits; see
    /// [`WorkQueue::shut_down_with_drain`].
    ///
    /// # Cancel safety
    /// The queue stays shut down; only the waiting ends.
    pub async fn shut_down_with_drain(&self) {
        self.up_to_date(|waiting, _| {
            waiting.clear();
            self.queue.close();
        });
        self.queue.shut_down_with_drain().await;
    }

    /// Forgets every run that is owed, now or later; returns how many.
    pub fn discard_waiting(&self) -> usize {
        self.up_to_date(|waiting, _| {
            let delayed = waiting.len();
            waiting.clear();
            delayed + self.queue.discard_waiting()
        })
    }

    /// Waits until nothing is due, ready or in hand. Delayed keys are not waited for.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn until_drained(&self) {
        self.queue.wait_until(|| self.drained()).await;
    }

    /// Whether nothing is due, ready or in hand. Delayed keys may wait.
    pub fn drained(&self) -> bool {
        self.up_to_date(|_, _| self.queue.drained())
    }

    /// How many keys are ready, due ones included.
    pub fn len(&self) -> usize {
        self.up_to_date(|_, _| self.queue.len())
    }

    /// Whether no key is ready or due.
    pub fn is_empty(&self) -> bool {
        self.up_to_date(|_, _| self.queue.is_empty())
    }

    /// Whether it has been shut down.
    pub fn is_shutting_down(&self) -> bool {
        self.queue.is_shutting_down()
    }

    /// When the next delayed key comes due: after now, since a due one is not delayed any more.
    pub fn next_due(&self) -> Option<Instant> {
        self.up_to_date(|waiting, _| waiting.next_due())
    }

    /// The delayed keys and when they are due, earliest first.
    pub fn waiting(&self) -> Vec<(K, Instant)> {
        self.up_to_date(|waiting, _| {
            let entries = waiting.iter();
            entries.map(|(key, due)| (key.clone(), due)).collect()
        })
    }

    /// The keys that keep the queue from being drained; see [`WorkQueue::unfinished`].
    pub fn unfinished(&self) -> Vec<K>
    where
        K: Ord,
    {
        self.up_to_date(|_, _| self.queue.unfinished())
    }

    /// Every key it holds; see [`WorkQueue::contents`].
    pub fn contents(&self) -> Contents<K>
    where
        K: Ord,
    {
        self.up_to_date(|waiting, _| Contents {
            delayed: waiting
                .iter()
                .map(|(key, due)| (key.clone(), due))
                .collect(),
            ..self.queue.contents()
        })
    }

    /// Numbers for metrics and for `/debug`.
    pub fn metrics(&self) -> Metrics {
        self.up_to_date(|waiting, _| Metrics {
            delayed: waiting.len(),
            retries: self.retries.load(Ordering::Relaxed),
            ..self.queue.metrics()
        })
    }

    /// Moves what is due to the queue, then looks. Nobody can look at both in between.
    fn up_to_date<R>(&self, look: impl FnOnce(&mut Waiting<K>, Instant) -> R) -> R {
        let mut waiting = self
            .waiting
            .lock()
            .expect("no key panics while it is hashed, compared or cloned");
        // After the lock: who waited for it must not judge by an older time than who had it.
        let now = Instant::now();
        if waiting.next_due().is_some_and(|due| due <= now) {
            self.queue.update(|state| {
                while let Some((key, deadline)) = waiting.pop_due(now) {
                    state.add(key, deadline);
                }
            });
        }
        look(&mut waiting, now)
    }
}

/// Stands for a delay that no clock can express: thirty years.
const FAR_FUTURE: Duration = Duration::from_secs(30 * 365 * 24 * 3_600);

impl<K> fmt::Debug for DelayingQueue<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DelayingQueue").finish_non_exhaustive()
    }
}
