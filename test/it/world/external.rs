//! Nodes outside the network: a person's own, and those of another network that agrees.

use std::time::Duration;

use bitcoin_controller::http::Endpoint;
use bitcoin_controller::sim::bitcoind::chain::script_of;
use bitcoin_controller::sim::bitcoind::{Disk, Member, Seat};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::support::world::{NAMESPACE, Options, World, in_world};

/// A node of nobody's network at `address`, with a chain of its own.
fn laptop(world: &World, address: &str, n_blocks: usize) -> Seat {
    let seat = join(world, address, "/Satoshi:31.0.0(my laptop)/");
    let script = script_of("bcrt1qqypqxpq9qcrsszg2pvxq6rs0zqg3yyc5phstwt").unwrap();
    let now = u32::try_from(1_800_000_000).unwrap();
    seat.change_chain(|chain| {
        for _ in 0..n_blocks {
            chain.mine(&script, now).unwrap();
        }
    });
    seat
}

fn join(world: &World, address: &str, subversion: &str) -> Seat {
    let member = Member {
        name: format!("elsewhere/{address}"),
        endpoint: Endpoint::new(address, 18444),
        listens: true,
        subversion: subversion.to_owned(),
        max_inbound: 114,
        dial_timeout: Duration::from_secs(5),
        disk: Disk::default(),
    };
    world.nodes.join(member).unwrap()
}

fn external(world: &World, name: &str) -> Value {
    world.network(name)["status"]["externalPeers"].clone()
}

fn peers(world: &World, name: &str, ordinal: usize) -> Vec<String> {
    world.node(name, ordinal).peers
}

fn is_joined(world: &World) -> bool {
    let friend = format!("{NAMESPACE}/beta-sts-0");
    peers(world, "alpha", 0).contains(&friend)
}

#[test]
fn a_persons_own_node_is_dialled_and_its_chain_is_had() {
    in_world(Options::default(), async |world| {
        let laptop = laptop(world, "10.9.9.9", 30);
        let peers_asked = json!([{"address": "10.9.9.9:18444", "nodes": [1]}]);
        world.apply("alpha", json!({"nodes": 3, "externalPeers": peers_asked}));
        world.settle().await;
        world.assert_ready("alpha", 3);
        let there = json!([{"peer": "10.9.9.9:18444", "connected": true}]);
        assert_eq!(external(world, "alpha"), there);
        assert_eq!(world.node("alpha", 0).block_height, 30);
        let connected = |world: &World, ordinal| {
            peers(world, "alpha", ordinal).contains(&"elsewhere/10.9.9.9".to_owned())
        };
        assert!(!connected(world, 0) && connected(world, 1) && !connected(world, 2));
        // Whoever cuts it, and whatever is lost, it is back.
        laptop.disconnect(|_| true);
        world.settle().await;
        assert!(connected(world, 1));
        world.delete("pods", "alpha-sts-1");
        world.settle().await;
        world.assert_ready("alpha", 3);
        assert!(connected(world, 1));
        world.assert_silent().await;
        // It is the user's once it is not asked for: nobody cuts it.
        world.apply("alpha", json!({"externalPeers": []}));
        world.settle().await;
        assert!(connected(world, 1));
        assert_eq!(external(world, "alpha"), Value::Null);
    });
}

#[test]
fn a_peer_that_is_not_there_is_missed_and_holds_up_nothing_else() {
    in_world(Options::default(), async |world| {
        let asked = json!([{"address": "10.9.9.9:18444"}]);
        world.apply("alpha", json!({"nodes": 3, "externalPeers": asked}));
        world
            .until("it is missed", |world| {
                world.condition("alpha", "Connected") == "False ExternalPeersMissing"
            })
            .await;
        assert_eq!(
            world.message("alpha", "Connected"),
            "3 of 3 links are there; outside are missing: `10.9.9.9:18444`"
        );
        assert_eq!(
            world.condition("alpha", "Ready"),
            "False ExternalPeersMissing"
        );
        let _laptop = laptop(world, "10.9.9.9", 0);
        world.settle().await;
        world.assert_ready("alpha", 3);
    });
}

#[test]
fn a_node_of_another_network_at_an_address_is_cut_off_and_left_alone() {
    in_world(Options::default(), async |world| {
        let foreign = join(world, "10.9.9.9", "/Satoshi:31.0.0(00000000.x-sts-0)/");
        let asked = json!([{"address": "10.9.9.9:18444"}]);
        world.apply("alpha", json!({"nodes": 2, "externalPeers": asked}));
        world
            .until("it is told", |world| {
                let message = world.message("alpha", "Connected");
                message.contains("00000000.x-sts-0 answered there")
            })
            .await;
        assert_eq!(world.event_types("alpha", "StrangerCut"), ["Warning"]);
        // It rests: many passes later it has not been dialled again.
        sleep(Duration::from_secs(300)).await;
        assert_eq!(foreign.peers(), []);
        let told = world.store.list("events");
        let told = told.iter().find(|event| event["reason"] == "StrangerCut");
        assert_eq!(told.unwrap()["count"].as_u64().unwrap_or(1), 1);
        world.apply("alpha", json!({"externalPeers": null}));
        world.settle().await;
        world.assert_ready("alpha", 2);
    });
}

