//! How long each limiter says, value in and value out.

use std::sync::Arc;
use std::time::Duration;

use bitcoin_controller::workqueue::{
    BucketRateLimiter, ItemExponentialFailureRateLimiter, ItemFastSlowRateLimiter,
    MaxOfRateLimiter, RateLimiter, WithMaxWait, default_controller_rate_limiter,
};
use tokio::time::advance;

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn waits(limiter: &dyn RateLimiter<&'static str>, key: &'static str, n: usize) -> Vec<Duration> {
    (0..n).map(|_| limiter.when(&key)).collect()
}

#[test]
fn c086_exponential_starts_at_the_base_doubles_and_stays_at_the_cap() {
    let limiter = ItemExponentialFailureRateLimiter::new(5 * MILLISECOND, 1_000 * SECOND);
    let waits = waits(&limiter, "one", 20);
    for (n, wait) in waits.iter().take(18).enumerate() {
        assert_eq!(*wait, 5 * MILLISECOND * 2_u32.pow(n as u32));
    }
    assert_eq!(waits[17], Duration::from_millis(655_360));
    assert_eq!(waits[18..], [1_000 * SECOND; 2]);
}

#[test]
fn c086_exponential_does_not_overflow_however_often_a_key_fails() {
    for base in [Duration::from_nanos(1), 5 * MILLISECOND, Duration::MAX] {
        let limiter = ItemExponentialFailureRateLimiter::new(base, 1_000 * SECOND);
        let waits = waits(&limiter, "one", 300);
        assert!(waits.is_sorted());
        assert_eq!(waits[60..], [1_000 * SECOND; 240]);
    }
    let never = ItemExponentialFailureRateLimiter::new(Duration::ZERO, SECOND);
    assert_eq!(waits(&never, "one", 200), [Duration::ZERO; 200]);
}

#[test]
fn keys_fail_apart_and_a_forgotten_key_starts_over() {
    let limiter = ItemExponentialFailureRateLimiter::new(MILLISECOND, SECOND);
    waits(&limiter, "one", 5);
    assert_eq!(limiter.when(&"two"), MILLISECOND);
    assert_eq!(
        (limiter.num_requeues(&"one"), limiter.num_requeues(&"two")),
        (5, 1)
    );
    limiter.forget(&"one");
    assert_eq!(
        (limiter.num_requeues(&"one"), limiter.num_requeues(&"two")),
        (0, 1)
    );
    assert_eq!(limiter.when(&"one"), MILLISECOND);
}

#[test]
fn fast_slow_is_fast_for_the_first_failures_of_each_key() {
    let limiter = ItemFastSlowRateLimiter::new(MILLISECOND, SECOND, 3);
    let expected = [MILLISECOND, MILLISECOND, MILLISECOND, SECOND, SECOND];
    assert_eq!(waits(&limiter, "one", 5), expected);
    assert_eq!(limiter.when(&"two"), MILLISECOND);
    assert_eq!(limiter.num_requeues(&"one"), 5);
    limiter.forget(&"one");
    assert_eq!(waits(&limiter, "one", 5), expected);
}

#[tokio::test(start_paused = true)]
async fn c087_bucket_starts_full_and_then_spaces_all_keys_evenly() {
    let limiter = BucketRateLimiter::new(100 * MILLISECOND, 100);
    assert_eq!(waits(&limiter, "one", 60), [Duration::ZERO; 60]);
    assert_eq!(waits(&limiter, "two", 40), [Duration::ZERO; 40]);
    let expected = [100 * MILLISECOND, 200 * MILLISECOND, 300 * MILLISECOND];
    assert_eq!(waits(&limiter, "one", 3), expected);
}

#[tokio::test(start_paused = true)]
async fn bucket_fills_with_time_up_to_its_burst_and_no_further() {
    let limiter = BucketRateLimiter::new(100 * MILLISECOND, 3);
    waits(&limiter, "one", 5); // two of them borrowed
    advance(250 * MILLISECOND).await;
    // Half a token is there; the other half comes in 50 ms.
    assert_eq!(limiter.when(&"one"), 50 * MILLISECOND);
    advance(3_600 * SECOND).await;
    let (zero, next) = (Duration::ZERO, 100 * MILLISECOND);
    assert_eq!(waits(&limiter, "one", 4), [zero, zero, zero, next]);
}

