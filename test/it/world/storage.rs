//! Chains and the volumes they are on: what outlives what.

use bitcoin_controller::sim::Key;
use serde_json::{Value, json};

use crate::support::world::{NETWORKS, Options, World, in_world};

const CLAIMS: &str = "persistentvolumeclaims";

fn height(world: &World, name: &str) -> Value {
    world.network(name)["status"]["height"].clone()
}

fn n_claims(world: &World) -> usize {
    world.store.list(CLAIMS).len()
}

#[test]
fn with_storage_the_chain_outlives_a_pod_that_is_stopped() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 1, "storage": {"size": "1Gi"}}));
        world.settle().await;
        world.mine("alpha", 0, 101).await;
        let before = world.uids("alpha");
        world.delete("pods", "alpha-sts-0");
        world.settle().await;
        world.assert_ready("alpha", 1);
        assert_ne!(world.uids("alpha"), before);
        assert_eq!(height(world, "alpha"), 101);
        assert!(!world.reasons("alpha").contains(&"ChainReset".to_owned()));
    });
}

#[test]
fn volumes_of_an_earlier_network_are_refused_until_they_are_adopted() {
    in_world(Options::default(), async |world| {
        world.apply(
            "alpha",
            json!({"nodes": 2, "storage": {"size": "1Gi", "retain": true}}),
        );
        world.settle().await;
        world.mine("alpha", 0, 50).await;
        world.settle().await;
        world.delete(NETWORKS, "alpha");
        world.settle().await;
        assert_eq!(n_claims(world), 2, "they are to stay");

        world.apply(
            "alpha",
            json!({"nodes": 2, "storage": {"size": "1Gi", "retain": true}}),
        );
        world.settle().await;
        assert_eq!(world.condition("alpha", "Ready"), "False ForeignVolume");
        let message = world.message("alpha", "Ready");
        assert!(
            message.contains("`data-alpha-sts-1`") && message.contains("adopt"),
            "{message}"
        );
        assert_eq!(world.event_types("alpha", "ForeignVolume"), ["Warning"]);
        for resource in ["statefulsets.apps", "services", "secrets", "pods"] {
            assert_eq!(world.store.list(resource).len(), 0, "{resource}");
        }

        world.apply(
            "alpha",
            json!({"storage": {"size": "1Gi", "retain": true, "adopt": true}}),
        );
        world.settle().await;
        world.assert_ready("alpha", 2);
        assert_eq!(height(world, "alpha"), 50);
    });
}

#[test]
fn volumes_that_are_deleted_by_hand_make_room_for_a_fresh_chain() {
    in_world(Options::default(), async |world| {
        world.apply(
            "alpha",
            json!({"nodes": 1, "storage": {"size": "1Gi", "retain": true}}),
        );
        world.settle().await;
        world.mine("alpha", 0, 50).await;
        world.delete(NETWORKS, "alpha");
        world.settle().await;
        world.apply("alpha", json!({"nodes": 1, "storage": {"size": "1Gi"}}));
        world.settle().await;
        assert_eq!(world.condition("alpha", "Ready"), "False ForeignVolume");
        world.delete(CLAIMS, "data-alpha-sts-0");
        world.settle().await;
        world.assert_ready("alpha", 1);
        assert_eq!(height(world, "alpha"), 0);
    });
}

#[test]
fn volumes_go_with_a_network_that_keeps_none_and_the_next_one_is_fresh() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 2, "storage": {"size": "1Gi"}}));
        world.settle().await;
        world.mine("alpha", 0, 50).await;
        world.settle().await;
        world.delete(NETWORKS, "alpha");
        world.apply("alpha", json!({"nodes": 2, "storage": {"size": "1Gi"}}));
        world.settle().await;
        world.assert_ready("alpha", 2);
        assert_eq!(height(world, "alpha"), 0);
        assert!(!world.reasons("alpha").contains(&"ForeignVolume".to_owned()));
        world.delete(NETWORKS, "alpha");
        world.settle().await;
        assert_eq!(n_claims(world), 0);
    });
}

