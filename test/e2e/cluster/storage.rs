//! Chains and the volumes they are on: what outlives a pod that is stopped, one that is killed, and a network.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cluster::network::Network;
use crate::controller::install;
use crate::harness::{Namespace, apply, eventually, has_the_machine, kubectl, node};

/// `spec.storage` for a cluster that may have no class of its own: on our machine there are folders for
/// volumes, `n` for this namespace; elsewhere the cluster's default class gives them.
fn storage(namespace: &str, n: usize) -> Value {
    if !has_the_machine("volumes are folders of the machine") {
        return json!({"size": "64Mi"});
    }
    let class = format!("folders-{namespace}");
    apply(&json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": class},
        "provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer",
    }));
    let host = kubectl(&[
        "get",
        "nodes",
        "--output=jsonpath={.items[0].metadata.name}",
    ]);
    let folders = PathBuf::from(std::env::var_os("CLUSTER_DIR").unwrap()).join("volumes");
    for number in 0..n {
        let name = format!("{namespace}-{number}");
        let path = folders.join(&name);
        std::fs::create_dir_all(&path).unwrap();
        // Not `hostPath`: the kubelet hands only `local` volumes over to the pod's group.
        apply(&json!({
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
            "spec": {
                "capacity": {"storage": "64Mi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": class,
                "persistentVolumeReclaimPolicy": "Retain", "local": {"path": path},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [host]}]},
                ]}},
            },
        }));
    }
    json!({"size": "64Mi", "storageClassName": class})
}

/// How many events with this reason the network has.
fn n_events(network: &Network<'_>, reason: &str) -> usize {
    let selector = format!(
        "--field-selector=involvedObject.name={},reason={reason}",
        network.name
    );
    let events = network
        .namespace
        .kubectl(&["get", "events", &selector, "--output=json"]);
    let events: Value = serde_json::from_str(&events).unwrap();
    events["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn with_storage_a_pod_that_is_stopped_keeps_its_chain() {
    install();
    let namespace = Namespace::create("stored-stopped");
    let storage = storage("stored-stopped", 1);
    let network = Network::create(&namespace, "alpha", json!({"nodes": 1, "storage": storage}));
    network.until_ready(1).await;
    network.mine(0, 101);
    let before = network.pod_uids();
    namespace.kubectl(&["delete", "pod", &network.pod(0)]);
    network.until_replaced(0, &before).await;
    network.until_at(1, 101).await;
    assert_eq!(n_events(&network, "ChainReset"), 0);
}

#[tokio::test]
async fn with_storage_a_pod_that_is_killed_keeps_its_chain() {
    if !has_the_machine("with_storage_a_pod_that_is_killed_keeps_its_chain") {
        return;
    }
    install();
    let namespace = Namespace::create("stored-killed");
    let storage = storage("stored-killed", 1);
    // So that the node says in its log when it was flushed.
    let spec = json!({"nodes": 1, "storage": storage, "extraArgs": ["-debug=rpc"]});
    let network = Network::create(&namespace, "alpha", spec);
    network.until_ready(1).await;
    network.mine(0, 101);
    eventually("the node is flushed", || async {
        match namespace.try_kubectl(&["logs", &network.pod(0)])? {
            log if log.contains("method=gettxoutsetinfo") => Ok(()),
            _ => Err("not yet".to_owned()),
        }
    })
    .await;
    node(&["kill", &format!("stored-killed/{}", network.pod(0))]);
    eventually("the container was started again", || async {
        let pod = namespace.get("pod", &network.pod(0))?;
        match pod["status"]["containerStatuses"][0]["restartCount"].as_u64() {
            Some(1..) => Ok(()),
            found => Err(format!("{found:?}")),
        }
    })
    .await;
    network.until_at(1, 101).await;
    assert_eq!(n_events(&network, "ChainReset"), 0);
}

#[tokio::test]
async fn without_storage_a_pod_that_is_stopped_is_healed_from_its_peers() {
    install();
    let namespace = Namespace::create("ephemeral");
    let network = Network::create(&namespace, "alpha", json!({"nodes": 2}));
    network.until_ready(2).await;
    network.mine(0, 101);
    network.until_at(2, 101).await;
    let before = network.pod_uids();
    namespace.kubectl(&["delete", "pod", &network.pod(0)]);
    network.until_replaced(0, &before).await;
    network.until_at(2, 101).await;
    assert_eq!(n_events(&network, "ChainReset"), 0);
}

#[tokio::test]
async fn a_single_node_without_storage_says_that_its_chain_is_gone() {
    install();
    let namespace = Namespace::create("lost");
    let network = Network::create(&namespace, "alpha", json!({"nodes": 1}));
    network.until_ready(1).await;
    network.mine(0, 101);
    eventually("the status tells the height", || async {
        match network.status()? {
            status if status["height"] == 101 => Ok(()),
            status => Err(status.to_string()),
        }
    })
    .await;
    let before = network.pod_uids();
    namespace.kubectl(&["delete", "pod", &network.pod(0)]);
    network.until_replaced(0, &before).await;
    network.until_at(1, 0).await;
    eventually("the loss is told", || async {
        match n_events(&network, "ChainReset") {
            1 => Ok(()),
            n => Err(format!("{n} events")),
        }
    })
    .await;
}

#[tokio::test]
async fn volumes_of_an_earlier_network_are_refused_until_they_are_adopted() {
    install();
    let namespace = Namespace::create("namesake");
    let mut storage = storage("namesake", 1);
    storage["retain"] = json!(true);
    let spec = json!({"nodes": 1, "storage": storage});
    let network = Network::create(&namespace, "alpha", spec.clone());
    network.until_ready(1).await;
    network.mine(0, 20);
    let tip = network.tip(0);
    namespace.kubectl(&["delete", "btcnet", "alpha"]);
    eventually("its pod is gone", || async {
        match network.pod_uids().len() {
            0 => Ok(()),
            n => Err(format!("{n} pods")),
        }
    })
    .await;
    network.ask(spec);
    network
        .until_condition("Ready", "False", "ForeignVolume")
        .await;
    assert!(namespace.get("statefulset", &network.set()).is_err());
    storage["adopt"] = json!(true);
    network.ask(json!({"nodes": 1, "storage": storage}));
    network.until_at(1, 20).await;
    assert_eq!(network.tip(0), tip);
}
