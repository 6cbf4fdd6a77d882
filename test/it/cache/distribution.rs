//! Storing and telling as one step: what handlers hear of lists and events.

use std::sync::Arc;

use bitcoin_controller::api::core::Pod;
use bitcoin_controller::cache::distribution::Distribution;
use bitcoin_controller::cache::{Notification, ReflectorStore, Subscription, SubscriptionOptions};
use bitcoin_controller::client::Item;
use tokio::task::JoinSet;

use super::objects::{Knowledge, describe, hear, key, pod, state};

fn item(name: &str, version: u64) -> Item<Pod> {
    Item::Object(pod(name, name, version))
}

fn pods() -> Arc<Distribution<Pod>> {
    Arc::new(Distribution::new("pods"))
}

/// Everything that waits for this handler.
async fn heard(handler: &mut Subscription<Pod>) -> Vec<String> {
    let mut heard = Vec::new();
    while handler.pending() > 0 {
        let told = tokio::time::timeout(std::time::Duration::from_millis(1), handler.next());
        match told.await {
            Ok(told) => heard.push(format!("{:?}", told.unwrap())),
            Err(_) => break,
        }
    }
    heard
}

#[tokio::test(start_paused = true)]
async fn the_first_list_is_told_as_initial_and_later_ones_are_not() {
    let pods = pods();
    let mut handler = pods.subscribe(SubscriptionOptions::default());
    pods.replace(state(vec![item("b", 1), item("a", 2)]), "5");
    assert_eq!(
        heard(&mut handler).await,
        ["Added(initial) x/b@1", "Added(initial) x/a@2"]
    );
    pods.replace(state(vec![item("c", 6), item("b", 1)]), "6");
    let told = ["Deleted(final state unknown) x/a@2", "Added x/c@6"];
    assert_eq!(heard(&mut handler).await, told);
}

#[tokio::test(start_paused = true)]
async fn c063_a_relist_tells_deletions_first_and_only_what_is_different() {
    let pods = pods();
    let mut handler = pods.subscribe(SubscriptionOptions::default());
    pods.replace(state(vec![item("a", 1), item("b", 1), item("d", 1)]), "5");
    heard(&mut handler).await;
    let unchanged = pods.indexer().get(&key("b")).unwrap();
    pods.replace(state(vec![item("c", 7), item("b", 1), item("a", 6)]), "7");
    let told = [
        "Deleted(final state unknown) x/d@1",
        "Added x/c@7",
        "Updated x/a@6",
    ];
    assert_eq!(heard(&mut handler).await, told);
    assert!(Arc::ptr_eq(
        &unchanged,
        &pods.indexer().get(&key("b")).unwrap()
    ));
}

