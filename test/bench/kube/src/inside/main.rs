//! What happens within one process of kube-rs, measured where it has a like of the other libraries': one JSON line each.
//!
//! | measure | what stands for it |
//! |---|---|
//! | `queue_add_get_done` | `Scheduler`: 1000 requests that are due, then as many taken out |
//! | `queue_longest_add_1m`, `queue_longest_add_growing_to_1m` | `Scheduler`: requests that are due and cannot be run yet |
//! | `queue_delayed_item` | `Scheduler`: what a request for later holds; only with the feature `count` |
//! | `loop_empty_reconcile` | `Controller::for_stream` with one worker, from watch events to the last reconcile |
//! | `indexer_update`, `indexer_by_index` | `Writer::apply_watcher_event` and the two maps of the program |
//! | `decode_pod` | `serde_json::from_str::<Pod>` |
//! | `slow_handler_lag` | eight subscribers of one shared stream, one of them sleeping 10 ms |
//!
//! There is no like of client-go's event correlator that can be called without an API server.

mod dispatch;
mod objects;
mod queue;
mod store;

use serde_json::json;
use tokio::task::JoinSet;

#[tokio::main]
async fn main() {
    // On a worker of the runtime, as a controller runs.
    let mut measures = JoinSet::new();
    measures.spawn(measure());
    measures.join_all().await;
}

/// How often what varies is measured; the median counts, of longest additions the least.
const RUNS: usize = 5;

async fn measure() {
    tell("queue_add_get_done", queue::add_and_pop().await, "ns");
    let (mut growing, mut grown) = (f64::MAX, f64::MAX);
    for _ in 0..RUNS {
        let longest = queue::longest_add(1_000_000).await;
        (growing, grown) = (growing.min(longest.0), grown.min(longest.1));
    }
    tell("queue_longest_add_1m", grown, "ns");
    tell("queue_longest_add_growing_to_1m", growing, "ns");
    #[cfg(feature = "count")]
    tell(
        "queue_delayed_item",
        queue::delayed_item(100_000).await,
        "B",
    );
    let mut rates = Vec::new();
    for _ in 0..RUNS {
        rates.push(dispatch::reconciles_per_second().await);
    }
    rates.sort_by(f64::total_cmp);
    tell("loop_empty_reconcile", rates[RUNS / 2], "per s");
    let (update, by_index) = store::update_and_read(10_000);
    tell("indexer_update", update, "ns");
    tell("indexer_by_index", by_index, "ns");
    tell("decode_pod", store::decode(), "ns");
    tell("slow_handler_lag", dispatch::slow_handler_lag().await, "ms");
}

fn tell(name: &str, value: f64, unit: &str) {
    println!("{}", json!({"name": name, "value": value, "unit": unit}));
}
