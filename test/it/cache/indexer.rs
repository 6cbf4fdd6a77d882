//! Objects and their indices, one snapshot per answer.

use std::sync::Arc;

use bitcoin_controller::api::core::Pod;
use bitcoin_controller::base::Random;
use bitcoin_controller::cache::{After, Index, Indexer};

use super::objects::{key, labelled, pod};

/// By the values of labels `one` and `two`: none, one or two values for each pod.
struct ByLabels;

impl Index<Pod> for ByLabels {
    type Value = String;

    fn values(pod: &Pod) -> Vec<String> {
        let labels = &pod.metadata.labels;
        let values = ["one", "two"]
            .into_iter()
            .filter_map(|label| labels.get(label));
        values.map(str::to_owned).collect()
    }
}

/// The same question, as an index that is never added.
struct NeverAdded;

impl Index<Pod> for NeverAdded {
    type Value = String;

    fn values(pod: &Pod) -> Vec<String> {
        ByLabels::values(pod)
    }
}

fn names(pods: &[Arc<Pod>]) -> Vec<&str> {
    pods.iter().map(|pod| pod.metadata.name.as_str()).collect()
}

fn by(indexer: &Indexer<Pod>, value: &str) -> Vec<String> {
    let pods = indexer.by_index::<ByLabels>(&value.to_owned());
    names(&pods).into_iter().map(str::to_owned).collect()
}

fn versioned(name: &str, version: u64, labels: &[(&str, &str)]) -> Pod {
    let mut pod = labelled(name, labels);
    pod.metadata.resource_version = version.to_string().into();
    pod
}

#[test]
fn a_store_is_empty_until_something_is_in_it() {
    let pods = Indexer::default();
    assert!(pods.is_empty());
    pods.insert(pod("a", "a", 1));
    assert!(!pods.is_empty());
    assert_eq!(pods.len(), 1);
}

#[test]
fn c054_an_object_is_found_under_each_of_its_values_and_under_no_other() {
    let pods = Indexer::default();
    pods.add_index::<ByLabels>();
    pods.insert(labelled("a", &[("one", "red"), ("two", "blue")]));
    pods.insert(labelled("b", &[("one", "red")]));
    pods.insert(labelled("c", &[]));
    pods.insert(labelled("d", &[("one", "red"), ("two", "red")]));
    assert_eq!(by(&pods, "red"), ["a", "b", "d"]);
    assert_eq!(by(&pods, "blue"), ["a"]);
    assert!(by(&pods, "green").is_empty());
}

#[test]
fn c053_values_follow_the_object_and_empty_ones_are_forgotten() {
    let pods = Indexer::default();
    pods.add_index::<ByLabels>();
    pods.insert(versioned("a", 1, &[("one", "red"), ("two", "blue")]));
    pods.insert(versioned("a", 2, &[("one", "blue"), ("two", "green")]));
    assert!(by(&pods, "red").is_empty());
    assert_eq!(by(&pods, "blue"), ["a"]);
    assert_eq!(pods.index_values::<ByLabels>(), ["blue", "green"]);
    pods.remove(&key("a"));
    assert!(pods.index_values::<ByLabels>().is_empty());
}

#[test]
fn c055_a_late_index_covers_what_is_there_and_adding_it_again_changes_nothing() {
    let pods = Indexer::default();
    pods.insert(labelled("a", &[("one", "red")]));
    pods.add_index::<ByLabels>();
    pods.add_index::<ByLabels>(); // again: nothing happens
    pods.insert(labelled("b", &[("one", "red")]));
    assert_eq!(by(&pods, "red"), ["a", "b"]);
}

