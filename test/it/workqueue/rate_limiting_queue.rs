//! Limiter and queue together.

use std::time::Duration;

use bitcoin_controller::workqueue::{
    ItemExponentialFailureRateLimiter, RateLimitingQueue, default_controller_rate_limiter,
};
use tokio::time::{Instant, timeout};

const MILLISECOND: Duration = Duration::from_millis(1);

fn queue() -> RateLimitingQueue<&'static str> {
    let max = Duration::from_secs(1_000);
    RateLimitingQueue::new(ItemExponentialFailureRateLimiter::new(MILLISECOND, max))
}

#[tokio::test(start_paused = true)]
async fn each_failure_of_a_key_waits_twice_as_long_until_it_is_forgotten() {
    let queue = queue();
    let start = Instant::now();
    let mut came_at = Vec::new();
    for round in 0..5 {
        if round == 4 {
            queue.forget(&"one");
        }
        queue.add_rate_limited("one");
        drop(queue.get().await.unwrap());
        came_at.push(start.elapsed());
    }
    assert_eq!(came_at, [1, 3, 7, 15, 16].map(Duration::from_millis));
    assert_eq!(queue.num_requeues(&"one"), 1);
    assert_eq!(queue.metrics().retries, 5);
}

#[tokio::test(start_paused = true)]
async fn forgetting_takes_no_key_out_of_the_queue() {
    let queue = queue();
    queue.add_rate_limited("one");
    queue.forget(&"one");
    assert_eq!(queue.num_requeues(&"one"), 0);
    assert_eq!(queue.get().await.as_deref(), Some(&"one"));
}

#[tokio::test(start_paused = true)]
async fn short_delay_overrides_a_long_back_off_and_the_key_comes_once() {
    let queue = queue();
    for _ in 0..10 {
        queue.add_rate_limited("one"); // the first of these, 1 ms, stands
    }
    assert_eq!(queue.num_requeues(&"one"), 10);
    drop(queue.get().await.unwrap());
    queue.add_rate_limited("one"); // 1024 ms
    queue.add_after("one", 10 * MILLISECOND);
    let start = Instant::now();
    drop(queue.get().await.unwrap());
    assert_eq!(start.elapsed(), 10 * MILLISECOND);
    let more = timeout(Duration::from_secs(60), queue.get()).await;
    assert!(more.is_err());
}

#[tokio::test(start_paused = true)]
async fn failure_reported_before_the_key_is_let_go_is_not_lost() {
    let queue = RateLimitingQueue::new(default_controller_rate_limiter());
    queue.add(1);
    let held = queue.get().await.unwrap();
    queue.add_rate_limited(*held);
    assert!(!queue.drained());
    drop(held);
    assert!(queue.drained()); // it waits, it is not ready
    assert_eq!(queue.get().await.as_deref(), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn clone_is_the_same_queue_and_the_same_history() {
    let queue = queue();
    let clone = queue.clone();
    queue.add_rate_limited("one");
    assert_eq!(clone.num_requeues(&"one"), 1);
    assert_eq!(clone.waiting().len(), 1);
}
