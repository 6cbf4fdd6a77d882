//! Counting.

use std::time::Duration;

use bitcoin_controller::metrics::{Counter, Histogram};

const MILLISECOND: Duration = Duration::from_millis(1);

#[test]
fn a_counter_counts_from_many_threads() {
    let counter = Counter::default();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1_000).for_each(|_| counter.increment()));
        }
    });
    assert_eq!(counter.get(), 4_000);
}

#[test]
fn a_duration_is_in_the_first_bucket_that_it_does_not_exceed() {
    let histogram = Histogram::new(&[0.001, 0.01]);
    histogram.observe(Duration::ZERO);
    histogram.observe(MILLISECOND);
    histogram.observe(MILLISECOND + Duration::from_nanos(1));
    histogram.observe(10 * MILLISECOND);
    histogram.observe(11 * MILLISECOND);
    let reading = histogram.read();
    assert_eq!(reading.buckets, [(0.001, 2), (0.01, 4)]);
    assert_eq!(reading.count, 5);
    assert_eq!(reading.sum, 0.023000001);
}

#[test]
fn a_histogram_that_was_told_nothing_says_so() {
    let reading = Histogram::new(&[1.0]).read();
    assert_eq!((reading.count, reading.sum), (0, 0.0));
    assert_eq!(reading.buckets, [(1.0, 0)]);
}
