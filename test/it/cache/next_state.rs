//! A new state as it arrives: what it keeps, and that the store becomes it whatever the order.

use std::collections::BTreeMap;
use std::sync::Arc;

use bitcoin_controller::api::core::Pod;
use bitcoin_controller::base::Random;
use bitcoin_controller::cache::{Indexer, NextState, ReflectorStore};
use bitcoin_controller::client::Item;

use super::objects::{describe, key, nameless, pod, undecodable};

fn store(pods: &[(&str, u64)]) -> Indexer<Pod> {
    let store = Indexer::default();
    for (name, version) in pods {
        store.insert(pod(name, name, *version));
    }
    store
}

fn item(name: &str, version: u64) -> Item<Pod> {
    Item::Object(pod(name, name, version))
}

fn bad(name: &str, version: u64) -> Item<Pod> {
    Item::Undecodable(undecodable(name, name, version))
}

fn stored(store: &Indexer<Pod>) -> Vec<String> {
    store.list().iter().map(|pod| describe(pod)).collect()
}

#[test]
fn what_is_stored_already_is_only_pointed_at() {
    let store = store(&[("a", 1), ("b", 1), ("c", 1)]);
    let kept = store.get(&key("a")).unwrap();
    let mut next = NextState::default();
    next.put(item("a", 1), &store);
    next.put(item("b", 2), &store);
    next.put(item("d", 2), &store);
    assert_eq!((next.n_unchanged(), next.n_changed()), (1, 2));
    assert_eq!(Arc::strong_count(&kept), 3, "stored, pointed at, and ours");
    ReflectorStore::replace(&store, next, "2");
    assert_eq!(stored(&store), ["a@1", "b@2", "d@2"]);
    assert!(Arc::ptr_eq(&kept, &store.get(&key("a")).unwrap()));
}

#[test]
fn another_uid_or_an_unknown_version_is_a_change() {
    let store = store(&[("a", 1)]);
    let mut unknown = pod("b", "b", 0);
    unknown.metadata.resource_version = "".into();
    store.insert(unknown.clone());
    let mut next = NextState::default();
    next.put(Item::Object(pod("a", "another", 1)), &store);
    next.put(Item::Object(unknown), &store);
    assert_eq!((next.n_unchanged(), next.n_changed()), (0, 2));
}

#[test]
fn what_was_heard_last_of_a_key_counts() {
    let table: [(&[Item<Pod>], &[&str]); 6] = [
        (&[item("a", 1), item("a", 2)], &["a@2"]),
        (&[item("a", 2), item("a", 1)], &["a@1"]),
        (&[item("a", 2), item("a", 3)], &["a@3"]),
        (&[item("a", 1), bad("a", 2)], &["a@1"]), // stays as it was, being unreadable
        (&[bad("a", 2), item("a", 3)], &["a@3"]),
        (&[item("b", 2), item("a", 3), item("b", 4)], &["a@3", "b@4"]),
    ];
    for (items, expected) in table {
        let store = store(&[("a", 1)]);
        let mut next = NextState::default();
        for item in items {
            next.put(item.clone(), &store);
        }
        ReflectorStore::replace(&store, next, "9");
        assert_eq!(stored(&store), expected, "{items:?}");
    }
}

#[test]
fn what_went_again_is_not_part_of_it_wherever_it_was() {
    for last in [item("a", 1), item("a", 2), bad("a", 2)] {
        let store = store(&[("a", 1)]);
        let mut next = NextState::default();
        next.put(last.clone(), &store);
        next.remove(&key("a"), &store);
        next.remove(&key("never"), &store);
        ReflectorStore::replace(&store, next, "9");
        assert!(store.is_empty(), "{last:?}");
    }
}

#[test]
fn one_without_a_name_may_be_any_that_seems_to_be_missing() {
    let store = store(&[("a", 1)]);
    let mut next = NextState::default();
    next.put(nameless(), &store);
    assert!(next.has_nameless() && next.unreadable().count() == 1);
    ReflectorStore::replace(&store, next, "9");
    assert_eq!(stored(&store), ["a@1"]);
}

/// Goal: the store becomes what arrived, and what did not change stays where it is. Method: random
/// arrivals and removals after random contents, against a plain map.
#[test]
fn three_thousand_random_states_agree_with_a_map() {
    const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
    for seed in 0..3_000 {
        let random = Random::seeded(seed);
        let store = Indexer::default();
        for round in 0..3 {
            let before: BTreeMap<_, _> = store
                .list()
                .iter()
                .map(|pod| (describe(pod), pod.clone()))
                .collect();
            let mut next = NextState::default();
            let mut model = BTreeMap::new();
            for _ in 0..random.below(20) {
                let name = NAMES[random.below(6) as usize];
                if random.below(4) == 0 {
                    next.remove(&key(name), &store);
                    model.remove(name);
                } else {
                    // Often the very version of the round before.
                    let version = 1 + random.below(3) + round;
                    next.put(item(name, version), &store);
                    model.insert(name, format!("{name}@{version}"));
                }
            }
            let expected: Vec<_> = model.values().cloned().collect();
            let n_known = expected
                .iter()
                .filter(|pod| before.contains_key(*pod))
                .count();
            assert_eq!(next.n_unchanged(), n_known, "seed {seed}");
            assert_eq!(next.n_changed(), expected.len() - n_known, "seed {seed}");
            ReflectorStore::replace(&store, next, "9");
            assert_eq!(stored(&store), expected, "seed {seed}");
            for pod in store.list() {
                let known = before.get(&describe(&pod));
                assert!(
                    known.is_none_or(|known| Arc::ptr_eq(known, &pod)),
                    "seed {seed}"
                );
            }
        }
    }
}
