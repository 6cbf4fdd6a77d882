//! What is asked of the links changes while nodes run, pretend or real: links are made and cut, and no
//! node is started anew.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin_controller::bitcoin::peers::{Action, Why};
use bitcoin_controller::bitcoin::{BlockHeaderInfo, Link, Sides, Topology};
use serde_json::{Value, json};

use super::catching_up::{act, members, pass_for};
use super::scenarios::{ALICE, BOB};
use crate::support::nodes::{Node, Nodes, eventually};

async fn started(nodes: &Nodes, n_nodes: u8) -> Vec<Node> {
    let mut running = Vec::new();
    for number in 0..n_nodes {
        running.push(nodes.start(number, &[]).await);
    }
    running
}

/// Passes until the links are those and nothing is left to do; why others were cut.
async fn take_shape(running: &[Node], links: &BTreeMap<Link, u32>) -> BTreeSet<Why> {
    let mut reasons = BTreeSet::new();
    eventually("the links are as wanted", async || {
        let plan = pass_for(running, links, 0).await;
        act(running, &plan).await;
        reasons.extend(plan.actions.iter().filter_map(|action| match action {
            Action::Disconnect { why, .. } => Some(*why),
            Action::Dial { .. } => None,
        }));
        plan.actions.is_empty() && plan.present == plan.wanted
    })
    .await;
    let wanted: BTreeSet<Link> = links.keys().copied().collect();
    assert_eq!(linked(running).await, wanted);
    reasons
}

/// The pairs that are connected, by the nodes' own word.
async fn linked(running: &[Node]) -> BTreeSet<Link> {
    let mut pairs = BTreeSet::new();
    for (ordinal, node) in (0..).zip(running) {
        for peer in node.peers().await {
            pairs.insert(Link::new(ordinal, number_of(&peer)));
        }
    }
    pairs
}

/// The number in `/Satoshi:29.4.3(1f2e3d4c.node-2)/…`.
fn number_of(peer: &Value) -> u32 {
    let (_, rest) = peer["subver"]
        .as_str()
        .unwrap()
        .split_once("node-")
        .unwrap();
    rest.split(')').next().unwrap().parse().unwrap()
}

pub async fn a_running_network_takes_any_shape(nodes: Nodes) {
    let running = started(&nodes, 5).await;
    let members = members(&running);
    let cut = BTreeSet::from([Why::NotWanted]);
    let chord = Topology::Manual([Link::new(0, 2), Link::new(1, 3), Link::new(2, 4)].into());
    let shapes = [
        (Topology::Ring, BTreeSet::new()),
        (Topology::Star, cut.clone()),
        (Topology::FullMesh, BTreeSet::new()),
        (Topology::Line, cut.clone()),
        (chord, cut),
    ];
    for (topology, cuts) in shapes {
        let links = topology.links(&members);
        assert_eq!(take_shape(&running, &links).await, cuts, "{topology:?}");
        if !matches!(topology, Topology::Manual(_)) {
            let tip = running[4].mine(1, ALICE).await.pop().unwrap();
            for node in &running {
                eventually("the block arrives", async || node.tip().await == tip).await;
            }
        }
    }
}

/// Both sides mine; when the network is healed the shorter one drops its blocks.
pub async fn a_running_network_is_split_and_healed(nodes: Nodes) {
    let running = started(&nodes, 6).await;
    let whole = Topology::Automatic.links(&members(&running));
    take_shape(&running, &whole).await;
    running[0].mine(3, ALICE).await;
    for node in &running {
        eventually("all have the chain", async || node.height().await == 3).await;
    }
    let sides = Sides::split(&[vec![0, 1, 2]], 6).unwrap();
    let mut within = whole.clone();
    within.retain(|link, _| sides.holds(*link));
    let cuts = take_shape(&running, &within).await;
    assert_eq!(cuts, BTreeSet::from([Why::NotWanted]));
    // Somebody joins the sides again.
    running[1].dial(&running[4]).await;
    eventually("they are joined", async || {
        linked(&running).await.contains(&Link::new(1, 4))
    })
    .await;
    take_shape(&running, &within).await;
    let lost = running[0].mine(2, ALICE).await.pop().unwrap();
    let kept = running[4].mine(3, BOB).await.pop().unwrap();
    for (number, node) in running.iter().enumerate() {
        let tip = if number < 3 { &lost } else { &kept };
        eventually("each side has its own chain", async || {
            &node.tip().await == tip
        })
        .await;
    }
    take_shape(&running, &whole).await;
    for node in &running {
        eventually("the longer one wins", async || node.tip().await == kept).await;
    }
    let header = running[0].call("getblockheader", json!([lost])).await;
    let header: BlockHeaderInfo = serde_json::from_value(header).unwrap();
    assert_eq!((header.confirmations, header.height), (-1, 5));
}
