//! The life of a network: it comes up, is mined, loses pods, grows, shrinks, and goes.

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cluster::network::Network;
use crate::controller::{Mode, install};
use crate::harness::{Namespace, Watch, eventually, kubectl, manifest};

#[tokio::test]
async fn the_original_manifests_become_a_ready_mined_network_that_mends_itself_and_goes() {
    // The walk-through of the first controller's posts, from its own manifests to the last pod.
    install();
    let namespace = Namespace::create("lifecycle");
    for name in ["secret.yaml", "testNetwork.yaml"] {
        namespace.kubectl(&["apply", "--filename", &manifest(name)]);
    }
    let network = Network::existing(&namespace, "my-network");
    network.until_ready(3).await;
    network.until_meshed(3).await;
    namespace.until_event("my-network", "NetworkReady").await;
    let described = namespace.kubectl(&["describe", "btcnet", "my-network"]);
    assert!(
        described.contains("NetworkReady") && described.contains("Height"),
        "{described}"
    );

    network.mine(0, 101);
    network.until_at(3, 101).await;
    eventually("the status tells height 101", || async {
        let status = network.status()?;
        if status["height"] == 101 {
            Ok(())
        } else {
            Err(status.to_string())
        }
    })
    .await;

    let before = network.pod_uids();
    namespace.kubectl(&["delete", "pod", &network.pod(0)]);
    network.until_replaced(0, &before).await;
    network.until_at(3, 101).await;
    network.until_meshed(3).await;

    let before = network.pod_uids();
    namespace.kubectl(&["scale", "btcnet", "my-network", "--replicas=6"]);
    network.until_at(6, 101).await;
    network.until_meshed(6).await;
    namespace.kubectl(&["scale", "btcnet", "my-network", "--replicas=3"]);
    network.until_at(3, 101).await;
    network.until_meshed(3).await;
    assert_eq!(
        network.pod_uids(),
        before,
        "scaling must not touch pods that stay"
    );

    namespace.kubectl(&["delete", "btcnet", "my-network"]);
    eventually("everything the network owned is gone", || async {
        let left = namespace.try_kubectl(&[
            "get",
            "statefulsets,services,pods,secrets",
            "--output=name",
        ])?;
        match left.trim() {
            "secret/bitcoin-default-secret" => Ok(()),
            _ => Err(left),
        }
    })
    .await;
}

#[tokio::test]
async fn a_set_that_was_scaled_by_hand_is_scaled_back() {
    install();
    let namespace = Namespace::create("by-hand");
    let network = Network::create(&namespace, "alpha", json!({"nodes": 2}));
    network.until_ready(2).await;
    namespace.kubectl(&["scale", "statefulset", &network.set(), "--replicas=5"]);
    eventually("the set has two replicas again", || async {
        let set = namespace.get("statefulset", &network.set())?;
        match (&set["spec"]["replicas"], set["status"]["replicas"].as_u64()) {
            (wanted, Some(2)) if *wanted == 2 => Ok(()),
            found => Err(format!("{found:?}")),
        }
    })
    .await;
    network.until_ready(2).await;
    namespace.until_event("alpha", "Scaled").await;
}

