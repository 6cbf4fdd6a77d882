//! A handler's end: its pace, its end, its resync, and how far it is.

use std::sync::Arc;
use std::time::Duration;

use bitcoin_controller::api::core::Pod;
use bitcoin_controller::cache::distribution::Distribution;
use bitcoin_controller::cache::{Notification, ReflectorStore, SubscriptionOptions};
use bitcoin_controller::client::Item;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::objects::{hear, pod, state};
use super::running::settle;

fn item(name: &str, version: u64) -> Item<Pod> {
    Item::Object(pod(name, name, version))
}

fn pods() -> Arc<Distribution<Pod>> {
    Arc::new(Distribution::new("pods"))
}

fn every(seconds: f64) -> SubscriptionOptions {
    SubscriptionOptions {
        resync: Some(Duration::from_secs_f64(seconds)),
        ..SubscriptionOptions::default()
    }
}

#[tokio::test(start_paused = true)]
async fn c066_a_handler_is_synced_when_it_asks_for_more_after_its_last_initial_notification() {
    let pods = pods();
    let mut handler = pods.subscribe(SubscriptionOptions::default());
    let registration = handler.registration();
    pods.replace(state(vec![item("a", 1), item("b", 1)]), "5");
    assert!(pods.synced().is_reached());
    hear(&mut handler).await;
    hear(&mut handler).await;
    assert!(
        !registration.has_synced(),
        "the store is complete, the handler is not"
    );
    assert_eq!(registration.pending(), 1);
    let asks = timeout(Duration::from_millis(1), handler.next()).await;
    assert!(asks.is_err(), "there is nothing more");
    assert!(registration.has_synced() && handler.has_synced());
    assert_eq!(registration.pending(), 0);
}

#[tokio::test(start_paused = true)]
async fn handlers_sync_independently_and_an_empty_store_syncs_at_once() {
    let pods = pods();
    let blocked = pods.subscribe(SubscriptionOptions::default());
    let mut quick = pods.subscribe(SubscriptionOptions::default());
    pods.replace(state(vec![item("a", 1)]), "5");
    hear(&mut quick).await;
    let _ = timeout(Duration::from_millis(1), quick.next()).await;
    assert!(quick.has_synced() && !blocked.has_synced());

    let empty = Arc::new(Distribution::<Pod>::new("pods"));
    let early = empty.subscribe(SubscriptionOptions::default());
    assert!(!early.has_synced());
    empty.replace(state(Vec::new()), "1");
    let late = empty.subscribe(SubscriptionOptions::default());
    assert!(early.has_synced() && late.has_synced());
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_a_handler_hears_that_it_synced_or_that_it_ended() {
    let pods = pods();
    let mut good = pods.subscribe(SubscriptionOptions::default());
    let bad = pods.subscribe(SubscriptionOptions::default());
    let (good_one, bad_one) = (good.registration(), bad.registration());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { assert!(good_one.wait_until_synced().await) });
    tasks.spawn(async move { assert!(!bad_one.wait_until_synced().await) });
    pods.replace(state(vec![item("a", 1)]), "5");
    settle().await;
    assert_eq!(tasks.len(), 2);
    drop(bad);
    hear(&mut good).await;
    let _ = timeout(Duration::from_millis(1), good.next()).await;
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_waits_is_woken_by_the_next_change() {
    let pods = pods();
    pods.replace(state(Vec::new()), "5");
    let mut handler = pods.subscribe(SubscriptionOptions::default());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { format!("{:?}", hear(&mut handler).await.unwrap()) });
    settle().await;
    pods.upsert(item("a", 6));
    assert_eq!(tasks.join_next().await.unwrap().unwrap(), "Added x/a@6");
}

