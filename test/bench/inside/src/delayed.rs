//! What a key that waits for its time takes in memory, its own texts left out: those are shared.

use std::time::Duration;

use bench_ceiling::{count, objects};
use bitcoin_controller::workqueue::DelayingQueue;

use crate::Figure;

const N_KEYS: u64 = 100_000;

/// Bytes for each of a hundred thousand keys.
pub fn bytes_per_item() -> Vec<Figure> {
    let (keys, queue) = (objects::keys(N_KEYS), DelayingQueue::default());
    let before = count::live();
    for (number, key) in keys.iter().enumerate() {
        let minutes = (number as u64 * 7_919) % N_KEYS + 1;
        queue.add_after(key.clone(), Duration::from_secs(60 * minutes));
    }
    let held = count::live() - before;
    vec![Figure {
        name: "queue_delayed_item",
        value: held as f64 / N_KEYS as f64,
        unit: "B",
    }]
}
