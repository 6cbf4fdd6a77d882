//! Goal: each height is flushed once, one node at a time, when blocks rest or a minute has passed.

use std::time::Duration;

use bitcoin_controller::controller::flush::{Candidate, FLUSH_EVERY, Flushes, STILL_AFTER};
use tokio::time::advance;

const SECOND: Duration = Duration::from_secs(1);

fn all_at(height: i64) -> [Candidate<'static>; 3] {
    [(0, "a", height), (1, "b", height), (2, "c", height)]
}

#[tokio::test(start_paused = true)]
async fn blocks_that_have_stopped_coming_are_flushed_on_each_node_once() {
    let mut flushes = Flushes::default();
    assert_eq!(flushes.next(&all_at(5)), Some((0, STILL_AFTER)));
    advance(SECOND).await;
    assert_eq!(
        flushes.next(&all_at(6)),
        Some((0, STILL_AFTER)),
        "another block has come"
    );
    advance(STILL_AFTER).await;
    for (ordinal, uid) in [(0, "a"), (1, "b"), (2, "c")] {
        assert_eq!(flushes.next(&all_at(6)), Some((ordinal, Duration::ZERO)));
        flushes.note(ordinal, uid, Some(6));
    }
    advance(100 * FLUSH_EVERY).await;
    assert_eq!(flushes.next(&all_at(6)), None);
}

#[tokio::test(start_paused = true)]
async fn blocks_that_never_stop_are_flushed_now_and_then() {
    let mut flushes = Flushes::default();
    flushes.next(&[(0, "a", 1)]);
    flushes.note(0, "a", Some(1));
    for height in 2..=60 {
        advance(SECOND).await;
        let next = flushes.next(&[(0, "a", height)]);
        assert!(
            next.is_some_and(|(_, wait)| !wait.is_zero()),
            "{height}: {next:?}"
        );
    }
    advance(SECOND).await;
    assert_eq!(flushes.next(&[(0, "a", 61)]), Some((0, Duration::ZERO)));
}

#[tokio::test(start_paused = true)]
async fn genesis_needs_no_flush_and_nobody_none() {
    let mut flushes = Flushes::default();
    assert_eq!(flushes.next(&all_at(0)), None);
    assert_eq!(flushes.next(&[]), None);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_was_replaced_counts_as_never_flushed() {
    let mut flushes = Flushes::default();
    flushes.note(0, "a", Some(5));
    flushes.next(&[(0, "a", 5)]);
    advance(STILL_AFTER).await;
    assert_eq!(flushes.next(&[(0, "a", 5)]), None);
    assert_eq!(flushes.next(&[(0, "other", 5)]), Some((0, Duration::ZERO)));
}

#[tokio::test(start_paused = true)]
async fn what_failed_is_not_tried_again_at_once_and_holds_up_nobody() {
    let mut flushes = Flushes::default();
    flushes.next(&all_at(5));
    advance(STILL_AFTER).await;
    flushes.note(0, "a", None);
    assert_eq!(flushes.next(&all_at(5)), Some((1, Duration::ZERO)));
    flushes.note(1, "b", Some(5));
    flushes.note(2, "c", Some(5));
    assert_eq!(flushes.next(&all_at(5)), Some((0, FLUSH_EVERY)));
}
