//! How leading ends: by shutdown, by loss, by itself; and what becomes of the lease.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bitcoin_controller::leader::Outcome;
use bitcoin_controller::sim::Key;
use bitcoin_controller::sim::faults::{Effect, Rule};
use bitcoin_controller::sim::request::DeleteOptions;
use tokio::time::{Instant, advance, sleep};

use super::stage::{LEASES, Stage, foreign};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn c108_a_server_that_hangs_ends_leading_before_the_lease_runs_out() {
    let mut stage = Stage::new();
    let candidate = stage.candidate("one");
    let mut one = candidate.stand();
    sleep(SECOND).await;
    candidate.hang();
    assert_eq!(one.outcome().await, Outcome::Lost);
    // The only claim that succeeded was the first; 10 s after it was sent.
    assert!(one.duration() <= 10 * SECOND, "{:?}", one.duration());
    assert!(one.duration() > 9 * SECOND, "{:?}", one.duration());
    assert!(!one.view.is_leader());
}

#[tokio::test(start_paused = true)]
async fn c108_work_that_does_not_end_is_dropped_before_the_lease_runs_out() {
    let mut stage = Stage::new();
    let candidate = stage.candidate("one");
    let mut one = candidate.stand_and(async |_| std::future::pending().await);
    sleep(SECOND).await;
    candidate.hang();
    assert_eq!(one.outcome().await, Outcome::Lost);
    let led = one.led();
    assert!(led.told.unwrap() - led.from.unwrap() <= 10 * SECOND);
    assert!(one.duration() > 12 * SECOND, "{:?}", one.duration());
    assert!(one.duration() < 13 * SECOND, "{:?}", one.duration());
}

