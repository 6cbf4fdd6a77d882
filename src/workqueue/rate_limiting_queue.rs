//! Adds a key that failed again, later each time it fails.
//!
//! This is the queue a controller holds. It is a [`DelayingQueue`] and a [`RateLimiter`] side by
//! side: the limiter says how long, the queue waits. Neither knows of the other. Everything the
//! delaying queue can do is there as it is.
//!
//! ```text
//!   add_rate_limited(key) = add_after(key, limiter.when(key))
//!   forget(key)           = limiter.forget(key)      says nothing to the queue
//! ```
//!
//! # Invariants
//! - A key waits by the limiter's word or by [`add_after`](DelayingQueue::add_after), whichever is
//!   sooner: both are one entry.
//! - [`forget`](RateLimitingQueue::forget) takes no key out of the queue.
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
//! use bitcoin_controller::workqueue::{RateLimitingQueue, default_controller_rate_limiter};
//! use std::time::Duration;
//! use tokio::time::Instant;
//!
//! let queue = RateLimitingQueue::new(default_controller_rate_limiter());
//! let start = Instant::now();
//! queue.add_rate_limited("alpha");
//! let alpha = queue.get().await.expect("not shut down"); // after 5 ms
//! queue.add_rate_limited(*alpha);
//! drop(alpha);
//! let alpha = queue.get().await.expect("not shut down"); // after 10 ms more
//! assert_eq!(start.elapsed(), Duration::from_millis(15));
//!
//! queue.forget(&alpha); // this time it went well
//! assert_eq!(queue.num_requeues(&alpha), 0);
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Source
//! client-go `util/workqueue/rate_limiting_queue.go`. What differs: nothing but the shape. Their
//! interface embeds the delaying one; ours is reached through `Deref`.

use std::fmt;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::Arc;

use crate::workqueue::{DelayingQueue, RateLimiter, default_controller_rate_limiter};

/// A [`DelayingQueue`] with a [`RateLimiter`] beside it. A clone is the same queue.
pub struct RateLimitingQueue<K> {
    queue: DelayingQueue<K>,
    limiter: Arc<dyn RateLimiter<K>>,
}

impl<K: Eq + Hash + Clone> RateLimitingQueue<K> {
    /// An empty queue whose failed keys wait as `limiter` says.
    pub fn new(limiter: impl RateLimiter<K> + 'static) -> Self {
        RateLimitingQueue {
            queue: DelayingQueue::default(),
            limiter: Arc::new(limiter),
        }
    }

    /// Adds `key`, which failed, once the limiter's wait for it has passed.
    ///
    /// Call [`forget`](Self::forget) when it succeeds, or each later failure waits longer.
    ///
    /// Source: client-go `util/workqueue/rate_limiting_queue.go`, `AddRateLimited`.
    pub fn add_rate_limited(&self, key: K) {
        let delay = self.limiter.when(&key);
        self.queue.add_after(key, delay);
    }

    /// Ends the history of `key`: its next failure is its first. The queue is not changed.
    ///
    /// Source: client-go `util/workqueue/rate_limiting_queue.go`, `Forget`.
    pub fn forget(&self, key: &K) {
        self.limiter.forget(key);
    }

    /// How often `key` has failed since it was last forgotten.
    pub fn num_requeues(&self, key: &K) -> u32 {
        self.limiter.num_requeues(key)
    }
}

impl<K: Eq + Hash + Clone + Send + Sync + 'static> Default for RateLimitingQueue<K> {
    /// An empty queue that waits as [`default_controller_rate_limiter`] says.
    fn default() -> Self {
        RateLimitingQueue::new(default_controller_rate_limiter())
    }
}

impl<K> Clone for RateLimitingQueue<K> {
    fn clone(&self) -> Self {
        RateLimitingQueue {
            queue: self.queue.clone(),
            limiter: Arc::clone(&self.limiter),
        }
    }
}

impl<K> Deref for RateLimitingQueue<K> {
    type Target = DelayingQueue<K>;

    fn deref(&self) -> &DelayingQueue<K> {
        &self.queue
    }
}

impl<K> fmt::Debug for RateLimitingQueue<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitingQueue").finish_non_exhaustive()
    }
}