#[test]
fn nodes_that_were_scaled_away_come_back_with_their_volumes() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 3, "storage": {"size": "1Gi"}}));
        world.settle().await;
        let uid = world.object(CLAIMS, "data-alpha-sts-2")["metadata"]["uid"].clone();
        world.apply("alpha", json!({"nodes": 1}));
        world.settle().await;
        world.mine("alpha", 0, 5).await;
        world.apply("alpha", json!({"nodes": 3}));
        world.settle().await;
        world.assert_ready("alpha", 3);
        assert_eq!(
            world.object(CLAIMS, "data-alpha-sts-2")["metadata"]["uid"],
            uid
        );
        assert_eq!(height(world, "alpha"), 5);
    });
}

/// As a CustomResourceDefinition without the rules would let it through.
#[test]
fn a_size_that_changes_is_refused_and_nothing_is_touched() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 1, "storage": {"size": "1Gi"}}));
        world.apply("bare", json!({"nodes": 1}));
        world.settle().await;
        let before = (world.uids("alpha"), world.uids("bare"));
        world.apply("alpha", json!({"storage": {"size": "2Gi"}}));
        world.apply("bare", json!({"storage": {"size": "1Gi"}}));
        world.settle().await;
        for name in ["alpha", "bare"] {
            assert_eq!(world.condition(name, "Ready"), "False ImmutableField");
            let message = world.message(name, "Ready");
            assert!(message.starts_with("`storage` "), "{message}");
            assert_eq!(world.condition(name, "PodsReady"), "True AllNodesAnswer");
        }
        assert_eq!((world.uids("alpha"), world.uids("bare")), before);
        world.apply("alpha", json!({"storage": {"size": "1024Mi"}}));
        world.apply("bare", json!({"storage": null}));
        world.settle().await;
        world.assert_ready("alpha", 1);
        world.assert_ready("bare", 1);
    });
}

#[test]
fn whether_volumes_stay_can_be_decided_later() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 1, "storage": {"size": "1Gi"}}));
        world.settle().await;
        let before = world.uids("alpha");
        world.apply("alpha", json!({"storage": {"size": "1Gi", "retain": true}}));
        world.settle().await;
        assert_eq!(world.uids("alpha"), before, "no pod is replaced for it");
        world.delete(NETWORKS, "alpha");
        world.settle().await;
        assert_eq!(n_claims(world), 1);
    });
}

#[test]
fn a_class_that_there_is_not_is_told() {
    in_world(Options::default(), async |world| {
        world.apply(
            "alpha",
            json!({"nodes": 1, "storage": {"size": "1Gi", "storageClassName": "none-such"}}),
        );
        world
            .until("it is told", |world| {
                world.condition("alpha", "PodsReady") == "False Unschedulable"
            })
            .await;
        assert!(
            world
                .message("alpha", "PodsReady")
                .contains("PersistentVolumeClaims")
        );
    });
}

fn kill(world: &World, pod: &str) {
    assert!(world.cluster.kill(&Key::new("default", pod)));
}

#[test]
fn with_storage_the_chain_outlives_a_kill_because_it_was_flushed() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 1, "storage": {"size": "1Gi"}}));
        world.settle().await;
        world.mine("alpha", 0, 101).await;
        world.settle().await;
        kill(world, "alpha-sts-0");
        world.settle().await;
        world.assert_ready("alpha", 1);
        assert_eq!(world.node("alpha", 0).block_height, 101);
        assert!(!world.reasons("alpha").contains(&"ChainReset".to_owned()));
    });
}

#[test]
fn without_storage_a_node_is_healed_from_its_peers() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 3}));
        world.settle().await;
        world.mine("alpha", 0, 101).await;
        world.settle().await;
        world.delete("pods", "alpha-sts-0");
        kill(world, "alpha-sts-1");
        world.settle().await;
        world.assert_ready("alpha", 3);
        for ordinal in 0..3 {
            assert_eq!(world.node("alpha", ordinal).block_height, 101);
        }
        assert!(!world.reasons("alpha").contains(&"ChainReset".to_owned()));
    });
}