#[tokio::test(start_paused = true)]
async fn c062_presence_decides_between_addition_and_update() {
    let pods = pods();
    pods.replace(state(vec![item("a", 1)]), "5");
    let mut handler = pods.subscribe(SubscriptionOptions::default());
    heard(&mut handler).await;
    pods.upsert(item("a", 6)); // whatever the server called it
    pods.upsert(item("b", 7));
    pods.upsert(item("b", 7)); // the same state again
    assert_eq!(heard(&mut handler).await, ["Updated x/a@6", "Added x/b@7"]);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_seen_tells_the_final_state_and_one_of_nothing_is_not_told() {
    let pods = pods();
    pods.replace(state(vec![item("a", 1)]), "5");
    let mut handler = pods.subscribe(SubscriptionOptions::default());
    heard(&mut handler).await;
    pods.delete(item("a", 6));
    pods.delete(item("b", 7));
    assert_eq!(heard(&mut handler).await, ["Deleted x/a@6"]);
    assert_eq!(&*pods.last_sync_resource_version(), "7");
}

#[tokio::test(start_paused = true)]
async fn c077_deleted_and_created_while_nobody_looked_is_an_update_to_another_uid() {
    let pods = pods();
    pods.replace(state(vec![Item::Object(pod("a", "first", 1))]), "5");
    let mut handler = pods.subscribe(SubscriptionOptions::default());
    heard(&mut handler).await;
    pods.replace(state(vec![Item::Object(pod("a", "second", 6))]), "6");
    let Some(Notification::Updated { old, new }) = hear(&mut handler).await else {
        panic!("an update");
    };
    assert_eq!(
        (&*old.metadata.uid, &*new.metadata.uid),
        ("first", "second")
    );
}

#[tokio::test(start_paused = true)]
async fn c061_the_store_is_never_behind_what_a_handler_is_told() {
    let pods = pods();
    let mut handler = pods.subscribe(SubscriptionOptions::default());
    pods.replace(state(vec![item("a", 1), item("b", 1)]), "5");
    pods.upsert(item("a", 6));
    pods.delete(item("b", 7));
    hear(&mut handler).await;
    assert_eq!(
        &*pods
            .indexer()
            .get(&key("a"))
            .unwrap()
            .metadata
            .resource_version,
        "6"
    );
    assert!(pods.indexer().get(&key("b")).is_none());
}

#[tokio::test(start_paused = true)]
async fn c059_the_version_moves_with_lists_events_and_bookmarks_but_not_with_an_unknown_one() {
    let pods = pods();
    assert_eq!(&*pods.last_sync_resource_version(), "");
    let version = || pods.last_sync_resource_version().to_string();
    pods.replace(state(Vec::new()), "5");
    assert_eq!(version(), "5");
    pods.upsert(item("a", 6));
    assert_eq!(version(), "6");
    pods.delete(item("a", 8));
    assert_eq!(version(), "8");
    pods.bookmark("9");
    assert_eq!(version(), "9");
    let mut unknown = pod("a", "a", 0);
    unknown.metadata.resource_version = "".into();
    pods.upsert(Item::Object(unknown));
    assert_eq!(version(), "9");
}

#[tokio::test(start_paused = true)]
async fn c065_a_late_handler_gets_what_is_there_as_initial_and_then_what_happens() {
    let pods = pods();
    pods.replace(state(vec![item("b", 1), item("a", 2)]), "5");
    pods.upsert(item("c", 6));
    let mut handler = pods.subscribe(SubscriptionOptions::default());
    pods.upsert(item("a", 7));
    pods.delete(item("b", 8));
    assert_eq!(
        heard(&mut handler).await,
        [
            "Added(initial) x/a@2",
            "Added(initial) x/b@1",
            "Added(initial) x/c@6",
            "Updated x/a@7",
            "Deleted x/b@8",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn c047_a_handler_is_synced_only_after_a_whole_state_also_after_an_empty_one() {
    let pods = pods();
    let mut handler = pods.subscribe(SubscriptionOptions::default());
    assert!(!pods.synced().is_reached() && !handler.has_synced());
    pods.replace(state(Vec::new()), "5");
    assert!(pods.synced().is_reached() && handler.has_synced());
    assert!(heard(&mut handler).await.is_empty());
}

/// Theirs is synced at once if the first thing it hears is an event.
#[tokio::test(start_paused = true)]
async fn c048_events_alone_never_make_it_synced() {
    let pods = pods();
    let handler = pods.subscribe(SubscriptionOptions::default());
    pods.upsert(item("a", 1));
    pods.delete(item("b", 2));
    pods.bookmark("3");
    assert!(!pods.synced().is_reached() && !handler.has_synced());
}

/// There are no batches: each change is stored and told by itself, and the first state ends with it.
#[tokio::test(start_paused = true)]
async fn c050_what_comes_right_after_the_first_state_is_not_part_of_it() {
    let pods = pods();
    let mut handler = pods.subscribe(SubscriptionOptions::default());
    pods.replace(
        state((0..2_000).map(|n| item(&n.to_string(), 1)).collect()),
        "5",
    );
    pods.upsert(item("new", 6));
    let told = heard(&mut handler).await;
    assert_eq!(
        told.iter().filter(|told| told.contains("initial")).count(),
        2_000
    );
    assert_eq!(told[2_000], "Added x/new@6");
}

#[tokio::test(start_paused = true)]
async fn c052_what_was_told_to_nobody_yet_and_is_missing_from_a_new_state_leaves_no_ghost() {
    let pods = pods();
    pods.replace(state(vec![item("a", 1)]), "5");
    let mut handler = pods.subscribe(SubscriptionOptions::default());
    pods.upsert(item("b", 6));
    pods.replace(state(vec![item("a", 1)]), "7");
    let told = [
        "Added(initial) x/a@1",
        "Added x/b@6",
        "Deleted(final state unknown) x/b@6",
    ];
    assert_eq!(heard(&mut handler).await, told);
    assert_eq!(pods.indexer().len(), 1);
}

/// Theirs tells those again who want resyncs; ours reminds them by their own clocks.
#[tokio::test(start_paused = true)]
async fn c064_an_unchanged_state_is_told_to_nobody_also_not_to_who_wants_resyncs() {
    let pods = pods();
    pods.replace(state(vec![item("a", 1)]), "5");
    let mut handler = pods.subscribe(SubscriptionOptions {
        resync: Some(std::time::Duration::from_secs(5)),
        ..Default::default()
    });
    heard(&mut handler).await;
    pods.replace(state(vec![item("a", 1)]), "6");
    pods.upsert(item("a", 1));
    assert!(heard(&mut handler).await.is_empty());
}

/// Handlers come, go and work on their own threads while the store moves; each that stays ends with
/// what the store has.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn handlers_on_other_threads_lose_nothing() {
    let pods = pods();
    pods.replace(state(vec![item("pod-0", 1)]), "1");
    let mut handlers = JoinSet::new();
    for n in 0..20 {
        let pods = pods.clone();
        handlers.spawn(async move {
            let options = SubscriptionOptions {
                backlog: n,
                ..Default::default()
            };
            let mut handler = pods.subscribe(options);
            let mut known = Knowledge::default();
            while let Some(told) = hear(&mut handler).await {
                known.learn(told);
                tokio::task::yield_now().await;
            }
            known.describe()
        });
    }
    for version in 2..5_000 {
        let name = format!("pod-{}", version % 7);
        match version % 5 {
            0 => pods.delete(item(&name, version)),
            1 => pods.replace(
                (0..7).map(|n| item(&format!("pod-{n}"), version)).collect(),
                "1",
            ),
            _ => pods.upsert(item(&name, version)),
        }
        if version % 100 == 0 {
            drop(pods.subscribe(SubscriptionOptions::default()));
            tokio::task::yield_now().await;
        }
    }
    pods.stop();
    let truth: Vec<_> = pods
        .indexer()
        .list()
        .iter()
        .map(|pod| describe(pod))
        .collect();
    while let Some(known) = handlers.join_next().await {
        let known = known.unwrap();
        // A handler whose thread came after the end was told of nothing.
        assert!(known == truth || known.is_empty(), "{known:?}");
    }
}
