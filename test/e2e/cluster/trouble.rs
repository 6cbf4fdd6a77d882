//! What users get wrong, and what others do to a network: each is told, and mended when they mend it.

use serde_json::json;

use crate::cluster::history::History;
use crate::cluster::network::Network;
use crate::controller::install;
use crate::harness::{Namespace, apply, eventually};

#[tokio::test]
async fn an_image_that_does_not_exist_is_told_and_mended() {
    install();
    let namespace = Namespace::create("image");
    let network = Network::create(
        &namespace,
        "alpha",
        json!({"nodes": 2, "image": "localhost/nowhere:1"}),
    );
    eventually("PodsReady tells of the image", || async {
        let status = network.status()?;
        let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
        let found = conditions
            .iter()
            .find(|it| it["type"] == "PodsReady")
            .cloned()
            .unwrap_or_default();
        let reason = found["reason"].as_str().unwrap_or_default();
        if reason.contains("ImagePull") {
            Ok(())
        } else {
            Err(found.to_string())
        }
    })
    .await;
    namespace.until_event("alpha", "PodTrouble").await;
    network.ask(json!({"nodes": 2, "image": "localhost/bitcoind:dev"}));
    network.until_ready(2).await;
}

#[tokio::test]
async fn a_quota_that_forbids_the_pods_is_told_and_its_end_is_noticed() {
    install();
    let namespace = Namespace::create("quota");
    namespace.kubectl(&["create", "quota", "none", "--hard=count/pods=0"]);
    eventually("the quota is in force", || async {
        let quota = namespace.get("quota", "none")?;
        if quota["status"]["hard"]["count/pods"] == "0" {
            Ok(())
        } else {
            Err(quota["status"].to_string())
        }
    })
    .await;
    let network = Network::create(&namespace, "alpha", json!({"nodes": 1}));
    network
        .until_condition("PodsReady", "False", "FailedCreate")
        .await;
    namespace.kubectl(&["delete", "quota", "none"]);
    network.until_ready(1).await;
}

#[tokio::test]
async fn a_foreign_service_of_our_name_is_left_alone() {
    install();
    let namespace = Namespace::create("foreign");
    namespace.kubectl(&["create", "service", "clusterip", "alpha-svc", "--tcp=80:80"]);
    let before = namespace.get("service", "alpha-svc").unwrap();
    let network = Network::create(&namespace, "alpha", json!({"nodes": 1}));
    network
        .until_condition("Ready", "False", "NameConflict")
        .await;
    namespace.until_event("alpha", "NameConflict").await;
    let after = namespace.get("service", "alpha-svc").unwrap();
    assert_eq!(
        after["metadata"]["resourceVersion"],
        before["metadata"]["resourceVersion"]
    );
    assert!(
        namespace.get("statefulset", "alpha-sts").is_err(),
        "nothing may start beside it"
    );
    namespace.kubectl(&["delete", "service", "alpha-svc"]);
    network.until_ready(1).await;
}

#[tokio::test]
async fn nothing_starts_without_the_secret_that_is_named() {
    install();
    let namespace = Namespace::create("secretless");
    let network = Network::create(&namespace, "alpha", json!({"nodes": 1, "secret": "mine"}));
    network
        .until_condition("Ready", "False", "SecretMissing")
        .await;
    assert!(namespace.get("statefulset", "alpha-sts").is_err());
    namespace.kubectl(&[
        "create",
        "secret",
        "generic",
        "mine",
        "--from-literal=BC_RPC_USER=me",
    ]);
    network
        .until_condition("Ready", "False", "SecretIncomplete")
        .await;
    namespace.kubectl(&["delete", "secret", "mine"]);
    let password = "--from-literal=BC_RPC_PASSWORD=correct-horse-battery";
    namespace.kubectl(&[
        "create",
        "secret",
        "generic",
        "mine",
        "--from-literal=BC_RPC_USER=me",
        password,
    ]);
    network.until_ready(1).await;
    // The user's own credentials work.
    network
        .cli(
            0,
            &[
                "-rpcuser=me",
                "-rpcpassword=correct-horse-battery",
                "getblockcount",
            ],
        )
        .unwrap();
    assert!(
        network
            .cli(0, &["-rpcuser=me", "-rpcpassword=wrong", "getblockcount"])
            .is_err()
    );
}

