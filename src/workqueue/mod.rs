//! Which key to look at next: a queue that remembers *that* something changed, never *what*.
//!
//! A controller is told of changes much faster than it can act on them, and acting twice on one
//! object at the same time is a bug. So changes are reduced to keys, and a key is work that is
//! owed: however often it is added, it is owed once; while a worker has it no other gets it; what
//! changed in the meantime is owed once more. Failures come back later, each time later than before.
//!
//! ```text
//!                 add ──────────────┐
//!                                   v
//!   add_after ──> Waiting ──due──> WorkQueue ──get──> worker
//!       ^                           ^                   │
//!       │                           └── drop = done ────┤
//!       └── add_rate_limited <── RateLimiter <── failed ┘
//! ```
//!
//! | chapter | what it adds |
//! |---|---|
//! | [`state`] | three sets: each key once, one worker a key |
//! | [`table`] | what they are kept in: it grows without a pause |
//! | [`metrics`] | how deep, how fast, how stuck |
//! | [`queue`] | a lock around them, those who wait, the guard; shutting down |
//! | [`waiting`] | keys and when they are due |
//! | [`delaying_queue`] | a key that comes back later, without a task or a timer of its own |
//! | [`rate_limiter`] | how much later: per key, and for all keys together |
//! | [`rate_limiting_queue`] | the three above, as a controller uses them |
//!
//! The room is generic over its key and leans on nothing of this crate, so it can be taken out and
//! used alone. Nothing in it runs by itself: no task, no thread, no clock but tokio's.
//!
//! # Example
//! A worker, whole. It ends when the queue is shut down and nothing is left.
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
//! use bitcoin_controller::workqueue::{RateLimitingQueue, default_controller_rate_limiter};
//!
//! let queue = RateLimitingQueue::new(default_controller_rate_limiter());
//! queue.add("default/alpha");
//!
//! let mut attempts = 0;
//! while let Some(key) = queue.get().await {
//!     attempts += 1;
//!     let result = if attempts < 3 { Err("not yet") } else { Ok(()) };
//!     match result {
//!         Ok(()) => {
//!             queue.forget(&key);
//!             queue.shut_down();
//!         }
//!         Err(_) => queue.add_rate_limited(key.clone()),
//!     }
//! } // here `key` is dropped: the queue knows that the worker is done with it
//! assert_eq!(attempts, 3);
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Source
//! client-go `util/workqueue` as of Kubernetes 1.36. Each chapter says what differs.

pub mod delaying_queue;
pub mod metrics;
pub mod queue;
pub mod rate_limiter;
pub mod rate_limiting_queue;
pub mod state;
pub mod table;
pub mod waiting;

pub use delaying_queue::DelayingQueue;
pub use metrics::{Histogram, Metrics};
pub use queue::{Contents, InHand, Processing, WorkQueue};
pub use rate_limiter::{
    BucketRateLimiter, ItemExponentialFailureRateLimiter, ItemFastSlowRateLimiter,
    MaxOfRateLimiter, RateLimiter, WithMaxWait, default_controller_rate_limiter,
};
pub use rate_limiting_queue::RateLimitingQueue;
