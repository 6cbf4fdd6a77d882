//! Objects the server has and we cannot read: named, counted, never taken for deleted.

use std::sync::Arc;

use bitcoin_controller::api::core::Pod;
use bitcoin_controller::cache::distribution::Distribution;
use bitcoin_controller::cache::{ReflectorStore, SubscriptionOptions};
use bitcoin_controller::client::Item;

use super::double::PodServer;
use super::objects::{hear, key, nameless, pod, state, undecodable};
use super::running::{Running, settle};

fn good(name: &str, version: u64) -> Item<Pod> {
    Item::Object(pod(name, name, version))
}

fn bad(name: &str, version: u64) -> Item<Pod> {
    Item::Undecodable(undecodable(name, name, version))
}

fn pods() -> Arc<Distribution<Pod>> {
    Arc::new(Distribution::new("pods"))
}

fn set_apart(pods: &Distribution<Pod>) -> Vec<String> {
    let members = pods.quarantined();
    members
        .iter()
        .map(|member| format!("{}@{}", member.key.name, member.resource_version))
        .collect()
}

fn stored(pods: &Distribution<Pod>) -> Vec<String> {
    pods.indexer()
        .list()
        .iter()
        .map(|pod| super::objects::describe(pod))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn c028_an_object_that_cannot_be_stored_spoils_neither_the_list_nor_the_watch() {
    let server = PodServer::new();
    server.put("a");
    server.put_bad("b");
    server.put("c");
    let running = Running::start(&server);
    settle().await;
    server.put_bad("d");
    server.put("e");
    settle().await;
    assert_eq!(running.stored(), ["a@11", "c@13", "e@15"]);
    let set_apart = running.informer.quarantined();
    let keys: Vec<_> = set_apart
        .iter()
        .map(|member| member.key.to_string())
        .collect();
    assert_eq!(keys, ["x/b", "x/d"]);
    assert_eq!(set_apart[0].error.path(), "status");
    assert_eq!(server.requests().len(), 2, "no list more");
}

#[tokio::test(start_paused = true)]
async fn a_good_state_stays_while_a_newer_one_cannot_be_read() {
    let pods = pods();
    pods.replace(state(vec![good("a", 1), good("b", 1)]), "5");
    let handler = pods.subscribe(SubscriptionOptions::default());
    let n_initial = handler.pending();
    pods.upsert(bad("a", 6));
    assert_eq!(
        (stored(&pods), set_apart(&pods)),
        (
            vec!["a@1".to_owned(), "b@1".to_owned()],
            vec!["a@6".to_owned()]
        )
    );
    // A list that has it as bad deletes it neither; a list without it does.
    pods.replace(state(vec![bad("a", 6), bad("b", 7)]), "7");
    assert_eq!(stored(&pods), ["a@1", "b@1"]);
    assert_eq!(handler.pending(), n_initial, "nobody was told anything");
    pods.replace(state(vec![bad("b", 7)]), "8");
    assert_eq!(
        (stored(&pods), set_apart(&pods)),
        (vec!["b@1".to_owned()], vec!["b@7".to_owned()])
    );
}

#[tokio::test(start_paused = true)]
async fn a_later_state_that_can_be_read_brings_the_object_back() {
    let pods = pods();
    pods.replace(state(vec![bad("a", 1), bad("b", 1), bad("c", 1)]), "5");
    let mut handler = pods.subscribe(SubscriptionOptions::default());
    assert!(handler.has_synced());
    pods.upsert(good("a", 6));
    assert_eq!(
        format!("{:?}", hear(&mut handler).await.unwrap()),
        "Added x/a@6"
    );
    pods.replace(state(vec![good("a", 6), good("b", 7), bad("c", 1)]), "8");
    assert_eq!(
        format!("{:?}", hear(&mut handler).await.unwrap()),
        "Added x/b@7"
    );
    assert_eq!(set_apart(&pods), ["c@1"]);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_ends_the_quarantine_readable_or_not() {
    let pods = pods();
    pods.replace(state(vec![good("a", 1), good("b", 1)]), "5");
    let mut handler = pods.subscribe(SubscriptionOptions::default());
    hear(&mut handler).await;
    hear(&mut handler).await;
    for name in ["a", "b", "c"] {
        pods.upsert(bad(name, 6));
    }
    pods.delete(bad("a", 7));
    pods.delete(good("b", 8));
    pods.delete(bad("c", 9)); // it was never told of
    assert!(set_apart(&pods).is_empty() && stored(&pods).is_empty());
    assert_eq!(
        format!("{:?}", hear(&mut handler).await.unwrap()),
        "Deleted(final state unknown) x/a@1"
    );
    assert_eq!(
        format!("{:?}", hear(&mut handler).await.unwrap()),
        "Deleted x/b@8"
    );
    assert_eq!(handler.pending(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_bad_object_with_another_uid_proves_that_the_stored_one_is_gone() {
    let another = |version| Item::Undecodable(undecodable("a", "another", version));
    for by_list in [true, false] {
        let pods = pods();
        pods.replace(state(vec![good("a", 1)]), "5");
        let mut handler = pods.subscribe(SubscriptionOptions::default());
        hear(&mut handler).await;
        match by_list {
            true => pods.replace(state(vec![another(6)]), "6"),
            false => pods.upsert(another(6)),
        }
        assert_eq!(
            format!("{:?}", hear(&mut handler).await.unwrap()),
            "Deleted(final state unknown) x/a@1"
        );
        assert!(pods.indexer().get(&key("a")).is_none());
        assert_eq!(set_apart(&pods), ["a@6"]);
    }
    // An unknown UID proves nothing.
    let pods = pods();
    pods.replace(state(vec![good("a", 1)]), "5");
    pods.upsert(Item::Undecodable(undecodable("a", "", 6)));
    assert_eq!(stored(&pods), ["a@1"]);
}

#[tokio::test(start_paused = true)]
async fn a_bad_object_without_a_name_may_be_any_that_is_missing() {
    let pods = pods();
    pods.replace(state(vec![good("a", 1), good("b", 1)]), "5");
    pods.replace(state(vec![nameless(), good("b", 6)]), "6");
    assert_eq!(stored(&pods), ["a@1", "b@6"]);
    pods.replace(state(vec![good("b", 6)]), "7");
    assert_eq!(stored(&pods), ["b@6"]);
    assert_eq!(pods.n_undecodable(), 1);
}

#[tokio::test(start_paused = true)]
async fn each_bad_state_counts_once_however_often_it_is_listed() {
    let pods = pods();
    for _ in 0..3 {
        pods.replace(state(vec![bad("a", 1)]), "5");
    }
    assert_eq!(pods.n_undecodable(), 1);
    pods.upsert(bad("a", 6));
    assert_eq!(pods.n_undecodable(), 2);
    pods.upsert(good("a", 7));
    pods.upsert(bad("a", 8));
    assert_eq!(pods.n_undecodable(), 3);
}