/// Dropping a call to `next` at any moment loses nothing.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_loses_no_notification() {
    let pods = pods();
    pods.replace(state(Vec::new()), "5");
    let mut handler = pods.subscribe(SubscriptionOptions::default());
    for version in 6..50 {
        assert!(
            timeout(Duration::from_millis(1), handler.next())
                .await
                .is_err()
        );
        pods.upsert(item("a", version));
        let told = hear(&mut handler).await.unwrap();
        assert_eq!(
            &*told.object().metadata.resource_version,
            version.to_string()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn c049_a_handler_drains_its_backlog_after_the_end_and_then_ends_for_good() {
    let pods = pods();
    let mut handler = pods.subscribe(SubscriptionOptions::default());
    let mut waiting = pods.subscribe(SubscriptionOptions::default());
    pods.replace(state(vec![item("a", 1), item("b", 1)]), "5");
    let registration = handler.registration();
    hear(&mut waiting).await;
    hear(&mut waiting).await;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { assert!(hear(&mut waiting).await.is_none()) });
    settle().await;
    pods.stop();
    assert!(hear(&mut handler).await.is_some());
    assert!(hear(&mut handler).await.is_some());
    assert!(hear(&mut handler).await.is_none());
    assert!(hear(&mut handler).await.is_none());
    assert!(registration.has_synced(), "it has handled everything");
    tasks.join_next().await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn c071_a_handler_added_after_the_end_ends_at_once_and_can_be_removed() {
    let pods = pods();
    pods.replace(state(vec![item("a", 1)]), "5");
    pods.stop();
    let mut late = pods.subscribe(every(1.0));
    let registration = late.registration();
    assert!(hear(&mut late).await.is_none());
    assert!(!registration.wait_until_synced().await);
    drop(late); // removing it still works
}

#[tokio::test(start_paused = true)]
async fn c068_each_handler_gets_its_events_one_at_a_time_and_in_order() {
    let pods = pods();
    pods.replace(state(Vec::new()), "5");
    let mut handler = pods.subscribe(SubscriptionOptions::default());
    for version in 6..1_006 {
        pods.upsert(item(&format!("pod-{}", version % 7), version));
    }
    for version in 6..1_006_u64 {
        let told = hear(&mut handler).await.unwrap();
        let pod = told.object();
        assert_eq!(&*pod.metadata.resource_version, version.to_string());
        assert_eq!(handler.pending() as u64, 1_006 - version, "it and the rest");
    }
}

/// Removing is dropping, which cannot be done twice, nor to somebody else's.
#[tokio::test(start_paused = true)]
async fn c069_a_handler_that_is_gone_is_told_nothing_more_and_costs_nothing() {
    let pods = pods();
    pods.replace(state(vec![item("a", 1)]), "5");
    let handler = pods.subscribe(SubscriptionOptions::default());
    let registration = handler.registration();
    drop(handler);
    pods.upsert(item("a", 6));
    assert_eq!((registration.pending(), pods.pending()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn c070_a_handler_can_remove_itself_while_it_handles_and_others_go_on() {
    let pods = pods();
    let mut leaving = pods.subscribe(SubscriptionOptions::default());
    let mut staying = pods.subscribe(SubscriptionOptions::default());
    pods.replace(state(vec![item("a", 1), item("b", 1)]), "5");
    let told = hear(&mut leaving).await.unwrap();
    assert_eq!(&*told.object().metadata.name, "a");
    drop(leaving); // while `told` is still being handled
    assert_eq!(pods.pending(), 2, "what waited for it is gone");
    pods.upsert(item("c", 6));
    assert_eq!(pods.pending(), 3, "nothing more is kept for it");
    for name in ["a", "b", "c"] {
        assert_eq!(
            &*hear(&mut staying).await.unwrap().object().metadata.name,
            name
        );
    }
}

#[tokio::test(start_paused = true)]
async fn c076_a_handler_that_panics_takes_only_itself_away() {
    let pods = pods();
    let mut panicking = pods.subscribe(SubscriptionOptions::default());
    let registration = panicking.registration();
    let mut other = pods.subscribe(SubscriptionOptions::default());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        hear(&mut panicking).await;
        panic!("on purpose");
    });
    pods.replace(state(vec![item("a", 1)]), "5");
    assert!(tasks.join_next().await.unwrap().unwrap_err().is_panic());
    assert!(
        !registration.wait_until_synced().await,
        "nobody waits for it for ever"
    );
    assert!(hear(&mut other).await.is_some());
    pods.upsert(item("b", 6));
    assert!(hear(&mut other).await.is_some());
}

/// 100 000 changes while one handler hangs: neither the store nor the other handler waits, and what
/// is kept for the one that hangs is bounded by keys.
#[tokio::test(start_paused = true)]
async fn c067_a_handler_that_hangs_stalls_nobody_and_costs_memory_by_keys() {
    let pods = pods();
    let mut hanging = pods.subscribe(SubscriptionOptions {
        backlog: 100,
        ..Default::default()
    });
    let mut quick = pods.subscribe(SubscriptionOptions::default());
    pods.replace(state(Vec::new()), "5");
    let start = Instant::now();
    for version in 6..100_006_u64 {
        pods.upsert(item(&format!("pod-{}", version % 10), version));
        let told = hear(&mut quick).await.unwrap();
        assert_eq!(
            &*told.object().metadata.resource_version,
            version.to_string()
        );
    }
    assert_eq!(Instant::now(), start);
    assert!(hanging.pending() <= 100 + 10, "{}", hanging.pending());
    let mut known = std::collections::BTreeMap::new();
    while let Ok(told) = timeout(Duration::from_millis(1), hanging.next()).await {
        let pod = told.unwrap().object().clone();
        known.insert(pod.metadata.name.clone(), pod);
    }
    let known: Vec<_> = known.into_values().collect();
    assert_eq!(known, pods.indexer().list(), "it ends up with the truth");
}

async fn resyncs(options: SubscriptionOptions, seconds: u64) -> Vec<u64> {
    let pods = pods();
    pods.replace(state(vec![item("a", 1)]), "5");
    let mut handler = pods.subscribe(options);
    hear(&mut handler).await;
    let start = Instant::now();
    let mut at = Vec::new();
    while let Ok(told) = timeout(
        Duration::from_secs(seconds) - start.elapsed(),
        handler.next(),
    )
    .await
    {
        let Some(Notification::Updated { old, new }) = told else {
            panic!("a reminder")
        };
        assert!(Arc::ptr_eq(&old, &new));
        at.push(u64::try_from(start.elapsed().as_millis()).unwrap());
    }
    at
}

/// No check period is shared: each handler has its own.
#[tokio::test(start_paused = true)]
async fn c072_no_period_is_never_and_a_short_one_a_second() {
    let fast = resyncs(every(0.25), 4).await;
    assert_eq!(fast, [1_000, 2_000, 3_000, 4_000]);
    assert!(resyncs(every(0.0), 1_000).await.is_empty());
    let default = resyncs(SubscriptionOptions::default(), 1_000).await;
    assert!(default.is_empty());
}

#[tokio::test(start_paused = true)]
async fn c073_periods_of_two_and_three_seconds_are_kept_side_by_side() {
    assert_eq!(resyncs(every(2.0), 7).await, [2_000, 4_000, 6_000]);
    assert_eq!(resyncs(every(3.0), 7).await, [3_000, 6_000]);
    // Both on one store.
    let pods = pods();
    pods.replace(state(vec![item("a", 1)]), "5");
    let start = Instant::now();
    let mut at = Vec::new();
    let mut two = pods.subscribe(every(2.0));
    let mut three = pods.subscribe(every(3.0));
    hear(&mut two).await;
    hear(&mut three).await;
    while at.len() < 5 {
        let period = tokio::select! {
            biased;
            _ = two.next() => 2,
            _ = three.next() => 3,
        };
        at.push((period, start.elapsed().as_secs()));
    }
    assert_eq!(at, [(2, 2), (3, 3), (2, 4), (2, 6), (3, 6)]);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_slept_through_its_reminders_gets_one() {
    let pods = pods();
    pods.replace(state(vec![item("a", 1)]), "5");
    let mut handler = pods.subscribe(every(2.0));
    hear(&mut handler).await;
    sleep(Duration::from_secs(11)).await;
    assert!(matches!(
        hear(&mut handler).await,
        Some(Notification::Updated { .. })
    ));
    let start = Instant::now();
    assert!(matches!(
        hear(&mut handler).await,
        Some(Notification::Updated { .. })
    ));
    assert_eq!(
        start.elapsed(),
        Duration::from_secs(1),
        "the rhythm is kept"
    );
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_is_always_busy_is_reminded_all_the_same() {
    let pods = pods();
    pods.replace(state(vec![item("a", 1), item("quiet", 1)]), "5");
    let mut handler = pods.subscribe(every(2.0));
    let mut n_reminders = 0;
    for version in 6..106 {
        pods.upsert(item("a", version));
        sleep(Duration::from_millis(100)).await;
        let told = hear(&mut handler).await.unwrap();
        n_reminders += u32::from(
            matches!(told, Notification::Updated { old, new } if Arc::ptr_eq(&old, &new)),
        );
    }
    assert!(n_reminders >= 3, "{n_reminders}");
}
