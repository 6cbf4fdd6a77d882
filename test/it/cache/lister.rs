//! Reading the cache by key, namespace and labels.

use std::sync::Arc;

use bitcoin_controller::api::core::Pod;
use bitcoin_controller::cache::{Index, Indexer, Lister, Selector};

use super::objects::{key, labelled};

fn lister() -> Lister<Pod> {
    let pods = Indexer::default();
    pods.insert(labelled("a", &[("app", "x"), ("tier", "one")]));
    pods.insert(labelled("b", &[("app", "x")]));
    let mut elsewhere = labelled("c", &[("app", "x")]);
    elsewhere.metadata.namespace = "y".into();
    pods.insert(elsewhere);
    Lister::new(Arc::new(pods))
}

fn names(pods: &[Arc<Pod>]) -> Vec<&str> {
    pods.iter().map(|pod| pod.metadata.name.as_str()).collect()
}

#[test]
fn one_object_is_found_by_its_key() {
    let pods = lister();
    assert_eq!(&*pods.get(&key("a")).unwrap().metadata.uid, "a");
    assert!(pods.get(&key("c")).is_none());
}

#[test]
fn c060_namespace_and_labels_both_narrow_the_answer() {
    let pods = lister();
    let selector = |pairs: &[(&str, &str)]| pairs.iter().copied().collect::<Selector>();
    assert_eq!(
        names(&pods.list(None, &Selector::everything())),
        ["a", "b", "c"]
    );
    assert_eq!(
        names(&pods.list(Some("x"), &Selector::everything())),
        ["a", "b"]
    );
    assert_eq!(
        names(&pods.list(None, &selector(&[("app", "x")]))),
        ["a", "b", "c"]
    );
    assert_eq!(
        names(&pods.list(Some("x"), &selector(&[("app", "x"), ("tier", "one")]))),
        ["a"]
    );
    assert!(pods.list(None, &selector(&[("app", "y")])).is_empty());
    assert!(pods.list(None, &selector(&[("other", "x")])).is_empty());
}

struct ByTier;

impl Index<Pod> for ByTier {
    type Value = String;

    fn values(pod: &Pod) -> Vec<String> {
        pod.metadata
            .labels
            .get("tier")
            .map(str::to_owned)
            .into_iter()
            .collect()
    }
}

#[test]
fn an_index_finds_in_all_namespaces() {
    let found = lister().by_index::<ByTier>(&"one".to_owned());
    assert_eq!(names(&found), ["a"]);
}

#[test]
fn what_selects_everything_says_so() {
    assert!(Selector::everything().is_everything());
    let some: Selector = [("app", "x")].into_iter().collect();
    assert!(!some.is_everything());
}

#[test]
fn a_label_with_two_values_selects_nothing() {
    let nothing: Selector = [("app", "x"), ("app", "y")].into_iter().collect();
    assert!(lister().list(None, &nothing).is_empty());
}

#[test]
fn a_selector_is_written_as_the_server_reads_it() {
    let selector: Selector = [("b", "2"), ("a", "1"), ("b", "2")].into_iter().collect();
    assert_eq!(selector.to_string(), "a=1,b=2");
    assert_eq!(Selector::everything().to_string(), "");
}
