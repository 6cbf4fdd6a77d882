//! Goal: what a spec says about each node is in its pod, changes the hash, and is refused if it cannot be.

use bitcoin_controller::bitcoin::Credentials;
use bitcoin_controller::controller::desired::{
    DEFAULT_IMAGE, NETWORK_UID, NodeSpec, Startup, is_claim_of, stateful_set,
};
use serde_json::{Value, json};

use super::build::{self, network};

fn read(spec: Value) -> Result<NodeSpec, String> {
    NodeSpec::read(network(spec).spec.valid().unwrap())
}

fn startup(spec: Value) -> Startup {
    let own = Credentials::new("bitcoin-controller", "secret").unwrap();
    Startup::new(DEFAULT_IMAGE.to_owned(), read(spec).unwrap(), &own, None)
}

fn set(spec: Value) -> Value {
    stateful_set(&network(spec.clone()), 3, &startup(spec))
}

fn pod(set: &Value) -> &Value {
    &set["spec"]["template"]["spec"]
}

fn resources(asked: Value) -> Value {
    pod(&set(json!({"nodes": 1, "resources": asked})))["containers"][0]["resources"].clone()
}

/// A new version of the controller replaces no pod of a network that asks for nothing new. The golden
/// StatefulSet holds the arguments and the hash of the version before these fields, too.
#[test]
fn a_network_that_asks_for_nothing_new_is_started_as_ever() {
    assert_eq!(read(json!({"nodes": 3})), Ok(NodeSpec::default()));
    assert_eq!(
        startup(json!({"nodes": 3})).restart_hash(),
        "cd55c95420d7ea3c"
    );
    for other in [
        json!({"nodes": 3, "relay": "Default", "extraArgs": [], "tolerations": [], "nodeSelector": {}}),
        json!({"nodes": 3, "resources": {}}),
        json!({"nodes": 3, "resources": {"limits": {"memory": "1024Mi"}, "requests": {"cpu": "0.05"}}}),
    ] {
        assert_eq!(set(other.clone()), set(json!({"nodes": 3})), "{other}");
    }
}

#[test]
fn each_field_needs_a_restart() {
    let mut hashes = Vec::new();
    for spec in [
        json!({"nodes": 3}),
        json!({"nodes": 3, "relay": "Fast"}),
        json!({"nodes": 3, "extraArgs": ["-debug=net"]}),
        json!({"nodes": 3, "extraArgs": ["-debug=net", "-debug=mempool"]}),
        json!({"nodes": 3, "resources": {"limits": {"memory": "2Gi"}}}),
        json!({"nodes": 3, "nodeSelector": {"disk": "fast"}}),
        json!({"nodes": 3, "tolerations": [{"operator": "Exists"}]}),
        json!({"nodes": 3, "affinity": {"podAntiAffinity": {}}}),
    ] {
        let hash = startup(spec.clone()).restart_hash();
        assert!(!hashes.contains(&hash), "{spec}");
        hashes.push(hash);
    }
}

#[test]
fn what_nodes_need_no_restart_for_is_not_in_the_hash() {
    let hash = startup(json!({"nodes": 3})).restart_hash();
    for spec in [
        json!({"nodes": 30}),
        json!({"nodes": 3, "storage": {"size": "1Gi", "adopt": true}}),
        json!({"nodes": 3, "topology": {"type": "Ring"}}),
        json!({"nodes": 3, "mining": {"untilHeight": 101}}),
    ] {
        assert_eq!(startup(spec.clone()).restart_hash(), hash, "{spec}");
    }
}

#[test]
fn arguments_of_the_user_come_last() {
    let set = set(json!({"nodes": 1, "relay": "Fast", "extraArgs": ["-debug=net", "-dbcache=8"]}));
    let arguments = pod(&set)["containers"][0]["args"].as_array().unwrap();
    let last = &arguments[arguments.len() - 4..];
    let wanted = [
        "-whitelist=in,out,noban@0.0.0.0/0",
        "-whitelist=in,out,noban@::/0",
        "-debug=net",
        "-dbcache=8",
    ];
    assert_eq!(last, wanted);
}

#[test]
fn an_argument_that_is_ours_is_refused_by_name() {
    let refused = read(json!({"nodes": 1, "extraArgs": ["-debug", "--norest"]}));
    assert!(refused.is_err_and(|why| why.starts_with("`extraArgs`: `-rest` ")));
}

