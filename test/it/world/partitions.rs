//! A network that is split and healed: both sides go on, and the shorter chain gives way.

use std::time::Duration;

use bitcoin_controller::base::Random;
use bitcoin_controller::sim::Key;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::topology::pairs;
use crate::support::world::{NAMESPACE, Options, World, in_world};

/// Mines to the second of two addresses: the same blocks would be no fork.
async fn mine_others(world: &World, name: &str, ordinal: usize, n_blocks: u32) {
    let address = "bcrt1qqypqxpq9qcrsszg2pvxq6rs0zqg3yyc5phstwt";
    let rpc = world.rpc(name, ordinal);
    rpc.generate_to_address(n_blocks, address).await.unwrap();
}

fn heights(world: &World, n_nodes: usize) -> Vec<usize> {
    let height = |ordinal| world.node("alpha", ordinal).block_height;
    (0..n_nodes).map(height).collect()
}

fn messages(world: &World, reason: &str) -> Vec<String> {
    let events = world.store.list("events");
    let mut found: Vec<String> = events
        .iter()
        .filter(|event| event["reason"] == reason)
        .map(|event| event["message"].as_str().unwrap().to_owned())
        .collect();
    found.sort();
    found
}

/// How often events with this reason were told, repetitions counted.
fn times(world: &World, reason: &str) -> u64 {
    let events = world.store.list("events");
    let told = events.iter().filter(|event| event["reason"] == reason);
    told.map(|event| event["count"].as_u64().unwrap_or(1)).sum()
}

fn is_split(world: &World, sides: &Value) -> bool {
    let status = &world.network("alpha")["status"];
    let nodes = status["sides"].as_array().into_iter().flatten();
    let nodes: Value = nodes.map(|side| side["nodes"].clone()).collect();
    nodes == *sides && world.condition("alpha", "Ready") == "True NetworkReady"
}

/// Six nodes at height 20, split 3 and 3 and ready.
async fn split_in_two(world: &World) {
    world.apply("alpha", json!({"nodes": 6}));
    world.settle().await;
    world.mine("alpha", 0, 20).await;
    world.settle().await;
    world.apply("alpha", json!({"partitions": [[0, 1, 2]]}));
    let sides = json!([[0, 1, 2], [3, 4, 5]]);
    world
        .until("it is split", |world| is_split(world, &sides))
        .await;
}

#[test]
fn both_sides_go_on_and_healing_reorganises_the_shorter_one() {
    in_world(Options::default(), async |world| {
        split_in_two(world).await;
        // Ready means that no link across is left: what is mined now stays on its side.
        let within = [(0, 1), (0, 2), (1, 2), (3, 4), (3, 5), (4, 5)];
        assert_eq!(pairs(world, "alpha", 6), within.into());
        world.mine("alpha", 0, 2).await;
        mine_others(world, "alpha", 4, 3).await;
        assert_eq!(heights(world, 6), [22, 22, 22, 23, 23, 23]);
        world.settle().await;
        world.assert_ready("alpha", 6);
        let status = &world.network("alpha")["status"];
        assert_eq!(status["tip"], Value::Null);
        assert_eq!(status["height"], 23);
        assert_eq!(status["links"], json!({"wanted": 6, "present": 6}));
        for (side, (height, node)) in [(22, 0), (23, 3)].into_iter().enumerate() {
            let side = &status["sides"][side];
            assert_eq!(side["height"], height);
            assert_eq!(side["tip"], world.node("alpha", node).tip);
            assert_eq!(side["links"], json!({"wanted": 3, "present": 3}));
        }
        assert_eq!(
            world.message("alpha", "Synced"),
            "nodes 0-2 at height 22, nodes 3-5 at height 23"
        );
        world.assert_silent().await;

        let lost = world.node("alpha", 0).tip;
        let kept = world.node("alpha", 3).tip;
        world.apply("alpha", json!({"partitions": null}));
        world.settle().await;
        world.assert_ready("alpha", 6);
        assert_eq!(heights(world, 6), [23; 6]);
        let status = &world.network("alpha")["status"];
        assert_eq!(status["tip"], kept);
        assert_eq!(status["sides"], Value::Null);
        assert_eq!(pairs(world, "alpha", 6).len(), 15);
        let split = "the network is split: nodes 0-2 | nodes 3-5";
        assert_eq!(messages(world, "Partitioned"), [split]);
        let healed = "the network is no longer split";
        assert_eq!(messages(world, "Healed"), [healed]);
        assert_eq!(
            (times(world, "Partitioned"), times(world, "Healed")),
            (1, 1)
        );
        let told =
            format!("nodes 0-2 dropped 2 blocks: from height 22 ({lost}) to height 23 ({kept})");
        assert_eq!(messages(world, "Reorganized"), [told]);
        assert_eq!(world.event_types("alpha", "Reorganized"), ["Normal"]);
    });
}

