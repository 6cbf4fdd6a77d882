//! Mirrors `src/api/network/`.

use bitcoin_controller::api::network::{BitcoinNetwork, BitcoinNetworkStatus, NodeStatus, Spec};
use serde_json::{Value, json};

fn network(object: Value) -> BitcoinNetwork {
    serde_json::from_value(object).unwrap()
}

#[test]
fn the_original_example_is_read() {
    let read = network(json!({
        "metadata": {"name": "my-network"},
        "spec": {"nodes": 3, "secret": "bitcoin-default-secret"},
    }));
    let spec = read.spec.valid().unwrap();
    assert_eq!(
        (spec.nodes, spec.secret.as_deref()),
        (3, Some("bitcoin-default-secret"))
    );
}

#[test]
fn a_spec_of_the_wrong_shape_is_an_object_with_a_reason() {
    for spec in [
        json!({"nodes": "hunter2"}),
        json!({}),
        json!("hunter2"),
        json!({"nodes": 1e12}),
    ] {
        let Spec::Invalid(reason) = network(json!({"spec": spec})).spec else {
            panic!("{spec} was read")
        };
        assert!(!reason.contains("hunter2"), "{reason}");
    }
    assert_eq!(
        network(json!({})).spec,
        Spec::Invalid("there is no `spec`".to_owned())
    );
}

#[test]
fn a_status_of_another_shape_counts_as_none() {
    let read = network(json!({"spec": {"nodes": 1}, "status": {"nodes": "three"}}));
    assert_eq!(read.status, BitcoinNetworkStatus::default());
}

#[test]
fn status_fields_keep_the_json_names_of_the_first_controller() {
    let node = NodeStatus {
        ordinal: 2,
        ready: true,
        pod_uid: "u".into(),
        ..NodeStatus::default()
    };
    let written = serde_json::to_value(node).unwrap();
    let names: Vec<&str> = written
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        names,
        ["dnsName", "ip", "nodeName", "ordinal", "podUID", "ready"]
    );
}

#[test]
fn what_is_written_is_read_back() {
    let status = BitcoinNetworkStatus {
        observed_generation: Some(4),
        height: Some(101),
        nodes: vec![NodeStatus {
            ordinal: 0,
            height: Some(101),
            ..NodeStatus::default()
        }],
        ..BitcoinNetworkStatus::default()
    };
    let read =
        network(json!({"spec": {"nodes": 1}, "status": serde_json::to_value(&status).unwrap()}));
    assert_eq!(read.status, status);
}