#[test]
fn what_is_not_asked_for_keeps_its_default() {
    assert_eq!(
        resources(json!({"requests": {"cpu": 1}, "limits": {"ephemeral-storage": "1024Mi"}})),
        json!({"requests": {"cpu": "1", "memory": "128Mi"}, "limits": {"ephemeral-storage": "1Gi", "memory": "1Gi"}})
    );
}

#[test]
fn a_default_bends_to_what_is_asked_for() {
    assert_eq!(
        resources(json!({"requests": {"memory": "4Gi"}, "limits": {"cpu": "20m"}})),
        json!({"requests": {"cpu": "20m", "memory": "4Gi"}, "limits": {"cpu": "20m", "memory": "4Gi"}})
    );
    assert_eq!(
        resources(json!({"limits": {"memory": "100Mi"}}))["requests"]["memory"],
        "100Mi"
    );
}

#[test]
fn amounts_that_cannot_be_are_refused_by_their_field() {
    for (resources, field) in [
        (
            json!({"requests": {"cpu": "much"}}),
            "`resources.requests.cpu`",
        ),
        (
            json!({"limits": {"memory": -1}}),
            "`resources.limits.memory`",
        ),
        (
            json!({"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}),
            "`resources.requests.memory`",
        ),
    ] {
        let refused = read(json!({"nodes": 1, "resources": resources}));
        assert!(
            refused.as_ref().is_err_and(|why| why.starts_with(field)),
            "{refused:?}"
        );
    }
    for size in ["0", "-1Gi", "big", ""] {
        assert!(
            read(json!({"nodes": 1, "storage": {"size": size}})).is_err(),
            "{size}"
        );
    }
}

#[test]
fn where_pods_may_run_is_passed_on_as_it_is() {
    let asked = json!({
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "test", "operator": "Exists", "effect": "NoSchedule"}],
        "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
    });
    let mut spec = asked.clone();
    spec["nodes"] = json!(1);
    let set = set(spec);
    for (field, value) in asked.as_object().unwrap() {
        assert_eq!(pod(&set)[field], *value);
    }
}

#[test]
fn storage_gives_each_node_a_claim_that_says_whose_it_is() {
    let set = set(json!({"nodes": 3, "storage": {"size": "1024Mi", "storageClassName": "fast"}}));
    let claims = set["spec"]["volumeClaimTemplates"].as_array().unwrap();
    let [claim] = claims.as_slice() else {
        panic!("{claims:?}")
    };
    assert_eq!(
        claim["spec"],
        json!({
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "fast",
        })
    );
    assert_eq!(claim["metadata"]["labels"][NETWORK_UID], build::NETWORK_UID);
    assert_eq!(
        pod(&set)["volumes"],
        Value::Null,
        "the StatefulSet puts it there"
    );
    let mounts = &pod(&set)["containers"][0]["volumeMounts"];
    assert_eq!(mounts[0]["name"], claim["metadata"]["name"]);
}

#[test]
fn volumes_go_with_the_network_unless_they_are_to_stay() {
    let policy = |storage: Value| {
        set(json!({"nodes": 1, "storage": storage}))["spec"]["persistentVolumeClaimRetentionPolicy"]
            .clone()
    };
    assert_eq!(
        policy(json!({"size": "1Gi"})),
        json!({"whenDeleted": "Delete", "whenScaled": "Retain"})
    );
    assert_eq!(
        policy(json!({"size": "1Gi", "retain": true})),
        json!({"whenDeleted": "Retain", "whenScaled": "Retain"})
    );
    assert_eq!(
        set(json!({"nodes": 1}))["spec"]["persistentVolumeClaimRetentionPolicy"],
        Value::Null
    );
}

#[test]
fn claims_are_known_by_the_name_the_set_gives_them() {
    let key = bitcoin_controller::api::ObjectKey::new("default", "alpha");
    for name in ["data-alpha-sts-0", "data-alpha-sts-999"] {
        assert!(is_claim_of(&key, name), "{name}");
    }
    for name in [
        "data-alpha-sts-",
        "data-alpha-sts-x",
        "data-alpha-sts-01",
        "data-alpha-2-sts-0",
        "data-beta-sts-0",
        "alpha-sts-0",
    ] {
        assert!(!is_claim_of(&key, name), "{name}");
    }
}