#[tokio::test]
async fn kubectl_waits_for_ready_and_prints_the_columns_and_each_change() {
    install();
    let namespace = Namespace::create("columns");
    let watch = Watch::start(&namespace, &["get", "btcnet", "--watch"]);
    let network = Network::create(&namespace, "alpha", json!({"nodes": 2}));
    namespace.kubectl(&[
        "wait",
        "--for=condition=Ready",
        "btcnet/alpha",
        "--timeout=60s",
    ]);
    let table = namespace.kubectl(&["get", "btcnet"]);
    let heads = ["NAME", "NODES", "READY", "LINKS", "HEIGHT", "AGE"];
    assert_eq!(words(table.lines().next().unwrap()), heads);
    assert!(kubectl(&["api-resources"]).contains("btcnet"));
    eventually("the watch has printed that both are ready", || async {
        let seen = watch.seen();
        match words(seen.lines().last().ok_or("nothing")?).get(..5) {
            Some(["alpha", "2", "2", "1", "0"]) => Ok(()),
            _ => Err(seen),
        }
    })
    .await;
    network.mine(0, 7);
    eventually("the watch has printed the new height", || async {
        let seen = watch.seen();
        match words(seen.lines().last().ok_or("nothing")?).get(..5) {
            Some(["alpha", "2", "2", "1", "7"]) => Ok(()),
            _ => Err(seen),
        }
    })
    .await;
    assert_eq!(words(watch.seen().lines().next().unwrap()), heads);
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[tokio::test]
async fn unknown_fields_of_others_survive_our_writes() {
    install();
    let namespace = Namespace::create("others");
    let network = Network::create(&namespace, "alpha", json!({"nodes": 1}));
    network.until_ready(1).await;
    let before = network.pod_uids();
    let service = format!("{}-svc", network.name);
    namespace.kubectl(&["annotate", "service", &service, "example.com/note=kept"]);
    let patch = r#"{"spec":{"sessionAffinity":"ClientIP"}}"#;
    namespace.kubectl(&["patch", "service", &service, "--patch", patch]);
    namespace.kubectl(&[
        "label",
        "statefulset",
        &network.set(),
        "example.com/team=red",
    ]);
    // A change of ours to both objects: nodes for the set, the label for the Service.
    namespace.kubectl(&["label", "service", &service, "app.kubernetes.io/name-"]);
    network.ask(json!({"nodes": 2}));
    network.until_ready(2).await;
    eventually("our label is back", || async {
        let found = namespace.get("service", &service)?;
        match found["metadata"]["labels"]["app.kubernetes.io/name"] == "bitcoind" {
            true => Ok(()),
            false => Err(found["metadata"]["labels"].to_string()),
        }
    })
    .await;
    let found = namespace.get("service", &service).unwrap();
    assert_eq!(found["metadata"]["annotations"]["example.com/note"], "kept");
    assert_eq!(found["spec"]["sessionAffinity"], "ClientIP");
    let set = namespace.get("statefulset", &network.set()).unwrap();
    assert_eq!(set["metadata"]["labels"]["example.com/team"], "red");
    assert_eq!(
        network.pod_uids().get(&network.pod(0)),
        before.get(&network.pod(0))
    );
}

#[tokio::test]
async fn how_long_it_takes() {
    // Prints; asserts no time.
    install();
    for nodes in [3, 17] {
        let namespace = Namespace::create(&format!("speed-{nodes}"));
        let started = Instant::now();
        let network = Network::create(&namespace, "alpha", json!({"nodes": nodes}));
        let is = |pod: &Value, kind: &str| {
            let conditions = pod["status"]["conditions"].as_array();
            conditions.is_some_and(|all| {
                all.iter()
                    .any(|it| it["type"] == kind && it["status"] == "True")
            })
        };
        let until_pods = async |what: &str, wanted: &dyn Fn(&Value) -> bool| {
            eventually(what, || async {
                let pods = namespace.list("pods", "app=alpha");
                match pods.iter().filter(|pod| wanted(pod)).count() {
                    count if count == nodes => Ok(started.elapsed()),
                    count => Err(format!("{count} of {nodes}")),
                }
            })
            .await
        };
        let running = until_pods("all pods run", &|pod| pod["status"]["phase"] == "Running").await;
        let pods_ready = until_pods("all pods are ready", &|pod| is(pod, "Ready")).await;
        network.until_ready(nodes).await;
        let ready = started.elapsed();
        let mode = match Mode::of_this_run() {
            Mode::Outside => "outside the cluster",
            Mode::Deployment => "in the cluster",
        };
        println!(
            "{nodes} nodes, controller {mode}: ready {ready:.2?} after it was asked for, which is \
             {:.2?} after all pods ran ({running:.2?}) and {:.2?} after all were ready ({pods_ready:.2?})",
            ready - running,
            ready - pods_ready,
        );
        network.until_meshed(nodes).await;
    }
}
