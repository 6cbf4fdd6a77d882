//! Many nodes, more, fewer, and some that are dead.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::support::world::{NAMESPACE, Options, World, in_world};

#[test]
fn scaling_from_3_to_30_and_back_changes_no_surviving_pod() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 3}));
        world.settle().await;
        world.mine("alpha", 1, 20).await;
        let three = world.uids("alpha");
        world.apply("alpha", json!({"nodes": 30}));
        world.settle().await;
        world.assert_ready("alpha", 30);
        assert_eq!(world.uids("alpha")[..3], three);
        assert!(is_connected(world, "alpha", 30));
        assert_eq!(world.node("alpha", 29).block_height, 20);
        world.assert_silent().await;
        world.apply("alpha", json!({"nodes": 3}));
        world.settle().await;
        world.assert_ready("alpha", 3);
        assert_eq!(world.uids("alpha"), three);
    });
}

#[test]
fn seventeen_nodes_are_a_full_mesh_with_one_link_for_each_pair() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 17}));
        world.settle().await;
        world.assert_ready("alpha", 17);
        let status = &world.network("alpha")["status"];
        assert_eq!(status["links"], json!({"present": 136, "wanted": 136}));
        for ordinal in 0..17 {
            let peers = world.node("alpha", ordinal).peers;
            let distinct: BTreeSet<&String> = peers.iter().collect();
            assert_eq!((peers.len(), distinct.len()), (16, 16));
        }
    });
}

#[test]
fn a_dead_address_stalls_nobody() {
    in_world(Options::default(), async |world| {
        let dead = format!("{NAMESPACE}/alpha-sts-4");
        world.nodes.set_faults(&dead, |faults| faults.cut = true);
        world.apply("alpha", json!({"nodes": 10}));
        world
            .until("nine nodes answer and are linked", |world| {
                let status = &world.network("alpha")["status"];
                status["readyNodes"] == 9 && status["links"]["present"] == 36
            })
            .await;
        assert!(world.condition("alpha", "Ready").starts_with("False "));
        world.nodes.set_faults(&dead, |faults| faults.cut = false);
        world.settle().await;
        world.assert_ready("alpha", 10);
    });
}

#[test]
fn a_network_of_no_nodes_is_ready_and_can_grow() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 0}));
        world.settle().await;
        world.assert_ready("alpha", 0);
        world.apply("alpha", json!({"nodes": 1}));
        world.settle().await;
        world.assert_ready("alpha", 1);
    });
}

fn is_connected(world: &World, name: &str, n_nodes: usize) -> bool {
    let peers: BTreeMap<String, Vec<String>> = (0..n_nodes)
        .map(|ordinal| {
            let node = world.node(name, ordinal);
            (node.name, node.peers)
        })
        .collect();
    let mut seen = BTreeSet::new();
    let mut next: Vec<&String> = peers.keys().take(1).collect();
    while let Some(node) = next.pop() {
        if seen.insert(node) {
            next.extend(&peers[node]);
        }
    }
    seen.len() == n_nodes
}
