//! Goal: what differs is named as a person would name it, and what cannot be is refused.

use bitcoin_controller::api::apps::StatefulSet;
use bitcoin_controller::bitcoin::Credentials;
use bitcoin_controller::controller::desired::{APPLIED_HASH, NodeSpec, Startup, stateful_set};
use bitcoin_controller::controller::problem::Problem;
use bitcoin_controller::controller::provide::{checked_spec, first_difference};
use bitcoin_controller::controller::reasons;
use serde_json::{Value, json};

use super::build::{network, read};

fn desired(replicas: i32) -> Value {
    let own = Credentials::new("bitcoin-controller", "secret").unwrap();
    stateful_set(
        &network(json!({"nodes": replicas})),
        replicas,
        &Startup::new("image".to_owned(), NodeSpec::default(), &own, None),
    )
}

/// `desired`, as the server gives it back.
fn live(desired: Value) -> StatefulSet {
    let mut live = desired;
    live["metadata"]["uid"] = json!("set");
    live["metadata"]["annotations"]["someone.else/note"] = json!("x");
    live["spec"]["template"]["spec"]["dnsPolicy"] = json!("ClusterFirst");
    read(live)
}

#[test]
fn what_was_applied_has_no_difference() {
    assert_eq!(first_difference(&live(desired(3)), &desired(3)), None);
}

/// The hash over all of it differs as well, but says nothing to a person; and events go by the path.
#[test]
fn a_change_of_what_is_asked_for_is_told_by_its_own_path() {
    assert_eq!(
        first_difference(&live(desired(3)), &desired(5)).as_deref(),
        Some("spec.replicas")
    );
}

#[test]
fn a_change_by_somebody_else_is_found() {
    for (pointer, value, path) in [
        ("/spec/replicas", json!(9), "spec.replicas"),
        ("/metadata/labels/app", json!("beta"), "metadata.labels.app"),
        (
            "/metadata/ownerReferences/0/blockOwnerDeletion",
            json!(false),
            "metadata.ownerReferences",
        ),
        (
            "/spec/template/spec/containers/0/image",
            json!("x"),
            "spec.template.spec.containers[alpha-sts-ctr].image",
        ),
    ] {
        let mut changed = desired(3);
        *changed.pointer_mut(pointer).unwrap() = value;
        let found = first_difference(&live(changed), &desired(3)).unwrap();
        assert!(found.starts_with(path), "{found} is not at {path}");
    }
}

#[test]
fn a_field_that_is_no_longer_wanted_shows_in_the_hash() {
    let mut earlier = desired(3);
    earlier["spec"]["minReadySeconds"] = json!(5);
    earlier["metadata"]["annotations"][APPLIED_HASH] = json!("another");
    let path = first_difference(&live(earlier), &desired(3)).unwrap();
    assert_eq!(path, format!("metadata.annotations.{APPLIED_HASH}"));
}

/// The reason that `spec`, or the name, is refused with.
fn refusal(name: &str, spec: Value) -> Option<&'static str> {
    let mut network = network(spec);
    network.metadata.name = name.into();
    match checked_spec(&network) {
        Ok(_) => None,
        Err(Problem::Blocked { reason, .. }) => Some(reason),
        Err(Problem::Failed(error)) => panic!("{error}"),
    }
}

#[test]
fn names_that_cannot_be_in_labels_are_refused() {
    let longest = "a".repeat(48);
    for name in ["a", "my-network", "n2", &longest] {
        assert_eq!(refusal(name, json!({"nodes": 3})), None, "{name}");
    }
    let too_long = "a".repeat(49);
    for name in ["", "2n", "-a", "a-", "a.b", "A", "ä", &too_long] {
        assert_eq!(
            refusal(name, json!({"nodes": 3})),
            Some(reasons::INVALID_NAME),
            "{name}"
        );
    }
}

#[test]
fn specs_that_cannot_be_are_refused() {
    for spec in [json!({"nodes": 0}), json!({"nodes": 1_000})] {
        assert_eq!(refusal("alpha", spec), None);
    }
    for spec in [
        json!({"nodes": -1}),
        json!({"nodes": 1_001}),
        json!({"nodes": "3"}),
        json!({}),
        json!(null),
    ] {
        assert_eq!(refusal("alpha", spec), Some(reasons::INVALID_SPEC));
    }
}
