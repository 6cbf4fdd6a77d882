//! Mirrors `src/base/backoff.rs`.

use std::time::Duration;

use bitcoin_controller::base::{Backoff, Random};

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
