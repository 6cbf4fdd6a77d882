//! A queue of keys: each once, never two workers on one, later, slower. No server, no cluster.
//!
//! A controller is told of changes faster than it can act on them. So it is told *which* object
//! changed, never *what*, and the queue holds that as a debt: a key is owed a look, once.
//! The clock is paused here, so tokio jumps to the next moment at which something is due: an hour
//! passes at once, and every run prints the same.
//!
//! Read next: `src/workqueue/state.rs`, three sets and no lock, then `src/workqueue/queue.rs`.
//!
//!     cargo run --example 05_workqueue

use std::time::Duration;

use bitcoin_controller::base::Report;
use bitcoin_controller::workqueue::{
    Processing, RateLimitingQueue, default_controller_rate_limiter,
};
use tokio::time::Instant;

type Queue = RateLimitingQueue<&'static str>;

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Report> {
    let queue = Queue::new(default_controller_rate_limiter());
    once(&queue).await?;
    later(&queue).await?;
    slower(&queue).await?;
    end(&queue).await;
    Ok(())
}

/// However often a key is added, it is owed one run; and never two at the same time.
async fn once(queue: &Queue) -> Result<(), Report> {
    for _ in 0..1_000 {
        queue.add("alpha");
    }
    println!("alpha changed 1000 times: {} in line", queue.len());
    let alpha = take(queue).await?;
    queue.add("alpha");
    println!("a worker has it and it changes: {} in line", queue.len());
    drop(alpha); // This is "done". A worker that fails or panics cannot forget it.
    println!("the worker is done: {} in line", queue.len());
    take(queue).await.map(drop)
}

/// A key may come back later, without a task or a timer for each.
async fn later(queue: &Queue) -> Result<(), Report> {
    let start = Instant::now();
    queue.add_after("beta", Duration::from_secs(3600));
    queue.add_after("beta", Duration::from_secs(60));
    let beta = take(queue).await?;
    let waited = start.elapsed();
    println!(
        "{} was to come in 1 h, and in 1 min: after {waited:?}",
        *beta
    );
    Ok(())
}

/// A key that fails waits twice as long each time, until it succeeds and is forgotten.
async fn slower(queue: &Queue) -> Result<(), Report> {
    for failure in 1..=4 {
        let start = Instant::now();
        queue.add_rate_limited("gamma");
        let gamma = take(queue).await?;
        let waited = start.elapsed();
        println!("failure {failure} of {}: again after {waited:?}", *gamma);
    }
    queue.forget(&"gamma");
    let failures = queue.num_requeues(&"gamma");
    println!("gamma succeeds and is forgotten: {failures} failures");
    Ok(())
}

/// Shut down, a queue takes nothing more, hands out what it has, and ends its workers.
async fn end(queue: &Queue) {
    queue.add("delta");
    queue.shut_down();
    queue.add("too late");
    while let Some(key) = queue.get().await {
        println!("shut down, but still handed out: {}", *key);
    }
    println!("then each worker gets None, and its loop ends");
}

/// What a worker does first. The guard is its hold on the key.
async fn take(queue: &Queue) -> Result<Processing<&'static str>, Report> {
    let key = queue.get().await;
    key.ok_or_else(|| Report::new("the queue was shut down too early"))
}
