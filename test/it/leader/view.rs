//! What is seen of an election from outside.

use std::time::Duration;

use bitcoin_controller::api::Text;
use bitcoin_controller::leader::{LeaderView, Overdue};
use tokio::time::{advance, sleep, timeout};

use super::stage::{Stage, foreign};

const SECOND: Duration = Duration::from_secs(1);

async fn next(view: &mut LeaderView) -> Option<Text> {
    let next = timeout(600 * SECOND, view.next_leader()).await;
    next.expect("somebody else leads, or nobody ever will")
}

#[tokio::test(start_paused = true)]
async fn a_new_leader_is_told_once_be_it_another_or_we() {
    let mut stage = Stage::new();
    stage.create(foreign("two"));
    let mut one = stage.candidate("one").stand();
    let mut view = one.view.clone();
    assert_eq!(next(&mut view).await.as_deref(), Some("two"));
    assert_eq!(view.leader().as_deref(), Some("two"));
    assert!(!view.is_leader());
    assert_eq!(next(&mut view).await.as_deref(), Some("one"));
    sleep(30 * SECOND).await;
    stage.change(|lease| lease["spec"] = foreign("three"));
    assert_eq!(next(&mut view).await.as_deref(), Some("three"));
    one.outcome().await;
    assert_eq!(next(&mut view).await, None);
}

/// Goal: the check is for a process in which the elector does not get to run. Here it does not, because the
/// test holds the only thread while the clock is moved on.
#[tokio::test(start_paused = true)]
async fn a_check_fails_when_a_leader_has_not_renewed_for_longer_than_the_lease_and_the_tolerance() {
    let mut stage = Stage::new();
    stage.create(foreign("two"));
    let one = stage.candidate("one").stand();
    sleep(10 * SECOND).await;
    assert_eq!(
        one.view.check(Duration::ZERO),
        Ok(()),
        "who does not lead is well"
    );
    stage.until_held_by("one").await;
    sleep(60 * SECOND).await;
    assert_eq!(one.view.check(Duration::ZERO), Ok(()));
    let blocked = async |duration| {
        let advanced = advance(duration);
        // Polled once: the clock has moved, and nobody else has run.
        tokio::pin!(advanced);
        std::future::poll_fn(|context| {
            let _ = advanced.as_mut().poll(context);
            std::task::Poll::Ready(())
        })
        .await;
    };
    blocked(15 * SECOND).await;
    assert!(!one.view.is_leader());
    assert_eq!(one.view.check(5 * SECOND), Ok(()));
    let Err(Overdue { since }) = one.view.check(Duration::ZERO) else {
        panic!("it is overdue");
    };
    assert!(since >= 15 * SECOND && since <= 17 * SECOND, "{since:?}");
}
