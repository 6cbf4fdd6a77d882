//! Durations counted by their size, and what a queue says of itself.

use std::time::Duration;

use bitcoin_controller::workqueue::{DelayingQueue, Histogram};
use tokio::time::{advance, sleep};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn c088_buckets_are_the_powers_of_ten_from_ten_nanoseconds_to_a_thousand_seconds() {
    let histogram = Histogram::default();
    let bounds: Vec<Duration> = histogram.buckets().map(|(bound, _)| bound).collect();
    let expected: Vec<Duration> = (1..=12)
        .map(|power| Duration::from_nanos(10_u64.pow(power)))
        .collect();
    assert_eq!(bounds, expected);
    assert_eq!(bounds[11], 1_000 * SECOND);
}

#[test]
fn a_duration_counts_for_every_bound_it_does_not_exceed() {
    for (duration, first) in [
        (Duration::ZERO, 0),
        (Duration::from_nanos(10), 0),
        (Duration::from_nanos(11), 1),
        (SECOND, 8),
        (SECOND + Duration::from_nanos(1), 9),
        (1_000 * SECOND, 11),
        (1_001 * SECOND, 12), // longer than all of them: counted, in no bucket
        (Duration::MAX, 12),
    ] {
        let mut histogram = Histogram::default();
        histogram.observe(duration);
        let counts: Vec<u64> = histogram.buckets().map(|(_, count)| count).collect();
        let expected: Vec<u64> = (0..12).map(|at| u64::from(at >= first)).collect();
        assert_eq!(counts, expected, "{duration:?}");
        assert_eq!((histogram.count(), histogram.sum()), (1, duration));
    }
}

#[test]
fn the_sum_of_very_long_durations_stays_at_the_longest_there_is() {
    let mut histogram = Histogram::default();
    histogram.observe(Duration::MAX);
    histogram.observe(SECOND);
    assert_eq!((histogram.count(), histogram.sum()), (2, Duration::MAX));
}

/// The one case that is easy to get wrong: a key that is added twice while it is worked on.
#[tokio::test(start_paused = true)]
async fn c088_a_key_added_twice_while_processing_counts_two_adds_and_a_depth_of_one() {
    let queue = DelayingQueue::default();
    queue.add(1);
    let held = queue.get().await.unwrap();
    queue.add(1);
    queue.add(1);
    let metrics = queue.metrics();
    assert_eq!((metrics.adds, metrics.depth), (2, 1));
    drop(held);
    drop(queue.get().await);
    let metrics = queue.metrics();
    assert_eq!((metrics.adds, metrics.depth, metrics.processing), (2, 0, 0));
    assert_eq!(metrics.work_duration.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn c088_durations_retries_and_what_is_unfinished_are_exact_whenever_they_are_read() {
    let queue = DelayingQueue::default();
    queue.add_after(1, SECOND);
    queue.add_after(1, Duration::ZERO);
    queue.add_after(2, 4 * SECOND);
    assert_eq!((queue.metrics().retries, queue.metrics().delayed), (3, 2));
    drop(queue.get().await); // 1, at once
    advance(3 * SECOND).await;
    let held = queue.get().await.unwrap(); // 1, due for two seconds
    assert_eq!(queue.metrics().queue_duration.sum(), 2 * SECOND);
    for milliseconds in [1, 499, 501] {
        let before = queue.metrics().unfinished_work_seconds;
        advance(Duration::from_millis(milliseconds)).await;
        let now = queue.metrics().unfinished_work_seconds;
        assert!((now - before - milliseconds as f64 / 1_000.0).abs() < 1e-9);
    }
    drop(held);
    let metrics = queue.metrics();
    assert_eq!(metrics.work_duration.sum(), Duration::from_millis(1_001));
    assert_eq!(metrics.unfinished_work_seconds, 0.0);
    assert_eq!(
        metrics.depth, 1,
        "the other is due by now, and nobody asked for it"
    );
}

/// Nothing runs to keep the numbers fresh, so nothing has to be stopped.
#[tokio::test(start_paused = true)]
async fn c088_numbers_are_kept_by_no_task_and_can_be_read_after_shutdown() {
    let queue = DelayingQueue::default();
    queue.add(1);
    let held = queue.get().await.unwrap();
    queue.shut_down();
    sleep(7 * SECOND).await;
    let tasks = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    assert_eq!(tasks, 0);
    assert_eq!(queue.metrics().longest_running_processor_seconds, 7.0);
    drop(held);
    assert_eq!(queue.metrics().longest_running_processor_seconds, 0.0);
}
