//! Mirrors `src/sim/history`: what is kept, and what is owned up to be forgotten.

use std::sync::Arc;

use bitcoin_controller::base::{Clock, Random};
use bitcoin_controller::sim::history::{Change, History};
use bitcoin_controller::sim::{Key, Store};
use serde_json::json;

fn change(resource_version: u64) -> Change {
    Change {
        resource_version,
        resource: "secrets".to_owned(),
        key: Key::new("default", "a"),
        before: None,
        object: Arc::new(json!({})),
        is_deletion: false,
    }
}

fn since(history: &History, resource_version: u64) -> Result<Vec<u64>, u64> {
    let changes = history.since(resource_version)?;
    Ok(changes.map(|change| change.resource_version).collect())
}

#[test]
fn the_oldest_go_first_and_who_asks_for_them_is_told() {
    let mut history = History::with_capacity(2);
    for resource_version in 5..=8 {
        history.push(change(resource_version));
    }
    assert_eq!(since(&history, 8), Ok(vec![]));
    assert_eq!(since(&history, 7), Ok(vec![8]));
    assert_eq!(
        since(&history, 6),
        Ok(vec![7, 8]),
        "6 was seen, so nothing is missing"
    );
    assert_eq!(since(&history, 5), Err(6));
}

#[test]
fn after_a_compaction_only_the_present_can_be_gone_on_from() {
    let mut history = History::with_capacity(10);
    for resource_version in 1..=3 {
        history.push(change(resource_version));
    }
    history.compact();
    assert_eq!(since(&history, 2), Err(3));
    assert_eq!(since(&history, 3), Ok(vec![]));
    history.push(change(4));
    assert_eq!(since(&history, 3), Ok(vec![4]));
}

#[test]
fn every_moment_that_is_kept_can_be_seen_again() {
    let store = Store::new(Clock::system(), Random::seeded(1));
    let key = Key::new("default", "a");
    let mut moments = Vec::new();
    let mut note = |store: &Store| {
        let now = store.snapshot("secrets", None).unwrap();
        moments.push((store.resource_version(), now.objects));
    };
    note(&store);
    let object = json!({"metadata": {"name": "a"}});
    store.create("secrets", "default", object, "me").unwrap();
    note(&store);
    store
        .update("secrets", &key, "me", |object| {
            object["data"] = json!({"k": "djE="})
        })
        .unwrap();
    note(&store);
    store.delete("secrets", &key, &Default::default()).unwrap();
    note(&store);
    for (moment, objects) in moments {
        let then = store.snapshot("secrets", Some(moment)).unwrap();
        assert_eq!(then.objects, objects, "at {moment}");
    }
    assert!(
        store
            .snapshot("secrets", Some(store.resource_version() + 1))
            .is_err()
    );
}

#[test]
fn a_store_remembers_as_many_changes_as_it_is_told_to() {
    let store = Store::new(Clock::system(), Random::seeded(1)).with_history(2);
    let start = store.resource_version();
    for name in ["a", "b", "c"] {
        let secret = json!({"metadata": {"name": name}});
        store.create("secrets", "default", secret, "me").unwrap();
    }
    let names = |after| -> Result<Vec<String>, u16> {
        let changes = store.changes("secrets", after);
        let (changes, _) = changes.map_err(|refusal| refusal.code)?;
        Ok(changes.into_iter().map(|change| change.key.name).collect())
    };
    assert_eq!(names(start + 1), Ok(vec!["b".to_owned(), "c".to_owned()]));
    assert_eq!(names(start), Err(410));
}
