//! What a user gets wrong, or a cluster: each is told on the network, and passes when its cause does.

use bitcoin_controller::sim::Key;
use serde_json::{Value, json};

use crate::support::world::{NAMESPACE, Options, in_world};

#[test]
fn an_image_that_is_not_there_is_told_and_mended() {
    in_world(Options::default(), async |world| {
        world.apply(
            "alpha",
            json!({"nodes": 2, "image": "nowhere/bitcoin:nonsense"}),
        );
        world
            .until("the image is told", |world| {
                world.condition("alpha", "PodsReady") == "False ImagePullBackOff"
            })
            .await;
        assert!(
            world
                .message("alpha", "PodsReady")
                .contains("nowhere/bitcoin:nonsense")
        );
        world.apply("alpha", json!({"image": "bitcoin/bitcoin:29.0"}));
        world.settle().await;
        world.assert_ready("alpha", 2);
    });
}

#[test]
fn a_missing_secret_is_told_and_nothing_starts_until_it_is_there() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 2, "secret": "mine"}));
        world.settle().await;
        assert_eq!(world.condition("alpha", "Ready"), "False SecretMissing");
        assert_eq!(world.store.list("pods").len(), 0);
        assert!(world.reasons("alpha").contains(&"SecretMissing".to_owned()));
        world.secret("mine", json!({"BC_RPC_USER": "u"}));
        world.settle().await;
        assert_eq!(world.condition("alpha", "Ready"), "False SecretIncomplete");
        world.secret("mine", json!({"BC_RPC_PASSWORD": "p"}));
        world.settle().await;
        world.assert_ready("alpha", 2);
    });
}

#[test]
fn a_secret_that_cannot_exist_is_told() {
    in_world(Options::default(), async |world| {
        for name in ["a/b", "..", "50%"] {
            world.apply("alpha", json!({"nodes": 2, "secret": name}));
            world.settle().await;
            assert_eq!(world.condition("alpha", "Ready"), "False InvalidSpec");
            assert!(world.message("alpha", "Ready").contains(name));
        }
        world.apply("alpha", json!({"secret": null}));
        world.settle().await;
        world.assert_ready("alpha", 2);
    });
}

#[test]
fn a_network_that_is_deleted_while_its_pods_are_refused_leaves_nothing() {
    in_world(Options::default(), async |world| {
        let quota = json!({"metadata": {"name": "few"}, "spec": {"hard": {"pods": "1"}}});
        world
            .store
            .create("resourcequotas", NAMESPACE, quota, "admin")
            .unwrap();
        world.apply("alpha", json!({"nodes": 2}));
        world
            .until("the quota is told", |world| {
                world.condition("alpha", "PodsReady") == "False FailedCreate"
            })
            .await;
        world.delete(crate::support::world::NETWORKS, "alpha");
        world.settle().await;
        for resource in ["statefulsets.apps", "pods", "services", "secrets"] {
            assert_eq!(world.store.list(resource).len(), 0, "{resource}");
        }
    });
}

#[test]
fn a_quota_that_forbids_pods_is_told_and_lifted() {
    in_world(Options::default(), async |world| {
        let quota = json!({"metadata": {"name": "few"}, "spec": {"hard": {"pods": "1"}}});
        world
            .store
            .create("resourcequotas", NAMESPACE, quota, "admin")
            .unwrap();
        world.apply("alpha", json!({"nodes": 2}));
        world
            .until("the quota is told", |world| {
                world
                    .message("alpha", "PodsReady")
                    .contains("exceeded quota: few")
            })
            .await;
        assert_eq!(world.condition("alpha", "PodsReady"), "False FailedCreate");
        world.delete("resourcequotas", "few");
        world.settle().await;
        world.assert_ready("alpha", 2);
    });
}

#[test]
fn pods_that_find_no_node_are_told() {
    in_world(Options::default(), async |world| {
        world
            .until("the node is there", |world| {
                world.object_of_cluster("nodes", "node-1").is_object()
            })
            .await;
        let cordon = |world: &crate::support::world::World, is_cordoned: bool| {
            let key = Key::new("", "node-1");
            world
                .store
                .update("nodes", &key, "admin", |node| {
                    node["spec"]["unschedulable"] = is_cordoned.into();
                })
                .unwrap();
        };
        cordon(world, true);
        world.apply("alpha", json!({"nodes": 2}));
        world
            .until("it is told", |world| {
                world.condition("alpha", "PodsReady") == "False Unschedulable"
            })
            .await;
        cordon(world, false);
        world.settle().await;
        world.assert_ready("alpha", 2);
    });
}

#[test]
fn an_object_of_somebody_else_is_left_alone() {
    in_world(Options::default(), async |world| {
        let foreign = json!({"metadata": {"name": "alpha-svc"}, "spec": {"ports": [{"port": 80}]}});
        world
            .store
            .create("services", NAMESPACE, foreign, "somebody")
            .unwrap();
        let before = world.object("services", "alpha-svc");
        world.apply("alpha", json!({"nodes": 2}));
        world.settle().await;
        assert_eq!(world.condition("alpha", "Ready"), "False NameConflict");
        assert_eq!(world.object("services", "alpha-svc"), before);
        assert_eq!(world.store.list("pods").len(), 0);
        world.delete("services", "alpha-svc");
        world.settle().await;
        world.assert_ready("alpha", 2);
    });
}

