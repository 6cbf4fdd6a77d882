//! When a lease is free, and what is written into it: values in, values out.

use std::time::{Duration, UNIX_EPOCH};

use bitcoin_controller::api::MicroTime;
use bitcoin_controller::api::coordination::{Lease, LeaseSpec};
use bitcoin_controller::base::Clock;
use bitcoin_controller::leader::Observed;
use bitcoin_controller::leader::claim::{claimed, released};
use tokio::time::{Instant, advance};

fn lease(holder: &str, seconds: i32) -> Lease {
    let spec = LeaseSpec {
        holder_identity: holder.into(),
        lease_duration_seconds: seconds,
        renew_time: Some(date(1)),
        ..LeaseSpec::default()
    };
    Lease {
        spec,
        ..Lease::default()
    }
}

fn date(seconds: u64) -> MicroTime {
    MicroTime::now(&Clock::starting_at(
        UNIX_EPOCH + Duration::from_secs(seconds),
    ))
}

/// Sees `leases` one after the other, `pause` apart, and says whether the last one is free for `one`.
async fn is_free_after(leases: &[Lease], pause: Duration) -> bool {
    let mut observed = Observed::new(leases[0].clone(), Instant::now());
    for lease in &leases[1..] {
        advance(pause).await;
        observed.see(lease.clone(), Instant::now());
    }
    observed.is_free_for("one", Instant::now())
}

#[tokio::test(start_paused = true)]
async fn c104_a_foreign_record_counts_from_when_it_was_first_seen() {
    let old = lease("two", 15);
    let almost = Duration::from_millis(14_999);
    assert!(!is_free_after(&[old.clone(), old.clone()], almost).await);
    let whole = Duration::from_secs(15);
    assert!(is_free_after(&[old.clone(), old.clone()], whole).await);
    let mut renewed = old.clone();
    renewed.spec.renew_time = Some(date(2));
    assert!(!is_free_after(&[old, renewed], whole).await);
}

#[tokio::test(start_paused = true)]
async fn c104_the_duration_is_the_one_in_the_record() {
    let pause = Duration::from_secs(20);
    for (seconds, is_free) in [(60, false), (20, true), (0, true), (-1, true)] {
        let lease = lease("two", seconds);
        assert_eq!(
            is_free_after(&[lease.clone(), lease], pause).await,
            is_free,
            "{seconds}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn c104_a_change_beside_the_record_keeps_no_holder_alive() {
    let mut labelled = lease("two", 15);
    labelled.metadata.resource_version = "2".into();
    labelled.metadata.labels = [("a", "b")].into_iter().collect();
    assert!(is_free_after(&[lease("two", 15), labelled], Duration::from_secs(15)).await);
}

#[tokio::test(start_paused = true)]
async fn c106_a_lease_under_our_own_name_is_ours_at_once() {
    let own = Observed::new(lease("one", 15), Instant::now());
    assert!(own.is_free_for("one", Instant::now()));
}

#[tokio::test(start_paused = true)]
async fn c106_only_another_holders_lease_changes_hands() {
    let before = LeaseSpec {
        acquire_time: Some(date(1)),
        lease_transitions: 3,
        ..lease("two", 99).spec
    };
    let duration = Duration::from_millis(14_001);
    let renewed = claimed(Some(&before), "two", duration, date(9));
    let expected = LeaseSpec {
        lease_duration_seconds: 15,
        renew_time: Some(date(9)),
        ..before.clone()
    };
    assert_eq!(renewed, expected);
    let taken = claimed(Some(&before), "one", duration, date(9));
    let expected = LeaseSpec {
        holder_identity: "one".into(),
        acquire_time: Some(date(9)),
        lease_transitions: 4,
        ..expected
    };
    assert_eq!(taken, expected);
    let made = claimed(None, "one", duration, date(9));
    assert_eq!(
        (made.acquire_time, made.lease_transitions),
        (Some(date(9)), 0)
    );
}

#[tokio::test(start_paused = true)]
async fn c107_a_lease_that_nobody_holds_is_free_at_once() {
    let free = Observed::new(lease("", 15), Instant::now());
    assert!(free.is_free_for("one", Instant::now()));
}

#[tokio::test(start_paused = true)]
async fn c109_what_is_released_has_no_holder_and_keeps_the_count() {
    let mut before = lease("one", 15).spec;
    before.lease_transitions = 3;
    let expected = LeaseSpec {
        holder_identity: "".into(),
        lease_duration_seconds: 1,
        acquire_time: Some(date(9)),
        renew_time: Some(date(9)),
        lease_transitions: 3,
    };
    assert_eq!(released(&before, date(9)), expected);
}
