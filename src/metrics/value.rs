//! Counting without a lock: how often, and how long.
//!
//! A number that only grows is all a counter is: whoever reads it twice works out the rate. A histogram is
//! several of them, one for each size of what it is told of, and their sum. Both are atomics: counting
//! costs a few nanoseconds on whatever path it is done.
//!
//! # Invariants
//! - Nothing counted here ever falls.
//! - A duration is counted in exactly one bucket, and the buckets of one [`Reading`] add up to its count.
//!
//! # Example
//! ```
//! use bitcoin_controller::metrics::Histogram;
//! use std::time::Duration;
//!
//! let passes = Histogram::new(&[0.1, 1.0]);
//! passes.observe(Duration::from_millis(100));
//! passes.observe(Duration::from_secs(3));
//! let reading = passes.read();
//! assert_eq!(reading.buckets, [(0.1, 1), (1.0, 1)]);
//! assert_eq!((reading.count, reading.sum), (2, 3.1));
//! ```
//!
//! # Source
//! prometheus/client_golang `prometheus/counter.go`, `histogram.go`. What differs: a counter counts whole
//! things, a histogram durations; no exemplars, no native histograms, which the text format cannot say.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How often something has happened.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Once more.
    pub fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How often so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How long something takes: durations, counted by size.
#[derive(Debug)]
pub struct Histogram {
    /// In seconds, ascending.
    bounds: &'static [f64],
    /// For each bound, how many were no longer than it and longer than the one before; then the rest.
    counts: Box<[AtomicU64]>,
    sum_nanos: AtomicU64,
}

impl Histogram {
    /// One with these upper bounds, in seconds, ascending; what is longer than the last is counted, too.
    pub fn new(bounds: &'static [f64]) -> Self {
        Histogram {
            bounds,
            counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum_nanos: AtomicU64::new(0),
        }
    }

    /// Counts `duration`.
    pub fn observe(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let bucket = self.bounds.partition_point(|bound| *bound < seconds);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.sum_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// What has been counted so far.
    pub fn read(&self) -> Reading {
        let mut count = 0;
        let mut so_far = self.counts.iter().map(|bucket| {
            count += bucket.load(Ordering::Relaxed);
            count
        });
        let buckets = self.bounds.iter().copied().zip(so_far.by_ref()).collect();
        so_far.for_each(drop);
        let sum = Duration::from_nanos(self.sum_nanos.load(Ordering::Relaxed));
        Reading {
            buckets,
            count,
            sum: sum.as_secs_f64(),
        }
    }
}

/// What a histogram has counted, at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Each upper bound, and how many were no greater than it: those below the bounds before included.
    pub buckets: Vec<(f64, u64)>,
    /// How many there were.
    pub count: u64,
    /// What they add up to.
    pub sum: f64,
}