#[tokio::test(start_paused = true)]
async fn bucket_does_not_tell_keys_apart() {
    let limiter = BucketRateLimiter::new(SECOND, 1);
    waits(&limiter, "one", 2);
    limiter.forget(&"one");
    assert_eq!(limiter.num_requeues(&"one"), 0);
    assert_eq!(limiter.when(&"one"), 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn c134_a_bucket_starts_full_and_gives_nothing_to_those_who_cannot_wait() {
    let bucket = BucketRateLimiter::new(SECOND, 2);
    let (zero, half) = (Duration::ZERO, SECOND / 2);
    assert_eq!(bucket.when_within(zero), Some(zero));
    assert_eq!(bucket.when_within(zero), Some(zero));
    for _ in 0..10 {
        assert_eq!(bucket.when_within(half), None, "at once");
    }
    assert_eq!(bucket.when_within(SECOND), Some(SECOND), "and none is gone");
    assert_eq!(bucket.when_within(SECOND), None);
    advance(SECOND + half).await;
    assert_eq!(bucket.when_within(zero), None);
    assert_eq!(bucket.when_within(half), Some(half));
    advance(3_600 * SECOND).await;
    let given = (0..5).filter(|_| bucket.when_within(zero).is_some());
    assert_eq!(given.count(), 2, "no fuller than full");
}

#[tokio::test(start_paused = true)]
async fn c087_max_of_returns_the_longest_and_asks_each() {
    let per_key = Arc::new(ItemExponentialFailureRateLimiter::new(
        MILLISECOND,
        60 * SECOND,
    ));
    let bucket = Arc::new(BucketRateLimiter::new(3 * MILLISECOND, 1));
    let both: MaxOfRateLimiter<&str> =
        MaxOfRateLimiter::new(vec![Box::new(per_key.clone()), Box::new(bucket.clone())]);
    // Per key 1, 2, 4, 8, 16; the bucket 0, 3, 6, 9, 12.
    let expected = [1, 3, 6, 9, 16].map(Duration::from_millis);
    assert_eq!(waits(&both, "one", 5), expected);
    assert_eq!(both.num_requeues(&"one"), 5);
    assert_eq!(per_key.num_requeues(&"one"), 5);
    assert_eq!(
        RateLimiter::<&str>::when(&*bucket, &"one"),
        15 * MILLISECOND
    );
    both.forget(&"one");
    assert_eq!(per_key.num_requeues(&"one"), 0);
}

#[test]
fn max_of_none_never_waits() {
    assert_eq!(MaxOfRateLimiter::new(vec![]).when(&"one"), Duration::ZERO);
}

#[test]
fn max_wait_caps_another_limiter_and_keeps_its_count() {
    let inner = ItemExponentialFailureRateLimiter::new(SECOND, 1_000 * SECOND);
    let limiter = WithMaxWait::new(inner, 3 * SECOND);
    assert_eq!(waits(&limiter, "one", 3), [SECOND, 2 * SECOND, 3 * SECOND]);
    assert_eq!(limiter.num_requeues(&"one"), 3);
    limiter.forget(&"one");
    assert_eq!(limiter.when(&"one"), SECOND);
}

#[tokio::test(start_paused = true)]
async fn c086_default_doubles_from_5_ms_to_1000_s_for_each_key_and_forget_starts_over() {
    let limiter = default_controller_rate_limiter();
    let waits = waits(&limiter, "one", 80);
    for (n, wait) in waits.iter().enumerate() {
        let doubled = 5 * MILLISECOND * 2_u32.pow(n.min(20) as u32);
        assert_eq!(*wait, doubled.min(1_000 * SECOND), "failure {n}");
    }
    assert_eq!(limiter.num_requeues(&"one"), 80);
    limiter.forget(&"one");
    assert_eq!(limiter.num_requeues(&"one"), 0);
    assert_eq!(limiter.when(&"one"), 5 * MILLISECOND);
}

#[tokio::test(start_paused = true)]
async fn c087_default_is_per_key_at_first_and_the_bucket_when_everything_fails() {
    let limiter = default_controller_rate_limiter();
    let waits: Vec<Duration> = (0..103).map(|key| limiter.when(&key)).collect();
    assert_eq!(waits[..100], [5 * MILLISECOND; 100]);
    let spaced = [100 * MILLISECOND, 200 * MILLISECOND, 300 * MILLISECOND];
    assert_eq!(waits[100..], spaced);
    limiter.forget(&0);
    assert_eq!((limiter.num_requeues(&0), limiter.num_requeues(&1)), (0, 1));
}