#[test]
fn an_immutable_field_that_differs_is_told_and_not_fought_over() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 1}));
        world.settle().await;
        world.stop_controller().await;
        // What cannot be changed can be made again.
        let mut set = world.object("statefulsets.apps", "alpha-sts");
        world.delete("statefulsets.apps", "alpha-sts");
        world.settle().await;
        set["spec"]["podManagementPolicy"] = "OrderedReady".into();
        set["metadata"]["resourceVersion"] = Value::Null;
        world
            .store
            .create("statefulsets.apps", NAMESPACE, set, "somebody")
            .unwrap();
        world.start_controller();
        world.settle().await;
        assert_eq!(world.condition("alpha", "Ready"), "False ImmutableField");
    });
}

#[test]
fn a_name_that_cannot_be_a_label_is_told() {
    in_world(Options::default(), async |world| {
        let name = "a".repeat(60);
        world.apply(&name, json!({"nodes": 1}));
        world.apply("dotted.name", json!({"nodes": 1}));
        world.settle().await;
        assert_eq!(world.condition(&name, "Ready"), "False InvalidName");
        assert_eq!(world.condition("dotted.name", "Ready"), "False InvalidName");
        assert_eq!(world.store.list("statefulsets.apps").len(), 0);
    });
}

#[test]
fn a_definition_that_is_too_old_is_told_and_not_written_to_again_and_again() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 1}));
        world.settle().await;
        let key = Key::new("", crate::support::world::NETWORKS);
        world
            .store
            .update(
                bitcoin_controller::sim::kinds::DEFINITIONS,
                &key,
                "admin",
                |definition| {
                    let status = &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
                        ["properties"]["status"]["properties"];
                    for newer in ["links", "selector"] {
                        assert!(status.as_object_mut().unwrap().remove(newer).is_some());
                    }
                    let node = &mut status["nodes"]["items"]["properties"];
                    assert!(node.as_object_mut().unwrap().remove("tip").is_some());
                },
            )
            .unwrap();
        world.apply("alpha", json!({"nodes": 2}));
        world.settle().await;
        assert!(
            world.reasons("alpha").contains(&"CRDOutdated".to_owned()),
            "{:?}",
            world.reasons("alpha")
        );
        world.assert_ready("alpha", 2);
    });
}

#[test]
fn rotated_credentials_replace_pods_and_the_chain_survives() {
    in_world(Options::default(), async |world| {
        world.secret(
            "mine",
            json!({"BC_RPC_USER": "u", "BC_RPC_PASSWORD": "old"}),
        );
        world.apply("alpha", json!({"nodes": 3, "secret": "mine"}));
        world.settle().await;
        world.mine("alpha", 0, 101).await;
        world.settle().await;
        let before = world.uids("alpha");
        world.secret("mine", json!({"BC_RPC_PASSWORD": "new"}));
        world.settle().await;
        world.assert_ready("alpha", 3);
        assert!(world.uids("alpha").iter().all(|uid| !before.contains(uid)));
        assert_eq!(world.network("alpha")["status"]["height"], 101);
    });
}

#[test]
fn our_own_secret_is_put_back_as_it_was_when_it_is_deleted() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 3}));
        world.settle().await;
        let before = (world.object("secrets", "alpha-rpc"), world.uids("alpha"));
        world.delete("secrets", "alpha-rpc");
        world.settle().await;
        world.assert_ready("alpha", 3);
        let after = (world.object("secrets", "alpha-rpc"), world.uids("alpha"));
        assert_eq!(before.0["data"], after.0["data"]);
        assert_eq!(before.1, after.1, "no pod was replaced");
    });
}

#[test]
fn nodes_that_hang_refuse_or_crash_are_told_and_come_back() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 3}));
        world.settle().await;
        let node = format!("{NAMESPACE}/alpha-sts-1");
        world
            .nodes
            .set_faults(&node, |faults| faults.refuses_credentials = true);
        world
            .until("refusal is told", |world| {
                world.condition("alpha", "PodsReady") == "False Unauthorized"
            })
            .await;
        world
            .nodes
            .set_faults(&node, |faults| faults.refuses_credentials = false);
        world.settle().await;
        world.assert_ready("alpha", 3);
        world.nodes.set_faults(&node, |faults| faults.hung = true);
        world
            .until("silence is told", |world| {
                world.condition("alpha", "Ready").starts_with("False")
            })
            .await;
        world.nodes.set_faults(&node, |faults| faults.hung = false);
        world.settle().await;
        world.assert_ready("alpha", 3);
        world
            .nodes
            .set_faults(&node, |faults| faults.fails_to_start = true);
        world.delete("pods", "alpha-sts-1");
        world
            .until("the crash is told", |world| {
                world.condition("alpha", "PodsReady") == "False CrashLoopBackOff"
            })
            .await;
        world
            .nodes
            .set_faults(&node, |faults| faults.fails_to_start = false);
        // The kubelet has its own patience with a container that crashes.
        world
            .until("it runs again", |world| {
                world.condition("alpha", "Ready") == "True NetworkReady"
            })
            .await;
        world.settle().await;
        world.assert_ready("alpha", 3);
    });
}
