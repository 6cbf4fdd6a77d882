//! Mirrors `src/base/clock.rs`.

use std::time::{Duration, UNIX_EPOCH};

use bitcoin_controller::base::Clock;

#[tokio::test(start_paused = true)]
async fn a_started_clock_advances_with_paused_time_and_its_clones_agree() {
    let clock = Clock::starting_at(UNIX_EPOCH + Duration::from_secs(100));
    let other = clock.clone();
    tokio::time::advance(Duration::from_secs(3_600)).await;
    assert_eq!(clock.unix_seconds(), 3_700);
    assert_eq!(clock.now(), other.now());
}

#[tokio::test(start_paused = true)]
async fn dates_before_1970_are_negative() {
    let clock = Clock::starting_at(UNIX_EPOCH - Duration::from_secs(5));
    assert_eq!(clock.unix_seconds(), -5);
}
