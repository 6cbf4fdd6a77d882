//! Waiting longer after each failure.
//!
//! A [`Backoff`] is plain data: it is asked how long to wait and told nothing else. The wait doubles
//! up to a cap, and jitter stretches each one by a random share so that a thousand clients that
//! failed together do not come back together. After a quiet spell it starts over.
//!
//! A [`KeyedBackoff`] is the same for many things that fail apart, such as one image or one node each. Of
//! a thing that has not failed for twice the longest wait it remembers nothing.
//!
//! # Invariants
//! - A wait is in `[d, d * (1 + jitter))` where `d` starts at `initial` and never exceeds `cap`.
//! - Asking after more than `reset_after` without asking starts over at `initial`.
//! - A [`KeyedBackoff`] answers for a forgotten key as for one that has never failed, whether or not
//!   [`collect_garbage`](KeyedBackoff::collect_garbage) has come by.
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! use bitcoin_controller::base::{Backoff, Random};
//! use std::time::Duration;
//!
//! let random = Random::seeded(1);
//! let mut backoff = Backoff::new(Duration::from_millis(800), Duration::from_secs(30));
//! assert_eq!(backoff.next_wait(&random), Duration::from_millis(800));
//! assert_eq!(backoff.next_wait(&random), Duration::from_millis(1_600));
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Source
//! client-go `tools/cache/reflector.go` (800 ms, doubling, 30 s, jitter 1.0, reset after 2 min), and
//! `util/flowcontrol/backoff.go`. What differs: the quiet spell is measured from the last wait that was
//! asked for, as the code comment there promises, and not from the last reset. A keyed one is without
//! lock (whoever shares it brings one) and without jitter.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

use crate::base::Random;

/// How long to wait before the next attempt.
#[derive(Clone, Debug)]
pub struct Backoff {
    initial: Duration,
    cap: Duration,
    jitter: f64,
    reset_after: Option<Duration>,
    next: Duration,
    last_asked: Option<Instant>,
}

impl Backoff {
    /// Doubles from `initial` to `cap`, without jitter, and starts over only when told to.
    pub fn new(initial: Duration, cap: Duration) -> Self {
        Backoff {
            initial,
            cap,
            jitter: 0.0,
            reset_after: None,
            next: initial,
            last_asked: None,
        }
    }

    /// Stretches each wait by a random share of up to `jitter` (1.0: up to twice as long).
    #[must_use]
    pub fn with_jitter(mut self, jitter: f64) -> Self {
        self.jitter = jitter;
        self
    }

    /// Starts over when nothing has been asked for `quiet`.
    #[must_use]
    pub fn with_reset_after(mut self, quiet: Duration) -> Self {
        self.reset_after = Some(quiet);
        self
    }

    /// The next wait; each call makes the one after it longer.
    pub fn next_wait(&mut self, random: &Random) -> Duration {
        let now = Instant::now();
        if let (Some(last), Some(quiet)) = (self.last_asked, self.reset_after)
            && now.duration_since(last) > quiet
        {
            self.reset();
        }
        let base = self.next.min(self.cap);
        self.next = base.saturating_mul(2).min(self.cap);
        self.last_asked = Some(now);
        if self.jitter == 0.0 {
            base
        } else {
            base.mul_f64(1.0 + self.jitter * random.unit())
        }
    }

    /// Starts over: the next wait is `initial` again.
    pub fn reset(&mut self) {
        self.next = self.initial;
        self.last_asked = None;
    }
}

/// How long each of many keys has to wait after it failed.
#[derive(Clone, Debug)]
pub struct KeyedBackoff<K> {
    initial: Duration,
    cap: Duration,
    entries: HashMap<K, Failed>,
}

/// A key's last failure, and how long it has to wait from then on.
#[derive(Clone, Copy, Debug)]
struct Failed {
    wait: Duration,
    at: Instant,
}

impl<K: Eq + Hash> KeyedBackoff<K> {
    /// Doubles from `initial` to `cap` for each key.
    pub fn new(initial: Duration, cap: Duration) -> Self {
        KeyedBackoff {
            initial,
            cap,
            entries: HashMap::new(),
        }
    }

    /// Counts a failure of `key`, and returns how long it has to wait now.
    pub fn next_wait(&mut self, key: K) -> Duration {
        let doubled = self.wait(&key).saturating_mul(2);
        let wait = doubled.clamp(self.initial.min(self.cap), self.cap);
        let at = Instant::now();
        self.entries.insert(key, Failed { wait, at });
        wait
    }

    /// How long `key` had to wait after its last failure; zero if it has not failed lately.
    pub fn wait(&self, key: &K) -> Duration {
        match self.entries.get(key) {
            Some(failed) if failed.at.elapsed() <= self.longest() => failed.wait,
            _ => Duration::ZERO,
        }
    }

    /// Whether `key` has to wait still.
    pub fn is_waiting(&self, key: &K) -> bool {
        let failed = self.entries.get(key);
        failed.is_some_and(|failed| failed.at.elapsed() < failed.wait)
    }

    /// Forgets `key`, which succeeded.
    pub fn reset(&mut self, key: &K) {
        self.entries.remove(key);
    }

    /// Frees the memory of keys that have not failed for more than twice the cap.
    pub fn collect_garbage(&mut self) {
        let longest = self.longest();
        self.entries
            .retain(|_, failed| failed.at.elapsed() <= longest);
    }

    /// How many keys are remembered.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How long a failure is remembered.
    fn longest(&self) -> Duration {
        self.cap.saturating_mul(2)
    }
}
