//! Declared mining: a height, a pace, a fresh block; and a controller that is killed meanwhile.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::cluster::network::Network;
use crate::controller::{Mode, install, kill_controller};
use crate::harness::{Namespace, eventually, has_the_machine, kubectl, try_node};

impl Network<'_> {
    /// Changes what is declared about mining.
    fn declare(&self, nodes: usize, mining: Value) {
        self.ask(json!({"nodes": nodes, "mining": mining}));
    }

    /// What bitcoin-cli says, as JSON.
    fn json(&self, ordinal: usize, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.cli(ordinal, arguments).unwrap()).unwrap()
    }

    fn height(&self) -> u64 {
        self.json(0, &["getblockcount"]).as_u64().unwrap()
    }

    /// The times in the headers above `from`.
    fn times(&self, from: u64) -> Vec<u64> {
        let time = |height: u64| {
            let hash = self.cli(0, &["getblockhash", &height.to_string()]).unwrap();
            self.json(0, &["getblockheader", hash.trim()])["time"]
                .as_u64()
                .unwrap()
        };
        (from + 1..=self.height()).map(time).collect()
    }

    /// No node knows of a block beside the one chain: no height was mined twice.
    fn assert_one_chain(&self, nodes: usize) {
        for ordinal in 0..nodes {
            let tips = self.json(ordinal, &["getchaintips"]);
            let tips = tips.as_array().unwrap();
            assert_eq!(tips.len(), 1, "node {ordinal}: {tips:?}");
            assert_eq!(tips[0]["status"], "active");
        }
    }
}

/// Ends the controller's process without a warning: the container is started again in its pod.
async fn kill_controllers_process() {
    if Mode::of_this_run() == Mode::Outside || !has_the_machine("SIGKILL to the container") {
        return kill_controller();
    }
    let name = [
        "get",
        "pods",
        "--namespace=bitcoin-controller",
        "--output=name",
    ];
    let pods = kubectl(&name);
    let pod = pods.lines().next().unwrap().trim_start_matches("pod/");
    // It may be waiting to be started again; the kernel keeps the first fifteen letters of a program's name.
    let pod = format!("bitcoin-controller/{pod}");
    eventually("the controller's process is killed", || async {
        try_node(&["kill", &pod, "bitcoin-control"])
    })
    .await;
}

#[tokio::test]
async fn declared_blocks_come_once_though_the_controller_is_killed() {
    install();
    let namespace = Namespace::create("mining");
    let network = Network::create(&namespace, "alpha", json!({"nodes": 3}));
    network.until_ready(3).await;
    network.declare(3, json!({"untilHeight": 120}));
    sleep(Duration::from_millis(300)).await;
    kill_controllers_process().await;
    network.until_at(3, 120).await;
    network
        .until_condition("Mined", "True", "HeightReached")
        .await;
    namespace.until_event("alpha", "Mined").await;
    network.assert_one_chain(3);

    // Blocks in quick succession carry times ahead of the clock: from here on they say when they were due.
    sleep(Duration::from_secs(25)).await;
    network.declare(3, json!({"interval": "2s"}));
    for _ in 0..2 {
        sleep(Duration::from_secs(15)).await;
        kill_controllers_process().await;
    }
    // The kubelet starts it again after 10 and 20 seconds.
    sleep(Duration::from_secs(40)).await;
    network.declare(3, json!({"interval": "2s", "paused": true}));
    network.until_condition("Mined", "False", "Paused").await;
    network.until_ready(3).await;
    let times = network.times(120);
    let steps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    println!("steps between blocks, in seconds: {steps:?}");
    assert!(steps.len() >= 12, "{steps:?}");
    // Never faster than was asked for; slower only while nobody was there.
    assert!(steps.iter().all(|step| *step >= 2), "{steps:?}");
    let outages = steps.iter().filter(|step| **step > 2).count();
    assert!(outages <= 4, "{steps:?}");
    network.assert_one_chain(3);
    let height = network.height();
    sleep(Duration::from_secs(5)).await;
    assert_eq!(network.height(), height);
}

#[tokio::test]
async fn an_old_tip_is_told_and_gets_one_fresh_block_where_mining_is_declared() {
    install();
    let namespace = Namespace::create("old-tip");
    let network = Network::create(&namespace, "alpha", json!({"nodes": 2}));
    network.until_ready(2).await;
    let now = std::process::Command::new("date")
        .arg("+%s")
        .output()
        .unwrap();
    let now: u64 = String::from_utf8(now.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let two_hours_ago = (now - 7_200).to_string();
    network.cli(0, &["setmocktime", &two_hours_ago]).unwrap();
    network.mine(0, 5);
    network.cli(0, &["setmocktime", "0"]).unwrap();
    eventually("it is told that the tip is old", || async {
        let status = network.status()?;
        let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
        let synced = conditions.iter().find(|it| it["type"] == "Synced");
        let message = synced
            .map(|it| it["message"].to_string())
            .unwrap_or_default();
        match message.contains("more than an hour old") {
            true => Ok(()),
            false => Err(message),
        }
    })
    .await;
    assert_eq!(network.height(), 5, "nobody asked for blocks");
    network.declare(2, json!({"untilHeight": 5}));
    network.until_at(2, 6).await;
    sleep(Duration::from_secs(15)).await;
    assert_eq!(network.height(), 6, "one is enough");
    network.assert_one_chain(2);
}
