//! What a queue can say about itself: how deep, how fast, how stuck.
//!
//! A queue counts what has happened as it happens: one addition inside a lock that is held anyway. What
//! *is*, such as how long the work in hand has taken so far, is worked out when somebody asks. So nothing
//! runs to keep numbers fresh, they are exact whenever they are read, and a queue that nobody asks pays
//! two additions a key.
//!
//! | field | series that controllers publish | question |
//! |---|---|---|
//! | `depth` | `workqueue_depth` | is work piling up? |
//! | `adds`, `retries` | `workqueue_adds_total`, `workqueue_retries_total` | who makes so much work? |
//! | `queue_duration` | `workqueue_queue_duration_seconds` | are there enough workers? |
//! | `work_duration` | `workqueue_work_duration_seconds` | is the work slow? |
//! | `unfinished_work_seconds` | `workqueue_unfinished_work_seconds` | is a worker stuck? |
//! | `longest_running_processor_seconds` | `workqueue_longest_running_processor_seconds` | for how long? |
//!
//! # Invariants
//! - A duration is counted once, in the first bucket whose bound it does not exceed.
//! - The last of [`buckets`](Histogram::buckets) plus what was longer is [`count`](Histogram::count).
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
//! use bitcoin_controller::workqueue::WorkQueue;
//! use std::time::Duration;
//! use tokio::time::advance;
//!
//! let queue = WorkQueue::default();
//! queue.add("alpha");
//! advance(Duration::from_secs(2)).await;
//! let alpha = queue.get().await.expect("not shut down");
//! advance(Duration::from_secs(3)).await;
//! let metrics = queue.metrics();
//! assert_eq!((metrics.adds, metrics.depth, metrics.processing), (1, 0, 1));
//! assert_eq!(metrics.queue_duration.sum(), Duration::from_secs(2));
//! assert_eq!(metrics.longest_running_processor_seconds, 3.0);
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Source
//! client-go `util/workqueue/metrics.go`; the buckets are component-base's and controller-runtime's. What
//! differs:
//! - Read, not pushed: no provider, no loop that updates two gauges every 500 ms and has to be stopped.
//! - `processing` and `delayed` are ours.

use std::time::Duration;

/// Numbers about a queue at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    /// Keys that owe a run, in line or marked while processing.
    pub depth: usize,
    /// Keys in a worker's hand.
    pub processing: usize,
    /// Keys whose delay has not passed; always 0 in a plain
    /// [`WorkQueue`](crate::workqueue::WorkQueue).
    pub delayed: usize,
    /// How often a key became owed.
    pub adds: u64,
    /// How often a key was added with a delay.
    pub retries: u64,
    /// How long keys had owed their run when they were handed out.
    pub queue_duration: Histogram,
    /// How long keys were in hand, by those that are not any more.
    pub work_duration: Histogram,
    /// How long all keys in hand have been there, summed.
    pub unfinished_work_seconds: f64,
    /// How long the one has that has been there longest.
    pub longest_running_processor_seconds: f64,
}

/// Durations, counted by their size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// For each bound, how many were no longer than it and longer than the one before; then the rest.
    counts: [u64; N_BOUNDS + 1],
    sum: Duration,
}

impl Histogram {
    /// Counts `duration`.
    pub fn observe(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_NANOS.partition_point(|bound| *bound < nanos);
        self.counts[bucket] += 1;
        self.sum = self.sum.saturating_add(duration);
    }

    /// Each bound, and how many durations were no longer than it: ten nanoseconds, then ten times as long
    /// each time, up to a thousand seconds.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        let mut so_far = 0;
        let counts = BOUNDS_NANOS.iter().zip(self.counts);
        counts.map(move |(bound, count)| {
            so_far += count;
            (Duration::from_nanos(*bound), so_far)
        })
    }

    /// How many durations there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How long they were together.
    pub fn sum(&self) -> Duration {
        self.sum
    }
}

const N_BOUNDS: usize = 12;

const BOUNDS_NANOS: [u64; N_BOUNDS] = {
    let mut bounds = [10; N_BOUNDS];
    let mut at = 1;
    while at < N_BOUNDS {
        bounds[at] = 10 * bounds[at - 1];
        at += 1;
    }
    bounds
};
