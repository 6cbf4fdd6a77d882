//! Which peer a node asks for blocks while it is far behind, pretend or real, and that planning
//! lets nobody wait for the wrong one.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use bitcoin_controller::base::Clock;
use bitcoin_controller::bitcoin::peers::{self, Action, Plan, Why, plan};
use bitcoin_controller::bitcoin::{BlockchainInfo, Link, Members, NetworkInfo, Topology};
use bitcoin_controller::http::Endpoint;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::scenarios::ALICE;
use crate::support::nodes::{Node, Nodes, eventually};

/// One node dials another, and both have shaken hands.
async fn link(nodes: &[Node], from: u32, to: u32) {
    let [dialler, listener] = [from, to].map(|ordinal| &nodes[ordinal as usize]);
    dialler.dial(listener).await;
    for (node, other) in [(dialler, to), (listener, from)] {
        let comment = format!("(1f2e3d4c.node-{other})");
        let shows = |peer: &Value| peer["subver"].as_str().unwrap().contains(&comment);
        eventually("they are linked", async || {
            node.peers().await.iter().any(shows)
        })
        .await;
    }
}

async fn has_height(node: &Node, height: u64) {
    eventually("it has all blocks", async || node.height().await == height).await;
}

/// Two fresh nodes that are linked, and a third with a chain that is linked with both: dialled by
/// the first, and dialling the second. A fourth has caught up, so there was time enough.
async fn two_that_are_stuck(nodes: &Nodes) -> Vec<Node> {
    let mut running = Vec::new();
    for number in 0..4 {
        running.push(nodes.start(number, &[]).await);
    }
    running[2].mine(101, ALICE).await;
    for (from, to) in [(0, 1), (0, 2), (2, 1), (3, 2)] {
        link(&running, from, to).await;
    }
    has_height(&running[3], 101).await;
    running
}

pub async fn two_empty_nodes_that_were_linked_first_ask_nobody_else(nodes: Nodes) {
    let running = two_that_are_stuck(&nodes).await;
    let [one, two] = [&running[0], &running[1]];
    for node in [one, two] {
        let info = node.call("getblockchaininfo", json!([])).await;
        assert_eq!([&info["blocks"], &info["headers"]], [0, 0]);
        assert_eq!(info["initialblockdownload"], true);
        for peer in node.peers().await {
            assert_eq!(peer["synced_headers"], -1, "{peer}");
        }
    }
    let to_the_other = one.peers().await[0]["id"].clone();
    one.call("disconnectnode", json!(["", to_the_other])).await;
    for node in [one, two] {
        has_height(node, 101).await;
        assert_eq!(node.peers().await[0]["synced_headers"], 101);
        let info = node.call("getblockchaininfo", json!([])).await;
        assert_eq!(info["initialblockdownload"], false);
    }
}

pub async fn a_new_block_is_told_to_everybody(nodes: Nodes) {
    let running = two_that_are_stuck(&nodes).await;
    let [one, two] = [&running[0], &running[1]];
    assert_eq!([one.height().await, two.height().await], [0, 0]);
    running[2].mine(1, ALICE).await;
    has_height(one, 102).await;
    has_height(two, 102).await;
}

/// Three nodes at height 101 are joined by three empty ones, as when a network is scaled.
pub async fn nodes_that_join_catch_up_without_a_detour(nodes: Nodes) {
    let mut running = Vec::new();
    for number in 0..3 {
        running.push(nodes.start(number, &[]).await);
    }
    assert_eq!(settle(&running, 0).await, []);
    running[0].mine(101, ALICE).await;
    assert_eq!(settle(&running, 101).await, []);
    for number in 3..6 {
        running.push(nodes.start(number, &[]).await);
    }
    assert_eq!(settle(&running, 101).await, []);
    // One is lost and comes back empty, twice.
    for _ in 0..2 {
        nodes.kill(running.remove(5)).await;
        running.push(nodes.start(5, &[]).await);
        assert_eq!(settle(&running, 101).await, []);
    }
}

/// The same after somebody has linked the empty ones among themselves.
pub async fn nodes_that_are_stuck_are_freed(nodes: Nodes) {
    let running = two_that_are_stuck(&nodes).await;
    let an_hour_later = pass(&running, 3_600).await;
    assert_eq!(cuts(&an_hour_later), [Why::Stalled]);
    assert!(!an_hour_later.present.contains(&Link::new(0, 1)));
    act(&running, &an_hour_later).await;
    assert_eq!(settle(&running, 101).await, []);
}

/// Passes until all links are there and all nodes at `height`; why links were cut.
async fn settle(nodes: &[Node], height: u64) -> Vec<Why> {
    let mut reasons = Vec::new();
    let is_settled = async || {
        let plan = pass(nodes, 0).await;
        act(nodes, &plan).await;
        reasons.extend(cuts(&plan));
        let mut is_level = true;
        for node in nodes {
            is_level &= node.height().await == height;
        }
        plan.actions.is_empty() && plan.present == plan.wanted && is_level
    };
    eventually("all is linked and level", is_settled).await;
    reasons
}

/// Asks all nodes, and plans as if it were `later` by so many seconds.
async fn pass(nodes: &[Node], later: i64) -> Plan {
    let links = Topology::Automatic.links(&members(nodes));
    pass_for(nodes, &links, later).await
}

pub(super) fn members(nodes: &[Node]) -> Members {
    Members::new("1f2e3d4c", "node-", nodes.len() as u32).unwrap()
}

/// The same for any wanted links.
pub(super) async fn pass_for(nodes: &[Node], links: &BTreeMap<Link, u32>, later: i64) -> Plan {
    let mut answered = Vec::new();
    for (ordinal, node) in (0..).zip(nodes) {
        let info: BlockchainInfo = ask(node, "getblockchaininfo").await;
        let network: NetworkInfo = ask(node, "getnetworkinfo").await;
        answered.push(peers::Node {
            ordinal,
            subversion: network.subversion,
            address: Endpoint::new(node.address.clone(), 18444),
            progress: (&info).into(),
            peers: ask(node, "getpeerinfo").await,
        });
    }
    let now = Clock::system().unix_seconds() + later;
    plan(&members(nodes), links, &answered, now)
}

async fn ask<T: DeserializeOwned>(node: &Node, method: &str) -> T {
    serde_json::from_value(node.call(method, json!([])).await).unwrap()
}

fn cuts(plan: &Plan) -> Vec<Why> {
    let why = |action: &Action| match action {
        Action::Disconnect { why, .. } => Some(*why),
        Action::Dial { .. } => None,
    };
    plan.actions.iter().filter_map(why).collect()
}

/// Does what is planned; of what is dialled, links between the latest nodes come first.
pub(super) async fn act(nodes: &[Node], plan: &Plan) {
    let mut actions: Vec<&Action> = plan.actions.iter().collect();
    actions.sort_by_key(|action| match action {
        Action::Disconnect { .. } => (0, Reverse(0)),
        Action::Dial { from, to, .. } => (1, Reverse(*from.min(to))),
    });
    for action in actions {
        match action {
            Action::Disconnect { node, peer_id, .. } => {
                let params = json!(["", peer_id]);
                let cut = nodes[*node as usize].try_call("disconnectnode", params);
                // The other end may have been told the same, and been quicker.
                assert!(matches!(cut.await, Ok(_) | Err(-29)));
            }
            Action::Dial { from, to, .. } => {
                link(nodes, *from, *to).await;
            }
        }
    }
}
