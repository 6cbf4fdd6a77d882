//! What is asked of each node: its pods are replaced one by one for it, or it is said why not.

use serde_json::{Value, json};

use crate::support::world::{NETWORKS, Options, World, in_world};

/// How many pods of `alpha` run and are not going.
fn n_running(world: &World) -> usize {
    let pods = world.pods("alpha");
    let running = pods.iter().filter(|pod| {
        let containers = &pod["status"]["containerStatuses"];
        !containers[0]["state"]["running"].is_null()
    });
    running.count()
}

fn n_applies(world: &World, object: &str) -> usize {
    let log = world.api.log().entries();
    let applies = log
        .iter()
        .filter(|entry| entry.to_string().contains(object));
    applies.filter(|entry| entry.verb == "patch").count()
}

#[test]
fn each_change_replaces_pods_one_by_one_and_the_chain_survives() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 3}));
        world.settle().await;
        world.mine("alpha", 0, 101).await;
        world.settle().await;
        for change in [
            json!({"resources": {"requests": {"cpu": "0.5", "memory": "1024Mi"}}}),
            json!({"extraArgs": ["-debug=net"]}),
            json!({"relay": "Fast"}),
            json!({"nodeSelector": {"kubernetes.io/hostname": "node-1"}}),
            json!({"tolerations": [{"key": "a", "operator": "Exists", "effect": ""}]}),
            json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": []}}}),
        ] {
            let before = world.uids("alpha");
            world.apply("alpha", change.clone());
            let fewest = world.watch_until_settled(n_running).await;
            assert_eq!(
                fewest, 2,
                "{change}: never two pods are missing at the same time"
            );
            world.assert_ready("alpha", 3);
            let after = world.uids("alpha");
            assert!(before.iter().all(|uid| !after.contains(uid)), "{change}");
            assert_eq!(world.network("alpha")["status"]["height"], 101, "{change}");
            world.assert_silent().await;
        }
    });
}

#[test]
fn an_argument_of_ours_is_refused_by_name_and_the_nodes_run_on() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 2}));
        world.settle().await;
        let before = world.uids("alpha");
        world.apply("alpha", json!({"extraArgs": ["--nolisten"]}));
        world.settle().await;
        assert_eq!(world.condition("alpha", "Ready"), "False InvalidSpec");
        assert!(world.message("alpha", "Ready").contains("`-listen`"));
        assert_eq!(world.condition("alpha", "PodsReady"), "True AllNodesAnswer");
        assert_eq!(world.uids("alpha"), before);
        world.apply("alpha", json!({"extraArgs": []}));
        world.settle().await;
        world.assert_ready("alpha", 2);
        assert_eq!(world.uids("alpha"), before);
    });
}

#[test]
fn what_the_server_refuses_is_told_by_its_field_and_not_asked_for_again() {
    in_world(Options::default(), async |world| {
        let wrong = json!({"tolerations": [{"key": "a", "operator": "Wrong"}]});
        world.apply("fresh", json!({"nodes": 1}));
        world.settle().await;
        world.apply("fresh", wrong.clone());
        let mut new = wrong;
        new["nodes"] = json!(1);
        world.apply("alpha", new);
        world.settle().await;
        for name in ["fresh", "alpha"] {
            assert_eq!(world.condition(name, "Ready"), "False Refused", "{name}");
            let message = world.message(name, "Ready");
            assert!(
                message.contains("spec.tolerations[0].operator"),
                "{message}"
            );
        }
        let n_before = n_applies(world, "alpha-sts") + n_applies(world, "fresh-sts");
        tokio::time::sleep(std::time::Duration::from_secs(300)).await;
        assert_eq!(
            n_applies(world, "alpha-sts") + n_applies(world, "fresh-sts"),
            n_before
        );
        for name in ["fresh", "alpha"] {
            world.apply(name, json!({"tolerations": []}));
        }
        world.settle().await;
        world.assert_ready("fresh", 1);
        world.assert_ready("alpha", 1);
    });
}

#[test]
fn what_is_taken_back_is_as_it_was() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 1}));
        world.settle().await;
        let template = |world: &World| {
            world.object("statefulsets.apps", "alpha-sts")["spec"]["template"].clone()
        };
        let before = template(world);
        world.apply(
            "alpha",
            json!({"nodeSelector": {"kubernetes.io/hostname": "node-1"}, "relay": "Fast"}),
        );
        world.settle().await;
        assert_ne!(template(world), before);
        let key = bitcoin_controller::sim::Key::new("default", "alpha");
        let take_back = |network: &mut Value| {
            for field in ["nodeSelector", "relay"] {
                network["spec"].as_object_mut().unwrap().remove(field);
            }
        };
        world
            .store
            .update(NETWORKS, &key, "kubectl", take_back)
            .unwrap();
        world.settle().await;
        assert_eq!(template(world), before);
    });
}
