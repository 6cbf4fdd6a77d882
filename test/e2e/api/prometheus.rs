//! What Prometheus' own libraries make of a controller's numbers, and of what is asked of them.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::program::{Running, peer};
use crate::controller::controllers_kubeconfig;
use crate::harness::{apply, eventually, kubectl, manifest, root};

/// Every query of the dashboard's panels, one a line, as Grafana would send it.
fn queries() -> String {
    let path = root().join("docs/grafana-dashboard.json");
    let text = std::fs::read_to_string(path).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let queries: Vec<String> = targets
        .map(|target| target["expr"].as_str().unwrap())
        .map(|query| query.replace("$__rate_interval", "5m"))
        .collect();
    assert!(queries.len() > 20);
    queries.join("\n") + "\n"
}

/// What the program of test/peers says of the page at `url`.
fn scrape(url: &str) -> Result<String, String> {
    let mut scrape = Command::new(peer("scrape").as_std().get_program())
        .args([url, "docs/alerts.yaml"])
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = scrape.stdin.take().unwrap();
    // One that has ended early says why.
    let _ = input.write_all(queries().as_bytes());
    drop(input);
    let output = scrape.wait_with_output().unwrap();
    let [said, complained] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    match output.status.success() {
        true => Ok(said),
        false => Err(complained),
    }
}

/// Goal: a controller against a real API server is scraped as Prometheus does; every metric that dashboard
/// and alerts ask for is there. No pod runs here, so the network never gets ready, which is a number, too.
#[tokio::test]
async fn prometheus_reads_the_numbers_and_understands_what_is_asked_of_them() {
    for name in ["crd.yaml", "rbac.yaml", "rbac-leader-election.yaml"] {
        kubectl(&["apply", "--filename", &manifest(name)]);
    }
    let crd = "crd/bitcoinnetworks.bitcoincontroller.christianb93.github.com";
    kubectl(&["wait", "--for=condition=Established", crd, "--timeout=30s"]);
    kubectl(&["create", "namespace", "scraped"]);
    apply(&json!({
        "apiVersion": "bitcoincontroller.christianb93.github.com/v1", "kind": "BitcoinNetwork",
        "metadata": {"name": "alpha", "namespace": "scraped"}, "spec": {"nodes": 2},
    }));
    let mut controller = tokio::process::Command::new(env!("CARGO_BIN_EXE_bitcoin-controller"));
    controller
        .args(["--kubeconfig", &controllers_kubeconfig()])
        .args([
            "--leader-elect",
            "--leader-election-namespace=bitcoin-controller",
        ])
        .arg("--namespace=scraped")
        .args(["--listen=127.0.0.1:0", "--log-format=json"]);
    let mut controller = Running::start_with_log("the controller", controller);
    let address = loop {
        let line: Value = serde_json::from_str(&controller.line().await).unwrap();
        if let Some(address) = line["fields"]["address"].as_str() {
            break address.to_owned();
        }
    };
    let url = format!("http://{address}/metrics");
    let families = eventually("the network's numbers are there", async || {
        let families = scrape(&url)?;
        match families.contains("bitcoin_network_condition GAUGE") {
            true => Ok(families),
            false => Err(families),
        }
    })
    .await;
    for family in [
        "bitcoin_network_nodes GAUGE 1",
        "controller_runtime_reconcile_time_seconds HISTOGRAM 1",
        "leader_election_master_status GAUGE 1",
        "reflector_lists_total COUNTER 4",
        "workqueue_adds_total COUNTER 1",
    ] {
        assert!(
            families.lines().any(|line| line == family),
            "no {family} in {families}"
        );
    }
    let refused = scrape(&format!("http://{address}/debug")).unwrap_err();
    assert!(refused.contains("application/json"), "{refused}");
    kubectl(&["delete", "namespace", "scraped", "--wait=false"]);
    controller.end_by("TERM").await;
}
