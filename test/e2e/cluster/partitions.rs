//! Links that are asked for otherwise than everybody with everybody: split networks, shapes, peers outside.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cluster::network::Network;
use crate::controller::install;
use crate::harness::{Namespace, eventually};

/// An address for each side: the same blocks on both would be no fork.
const ADDRESSES: [&str; 2] = [
    "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
    "bcrt1qqypqxpq9qcrsszg2pvxq6rs0zqg3yyc5phstwt",
];

fn mine(network: &Network<'_>, ordinal: usize, n_blocks: u32, side: usize) {
    let n_blocks = n_blocks.to_string();
    let call = ["generatetoaddress", &n_blocks, ADDRESSES[side]];
    network.cli(ordinal, &call).unwrap();
}

/// The heights of six nodes, by their own word.
async fn until_heights(network: &Network<'_>, heights: [u64; 6]) {
    eventually(&format!("heights are {heights:?}"), || async {
        let mut found = Vec::new();
        for ordinal in 0..6 {
            found.push(network.cli(ordinal, &["getblockcount"])?.trim().to_owned());
        }
        let wanted = heights.map(|height| height.to_string());
        if found == wanted {
            Ok(())
        } else {
            Err(format!("{found:?}"))
        }
    })
    .await;
}

/// The messages of a network's events with this reason, by type, each with how often it was told.
fn events(namespace: &Namespace, reason: &str) -> BTreeMap<String, (String, u64)> {
    let selector = format!("involvedObject.kind=BitcoinNetwork,reason={reason}");
    let text = namespace.kubectl(&[
        "get",
        "events",
        "--field-selector",
        &selector,
        "--output=json",
    ]);
    let list: Value = serde_json::from_str(&text).unwrap();
    let told = list["items"].as_array().unwrap().iter().map(|event| {
        let text = |field: &str| event[field].as_str().unwrap().to_owned();
        (
            text("message"),
            (text("type"), event["count"].as_u64().unwrap_or(1)),
        )
    });
    told.collect()
}

/// Six nodes are split in two, both sides mine, and when the network is healed the shorter side's blocks
/// are dropped.
#[tokio::test]
async fn a_network_is_split_mined_on_both_sides_and_healed() {
    install();
    let namespace = Namespace::create("split");
    let network = Network::create(&namespace, "alpha", json!({"nodes": 6}));
    network.until_ready(6).await;
    mine(&network, 0, 10, 0);
    network.until_at(6, 10).await;
    let uids = network.pod_uids();

    network.ask(json!({"nodes": 6, "partitions": [[0, 1, 2]]}));
    network
        .until_condition("Synced", "True", "OneBestBlockPerSide")
        .await;
    network.until_ready(6).await;
    namespace.until_event("alpha", "Partitioned").await;
    // Somebody joins the sides by hand.
    let there = format!("{}.alpha-svc:18444", network.pod(5));
    network.cli(0, &["addnode", &there, "onetry"]).unwrap();
    eventually("the link across is cut", || async {
        let peers = network.peers(0)?;
        if peers.len() == 2 {
            Ok(())
        } else {
            Err(format!("{peers:?}"))
        }
    })
    .await;
    network.until_ready(6).await;
    mine(&network, 1, 2, 0);
    mine(&network, 4, 3, 1);
    until_heights(&network, [12, 12, 12, 13, 13, 13]).await;
    let (short, long) = (network.tip(0), network.tip(3));
    let sides = eventually("the status shows both sides", || async {
        let status = network.status()?;
        let seen = |side: usize| status["sides"][side]["height"].clone();
        if seen(0) == 12 && seen(1) == 13 {
            Ok(status)
        } else {
            Err(status["sides"].to_string())
        }
    })
    .await;
    let links = json!({"wanted": 3, "present": 3});
    let side = |nodes: [i32; 3], height: i64, tip: &str| json!({"nodes": nodes, "links": links, "height": height, "tip": tip});
    assert_eq!(
        sides["sides"],
        json!([side([0, 1, 2], 12, &short), side([3, 4, 5], 13, &long)])
    );
    assert_eq!(
        (&sides["tip"], &sides["height"]),
        (&Value::Null, &json!(13))
    );
    network.ask(json!({"nodes": 6}));
    until_heights(&network, [13; 6]).await;
    network.until_at(6, 13).await;
    network.until_meshed(6).await;
    assert_eq!(network.tip(0), long);
    namespace.until_event("alpha", "Healed").await;
    namespace.until_event("alpha", "Reorganized").await;
    let told = |reason| events(&namespace, reason).into_keys().collect::<Vec<_>>();
    assert_eq!(
        told("Partitioned"),
        ["the network is split: nodes 0-2 | nodes 3-5"]
    );
    assert_eq!(told("Healed"), ["the network is no longer split"]);
    // The status may have been written while one of the three had still to learn of the other chain.
    let reorganised = events(&namespace, "Reorganized");
    assert!(!reorganised.is_empty());
    for (message, (kind, count)) in reorganised {
        println!("told: {kind} {message}");
        let dropped = format!(" dropped 2 blocks: from height 12 ({short}) to height 13 ({long})");
        assert!(message.ends_with(&dropped), "{message}");
        assert_eq!((kind.as_str(), count), ("Normal", 1));
    }
    assert_eq!(network.pod_uids(), uids, "no pod was replaced");
}

