//! What a spec says about each node, as a real server takes it: nothing we want of it is seen as a difference
//! afterwards, and what it refuses is told as refused.

use bitcoin_controller::api::apps::StatefulSet;
use bitcoin_controller::api::{BitcoinNetwork, ObjectKey};
use bitcoin_controller::bitcoin::Credentials;
use bitcoin_controller::controller::desired::{self, NodeSpec, Startup};
use bitcoin_controller::controller::problem::Problem;
use bitcoin_controller::controller::provide::first_difference;
use bitcoin_controller::controller::reasons;
use serde_json::{Value, json};

use crate::api::client;
use crate::harness::kubectl;

fn wanted(namespace: &str, name: &str, spec: &Value) -> (ObjectKey, Value) {
    let network: BitcoinNetwork = serde_json::from_value(json!({
        "metadata": {"name": name, "namespace": namespace, "uid": "0a1b2c3d-0000-4000-8000-000000000001"},
        "spec": spec,
    }))
    .unwrap();
    let own = Credentials::new("bitcoin-controller", "secret").unwrap();
    let node = NodeSpec::read(network.spec.valid().unwrap()).unwrap();
    let startup = Startup::new("bitcoin:29".to_owned(), node, &own, None);
    let mut set = desired::stateful_set(&network, 0, &startup);
    // No such network: the garbage collector would take the set away.
    set["metadata"]["ownerReferences"] = json!([]);
    (ObjectKey::new(namespace, format!("{name}-sts")), set)
}

#[tokio::test]
async fn what_a_server_makes_of_our_set_is_no_difference() {
    kubectl(&["create", "namespace", "node-spec"]);
    let amounts = [
        json!("0.5"),
        json!(".5"),
        json!(1),
        json!(1.5),
        json!("1024Mi"),
        json!("1.5Gi"),
        json!("1048576Ki"),
        json!("0.5Ki"),
        json!("1000"),
        json!("10000"),
        json!("1.5k"),
        json!("12e2"),
        json!("1e3"),
        json!("1E3"),
        json!("+5"),
        json!("05"),
        json!("5."),
        json!("1.5e1"),
        json!("1e-3"),
        json!("0.0001"),
        json!("1500u"),
        json!("0Gi"),
        json!("1.1Gi"),
        json!("0.1Mi"),
        json!("1.0000001Gi"),
        json!("1Ei"),
        json!("9223372036854775807"),
        json!("123456789M"),
        json!("1e4"),
    ];
    let amounts = amounts.map(|amount| json!({"resources": {"requests": {"cpu": amount}}}));
    let others = [
        json!({}),
        json!({"relay": "Fast", "extraArgs": ["-debug=net"]}),
        json!({"nodeSelector": {"disk": "fast", "empty": ""}}),
        json!({"tolerations": [{"key": "a", "operator": "", "effect": "", "value": ""}, {"operator": "Exists"}]}),
        json!({"affinity": {}}),
        json!({"affinity": {"podAffinity": {}, "nodeAffinity": null}}),
        json!({"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": {
            "topologyKey": "kubernetes.io/hostname", "namespaces": [], "labelSelector": {"matchLabels": {}, "matchExpressions": []}, "namespaceSelector": {},
        }}]}}}),
        json!({"storage": {"size": "1024Mi"}}),
        json!({"storage": {"size": "0.5Gi", "storageClassName": "fast", "retain": true}}),
    ];
    for (index, mut spec) in amounts.into_iter().chain(others).enumerate() {
        spec["nodes"] = json!(0);
        let (key, set) = wanted("node-spec", &format!("n{index}"), &spec);
        let live: StatefulSet = client()
            .apply(&key, &set)
            .await
            .unwrap_or_else(|error| panic!("{spec}: {error}"));
        assert_eq!(first_difference(&live, &set), None, "{spec}");
    }
}

#[tokio::test]
async fn what_a_server_refuses_of_our_set_is_told_by_its_field() {
    kubectl(&["create", "namespace", "node-spec-refused"]);
    for (spec, field) in [
        (
            json!({"tolerations": [{"operator": "Wrong"}]}),
            "tolerations[0].operator",
        ),
        (
            json!({"tolerations": [{"wrong": "x"}]}),
            "tolerations[0].wrong",
        ),
        (json!({"tolerations": [{"key": 5}]}), "tolerations[0].key"),
        (json!({"nodeSelector": {"a": "b c"}}), "nodeSelector"),
        (
            json!({"affinity": {"nodeAffinity": "x"}}),
            "affinity.nodeAffinity",
        ),
        (
            json!({"resources": {"requests": {"foo": 1}}}),
            "requests[foo]",
        ),
        (
            json!({"storage": {"size": "1Gi", "storageClassName": "Not_valid"}}),
            "storageClassName",
        ),
    ] {
        let mut spec = spec;
        spec["nodes"] = json!(0);
        let (key, set) = wanted("node-spec-refused", "a", &spec);
        let refused = client().apply::<StatefulSet>(&key, &set).await.unwrap_err();
        match Problem::from(refused) {
            Problem::Blocked { reason, message } => {
                assert_eq!(reason, reasons::REFUSED);
                assert!(message.contains(field), "{message}");
            }
            Problem::Failed(error) => panic!("{spec}: tried again and again: {error}"),
        }
    }
}