#[test]
fn six_dropped_blocks_are_bad_news() {
    in_world(Options::default(), async |world| {
        split_in_two(world).await;
        world.mine("alpha", 0, 6).await;
        mine_others(world, "alpha", 4, 7).await;
        world.settle().await;
        world.apply("alpha", json!({"partitions": null}));
        world.settle().await;
        assert_eq!(world.event_types("alpha", "Reorganized"), ["Warning"]);
    });
}

#[test]
fn chains_of_equal_work_wait_for_the_next_block() {
    in_world(Options::default(), async |world| {
        split_in_two(world).await;
        world.mine("alpha", 0, 2).await;
        mine_others(world, "alpha", 4, 2).await;
        world.settle().await;
        world.apply("alpha", json!({"partitions": null}));
        world
            .until("the fork is told", |world| {
                world.condition("alpha", "Synced") == "False EqualWork"
            })
            .await;
        world.settle().await;
        let message = world.message("alpha", "Synced");
        assert!(
            message.starts_with("2 chains of equal work at height 22: nodes"),
            "{message}"
        );
        assert!(message.ends_with("the next block decides"), "{message}");
        assert_eq!(heights(world, 6), [22; 6], "nobody has mined it away");
        assert_eq!(messages(world, "Reorganized"), [""; 0]);
        world.mine("alpha", 0, 1).await;
        world.settle().await;
        world.assert_ready("alpha", 6);
        let told = messages(world, "Reorganized");
        assert_eq!(told.len(), 1);
        assert!(
            told[0].starts_with("nodes 3-5 dropped 2 blocks: "),
            "{told:?}"
        );
    });
}

#[test]
fn a_link_that_a_user_makes_across_is_cut() {
    in_world(Options::default(), async |world| {
        split_in_two(world).await;
        world.settle().await;
        let there = world.node("alpha", 5).endpoint;
        world.rpc("alpha", 0).addnode_onetry(&there).await.unwrap();
        assert!(pairs(world, "alpha", 6).contains(&(0, 5)));
        world
            .until("the link is told", |world| {
                world.condition("alpha", "Connected") == "False SidesLinked"
            })
            .await;
        world.settle().await;
        assert!(!pairs(world, "alpha", 6).contains(&(0, 5)));
        world.assert_ready("alpha", 6);
    });
}

#[test]
fn pods_and_controllers_that_come_and_go_do_not_join_the_sides() {
    in_world(Options::default(), async |world| {
        split_in_two(world).await;
        world.mine("alpha", 0, 2).await;
        mine_others(world, "alpha", 4, 5).await;
        for ordinal in [0, 4, 5] {
            world.delete("pods", &format!("alpha-sts-{ordinal}"));
            world.settle().await;
            world.assert_ready("alpha", 6);
            assert_eq!(heights(world, 6), [22, 22, 22, 25, 25, 25]);
        }
        world.stop_controller().await;
        world.delete("pods", "alpha-sts-1");
        sleep(Duration::from_secs(30)).await;
        world.start_controller();
        world.settle().await;
        world.assert_ready("alpha", 6);
        assert_eq!(heights(world, 6), [22, 22, 22, 25, 25, 25]);
        // Who joins is on the side of those that are not named.
        world.apply("alpha", json!({"nodes": 8}));
        world.settle().await;
        world.assert_ready("alpha", 8);
        assert_eq!(heights(world, 8), [22, 22, 22, 25, 25, 25, 25, 25]);
        assert_eq!(times(world, "Partitioned"), 1);
        assert_eq!(times(world, "Healed"), 0);
        assert_eq!(times(world, "Reorganized"), 0);
    });
}

#[test]
fn sides_that_cannot_be_leave_the_network_split_as_it_was() {
    in_world(Options::default(), async |world| {
        split_in_two(world).await;
        world.apply("alpha", json!({"partitions": [[0, 1], [1, 2]]}));
        world.settle().await;
        assert_eq!(world.condition("alpha", "Ready"), "False InvalidSpec");
        assert!(
            world
                .message("alpha", "Ready")
                .contains("node 1 on two sides")
        );
        let within = [(0, 1), (0, 2), (1, 2), (3, 4), (3, 5), (4, 5)];
        assert_eq!(pairs(world, "alpha", 6), within.into());
        assert_eq!(times(world, "Healed"), 0);
        world.apply("alpha", json!({"partitions": [[0], [1, 2], [3]]}));
        world.settle().await;
        world.assert_ready("alpha", 6);
        assert_eq!(pairs(world, "alpha", 6), [(1, 2), (4, 5)].into());
        assert_eq!(times(world, "Partitioned"), 2);
    });
}