#[test]
fn two_networks_that_name_each_other_are_one_chain_until_one_does_not() {
    in_world(Options::default(), async |world| {
        world.apply(
            "alpha",
            json!({"nodes": 3, "externalPeers": [{"network": "beta"}]}),
        );
        world.apply("beta", json!({"nodes": 2}));
        world.settle().await;
        let no_consent = "network `beta` does not name `alpha` among its external peers";
        assert_eq!(external(world, "alpha")[0]["message"], no_consent);
        assert!(world.message("alpha", "Connected").contains(no_consent));
        world.assert_ready("beta", 2);
        assert!(!is_joined(world));
        world.mine("beta", 1, 12).await;

        world.apply("beta", json!({"externalPeers": [{"network": "alpha"}]}));
        world.settle().await;
        for (name, n_nodes, other) in [("alpha", 3, "beta"), ("beta", 2, "alpha")] {
            world.assert_ready(name, n_nodes);
            let there = json!([{"peer": other, "connected": true}]);
            assert_eq!(external(world, name), there);
        }
        assert!(is_joined(world));
        // Beta's chain is the longer one, and now alpha's.
        assert_eq!(world.node("alpha", 2).block_height, 12);
        assert!(!world.reasons("alpha").contains(&"StrangerCut".to_owned()));
        world.assert_silent().await;

        for pod in ["beta-sts-0", "alpha-sts-0"] {
            world.delete("pods", pod);
            world.settle().await;
            world.assert_ready("alpha", 3);
            world.assert_ready("beta", 2);
            assert!(is_joined(world), "{pod}");
        }
        world.kill_controller();
        world.start_controller();
        world.settle().await;
        assert!(is_joined(world));

        world.apply("beta", json!({"externalPeers": null}));
        world.settle().await;
        assert!(!is_joined(world));
        world.assert_ready("beta", 2);
        assert_eq!(external(world, "alpha")[0]["message"], no_consent);
        world.mine("beta", 1, 5).await;
        world.settle().await;
        assert_eq!(world.node("alpha", 2).block_height, 12);
    });
}

/// The address of a node whose network has not agreed is refused, until it has.
#[test]
fn a_network_that_agrees_later_is_no_longer_refused_at_its_address() {
    in_world(Options::default(), async |world| {
        world.apply("beta", json!({"nodes": 1}));
        world.settle().await;
        let there = world.node("beta", 0).endpoint.to_string();
        let asked = json!([{"network": "beta", "nodes": [1]}, {"address": there}]);
        world.apply("alpha", json!({"nodes": 2, "externalPeers": asked}));
        world
            .until("it is refused", |world| {
                let message = world.message("alpha", "Connected");
                message.contains("a node of a network that has not agreed")
            })
            .await;
        assert!(!is_joined(world));
        world.apply("beta", json!({"externalPeers": [{"network": "alpha"}]}));
        world.settle().await;
        world.assert_ready("alpha", 2);
        assert!(is_joined(world));
    });
}

#[test]
fn named_nodes_of_both_networks_are_paired_each_with_each() {
    in_world(Options::default(), async |world| {
        let of = |network, nodes| json!([{"network": network, "nodes": nodes}]);
        world.apply(
            "beta",
            json!({"nodes": 3, "externalPeers": of("alpha", [2, 7])}),
        );
        world.apply(
            "alpha",
            json!({"nodes": 3, "externalPeers": of("beta", [0, 1])}),
        );
        world.settle().await;
        world.assert_ready("alpha", 3);
        world.assert_ready("beta", 3);
        let mut joined = peers(world, "beta", 2);
        joined.retain(|name| name.contains("alpha"));
        let both = [0, 1].map(|ordinal| format!("{NAMESPACE}/alpha-sts-{ordinal}"));
        assert_eq!(joined, both);
        // A network that is deleted is missed, and is back when it is made again, with another mark.
        world.delete(
            "bitcoinnetworks.bitcoincontroller.christianb93.github.com",
            "alpha",
        );
        world.settle().await;
        let gone = "there is no network `alpha` in this namespace";
        assert_eq!(external(world, "beta")[0]["message"], gone);
        world.apply(
            "alpha",
            json!({"nodes": 2, "externalPeers": of("beta", [0, 1])}),
        );
        world.settle().await;
        world.assert_ready("beta", 3);
        world.assert_ready("alpha", 2);
    });
}

/// Both sides connected with one peer would not be apart: one keeps it, the other is cut off.
#[test]
fn a_split_network_is_not_joined_by_a_peer_outside() {
    in_world(Options::default(), async |world| {
        let laptop = laptop(world, "10.9.9.9", 0);
        let asked = json!([{"address": "10.9.9.9:18444", "nodes": [0, 3]}]);
        world.apply("alpha", json!({"nodes": 4, "externalPeers": asked}));
        world.settle().await;
        world.assert_ready("alpha", 4);
        assert_eq!(laptop.peers().len(), 2);
        world.apply("alpha", json!({"partitions": [[0, 1]]}));
        world.settle().await;
        world.assert_ready("alpha", 4);
        assert_eq!(laptop.peers().len(), 1);
        let told = "the network is split: it is connected with node 0 only";
        assert_eq!(external(world, "alpha")[0]["message"], told);
        world.mine("alpha", 0, 4).await;
        let height = |ordinal| world.node("alpha", ordinal).block_height;
        assert_eq!([height(0), height(1), height(2), height(3)], [4, 4, 0, 0]);
        assert_eq!(laptop.chain().height(), 4);
        world.apply("alpha", json!({"partitions": null}));
        world.settle().await;
        world.assert_ready("alpha", 4);
        assert_eq!(laptop.peers().len(), 2);
    });
}

#[test]
fn a_network_is_not_outside_of_itself() {
    in_world(Options::default(), async |world| {
        let itself = json!([{"network": "alpha"}]);
        world.apply("alpha", json!({"nodes": 2, "externalPeers": itself}));
        world.settle().await;
        let told = "a network is not outside of itself";
        assert!(world.message("alpha", "Ready").contains(told));
        world.apply("alpha", json!({"externalPeers": null}));
        world.settle().await;
    });
}
