//! How long a key that failed has to wait.
//!
//! Two different things go wrong. One key fails again and again: it should be asked less and less
//! often, and the others should not notice. Or everything fails at once because the API server is
//! down: then no single key has failed much, but together they are a flood. A limiter per key
//! answers the first, a bucket of tokens shared by all answers the second, and the default is the
//! worse of both.
//!
//! ```text
//!   default_controller_rate_limiter
//!     └─ MaxOf ─┬─ per key:  5 ms, 10, 20, 40, … 1000 s     until `forget`
//!               └─ all keys: 100 at once, then 10 a second
//! ```
//!
//! A limiter never sleeps. It says how long, and remembers that it was asked.
//!
//! # Invariants
//! - `when` counts as one failure of that key, or takes one token, also if nobody waits that long.
//! - After `forget` a key is as if it had never failed.
//! - A limiter holds something only for keys that failed and were not forgotten: `forget` on success.
//!
//! # Example
//! ```
//! use bitcoin_controller::workqueue::{ItemExponentialFailureRateLimiter, RateLimiter};
//! use std::time::Duration;
//!
//! let (base, max) = (Duration::from_millis(5), Duration::from_secs(1_000));
//! let limiter = ItemExponentialFailureRateLimiter::new(base, max);
//! assert_eq!(limiter.when(&"alpha"), Duration::from_millis(5));
//! assert_eq!(limiter.when(&"alpha"), Duration::from_millis(10));
//! assert_eq!(limiter.when(&"beta"), Duration::from_millis(5));
//!
//! limiter.forget(&"alpha");
//! assert_eq!(limiter.when(&"alpha"), Duration::from_millis(5));
//! ```
//!
//! # Source
//! client-go `util/workqueue/default_rate_limiters.go`. What differs:
//! - The bucket is written here in whole nanoseconds instead of taken from `x/time/rate`.
//! - Failures of different keys are counted without a common lock.

use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dashmap::DashMap;
use tokio::time::Instant;

/// Says how long a key has to wait after a failure.
pub trait RateLimiter<K>: Send + Sync {
    /// How long `key` has to wait, and one failure more.
    fn when(&self, key: &K) -> Duration;

    /// Ends the history of `key`: it succeeded, or will not be tried again.
    fn forget(&self, key: &K);

    /// How often `key` has failed since it was last forgotten.
    fn num_requeues(&self, key: &K) -> u32;
}

/// What a controller uses unless it knows better: the worse of 5 ms, doubling up to 1000 s, for
/// each key, and of 10 a second after a burst of 100, for all keys together.
///
/// Source: client-go `util/workqueue/default_rate_limiters.go`, `DefaultControllerRateLimiter`.
pub fn default_controller_rate_limiter<K>() -> MaxOfRateLimiter<K>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
{
    let per_key = ItemExponentialFailureRateLimiter::new(
        Duration::from_millis(5),
        Duration::from_secs(1_000),
    );
    let all_keys = BucketRateLimiter::new(Duration::from_millis(100), 100);
    MaxOfRateLimiter::new(vec![Box::new(per_key), Box::new(all_keys)])
}

/// How often each key has failed.
#[derive(Debug)]
struct Failures<K: Eq + Hash>(DashMap<K, u32>);

impl<K: Eq + Hash + Clone> Failures<K> {
    /// Counts one more, and returns how many there were before.
    fn count(&self, key: &K) -> u32 {
        let mut failures = self.0.entry(key.clone()).or_insert(0);
        let before = *failures;
        *failures = before.saturating_add(1);
        before
    }

    fn forget(&self, key: &K) {
        self.0.remove(key);
    }

    fn of(&self, key: &K) -> u32 {
        self.0.get(key).map_or(0, |failures| *failures)
    }
}

/// Twice as long after each failure of a key.
#[derive(Debug)]
pub struct ItemExponentialFailureRateLimiter<K: Eq + Hash> {
    failures: Failures<K>,
    base: Duration,
    max: Duration,
}

impl<K: Eq + Hash> ItemExponentialFailureRateLimiter<K> {
    /// Waits `base` after the first failure, then twice as long each time, never more than `max`.
    pub fn new(base: Duration, max: Duration) -> Self {
        ItemExponentialFailureRateLimiter {
            failures: Failures(DashMap::new()),
            base,
            max,
        }
    }
}

impl<K: Eq + Hash + Clone + Send + Sync> RateLimiter<K> for ItemExponentialFailureRateLimiter<K> {
    fn when(&self, key: &K) -> Duration {
        let factor = 1_u128.checked_shl(self.failures.count(key));
        let nanos = self
            .base
            .as_nanos()
            .saturating_mul(factor.unwrap_or(u128::MAX));
        u64::try_from(nanos).map_or(self.max, |nanos| Duration::from_nanos(nanos).min(self.max))
    }

    fn forget(&self, key: &K) {
        self.failures.forget(key);
    }

    fn num_requeues(&self, key: &K) -> u32 {
        self.failures.of(key)
    }
}

/// Quickly a few times, slowly from then on.
#[derive(Debug)]
pub struct ItemFastSlowRateLimiter<K: Eq + Hash> {
    failures: Failures<K>,
    fast: Duration,
    slow: Duration,
    max_fast_attempts: u32,
}

