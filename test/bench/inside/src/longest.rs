//! The longest that a single addition takes, up to and at a million keys in line.
//!
//! By the thread's own clock, which stands still while the kernel lets somebody else run: among a million
//! additions some are always interrupted, for milliseconds on a busy machine, and that is not the queue's doing.

use std::time::Duration;

use bench_ceiling::{objects, runtime};
use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::workqueue::WorkQueue;

use crate::Figure;

const N_KEYS: u64 = 1_000_000;
const N_TURNS: usize = 100_000;
const N_RUNS: usize = 5;

/// The longest addition on the way to a million, and the longest with a million there.
pub fn longest_add() -> Vec<Figure> {
    let keys = objects::keys(N_KEYS);
    let runs: Vec<_> = (0..N_RUNS).map(|_| run(&keys)).collect();
    let least = |longest: fn(&(Duration, Duration)) -> Duration| {
        let least = runs.iter().map(longest).min();
        least.unwrap_or_default().as_nanos() as f64
    };
    vec![
        Figure {
            name: "queue_longest_add_1m",
            value: least(|run| run.1),
            unit: "ns",
        },
        Figure {
            name: "queue_longest_add_growing_to_1m",
            value: least(|run| run.0),
            unit: "ns",
        },
    ]
}

fn run(keys: &[ObjectKey]) -> (Duration, Duration) {
    let queue = WorkQueue::default();
    let growing = keys.iter().map(|key| add(&queue, key)).max();
    let turns = async {
        let mut longest = Duration::ZERO;
        for _ in 0..N_TURNS {
            // The first in line goes to its end.
            let key = queue.get().await.expect("not shut down").key().clone();
            longest = longest.max(add(&queue, &key));
        }
        longest
    };
    let at_a_million = runtime().block_on(turns);
    assert_eq!(queue.len() as u64, N_KEYS);
    (growing.unwrap_or_default(), at_a_million)
}

fn add(queue: &WorkQueue<ObjectKey>, key: &ObjectKey) -> Duration {
    let key = key.clone();
    let started = thread_time();
    queue.add(key);
    thread_time() - started
}

/// How long this thread has run.
fn thread_time() -> Duration {
    #[repr(C)]
    struct Timespec {
        seconds: i64,
        nanos: i64,
    }
    unsafe extern "C" {
        fn clock_gettime(clock: i32, time: *mut Timespec) -> i32;
    }
    const CLOCK_THREAD_CPUTIME_ID: i32 = 3;

    let mut time = Timespec {
        seconds: 0,
        nanos: 0,
    };
    // SAFETY: `time` is what the C library calls a timespec on 64-bit Linux, and is written to in the call only.
    let failed = unsafe { clock_gettime(CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(failed, 0, "a thread has a clock");
    Duration::new(time.seconds as u64, time.nanos as u32)
}
