//! A network's life: it comes up, is mined, is changed, loses what it had, and goes.

use serde_json::json;

use crate::support::world::{NETWORKS, Options, World, in_world};

#[test]
fn a_network_becomes_ready_connected_and_mined() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 3}));
        world.settle().await;
        world.assert_ready("alpha", 3);
        let status = &world.network("alpha")["status"];
        assert_eq!(status["links"], json!({"present": 3, "wanted": 3}));
        for ordinal in 0..3 {
            assert_eq!(world.node("alpha", ordinal).peers.len(), 2);
        }
        world.mine("alpha", 0, 101).await;
        world.settle().await;
        world.assert_ready("alpha", 3);
        assert_eq!(world.network("alpha")["status"]["height"], 101);
        for node in world.network("alpha")["status"]["nodes"]
            .as_array()
            .unwrap()
        {
            assert_eq!(node["height"], 101);
        }
    });
}

#[test]
fn through_port_forwards_it_is_the_same() {
    let options = Options {
        port_forward: true,
        ..Options::default()
    };
    in_world(options, async |world| {
        world.apply("alpha", json!({"nodes": 3}));
        world.settle().await;
        world.assert_ready("alpha", 3);
    });
}

#[test]
fn a_pod_that_is_deleted_comes_back_linked_and_synced() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 3}));
        world.settle().await;
        world.mine("alpha", 0, 101).await;
        let before = world.uids("alpha");
        world.delete("pods", "alpha-sts-1");
        world.settle().await;
        world.assert_ready("alpha", 3);
        let after = world.uids("alpha");
        assert_eq!((&before[0], &before[2]), (&after[0], &after[2]));
        assert_ne!(before[1], after[1]);
        assert_eq!(world.node("alpha", 1).block_height, 101);
    });
}

#[test]
fn not_being_ready_is_a_warning_only_if_nobody_asked_for_it() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 2}));
        world.settle().await;
        world.apply("alpha", json!({"nodes": 3}));
        world.settle().await;
        assert_eq!(world.event_types("alpha", "NetworkNotReady"), ["Normal"]);
        world.apply("beta", json!({"nodes": 2}));
        world.settle().await;
        world.delete("pods", "beta-sts-1");
        world.settle().await;
        assert_eq!(world.event_types("beta", "NetworkNotReady"), ["Warning"]);
    });
}

#[test]
fn a_container_that_is_killed_keeps_its_pod_and_gets_its_links_back() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 3}));
        world.settle().await;
        world.mine("alpha", 0, 5).await;
        let before = world.uids("alpha");
        let key = bitcoin_controller::sim::Key::new("default", "alpha-sts-2");
        assert!(world.cluster.kill(&key));
        world.settle().await;
        world.assert_ready("alpha", 3);
        assert_eq!(world.uids("alpha"), before);
        assert_eq!(world.node("alpha", 2).peers.len(), 2);
        assert_eq!(world.node("alpha", 2).block_height, 5);
        let pod = world.object("pods", "alpha-sts-2");
        assert_eq!(pod["status"]["containerStatuses"][0]["restartCount"], 1);
    });
}

#[test]
fn what_others_change_of_our_objects_is_put_back_and_what_they_add_stays() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 3}));
        world.settle().await;
        let key = |name: &str| bitcoin_controller::sim::Key::new("default", name);
        let change = |resource: &str, name: &str, change: fn(&mut serde_json::Value)| {
            world
                .store
                .update(resource, &key(name), "somebody", change)
                .unwrap();
        };
        change("statefulsets.apps", "alpha-sts", |set| {
            set["spec"]["replicas"] = 7.into();
            set["metadata"]["annotations"]["mine"] = "stays".into();
        });
        change("services", "alpha-svc", |service| {
            service["spec"]["publishNotReadyAddresses"] = false.into();
            service["spec"]["sessionAffinity"] = "ClientIP".into();
        });
        world.settle().await;
        world.assert_ready("alpha", 3);
        let set = world.object("statefulsets.apps", "alpha-sts");
        assert_eq!(set["spec"]["replicas"], 3);
        assert_eq!(set["metadata"]["annotations"]["mine"], "stays");
        let service = world.object("services", "alpha-svc");
        assert_eq!(service["spec"]["publishNotReadyAddresses"], true);
        assert_eq!(service["spec"]["sessionAffinity"], "ClientIP");
        assert!(world.reasons("alpha").contains(&"Repaired".to_owned()));
    });
}

#[test]
fn a_service_or_a_set_that_is_deleted_is_made_again() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 2}));
        world.settle().await;
        world.delete("services", "alpha-svc");
        world.settle().await;
        world.assert_ready("alpha", 2);
        world.delete("statefulsets.apps", "alpha-sts");
        world.settle().await;
        world.assert_ready("alpha", 2);
        assert!(world.object("services", "alpha-svc").is_object());
    });
}

#[test]
fn a_network_that_is_deleted_leaves_nothing() {
    in_world(Options::default(), async |world| {
        world.secret("mine", json!({"BC_RPC_USER": "u", "BC_RPC_PASSWORD": "p"}));
        world.apply("alpha", json!({"nodes": 3, "secret": "mine"}));
        world.settle().await;
        world.delete(NETWORKS, "alpha");
        world.settle().await;
        for resource in ["pods", "services", "statefulsets.apps"] {
            assert_eq!(world.store.list(resource).len(), 0, "{resource}");
        }
        let secrets = world.store.list("secrets");
        let names: Vec<_> = secrets.iter().map(|one| &one["metadata"]["name"]).collect();
        assert_eq!(names, ["mine"], "the user's own Secret stays");
        assert_eq!(world.nodes.nodes(), []);
    });
}

#[test]
fn a_network_that_is_made_again_at_once_is_another_one() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 2}));
        world.settle().await;
        world.mine("alpha", 0, 50).await;
        let before = world.uids("alpha");
        world.delete(NETWORKS, "alpha");
        world.apply("alpha", json!({"nodes": 2}));
        world.settle().await;
        world.assert_ready("alpha", 2);
        let after = world.uids("alpha");
        assert!(before.iter().all(|uid| !after.contains(uid)));
        assert_eq!(world.network("alpha")["status"]["height"], 0);
    });
}

#[test]
fn a_new_image_replaces_pods_one_by_one_and_the_chain_survives() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 3}));
        world.settle().await;
        world.mine("alpha", 0, 101).await;
        world.settle().await;
        let before = world.uids("alpha");
        world.apply("alpha", json!({"image": "bitcoin/bitcoin:28.0"}));
        let fewest = world.watch_until_settled(n_running).await;
        assert_eq!(fewest, 2, "never two pods are missing at the same time");
        world.assert_ready("alpha", 3);
        let after = world.uids("alpha");
        assert!(before.iter().all(|uid| !after.contains(uid)));
        assert_eq!(world.network("alpha")["status"]["height"], 101);
        world.assert_silent().await;
        let log = world.api.log().entries();
        let deletions = log.iter().filter(|entry| entry.verb == "delete");
        assert_eq!(deletions.count(), 3);
    });
}

/// How many pods of `alpha` run and are not going.
fn n_running(world: &World) -> usize {
    let pods = world.pods("alpha");
    let runs = |pod: &&serde_json::Value| pod["status"]["phase"] == "Running";
    pods.iter().filter(runs).count()
}
