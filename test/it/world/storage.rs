//! Chains and the volumes they are on: what outlives what.

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
