//! What waits for a slow handler: everything up to a bound, and one change per key past it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::api::core::Pod;
use bitcoin_controller::base::Random;
use bitcoin_controller::cache::{After, Backlog, Change};

use super::objects::{Knowledge, key, pod};

fn at(name: &str, version: u64) -> Arc<Pod> {
    Arc::new(pod(name, name, version))
}

fn added(name: &str, version: u64) -> Change<Pod> {
    Change {
        before: None,
        after: After::Is(at(name, version)),
    }
}

fn updated(name: &str, from: u64, to: u64) -> Change<Pod> {
    Change {
        before: Some(at(name, from)),
        after: After::Is(at(name, to)),
    }
}

fn deleted(name: &str, version: u64) -> Change<Pod> {
    Change {
        before: Some(at(name, version)),
        after: After::Gone {
            last: at(name, version),
            final_state_unknown: false,
        },
    }
}

fn drain(backlog: &mut Backlog<Pod>) -> Vec<String> {
    std::iter::from_fn(|| backlog.take())
        .map(|told| format!("{told:?}"))
        .collect()
}

#[test]
fn c045_up_to_the_bound_every_change_of_a_key_is_told_in_order() {
    let mut backlog = Backlog::new(5);
    for change in [
        added("a", 1),
        updated("a", 1, 2),
        added("b", 1),
        updated("a", 2, 3),
        deleted("a", 3),
    ] {
        backlog.push(change, false);
    }
    assert_eq!(
        drain(&mut backlog),
        [
            "Added x/a@1",
            "Updated x/a@2",
            "Added x/b@1",
            "Updated x/a@3",
            "Deleted x/a@3"
        ]
    );
}

#[test]
fn past_the_bound_a_change_joins_the_one_of_its_key() {
    let table: [(Change<Pod>, Change<Pod>, &str); 6] = [
        (added("a", 1), updated("a", 1, 2), "Added x/a@2"),
        (updated("a", 1, 2), updated("a", 2, 3), "Updated x/a@3"),
        (updated("a", 1, 2), deleted("a", 2), "Deleted x/a@2"),
        (deleted("a", 1), added("a", 2), "Updated x/a@2"),
        (added("a", 1), deleted("a", 1), "Deleted x/a@1"),
        (updated("a", 1, 1), updated("a", 1, 2), "Updated x/a@2"),
    ];
    for (first, second, joined) in table {
        let mut backlog = Backlog::new(1);
        backlog.push(first, false);
        backlog.push(second, false);
        assert_eq!(drain(&mut backlog), [joined]);
    }
}

#[test]
fn joined_changes_keep_the_old_state_of_the_first() {
    let mut backlog = Backlog::new(1);
    for version in 1..10 {
        backlog.push(updated("a", version, version + 1), false);
    }
    let change = backlog.take().unwrap();
    let bitcoin_controller::cache::Notification::Updated { old, new } = change else {
        panic!("an update");
    };
    assert_eq!(
        (
            &*old.metadata.resource_version,
            &*new.metadata.resource_version
        ),
        ("1", "10")
    );
}

#[test]
fn what_came_and_went_untold_comes_again_as_an_addition() {
    let mut backlog = Backlog::new(1);
    for change in [added("a", 1), deleted("a", 1), added("a", 2)] {
        backlog.push(change, false);
    }
    assert_eq!(drain(&mut backlog), ["Added x/a@2"]);
}

#[test]
fn c046_a_change_keeps_its_place_in_the_line_whatever_joins_it() {
    let mut backlog = Backlog::new(2);
    backlog.push(added("a", 1), false);
    backlog.push(added("b", 1), false);
    backlog.push(added("c", 1), false);
    backlog.push(updated("a", 1, 2), false);
    assert_eq!(
        drain(&mut backlog),
        ["Added x/a@2", "Added x/b@1", "Added x/c@1"]
    );
}

#[test]
fn a_change_never_joins_one_that_has_been_taken() {
    let mut backlog = Backlog::new(0);
    backlog.push(added("a", 1), false);
    assert!(backlog.take().is_some());
    backlog.push(updated("a", 1, 2), false);
    assert_eq!(backlog.pending(), 2, "one in hand, one waits");
    assert_eq!(drain(&mut backlog), ["Updated x/a@2"]);
    assert_eq!(backlog.pending(), 0);
}

