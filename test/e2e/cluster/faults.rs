//! What breaks: processes, networks of pods, the controller, the API server, and two networks that
//! would like to meet.

use serde_json::{Value, json};

use crate::cluster::network::Network;
use crate::harness::{Namespace, eventually, install, kill_controller, node};

/// Whether hack/cluster/node.sh can act on this cluster's machine; says so if not.
fn can_break_the_machine(what: &str) -> bool {
    let can = std::env::var_os("CLUSTER_DIR").is_some();
    if !can {
        println!("SKIPPED: {what}: this cluster was not made by hack/cluster");
    }
    can
}

#[tokio::test]
async fn a_bitcoind_that_is_killed_comes_back_from_its_peers() {
    if !can_break_the_machine("a_bitcoind_that_is_killed_comes_back_from_its_peers") {
        return;
    }
    install();
    let namespace = Namespace::create("killed");
    let network = Network::create(&namespace, "alpha", json!({"nodes": 3}));
    network.until_ready(3).await;
    network.mine(0, 101);
    network.until_at(3, 101).await;
    node(&["kill", &format!("killed/{}", network.pod(1))]);
    eventually("the container was started again", || async {
        let pod = namespace.get("pod", &network.pod(1))?;
        match pod["status"]["containerStatuses"][0]["restartCount"].as_u64() {
            Some(1..) => Ok(()),
            found => Err(format!("{found:?}")),
        }
    })
    .await;
    network.until_at(3, 101).await;
    network.until_meshed(3).await;
}

#[tokio::test]
async fn a_pod_that_is_cut_off_is_told_and_rejoins() {
    if !can_break_the_machine("a_pod_that_is_cut_off_is_told_and_rejoins") {
        return;
    }
    install();
    let namespace = Namespace::create("cut-off");
    let network = Network::create(&namespace, "alpha", json!({"nodes": 3}));
    network.until_ready(3).await;
    let pod = format!("cut-off/{}", network.pod(2));
    node(&["cut", &pod]);
    network.until_condition("Ready", "False", "").await;
    node(&["restore", &pod]);
    network.until_ready(3).await;
    network.mine(0, 5);
    network.until_at(3, 5).await;
}

#[tokio::test]
async fn a_controller_that_is_killed_midway_goes_on_where_it_was() {
    install();
    let namespace = Namespace::create("midway");
    let network = Network::create(&namespace, "alpha", json!({"nodes": 4}));
    eventually("the set is there", || async {
        namespace.get("statefulset", &network.set()).map(|_| ())
    })
    .await;
    kill_controller();
    network.until_ready(4).await;
    network.until_meshed(4).await;
    let before = network.pod_uids();
    kill_controller();
    network.ask(json!({"nodes": 5}));
    network.until_ready(5).await;
    let after = network.pod_uids();
    assert!(
        before
            .iter()
            .all(|(name, uid)| after.get(name) == Some(uid)),
        "a restart must replace nobody"
    );
}

#[tokio::test]
async fn an_api_server_that_restarts_is_outlived() {
    if !can_break_the_machine("an_api_server_that_restarts_is_outlived") {
        return;
    }
    install();
    let namespace = Namespace::create("restarted");
    let network = Network::create(&namespace, "alpha", json!({"nodes": 2}));
    network.until_ready(2).await;
    node(&["restart-apiserver"]);
    let before = network.pod_uids();
    namespace.kubectl(&["delete", "pod", &network.pod(1)]);
    network.until_replaced(1, &before).await;
    network.until_ready(2).await;
}

#[tokio::test]
async fn two_networks_never_touch() {
    // Pods are deleted over and over, their addresses wander between the two, and one chain is longer:
    // a single link across would replace the shorter one.
    install();
    let namespace = Namespace::create("two");
    let alpha = Network::create(&namespace, "alpha", json!({"nodes": 2}));
    let beta = Network::create(&namespace, "beta", json!({"nodes": 2}));
    alpha.until_ready(2).await;
    beta.until_ready(2).await;
    alpha.mine(0, 20);
    beta.mine(0, 30);
    alpha.until_at(2, 20).await;
    beta.until_at(2, 30).await;
    let tips = (alpha.tip(0), beta.tip(0));
    for round in 0..10 {
        let ordinal = round % 2;
        let before = (alpha.pod_uids(), beta.pod_uids());
        namespace.kubectl(&[
            "delete",
            "pod",
            &alpha.pod(ordinal),
            &beta.pod(ordinal),
            "--wait=false",
        ]);
        alpha.until_replaced(ordinal, &before.0).await;
        beta.until_replaced(ordinal, &before.1).await;
        alpha.until_at(2, 20).await;
        beta.until_at(2, 30).await;
        for (network, other) in [(&alpha, &beta), (&beta, &alpha)] {
            for ordinal in 0..2 {
                let peers = network.peers(ordinal).unwrap();
                assert!(
                    peers.iter().all(|peer| !peer.contains(&other.name)),
                    "{}: {peers:?}",
                    network.name
                );
            }
        }
    }
    assert_eq!(
        (alpha.tip(1), beta.tip(1)),
        tips,
        "both chains must be what they were"
    );
    let events: Value = serde_json::from_str(&namespace.kubectl(&[
        "get",
        "events",
        "--field-selector=reason=StrangerCut",
        "--output=json",
    ]))
    .unwrap();
    assert_eq!(
        events["items"],
        json!([]),
        "nobody may even have met a stranger"
    );
}