/// Goal: when the clock has leapt over the end of a lease, the time counts before the work does. Method: work
/// that goes on after it was told to stop, a thing a second, and a leap into which both fall.
#[tokio::test(start_paused = true)]
async fn c108_who_wakes_up_too_late_does_not_do_one_step_more() {
    let mut stage = Stage::new();
    let candidate = stage.candidate("one");
    let last_deed = Arc::new(Mutex::new(Instant::now()));
    let deed = Arc::clone(&last_deed);
    let mut one = candidate.stand_and(async move |_| {
        loop {
            sleep(SECOND).await;
            *deed.lock().unwrap() = Instant::now();
        }
    });
    sleep(SECOND).await;
    candidate.hang();
    // Between two of its deeds.
    sleep(10 * SECOND + SECOND / 2).await;
    assert!(one.led().told.is_some() && one.led().to.is_none());
    advance(10 * SECOND).await;
    assert_eq!(one.outcome().await, Outcome::Lost);
    let last = last_deed
        .lock()
        .unwrap()
        .duration_since(one.led().from.unwrap());
    assert!(last > 9 * SECOND && last < 12 * SECOND, "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn c108_one_request_that_hangs_leaves_time_for_another() {
    let mut stage = Stage::new();
    let candidate = stage.candidate("one");
    let one = candidate.stand();
    sleep(SECOND).await;
    let hangs = Rule::new("", "", Effect::Delay(600 * SECOND)).once();
    candidate.server.faults().add(hangs);
    sleep(60 * SECOND).await;
    assert!(one.view.is_leader());
    assert_eq!(one.led().told, None);
}

/// Goal: the deadline counts from when a renewal was sent. The server answers each request after 4.5 s, and
/// then no more: whoever counted from the last answer would lead for 4.5 s longer.
#[tokio::test(start_paused = true)]
async fn c108_slow_answers_do_not_lengthen_a_lease() {
    let mut stage = Stage::new();
    let candidate = stage.candidate("one");
    let slow = Rule::new("patch", "", Effect::Delay(4_500 * SECOND / 1_000)).once();
    candidate.server.faults().add(slow);
    let mut one = candidate.stand();
    // Sent at 2 s, answered at 6.5 s.
    sleep(7 * SECOND).await;
    candidate.hang();
    assert_eq!(one.outcome().await, Outcome::Lost);
    assert!(
        one.duration() <= 12_100 * SECOND / 1_000,
        "{:?}",
        one.duration()
    );
}

#[tokio::test(start_paused = true)]
async fn c109_a_shutdown_leaves_a_lease_that_the_next_can_take_at_once() {
    let mut stage = Stage::new();
    stage.create(foreign(""));
    let mut one = stage.candidate("one").stand();
    let two = stage.candidate("two").stand();
    sleep(10 * SECOND).await;
    assert!(one.view.is_leader() && !two.view.is_leader());
    one.shutdown.cancel();
    assert_eq!(one.outcome().await, Outcome::Ended);
    let spec = stage.spec();
    assert_eq!(spec["holderIdentity"], "");
    assert_eq!(spec["leaseDurationSeconds"], 1);
    assert_eq!(spec["leaseTransitions"], 4);
    sleep(5 * SECOND).await;
    assert!(two.view.is_leader());
}

#[tokio::test(start_paused = true)]
async fn c109_a_release_that_meets_a_change_looks_again_at_once() {
    let mut stage = Stage::new();
    let candidate = stage.candidate("one");
    let faults = candidate.server.faults().clone();
    let mut one = candidate.stand_and(async move |stop| {
        stop.cancelled().await;
        faults.add(Rule::new("patch", "", Effect::conflict()).times(3));
    });
    sleep(SECOND).await;
    one.shutdown.cancel();
    let asked_to = Instant::now();
    assert_eq!(one.outcome().await, Outcome::Ended);
    assert_eq!(stage.holder(), "");
    assert!(asked_to.elapsed() < SECOND);
}

/// A webhook, say, that refuses each write with a conflict.
#[tokio::test(start_paused = true)]
async fn a_release_that_meets_nothing_but_changes_is_not_tried_in_a_loop() {
    let mut stage = Stage::new();
    let candidate = stage.candidate("one");
    let faults = candidate.server.faults().clone();
    let mut one = candidate.stand_and(async move |stop| {
        stop.cancelled().await;
        faults.add(Rule::new("patch", "", Effect::conflict()).times(1_000));
    });
    sleep(SECOND).await;
    one.shutdown.cancel();
    assert_eq!(one.outcome().await, Outcome::Ended);
    let refused = candidate
        .asked()
        .into_iter()
        .filter(|(_, code)| *code == 409);
    assert_eq!(refused.count(), 5);
}

#[tokio::test(start_paused = true)]
async fn c109_another_holder_is_never_overwritten_by_a_release() {
    let mut stage = Stage::new();
    let candidate = stage.candidate("one");
    let store = stage.store.clone();
    let mut one = candidate.stand_and(async move |stop| {
        stop.cancelled().await;
        // A stranger, between the last renewal and the release.
        let key = Key::new("default", "a");
        store
            .update(LEASES, &key, "test", |lease| lease["spec"] = foreign("two"))
            .unwrap();
    });
    sleep(SECOND).await;
    one.shutdown.cancel();
    assert_eq!(one.outcome().await, Outcome::Ended);
    assert_eq!(stage.spec(), foreign("two"));
}

/// Goal: whoever takes long to end keeps the lease for as long, and gives it back only then.
#[tokio::test(start_paused = true)]
async fn c109_the_lease_is_kept_until_work_has_ended() {
    let mut stage = Stage::new();
    let mut one = stage.candidate("one").stand_and(async |stop| {
        stop.cancelled().await;
        sleep(40 * SECOND).await;
    });
    let two = stage.candidate("two").stand();
    sleep(10 * SECOND).await;
    one.shutdown.cancel();
    sleep(39 * SECOND).await;
    assert_eq!((stage.holder().as_str(), one.led().to), ("one", None));
    assert_eq!(one.outcome().await, Outcome::Ended);
    sleep(5 * SECOND).await;
    assert!(two.led().from.unwrap() >= one.led().to.unwrap());
}

#[tokio::test(start_paused = true)]
async fn c109_a_server_that_hangs_holds_up_a_release_for_five_seconds_only() {
    let mut stage = Stage::new();
    let candidate = stage.candidate("one");
    let mut one = candidate.stand();
    sleep(SECOND).await;
    candidate.hang();
    one.shutdown.cancel();
    let asked_to = Instant::now();
    assert_eq!(one.outcome().await, Outcome::Ended);
    assert!(asked_to.elapsed() <= 5_100 * SECOND / 1_000);
    assert_eq!(stage.holder(), "one");
}

#[tokio::test(start_paused = true)]
async fn c110_run_returns_when_shut_down_before_it_ever_led() {
    let mut stage = Stage::new();
    stage.create(foreign("two"));
    let candidate = stage.candidate("one");
    let mut one = candidate.stand();
    sleep(SECOND).await;
    one.shutdown.cancel();
    assert_eq!(one.outcome().await, Outcome::NeverLed);
    assert_eq!(one.led().from, None);
    assert!(candidate.asked().iter().all(|(verb, _)| verb == "get"));
}

#[tokio::test(start_paused = true)]
async fn c110_run_returns_when_work_ends_by_itself() {
    let mut stage = Stage::new();
    let candidate = stage.candidate("one");
    let mut one = candidate.stand_and(async |_| sleep(30 * SECOND).await);
    assert_eq!(one.outcome().await, Outcome::Ended);
    assert_eq!(one.led().told, None);
    assert_eq!(stage.holder(), "");
}

#[tokio::test(start_paused = true)]
async fn c110_work_is_told_of_a_loss_and_run_returns_after_it() {
    let mut stage = Stage::new();
    let candidate = stage.candidate("one");
    let mut one = candidate.stand_and(async |stop| {
        stop.cancelled().await;
        sleep(SECOND).await;
    });
    sleep(SECOND).await;
    candidate.hang();
    assert_eq!(one.outcome().await, Outcome::Lost);
    let led = one.led();
    assert_eq!(led.to.unwrap() - led.told.unwrap(), SECOND);
    assert!(!one.shutdown.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_was_on_its_way_at_a_shutdown_is_given_back() {
    let mut stage = Stage::new();
    let candidate = stage.candidate("one");
    let rule = Rule::new("create", "", Effect::LoseAnswer).once();
    candidate.server.faults().add(rule);
    let mut one = candidate.stand();
    stage.until_held_by("one").await;
    one.shutdown.cancel();
    assert_eq!(one.outcome().await, Outcome::NeverLed);
    assert_eq!(stage.holder(), "");
}

/// Somebody who takes, empties or deletes the lease has its reasons, and may be leading already.
#[tokio::test(start_paused = true)]
async fn a_lease_that_is_not_ours_any_more_ends_leading_at_the_next_renewal() {
    for how in ["taken", "emptied", "deleted"] {
        let mut stage = Stage::new();
        let candidate = stage.candidate("one");
        let mut one = candidate.stand_and(async |_| std::future::pending().await);
        sleep(SECOND).await;
        match how {
            "taken" => stage.change(|lease| lease["spec"] = foreign("two")),
            "emptied" => stage.change(|lease| lease["spec"]["holderIdentity"] = "".into()),
            _ => {
                let key = Key::new("default", "a");
                let options = DeleteOptions::default();
                stage.store.delete(LEASES, &key, &options).unwrap();
            }
        }
        let before = stage.spec();
        assert_eq!(one.outcome().await, Outcome::Lost, "{how}");
        assert!(one.duration() < 2_100 * SECOND / 1_000, "{how}");
        assert_eq!(stage.spec(), before, "{how}");
    }
}