#[tokio::test]
async fn a_rotated_secret_and_a_new_image_replace_pods_one_by_one_and_keep_the_chain() {
    install();
    let namespace = Namespace::create("rotate");
    let secret = |password: &str| {
        apply(&json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mine", "namespace": "rotate"},
            "stringData": {"BC_RPC_USER": "me", "BC_RPC_PASSWORD": password},
        }));
    };
    secret("correct-horse-battery");
    let network = Network::create(&namespace, "alpha", json!({"nodes": 3, "secret": "mine"}));
    network.until_ready(3).await;
    network.mine(0, 101);
    network.until_at(3, 101).await;
    let tip = network.tip(0);

    let history = History::begin(&network).await;
    let before = network.pod_uids();
    secret("another-horse-battery");
    for ordinal in 0..3 {
        network.until_replaced(ordinal, &before).await;
    }
    network.until_at(3, 101).await;
    history.assert_one_by_one(3, 101).await;
    assert_eq!(network.tip(2), tip, "the chain must survive a rotation");
    network
        .cli(
            1,
            &[
                "-rpcuser=me",
                "-rpcpassword=another-horse-battery",
                "getblockcount",
            ],
        )
        .unwrap();

    let history = History::begin(&network).await;
    let before = network.pod_uids();
    network.ask(json!({"nodes": 3, "secret": "mine", "image": "localhost/bitcoind:other"}));
    for ordinal in 0..3 {
        network.until_replaced(ordinal, &before).await;
    }
    network.until_at(3, 101).await;
    history.assert_one_by_one(3, 101).await;
    assert_eq!(network.tip(1), tip, "the chain must survive a new image");
}

#[tokio::test]
async fn own_credentials_that_are_taken_away_are_told_and_taken_back() {
    install();
    let namespace = Namespace::create("lost-password");
    let network = Network::create(&namespace, "alpha", json!({"nodes": 2}));
    network.until_ready(2).await;
    let before = network.pod_uids();
    let password = namespace.get("secret", "alpha-rpc").unwrap()["data"]["password"].clone();
    let set = |password: &serde_json::Value| {
        let patch = json!({"data": {"password": password}}).to_string();
        namespace.kubectl(&[
            "patch",
            "secret",
            "alpha-rpc",
            "--type=merge",
            "--patch",
            &patch,
        ]);
    };
    set(&serde_json::Value::Null);
    network
        .until_condition("Ready", "False", "SecretIncomplete")
        .await;
    set(&password);
    network.until_ready(2).await;
    assert_eq!(network.pod_uids(), before, "nobody may be replaced for it");
}

#[tokio::test]
async fn a_set_that_cannot_become_ours_is_told() {
    // Made by an older controller: same name, our owner, but pods one after the other.
    install();
    let namespace = Namespace::create("immutable");
    let network = Network::create(&namespace, "alpha", json!({"nodes": 1, "secret": "later"}));
    network
        .until_condition("Ready", "False", "SecretMissing")
        .await;
    let owner = namespace.get("btcnet", "alpha").unwrap();
    apply(&json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": "alpha-sts", "namespace": "immutable", "ownerReferences": [{
            "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": "alpha",
            "uid": owner["metadata"]["uid"], "controller": true,
        }]},
        "spec": {
            "serviceName": "alpha-svc", "replicas": 0, "selector": {"matchLabels": {"app": "alpha"}},
            "template": {
                "metadata": {"labels": {"app": "alpha"}},
                "spec": {"containers": [{"name": "alpha-sts-ctr", "image": "localhost/bitcoind:dev"}]},
            },
        },
    }));
    network.ask(json!({"nodes": 1}));
    network
        .until_condition("Ready", "False", "ImmutableField")
        .await;
    namespace.until_event("alpha", "ImmutableField").await;
    namespace.kubectl(&["delete", "statefulset", "alpha-sts"]);
    network.until_ready(1).await;
}

#[tokio::test]
async fn specs_that_cannot_be_are_refused_by_the_server() {
    install();
    let namespace = Namespace::create("refused");
    let refused = |name: &str, spec: serde_json::Value, word: &str| {
        let file = std::env::temp_dir().join("e2e-refused.json");
        let network = json!({
            "apiVersion": "bitcoincontroller.christianb93.github.com/v1", "kind": "BitcoinNetwork",
            "metadata": {"name": name, "namespace": "refused"}, "spec": spec,
        });
        std::fs::write(&file, network.to_string()).unwrap();
        let error = namespace
            .try_kubectl(&["apply", "--filename", &file.to_string_lossy()])
            .unwrap_err();
        assert!(error.contains(word), "{error}");
    };
    refused("alpha", json!({"nodes": -1}), "spec.nodes");
    refused("alpha", json!({"nodes": 1001}), "spec.nodes");
    refused("alpha", json!({"nodes": "three"}), "spec.nodes");
    refused("alpha", json!({}), "spec.nodes");
    refused("a.b", json!({"nodes": 1}), "at most 48 characters");
    refused("1a", json!({"nodes": 1}), "a letter first");
    refused(
        &"a".repeat(49),
        json!({"nodes": 1}),
        "at most 48 characters",
    );
}
