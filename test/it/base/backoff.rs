//! Mirrors `src/base/backoff.rs`.

use std::time::Duration;

use bitcoin_controller::base::{Backoff, KeyedBackoff, Random};

const INITIAL: Duration = Duration::from_millis(800);
const CAP: Duration = Duration::from_secs(30);

#[tokio::test(start_paused = true)]
async fn waits_double_up_to_the_cap() {
    let random = Random::seeded(1);
    let mut backoff = Backoff::new(INITIAL, CAP);
    let waits: Vec<u128> = (0..8)
        .map(|_| backoff.next_wait(&random).as_millis())
        .collect();
    assert_eq!(
        waits,
        [800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]
    );
}

#[tokio::test(start_paused = true)]
async fn jitter_stretches_and_never_shortens() {
    let random = Random::seeded(2);
    let mut backoff = Backoff::new(INITIAL, INITIAL).with_jitter(1.0);
    let waits: Vec<Duration> = (0..1_000).map(|_| backoff.next_wait(&random)).collect();
    assert!(
        waits
            .iter()
            .all(|wait| (INITIAL..2 * INITIAL).contains(wait))
    );
    assert!(waits.iter().max() > waits.iter().min(), "jitter must vary");
}

#[tokio::test(start_paused = true)]
async fn a_quiet_spell_starts_over_and_a_shorter_one_does_not() {
    let random = Random::seeded(3);
    let quiet = Duration::from_secs(120);
    let mut backoff = Backoff::new(INITIAL, CAP).with_reset_after(quiet);
    backoff.next_wait(&random);
    tokio::time::advance(quiet).await;
    assert_eq!(backoff.next_wait(&random), 2 * INITIAL);
    tokio::time::advance(quiet + Duration::from_millis(1)).await;
    assert_eq!(backoff.next_wait(&random), INITIAL);
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn c133_each_key_waits_1_2_4_up_to_the_cap_and_not_at_all_before_it_fails() {
    let mut backoff = KeyedBackoff::new(SECOND, 10 * SECOND);
    assert_eq!(backoff.wait(&"a"), Duration::ZERO);
    let waits: Vec<u64> = (0..6).map(|_| backoff.next_wait("a").as_secs()).collect();
    assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
    assert_eq!(backoff.next_wait("b"), SECOND, "another key");
    assert_eq!(backoff.wait(&"a"), 10 * SECOND);

    tokio::time::advance(Duration::from_millis(9_999)).await;
    assert!(backoff.is_waiting(&"a") && !backoff.is_waiting(&"b"));
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(!backoff.is_waiting(&"a"));
    assert_eq!(backoff.wait(&"a"), 10 * SECOND, "remembered");
    backoff.reset(&"a");
    assert_eq!(backoff.next_wait("a"), SECOND);
}

#[tokio::test(start_paused = true)]
async fn c133_a_key_is_forgotten_after_more_than_twice_the_cap_and_garbage_collection_frees_it() {
    for (quiet, kept) in [(20_000, 1), (20_001, 0)] {
        let mut backoff = KeyedBackoff::new(SECOND, 10 * SECOND);
        backoff.next_wait("a");
        backoff.next_wait("a");
        tokio::time::advance(Duration::from_millis(quiet)).await;
        // Forgotten or not, it is the same whether or not its memory has been freed.
        let again = backoff.clone().next_wait("a");
        assert_eq!(again, if kept == 1 { 4 * SECOND } else { SECOND });
        backoff.collect_garbage();
        assert_eq!((backoff.len(), backoff.is_empty()), (kept, kept == 0));
        assert_eq!(backoff.next_wait("a"), again);
    }
}

#[tokio::test(start_paused = true)]
async fn a_first_wait_above_the_cap_is_the_cap() {
    let mut backoff = KeyedBackoff::new(10 * SECOND, SECOND);
    assert_eq!(backoff.next_wait("a"), SECOND);
    let mut endless = KeyedBackoff::new(SECOND, Duration::MAX);
    for _ in 0..100 {
        endless.next_wait("a");
    }
    assert_eq!(endless.wait(&"a"), Duration::MAX);
}