impl<K: Eq + Hash> ItemFastSlowRateLimiter<K> {
    /// Waits `fast` after each of the first `max_fast_attempts` failures of a key, then `slow`.
    pub fn new(fast: Duration, slow: Duration, max_fast_attempts: u32) -> Self {
        ItemFastSlowRateLimiter {
            failures: Failures(DashMap::new()),
            fast,
            slow,
            max_fast_attempts,
        }
    }
}

impl<K: Eq + Hash + Clone + Send + Sync> RateLimiter<K> for ItemFastSlowRateLimiter<K> {
    fn when(&self, key: &K) -> Duration {
        if self.failures.count(key) < self.max_fast_attempts {
            self.fast
        } else {
            self.slow
        }
    }

    fn forget(&self, key: &K) {
        self.failures.forget(key);
    }

    fn num_requeues(&self, key: &K) -> u32 {
        self.failures.of(key)
    }
}

/// A bucket of tokens for all keys together; it starts full, and each failure takes one.
///
/// An empty bucket lends: the wait is until the borrowed token has come in. Keys are not told
/// apart, so `forget` does nothing and `num_requeues` is 0.
#[derive(Debug)]
pub struct BucketRateLimiter {
    interval: Duration,
    /// How long an empty bucket takes to fill.
    capacity: Duration,
    /// When it will be full. That is its whole state: the tokens that are missing now are as many
    /// as come in until then.
    full_at: Mutex<Instant>,
}

impl BucketRateLimiter {
    /// Holds up to `burst` tokens; one comes in every `interval`.
    pub fn new(interval: Duration, burst: u32) -> Self {
        BucketRateLimiter {
            interval,
            capacity: interval.saturating_mul(burst),
            full_at: Mutex::new(Instant::now()),
        }
    }
}

impl BucketRateLimiter {
    /// Takes a token and returns how long to wait for it, if that is no longer than `patience`;
    /// otherwise takes none, so that those who come later do not wait for one who has gone.
    ///
    /// Source: client-go `util/flowcontrol/throttle.go`, `Wait`; with no patience, `TryAccept`.
    pub fn when_within(&self, patience: Duration) -> Option<Duration> {
        let now = Instant::now();
        let mut full_at = self
            .full_at
            .lock()
            .expect("nothing panics while it is held");
        let earliest = (*full_at).max(now);
        let next = earliest.checked_add(self.interval).unwrap_or(earliest);
        let wait = next
            .saturating_duration_since(now)
            .saturating_sub(self.capacity);
        if wait > patience {
            return None;
        }
        *full_at = next;
        Some(wait)
    }
}

impl<K> RateLimiter<K> for BucketRateLimiter {
    fn when(&self, _key: &K) -> Duration {
        self.when_within(Duration::MAX)
            .expect("no wait is longer than the longest there is")
    }

    fn forget(&self, _key: &K) {}

    fn num_requeues(&self, _key: &K) -> u32 {
        0
    }
}

/// The longest of several waits. Each is asked, so each counts the failure.
pub struct MaxOfRateLimiter<K> {
    limiters: Vec<Box<dyn RateLimiter<K>>>,
}

impl<K> MaxOfRateLimiter<K> {
    /// The longest of what `limiters` say; no wait if there are none.
    pub fn new(limiters: Vec<Box<dyn RateLimiter<K>>>) -> Self {
        MaxOfRateLimiter { limiters }
    }
}

impl<K> RateLimiter<K> for MaxOfRateLimiter<K> {
    fn when(&self, key: &K) -> Duration {
        let waits = self.limiters.iter().map(|limiter| limiter.when(key));
        waits.max().unwrap_or_default()
    }

    fn forget(&self, key: &K) {
        for limiter in &self.limiters {
            limiter.forget(key);
        }
    }

    fn num_requeues(&self, key: &K) -> u32 {
        let counts = self
            .limiters
            .iter()
            .map(|limiter| limiter.num_requeues(key));
        counts.max().unwrap_or_default()
    }
}

impl<K> fmt::Debug for MaxOfRateLimiter<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaxOfRateLimiter")
            .field("limiters", &self.limiters.len())
            .finish()
    }
}

/// Another limiter, but never longer than a given wait.
#[derive(Debug)]
pub struct WithMaxWait<L> {
    limiter: L,
    max_wait: Duration,
}

impl<L> WithMaxWait<L> {
    /// Waits as `limiter` says, but no longer than `max_wait`.
    pub fn new(limiter: L, max_wait: Duration) -> Self {
        WithMaxWait { limiter, max_wait }
    }
}

impl<K, L: RateLimiter<K>> RateLimiter<K> for WithMaxWait<L> {
    fn when(&self, key: &K) -> Duration {
        self.limiter.when(key).min(self.max_wait)
    }

    fn forget(&self, key: &K) {
        self.limiter.forget(key);
    }

    fn num_requeues(&self, key: &K) -> u32 {
        self.limiter.num_requeues(key)
    }
}

impl<K, L: RateLimiter<K> + ?Sized> RateLimiter<K> for Arc<L> {
    fn when(&self, key: &K) -> Duration {
        (**self).when(key)
    }

    fn forget(&self, key: &K) {
        (**self).forget(key);
    }

    fn num_requeues(&self, key: &K) -> u32 {
        (**self).num_requeues(key)
    }
}