/// A ring of six, whose first three and last three are lines; then one whose even ones have no link.
#[test]
fn a_ring_is_cut_in_pieces_and_nothing_is_put_in_their_place() {
    in_world(Options::default(), async |world| {
        let ring = json!({"nodes": 6, "topology": {"type": "Ring"}, "partitions": [[0, 1, 2]]});
        world.apply("alpha", ring);
        world.settle().await;
        world.assert_ready("alpha", 6);
        assert_eq!(
            pairs(world, "alpha", 6),
            [(0, 1), (1, 2), (3, 4), (4, 5)].into()
        );
        world.apply("alpha", json!({"partitions": [[0, 2, 4]]}));
        world.settle().await;
        assert_eq!(pairs(world, "alpha", 6), [].into());
        world.mine("alpha", 0, 1).await;
        world
            .until("the pieces are told", |world| {
                world.condition("alpha", "Synced") == "False BestBlocksDiffer"
            })
            .await;
        world.settle().await;
        assert_eq!(heights(world, 6), [1, 0, 0, 0, 0, 0]);
        let told = "the topology leaves nodes 0, 2, 4 in 3 pieces";
        for kind in ["Connected", "Synced"] {
            assert!(world.message("alpha", kind).contains(told));
        }
    });
}

/// One run: a split network in which pods, nodes, the server and the controller fail at random. No block
/// of one side is ever seen on the other, and when the network is healed the longer chain wins.
fn run_with_faults(seed: u64) {
    let options = Options {
        seed,
        ..Options::default()
    };
    in_world(options, async |world| {
        let random = Random::seeded(seed).fork("partitions");
        split_in_two(world).await;
        world.mine("alpha", 0, 2).await;
        mine_others(world, "alpha", 3, 4).await;
        world.settle().await;
        let tips = |world: &World| [0, 3].map(|one| world.node("alpha", one).tip);
        let before = tips(world);
        world
            .api
            .faults()
            .at_random(random.fork("api"), 4 + random.below(12));
        for _ in 0..5 {
            sleep(Duration::from_millis(random.below(4_000))).await;
            // Nodes 0 and 3 stay: without storage a chain is where its last node is.
            let ordinal = [1, 2, 4, 5][random.below(4) as usize];
            let pod = format!("alpha-sts-{ordinal}");
            let node = format!("{NAMESPACE}/{pod}");
            match random.below(6) {
                0 => drop(world.cluster.kill(&Key::new(NAMESPACE, &*pod))),
                1 => {
                    let key = Key::new(NAMESPACE, &*pod);
                    drop(world.store.delete("pods", &key, &Default::default()));
                }
                2 => world.nodes.set_faults(&node, |faults| faults.hung = true),
                3 => world.nodes.set_faults(&node, |faults| faults.hung = false),
                4 => {
                    world.kill_controller();
                    sleep(Duration::from_millis(random.below(3_000))).await;
                    world.start_controller();
                }
                _ => world.api.faults().cut_watches(),
            }
            assert_eq!(tips(world), before, "seed {seed}: {ordinal}");
        }
        world.api.faults().clear();
        for ordinal in 0..6 {
            let name = format!("{NAMESPACE}/alpha-sts-{ordinal}");
            world
                .nodes
                .set_faults(&name, |faults| *faults = Default::default());
        }
        world.settle().await;
        world.assert_ready("alpha", 6);
        assert_eq!(heights(world, 6), [22, 22, 22, 24, 24, 24], "seed {seed}");
        world.apply("alpha", json!({"partitions": []}));
        world.settle().await;
        world.assert_ready("alpha", 6);
        assert_eq!(heights(world, 6), [24; 6], "seed {seed}");
        assert_eq!(
            (times(world, "Partitioned"), times(world, "Healed")),
            (1, 1)
        );
    });
}

#[test]
fn ten_split_networks_in_trouble_stay_split_until_they_are_healed() {
    for seed in 0..10 {
        if let Err(panic) = std::panic::catch_unwind(|| run_with_faults(seed)) {
            eprintln!("the failing seed is {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}
