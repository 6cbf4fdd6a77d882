//! What the controller's pod says of itself over the network: to the kubelet, to Prometheus, to a person.

use serde_json::{Value, json};

use crate::cluster::network::Network;
use crate::controller::{Mode, install};
use crate::exposition::Exposition;
use crate::harness::{Namespace, eventually, try_kubectl};

const CONTROLLERS: &str = "/api/v1/namespaces/bitcoin-controller/pods";

/// The name of the controller's pod that is not about to end.
fn pod() -> Result<String, String> {
    let selector = "app.kubernetes.io%2Fname%3Dbitcoin-controller";
    let pods = try_kubectl(&[
        "get",
        "--raw",
        &format!("{CONTROLLERS}?labelSelector={selector}"),
    ])?;
    let pods: Value = serde_json::from_str(&pods).map_err(|error| error.to_string())?;
    let mut pods = pods["items"].as_array().unwrap().iter();
    let pod = pods.find(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    let name = pod.and_then(|pod| pod["metadata"]["name"].as_str());
    name.map(str::to_owned).ok_or("there is none".to_owned())
}

/// What the pod answers, by way of the API server, which is in no pod network: as a person would ask.
pub(super) fn page(path: &str) -> Result<String, String> {
    let url = format!("{CONTROLLERS}/{}:8080/proxy{path}", pod()?);
    try_kubectl(&["get", "--raw", &url])
}

/// Goal: what dashboards and probes see of a network that is ready. That the probes pass is what the rollout
/// has waited for.
#[tokio::test]
async fn a_ready_network_is_seen_in_the_numbers_of_the_pod_and_no_page_tells_a_password() {
    install();
    if Mode::of_this_run() == Mode::Outside {
        println!("SKIPPED: pages of the controller's pod: it runs outside the cluster");
        return;
    }
    let namespace = Namespace::create("operate");
    let network = Network::create(&namespace, "alpha", json!({"nodes": 3}));
    network.until_ready(3).await;
    network.mine(0, 7);
    network.until_at(3, 7).await;

    assert_eq!(page("/readyz").unwrap(), "ok");
    let checks = page("/readyz?verbose").unwrap();
    assert!(
        checks.contains("[+]pods ok\n") && checks.ends_with("readyz check passed\n"),
        "{checks}"
    );
    assert_eq!(page("/healthz").unwrap(), "ok");

    let alpha = [("namespace", "operate"), ("name", "alpha")];
    let metrics = eventually("the numbers tell height 7", async || {
        let text = page("/metrics")?;
        let metrics = Exposition::read(&text)?;
        match metrics.get("bitcoin_network_height", &alpha) {
            Some(7.0) => Ok(metrics),
            height => Err(format!("{height:?}")),
        }
    })
    .await;
    let is_ready = [alpha[0], alpha[1], ("type", "Ready"), ("status", "true")];
    assert_eq!(
        metrics.get("bitcoin_network_condition", &is_ready),
        Some(1.0)
    );
    for (name, value) in [
        ("bitcoin_network_nodes", 3.0),
        ("bitcoin_network_nodes_ready", 3.0),
        ("bitcoin_network_links_wanted", 3.0),
        ("bitcoin_network_links_present", 3.0),
        ("bitcoin_network_tips", 1.0),
        ("bitcoin_network_tip_agreement", 1.0),
        ("bitcoin_network_nodes_in_initial_block_download", 0.0),
    ] {
        assert_eq!(metrics.get(name, &alpha), Some(value), "{name}");
    }
    let age = metrics
        .get("bitcoin_network_tip_age_seconds", &alpha)
        .unwrap();
    assert!(age < 600.0, "the tip was mined a moment ago: {age}");
    let own = "process_resident_memory_bytes";
    let memory = metrics.get(own, &[]).unwrap();
    assert!((1e6..128e6).contains(&memory), "{memory}");

    let state = page("/debug").unwrap();
    let known: Value = serde_json::from_str(&state).unwrap();
    let key = &known["keys"]["operate/alpha"];
    assert!(
        key["calledBecause"].is_string() && key["failuresInARow"] == 0,
        "{key}"
    );
    assert!(
        known["caches"]["pods"]["objects"].as_u64() >= Some(3),
        "{state}"
    );
    let template = "--template={{.data.password | base64decode}}";
    let password = namespace.kubectl(&["get", "secret", "alpha-rpc", template]);
    let numbers = page("/metrics").unwrap();
    assert!(password.len() >= 32 && !state.contains(&password) && !numbers.contains(&password));
}