#[test]
fn answers_come_in_order_of_the_keys() {
    let pods = Indexer::default();
    for (namespace, name) in [("y", "a"), ("x", "b"), ("x-", "a"), ("x", "a"), ("", "z")] {
        let mut pod = labelled(name, &[("one", "red")]);
        pod.metadata.namespace = namespace.into();
        pods.insert(pod);
    }
    let keys = |pods: Vec<Arc<Pod>>| {
        use bitcoin_controller::api::Resource;
        pods.iter()
            .map(|pod| pod.key().to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(pods.list()), ["z", "x/a", "x/b", "x-/a", "y/a"]);
    assert_eq!(keys(pods.list_namespace("x")), ["x/a", "x/b"]);
    assert_eq!(keys(pods.list_namespace("")), ["z"]);
    assert!(pods.list_namespace("w").is_empty());
}

#[test]
fn inserting_says_what_was_there_before() {
    let pods = Indexer::default();
    let first = pods.insert(pod("a", "u", 1)).unwrap();
    assert!(first.before.is_none());
    let second = pods.insert(pod("a", "u", 2)).unwrap();
    assert_eq!(&*second.before.unwrap().metadata.resource_version, "1");
    assert!(matches!(second.after, After::Is(pod) if &*pod.metadata.resource_version == "2"));
    assert!(pods.remove(&key("b")).is_none());
    assert!(pods.remove(&key("a")).is_some());
    assert!(pods.is_empty());
}

#[test]
fn the_same_state_stays_in_place_and_is_no_change() {
    let pods = Indexer::default();
    pods.insert(pod("a", "u", 1));
    let before = pods.get(&key("a")).unwrap();
    assert!(pods.insert(pod("a", "u", 1)).is_none());
    assert!(
        pods.replace(vec![Arc::new(pod("a", "u", 1))], |_, _| false)
            .is_empty()
    );
    assert!(Arc::ptr_eq(&before, &pods.get(&key("a")).unwrap()));
    assert!(
        pods.insert(pod("a", "another", 1)).is_some(),
        "another UID is another object"
    );
    let mut unknown = pod("a", "another", 1);
    unknown.metadata.resource_version = "".into();
    assert!(pods.insert(unknown.clone()).is_some());
    assert!(
        pods.insert(unknown).is_some(),
        "an unknown version equals none"
    );
}

#[test]
fn a_replace_tells_deletions_first_and_then_the_rest_in_its_own_order() {
    let pods = Indexer::default();
    for name in ["d", "a", "c", "b"] {
        pods.insert(pod(name, name, 1));
    }
    let list = vec![
        pod("e", "e", 1),
        pod("c", "c", 2),
        pod("b", "b", 1),
        pod("0", "0", 1),
    ];
    let list = list.into_iter().map(Arc::new).collect();
    let changes = pods.replace(list, |_, _| false);
    let told: Vec<_> = changes
        .into_iter()
        .map(|change| format!("{:?}", change.into_notification(false)))
        .collect();
    assert_eq!(
        told,
        [
            "Deleted(final state unknown) x/a@1",
            "Deleted(final state unknown) x/d@1",
            "Added x/e@1",
            "Updated x/c@2",
            "Added x/0@1",
        ]
    );
    assert_eq!(names(&pods.list()), ["0", "b", "c", "e"]);
}

#[test]
fn a_replace_keeps_what_it_is_told_to_keep() {
    let pods = Indexer::default();
    pods.insert(pod("a", "a", 1));
    pods.insert(pod("b", "b", 1));
    let changes = pods.replace(Vec::new(), |kept, _| *kept == key("b"));
    assert_eq!(changes.len(), 1);
    assert_eq!(names(&pods.list()), ["b"]);
}

/// A naive model: a vector of pods, searched from end to end.
#[test]
fn a_thousand_random_histories_agree_with_a_scan() {
    for seed in 0..1_000 {
        let random = Random::seeded(seed);
        let pods = Indexer::default();
        let mut model: Vec<Pod> = Vec::new();
        let late = random.below(20);
        for step in 0..30 {
            if step == late {
                pods.add_index::<ByLabels>();
            }
            let name = ["a", "b", "c", "d", "e"][random.below(5) as usize];
            let colours = ["red", "blue", "green"];
            let colour = |random: &Random| colours[random.below(3) as usize];
            if random.below(6) == 0 {
                // A whole new content, some of it as it was.
                model.retain(|_| random.below(2) == 0);
                let replacement = model.iter().cloned().map(Arc::new).collect();
                pods.replace(replacement, |_, _| false);
            }
            model.retain(|known| known.metadata.name != name);
            if random.below(3) == 0 {
                pods.remove(&key(name));
            } else {
                let labels = [("one", colour(&random)), ("two", colour(&random))];
                let pod = versioned(name, step, &labels[..random.below(3) as usize]);
                pods.insert(pod.clone());
                model.push(pod);
            }
            for colour in colours {
                let wanted = colour.to_owned();
                let mut expected: Vec<_> = model
                    .iter()
                    .filter(|pod| ByLabels::values(pod).contains(&wanted))
                    .map(|pod| pod.metadata.name.to_string())
                    .collect();
                expected.sort();
                assert_eq!(by(&pods, colour), expected, "seed {seed}, step {step}");
                assert_eq!(
                    names(&pods.by_index::<NeverAdded>(&wanted)),
                    expected,
                    "seed {seed}"
                );
            }
            assert_eq!(
                pods.index_values::<ByLabels>(),
                pods.index_values::<NeverAdded>(),
                "seed {seed}"
            );
        }
    }
}

#[test]
fn c057_the_key_of_a_cluster_scoped_object_has_no_slash_and_none_has_two() {
    use bitcoin_controller::api::{ObjectKey, Resource};
    let mut node = pod("a", "u", 1);
    assert_eq!(node.key().to_string(), "x/a");
    node.metadata.namespace = "".into();
    assert_eq!(node.key().to_string(), "a");
    assert_eq!("a".parse(), Ok(node.key()));
    assert!("x/y/a".parse::<ObjectKey>().is_err());
}

#[test]
fn c058_a_reader_keeps_what_it_was_given_whatever_the_store_does() {
    let pods = Indexer::default();
    pods.insert(pod("a", "u", 1));
    let (mine, yours) = (pods.get(&key("a")).unwrap(), pods.get(&key("a")).unwrap());
    assert!(Arc::ptr_eq(&mine, &yours), "shared, not copied");
    pods.insert(pod("a", "u", 2));
    pods.remove(&key("a"));
    assert_eq!(&*mine.metadata.resource_version, "1");
}

/// One writer replaces the whole content by one of two; a reader must always find one or the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c056_a_reader_sees_a_replace_wholly_or_not_at_all() {
    let pods = Arc::new(Indexer::default());
    pods.add_index::<ByLabels>();
    let content = |version: u64| {
        let (names, colour) = match version % 2 {
            0 => (["a", "b"], "red"),
            _ => (["c", "d"], "blue"),
        };
        let pods = names.map(|name| Arc::new(versioned(name, version, &[("one", colour)])));
        pods.to_vec()
    };
    pods.replace(content(0), |_, _| false);
    let writer = tokio::task::spawn_blocking({
        let pods = pods.clone();
        move || {
            for version in 1..5_000 {
                pods.replace(content(version), |_, _| false);
            }
        }
    });
    while !writer.is_finished() {
        let listed = pods.list();
        let names = names(&listed);
        assert!(names == ["a", "b"] || names == ["c", "d"], "{names:?}");
        let values = pods.index_values::<ByLabels>();
        assert!(values == ["red"] || values == ["blue"], "{values:?}");
        assert!(matches!(by(&pods, "red").len(), 0 | 2));
    }
    writer.await.unwrap();
}

/// One writer moves one object between two values; a reader must always find it under exactly one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_never_sees_objects_and_indices_apart() {
    let pods = Arc::new(Indexer::default());
    pods.add_index::<ByLabels>();
    pods.insert(versioned("a", 0, &[("one", "red")]));
    let writer = tokio::task::spawn_blocking({
        let pods = pods.clone();
        move || {
            for version in 1..20_000 {
                let colour = if version % 2 == 0 { "red" } else { "blue" };
                pods.insert(versioned("a", version, &[("one", colour)]));
            }
        }
    });
    while !writer.is_finished() {
        for found in pods.by_index::<ByLabels>(&"red".to_owned()) {
            assert_eq!(found.metadata.labels.get("one"), Some("red"));
        }
        assert_eq!(pods.index_values::<ByLabels>().len(), 1);
        assert_eq!(pods.len(), 1);
    }
    writer.await.unwrap();
}