/// A ring becomes a star; then its network and another agree to be one chain, until one does not.
#[tokio::test]
async fn a_running_network_changes_its_shape_and_is_joined_with_another() {
    install();
    let namespace = Namespace::create("joined");
    let shaped = |shape: &str| json!({"nodes": 4, "topology": {"type": shape}});
    let alpha = Network::create(&namespace, "alpha", shaped("Ring"));
    let beta = Network::create(&namespace, "beta", json!({"nodes": 2}));
    alpha.until_ready(4).await;
    beta.until_ready(2).await;
    let uids = alpha.pod_uids();
    until_peers(&alpha, [2, 2, 2, 2]).await;
    alpha.ask(shaped("Star"));
    until_peers(&alpha, [3, 1, 1, 1]).await;
    alpha.until_ready(4).await;
    assert_eq!(alpha.pod_uids(), uids, "no pod was replaced");

    // What cannot be is refused at once, by rules of the definition.
    let refusals = [
        (
            json!({"topology": {"type": "Manual", "edges": [[0, 1], [1, 1]]}}),
            "an edge links two different nodes",
        ),
        (
            json!({"nodes": 101, "topology": {"type": "FullMesh"}}),
            "a FullMesh has at most 100 nodes",
        ),
    ];
    for (spec, told) in refusals {
        let patch = json!({"spec": spec}).to_string();
        let call = [
            "patch",
            "btcnet",
            "alpha",
            "--type=merge",
            "--patch",
            &patch,
        ];
        let refused = namespace.try_kubectl(&call).unwrap_err();
        assert!(refused.contains(told), "{refused}");
    }

    mine(&beta, 0, 7, 1);
    beta.until_at(2, 7).await;
    let with = |peers: Value| {
        let mut spec = shaped("Star");
        spec["externalPeers"] = peers;
        spec
    };
    alpha.ask(with(json!([{"network": "beta"}])));
    let reason = "ExternalPeersMissing";
    alpha.until_condition("Connected", "False", reason).await;
    assert_eq!(alpha.peers(0).unwrap().len(), 3, "beta has not agreed");
    let agreed = json!({"nodes": 2, "externalPeers": [{"network": "alpha"}]});
    beta.ask(agreed);
    alpha.until_at(4, 7).await;
    beta.until_ready(2).await;
    // And by its DNS name, where a friend answers.
    let dns_name = format!("{}.beta-svc:18444", beta.pod(1));
    alpha.ask(with(
        json!([{"network": "beta"}, {"address": dns_name, "nodes": [2]}]),
    ));
    alpha.until_ready(4).await;
    let peers = alpha.status().unwrap()["externalPeers"].clone();
    let connected = |peer: &str| json!({"peer": peer, "connected": true});
    assert_eq!(peers, json!([connected("beta"), connected(&dns_name)]));
    mine(&alpha, 3, 1, 0);
    beta.until_at(2, 8).await;

    beta.ask(json!({"nodes": 2}));
    alpha.until_condition("Connected", "False", reason).await;
    beta.until_meshed(2).await;
    mine(&beta, 0, 1, 1);
    beta.until_at(2, 9).await;
    alpha.ask(shaped("Star"));
    alpha.until_at(4, 8).await;
}

/// How many peers each of four nodes has.
async fn until_peers(network: &Network<'_>, n_peers: [usize; 4]) {
    eventually(&format!("the numbers of peers are {n_peers:?}"), || async {
        let mut found = Vec::new();
        for ordinal in 0..4 {
            found.push(network.peers(ordinal)?.len());
        }
        if found == n_peers {
            Ok(())
        } else {
            Err(format!("{found:?}"))
        }
    })
    .await;
}