#[test]
fn a_single_node_that_loses_its_chain_says_so_once() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 1}));
        world.settle().await;
        world.mine("alpha", 0, 101).await;
        world.settle().await;
        world.delete("pods", "alpha-sts-0");
        world.settle().await;
        world.assert_ready("alpha", 1);
        assert_eq!(height(world, "alpha"), 0);
        assert_eq!(world.event_types("alpha", "ChainReset"), ["Warning"]);
        let events = world.store.list("events");
        let event = events
            .iter()
            .find(|event| event["reason"] == "ChainReset")
            .unwrap();
        let message = event["message"].as_str().unwrap();
        assert!(
            message.contains("at height 101 and is at height 0") && message.contains("`storage`"),
            "{message}"
        );
        assert_ne!(event["count"], 2);
    });
}

/// Whoever starts the controller anew after the loss is told as well: the status remembers.
#[test]
fn a_network_that_lost_all_its_pods_says_so_though_the_controller_was_away() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 3}));
        world.settle().await;
        world.mine("alpha", 0, 50).await;
        world.settle().await;
        world.kill_controller();
        for ordinal in 0..3 {
            world.delete("pods", &format!("alpha-sts-{ordinal}"));
        }
        tokio::time::sleep(std::time::Duration::from_secs(120)).await;
        world.start_controller();
        world.settle().await;
        world.assert_ready("alpha", 3);
        assert_eq!(world.event_types("alpha", "ChainReset"), ["Warning"]);
    });
}

#[test]
fn a_network_that_was_scaled_to_nothing_says_afterwards_that_its_chain_is_gone() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 2}));
        world.apply("kept", json!({"nodes": 2, "storage": {"size": "1Gi"}}));
        world.settle().await;
        world.mine("alpha", 0, 50).await;
        world.mine("kept", 0, 50).await;
        world.settle().await;
        for nodes in [0, 2] {
            for name in ["alpha", "kept"] {
                world.apply(name, json!({"nodes": nodes}));
            }
            world.settle().await;
        }
        assert_eq!(world.event_types("alpha", "ChainReset"), ["Warning"]);
        assert_eq!(world.event_types("kept", "ChainReset"), [""; 0]);
        assert_eq!(height(world, "kept"), 50);
    });
}

#[test]
fn blocks_that_somebody_invalidates_are_not_lost() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 1}));
        world.settle().await;
        world.mine("alpha", 0, 20).await;
        world.settle().await;
        let rpc = world.rpc("alpha", 0);
        let deadline = std::time::Duration::from_secs(5);
        let block: String = rpc
            .call("getblockhash", json!([11]), deadline)
            .await
            .unwrap();
        let _: Value = rpc
            .call("invalidateblock", json!([block]), deadline)
            .await
            .unwrap();
        world.settle().await;
        assert_eq!(height(world, "alpha"), 10);
        assert!(!world.reasons("alpha").contains(&"ChainReset".to_owned()));
    });
}

#[test]
fn a_node_whose_network_was_switched_off_is_told_once_and_left_alone() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 3}));
        world.settle().await;
        let rpc = world.rpc("alpha", 1);
        let deadline = std::time::Duration::from_secs(5);
        let _: Value = rpc
            .call("setnetworkactive", json!([false]), deadline)
            .await
            .unwrap();
        world.settle().await;
        assert_eq!(
            world.condition("alpha", "Connected"),
            "False NetworkSwitchedOff"
        );
        let message = world.message("alpha", "Connected");
        assert!(
            message.contains("node 1") && message.contains("setnetworkactive"),
            "{message}"
        );
        assert_eq!(
            world.event_types("alpha", "NetworkSwitchedOff"),
            ["Warning"]
        );
        assert_eq!(
            world.network("alpha")["status"]["nodes"][1]["networkActive"],
            false
        );
        assert_eq!(world.node("alpha", 1).peers, [""; 0]);
        let _: Value = rpc
            .call("setnetworkactive", json!([true]), deadline)
            .await
            .unwrap();
        world.settle().await;
        world.assert_ready("alpha", 3);
        assert_eq!(
            world.event_types("alpha", "NetworkSwitchedOff"),
            ["Warning"]
        );
    });
}
