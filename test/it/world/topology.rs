//! Networks of every shape, and of one after another.

use std::collections::BTreeSet;

use bitcoin_controller::base::yaml;
use serde_json::{Value, json};

use crate::support::world::{Options, World, in_world};

/// The pairs of `name`'s nodes that are connected, by ordinal, the smaller first; each connection once.
pub(super) fn pairs(world: &World, name: &str, n_nodes: usize) -> BTreeSet<(usize, usize)> {
    let mut pairs = BTreeSet::new();
    for ordinal in 0..n_nodes {
        let mut own = BTreeSet::new();
        for peer in world.node(name, ordinal).peers {
            let (_, other) = peer.rsplit_once('-').unwrap();
            let other: usize = other.parse().unwrap();
            assert!(
                own.insert(other),
                "{name}: {ordinal} and {other} are linked twice"
            );
            pairs.insert((ordinal.min(other), ordinal.max(other)));
        }
    }
    pairs
}

fn shaped(nodes: usize, shape: Value) -> Value {
    json!({"nodes": nodes, "topology": shape})
}

#[test]
fn a_running_network_takes_the_shape_that_is_asked_for_and_no_pod_is_replaced() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", shaped(6, json!({"type": "Ring"})));
        world.settle().await;
        world.assert_ready("alpha", 6);
        world.mine("alpha", 0, 20).await;
        let (uids, template) = (world.uids("alpha"), template(world));
        let ring = [(0, 1), (0, 5), (1, 2), (2, 3), (3, 4), (4, 5)];
        let star = (1..6).map(|leaf| (0, leaf)).collect();
        let mesh = (0..6).flat_map(|low| (low + 1..6).map(move |high| (low, high)));
        let edges = json!([[5, 0], [0, 3], [0, 3], [1, 2], [1, 3], [3, 4], [3, 7]]);
        let manual = [(0, 3), (0, 5), (1, 2), (1, 3), (3, 4)];
        let shapes: [(Value, BTreeSet<(usize, usize)>); 4] = [
            (json!({"type": "Ring"}), ring.into()),
            (json!({"type": "Star"}), star),
            (json!({"type": "FullMesh"}), mesh.collect()),
            (json!({"type": "Manual", "edges": edges}), manual.into()),
        ];
        for (shape, links) in shapes {
            world.apply("alpha", shaped(6, shape));
            world.settle().await;
            world.assert_ready("alpha", 6);
            assert_eq!(pairs(world, "alpha", 6), links);
            let counted = json!({"present": links.len(), "wanted": links.len()});
            assert_eq!(world.network("alpha")["status"]["links"], counted);
        }
        // A node more brings the edge that was waiting for it.
        world.apply("alpha", json!({"nodes": 8}));
        world.settle().await;
        assert!(pairs(world, "alpha", 8).contains(&(3, 7)));
        assert_eq!(world.uids("alpha")[..6], uids);
        assert_eq!(self::template(world), template);
        // Node 6 has no edge and never hears of a block.
        world
            .until("node 6 is missed", |world| {
                world.condition("alpha", "Ready") == "False BestBlocksDiffer"
            })
            .await;
        assert_eq!(
            world.condition("alpha", "Connected"),
            "True AllLinksPresent"
        );
        world.apply("alpha", json!({"topology": null}));
        world.settle().await;
        world.assert_ready("alpha", 8);
    });
}

fn template(world: &World) -> Value {
    world.object("statefulsets.apps", "alpha-sts")["spec"]["template"].clone()
}

/// More than regtest's own limit of connections allows.
#[test]
fn the_centre_of_a_large_star_has_room_for_everybody() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", shaped(118, json!({"type": "Star"})));
        world.settle().await;
        world.assert_ready("alpha", 118);
        assert_eq!(world.node("alpha", 0).peers.len(), 117);
    });
}

#[test]
fn what_cannot_be_linked_is_told_before_anything_is_made_and_leaves_what_is_there() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", shaped(101, json!({"type": "FullMesh"})));
        world.settle().await;
        assert_eq!(world.condition("alpha", "Ready"), "False InvalidSpec");
        assert!(
            world
                .message("alpha", "Ready")
                .contains("at most 100 nodes")
        );
        assert_eq!(world.store.list("pods").len(), 0);
        world.apply("alpha", json!({"nodes": 3}));
        world.settle().await;
        world.assert_ready("alpha", 3);
        let uids = world.uids("alpha");
        let with_itself = json!({"type": "Manual", "edges": [[0, 1], [2, 2]]});
        world.apply("alpha", shaped(3, with_itself));
        world.settle().await;
        assert_eq!(world.condition("alpha", "Ready"), "False InvalidSpec");
        assert!(
            world
                .message("alpha", "Ready")
                .contains("node 2 with itself")
        );
        assert_eq!(world.uids("alpha"), uids);
        assert_eq!(pairs(world, "alpha", 3).len(), 3);
        assert_eq!(world.network("alpha")["status"]["readyNodes"], 3);
        world.apply("alpha", json!({"topology": null}));
        world.settle().await;
    });
}

#[test]
fn the_examples_come_up() {
    for file in ["ring", "partition", "two-networks"] {
        let path = format!(
            "{}/manifests/examples/{file}.yaml",
            env!("CARGO_MANIFEST_DIR")
        );
        let text = std::fs::read_to_string(path).unwrap();
        in_world(Options::default(), async |world| {
            let networks = yaml::all_from_str(&text).unwrap();
            for network in &networks {
                let name = network["metadata"]["name"].as_str().unwrap();
                world.apply(name, network["spec"].clone());
            }
            world.settle().await;
            for network in &networks {
                let n_nodes = network["spec"]["nodes"].as_u64().unwrap();
                let name = network["metadata"]["name"].as_str().unwrap();
                world.assert_ready(name, usize::try_from(n_nodes).unwrap());
            }
        });
    }
}
