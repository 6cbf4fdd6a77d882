//! Two networks in one pod network whose addresses are few: they never touch.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin_controller::base::Random;
use serde_json::json;

use crate::support::world::{Options, World, in_world};

/// Goal: addresses that change hands all the time never make a link from one network to the other.
/// Method: 200 deletions of random pods in a range with hardly more addresses than pods; one chain is
/// longer, so that a single stray link would replace the other.
#[test]
fn two_networks_never_touch() {
    let options = Options {
        n_addresses: 7,
        ..Options::default()
    };
    in_world(options, async |world| {
        world.apply("alpha", json!({"nodes": 3}));
        world.apply("beta", json!({"nodes": 3}));
        world.settle().await;
        world.mine("alpha", 0, 20).await;
        world.mine("beta", 0, 50).await;
        world.settle().await;
        let tips = |world: &World| (world.node("alpha", 0).tip, world.node("beta", 0).tip);
        let before = tips(world);
        let random = Random::seeded(7);
        let mut holders: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for _ in 0..100 {
            let ordinal = random.below(3);
            // One of each at the same time, so that each may get the other's address.
            world.delete("pods", &format!("alpha-sts-{ordinal}"));
            world.delete("pods", &format!("beta-sts-{}", random.below(3)));
            world
                .until("all pods have addresses", |world| {
                    let all = ["alpha", "beta"].map(|name| world.pods(name));
                    all.iter()
                        .flatten()
                        .filter(|pod| pod["status"]["podIP"].is_string())
                        .count()
                        == 6
                })
                .await;
            for name in ["alpha", "beta"] {
                for pod in world.pods(name) {
                    let address = pod["status"]["podIP"].as_str().unwrap().to_owned();
                    holders.entry(address).or_default().insert(name);
                }
            }
            assert_apart(world);
            world
                .until("both are ready", |world| {
                    ["alpha", "beta"].iter().all(|name| {
                        world.condition(name, "Ready") == "True NetworkReady"
                            && world.pods(name).len() == 3
                    })
                })
                .await;
            assert_apart(world);
        }
        let shared = holders.values().filter(|names| names.len() == 2).count();
        assert!(shared > 3, "addresses changed hands: {holders:?}");
        world.settle().await;
        assert_eq!(tips(world), before, "neither chain was replaced");
    });
}

/// No node has a peer of the other network.
fn assert_apart(world: &World) {
    for node in world.nodes.nodes() {
        let network = |name: &str| name.split("-sts-").next().unwrap().to_owned();
        for peer in &node.peers {
            assert_eq!(network(peer), network(&node.name), "{} - {peer}", node.name);
        }
    }
}
