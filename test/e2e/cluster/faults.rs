//! What breaks: processes, networks of pods, the controller, the API server, and two networks that
//! would like to meet.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cluster::network::Network;
use crate::controller::{Mode, install, kill_controller};
use crate::harness::{Namespace, eventually, has_the_machine, node, try_node};

#[tokio::test]
async fn a_bitcoind_that_is_killed_comes_back_from_its_peers() {
    if !has_the_machine("a_bitcoind_that_is_killed_comes_back_from_its_peers") {
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
    if !has_the_machine("a_pod_that_is_cut_off_is_told_and_rejoins") {
        return;
    }
    if Mode::of_this_run() == Mode::Outside {
        println!(
            "SKIPPED: a_pod_that_is_cut_off_is_told_and_rejoins: a port-forward still gets in"
        );
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
    if !has_the_machine("an_api_server_that_restarts_is_outlived") {
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

/// How often a pod of each of the two networks is replaced.
const ROUNDS: usize = 10;

#[tokio::test]
async fn two_networks_never_touch() {
    // There is one address more than there are pods, so that nearly every new pod gets one that was another
    // pod's a moment ago, and one chain is longer: a single link across would replace the shorter one.
    install();
    let are_few = has_the_machine("addresses come back in two_networks_never_touch");
    let _few = are_few.then(|| FewAddresses::new(5));
    let namespace = Namespace::create("two");
    let alpha = Network::create(&namespace, "alpha", json!({"nodes": 2}));
    let beta = Network::create(&namespace, "beta", json!({"nodes": 2}));
    alpha.until_ready(2).await;
    beta.until_ready(2).await;
    alpha.mine(0, 20);
    beta.mine(0, 30);
    alpha.until_at(2, 20).await;
    beta.until_at(2, 30).await;
    let chains = [(&alpha, alpha.tip(0)), (&beta, beta.tip(0))];

    let mut used: [BTreeSet<String>; 2] = [addresses(&alpha), addresses(&beta)];
    for round in 0..ROUNDS {
        for ((network, _), used) in chains.iter().zip(&mut used) {
            // Until it has its address, so that the other network's next pod finds what this one left.
            let ordinal = round % 2;
            let before = network.pod_uids();
            let pod = network.pod(ordinal);
            namespace.kubectl(&["delete", "pod", &pod, "--wait=false"]);
            network.until_replaced(ordinal, &before).await;
            eventually("the new pod has an address", || async {
                match addresses(network).len() {
                    2 => Ok(()),
                    _ => Err("not yet".to_owned()),
                }
            })
            .await;
            used.extend(addresses(network));
        }
        eventually(
            "both networks are whole, each with its own chain",
            || async { both_are_whole(&chains) },
        )
        .await;
    }
    alpha.until_at(2, 20).await;
    beta.until_at(2, 30).await;
    both_are_whole(&chains).unwrap();

    let shared: Vec<&String> = used[0].intersection(&used[1]).collect();
    println!(
        "{} addresses were used by both networks: {shared:?}",
        shared.len()
    );
    if are_few {
        assert!(
            used.iter()
                .flatten()
                .all(|it| it.starts_with("10.244.255.")),
            "{used:?}"
        );
        assert!(
            !shared.is_empty(),
            "no address was ever used by both: {used:?}"
        );
    }
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

/// The addresses the network's pods have now.
fn addresses(network: &Network<'_>) -> BTreeSet<String> {
    let pods = network
        .namespace
        .list("pods", &format!("app={}", network.name));
    let address = |pod: &Value| pod["status"]["podIP"].as_str().map(str::to_owned);
    pods.iter().filter_map(address).collect()
}

/// Whether in each network both nodes have one another and their own tip. Asserts what must hold all the
/// while: nobody has a peer of the other network, or has even heard of its chain.
fn both_are_whole(chains: &[(&Network<'_>, String); 2]) -> Result<(), String> {
    let [one, other] = chains;
    for ((network, tip), (stranger, strange_tip)) in [(one, other), (other, one)] {
        for ordinal in 0..2 {
            let node = network.pod(ordinal);
            // One call for both: it is made again and again. A chain that was only announced is a tip as well.
            let look = "bitcoin-cli -regtest getpeerinfo && bitcoin-cli -regtest getchaintips";
            let look = ["exec", &node, "--", "sh", "-c", look];
            let seen = network.namespace.try_kubectl(&look)?;
            let is_strange = seen.contains(&format!("{}-sts-", stranger.name));
            assert!(!is_strange && !seen.contains(strange_tip), "{node}: {seen}");
            let peers = seen.matches("\"subver\"").count();
            if peers != 1 || !seen.contains(tip) {
                return Err(format!("{node} has {seen}"));
            }
        }
    }
    Ok(())
}

/// As long as it lives, new pods get one of few addresses.
struct FewAddresses;

impl FewAddresses {
    fn new(count: usize) -> Self {
        node(&["addresses", &count.to_string()]);
        FewAddresses
    }
}

impl Drop for FewAddresses {
    fn drop(&mut self) {
        if let Err(error) = try_node(&["addresses", "all"]) {
            println!("there stay few addresses: {error}");
        }
    }
}