#[test]
fn reminders_leave_out_what_will_be_told_anyway() {
    let mut backlog = Backlog::new(10);
    backlog.push(updated("a", 1, 2), false);
    for _ in 0..5 {
        backlog.push_resync(vec![at("a", 2), at("b", 1)]);
    }
    assert_eq!(drain(&mut backlog), ["Updated x/a@2", "Updated x/b@1"]);
}

#[test]
fn a_reminder_is_left_out_also_if_an_earlier_change_of_its_key_was_taken() {
    let mut backlog = Backlog::new(10);
    backlog.push(updated("a", 1, 2), false);
    backlog.push(updated("a", 2, 3), false);
    assert!(backlog.take().is_some());
    backlog.push_resync(vec![at("a", 3)]);
    assert_eq!(drain(&mut backlog), ["Updated x/a@3"]);
}

#[test]
fn synced_means_that_the_last_initial_change_has_been_handled() {
    let mut backlog = Backlog::new(1);
    backlog.push(added("a", 1), true);
    backlog.push(added("b", 1), true);
    backlog.push(updated("b", 1, 2), false); // joins an initial one
    assert!(!backlog.has_synced());
    backlog.complete_initial();
    assert_eq!(
        format!("{:?}", backlog.take().unwrap()),
        "Added(initial) x/a@1"
    );
    assert_eq!(
        format!("{:?}", backlog.take().unwrap()),
        "Added(initial) x/b@2"
    );
    assert!(!backlog.has_synced(), "the last one is in hand");
    backlog.finish();
    assert!(backlog.has_synced());
    backlog.push(updated("b", 2, 3), false);
    assert!(backlog.has_synced(), "it never turns back");
}

#[test]
fn an_initial_object_that_vanished_untold_still_counts() {
    let mut backlog = Backlog::new(0);
    backlog.push(added("a", 1), true);
    backlog.push(deleted("a", 1), false);
    backlog.complete_initial();
    assert!(!backlog.has_synced());
    assert_eq!(drain(&mut backlog), ["Deleted x/a@1"]);
    assert!(backlog.has_synced());
}

#[test]
fn without_initial_objects_a_handler_is_synced_as_soon_as_that_is_known() {
    let mut backlog = Backlog::<Pod>::new(1);
    assert!(!backlog.has_synced());
    backlog.complete_initial();
    assert!(backlog.has_synced());
}

/// Goal: a handler that sleeps costs memory by keys, and what it is told in the end is the truth.
/// Method: random changes of five keys into backlogs of random bounds, taken at random; the handler
/// checks that every notification fits what it knows.
#[test]
fn two_thousand_random_histories_are_bounded_by_keys_and_end_in_the_truth() {
    for seed in 0..2_000 {
        let random = Random::seeded(seed);
        let bound = random.below(6) as usize;
        let mut backlog = Backlog::new(bound);
        let mut truth: BTreeMap<ObjectKey, Arc<Pod>> = BTreeMap::new();
        let mut known = Knowledge::default();
        for step in 0..80 {
            let name = ["a", "b", "c", "d", "e"][random.below(5) as usize];
            match random.below(10) {
                0 => {
                    if let Some(told) = backlog.take() {
                        known.learn(told);
                    }
                }
                1..=3 => {
                    if let Some(last) = truth.remove(&key(name)) {
                        let after = After::Gone {
                            last: last.clone(),
                            final_state_unknown: true,
                        };
                        backlog.push(
                            Change {
                                before: Some(last),
                                after,
                            },
                            false,
                        );
                    }
                }
                4 => backlog.push_resync(truth.values().cloned().collect()),
                _ => {
                    let after = at(name, step);
                    let before = truth.insert(key(name), after.clone());
                    backlog.push(
                        Change {
                            before,
                            after: After::Is(after),
                        },
                        false,
                    );
                }
            }
            assert!(backlog.pending() <= bound + 5 + 1, "seed {seed}");
        }
        while let Some(told) = backlog.take() {
            known.learn(told);
        }
        assert_eq!(
            known.describe(),
            truth
                .values()
                .map(|pod| super::objects::describe(pod))
                .collect::<Vec<_>>(),
            "seed {seed}"
        );
    }
}
