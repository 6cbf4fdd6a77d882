//! Goal: at whatever point a controller is killed, loses an answer or meets another one, no height gets two
//! blocks of ours. See the table in `src/controller/mining/mod.rs`.

use std::time::Duration;

use bitcoin_controller::sim::Key;
use bitcoin_controller::sim::faults::{Effect, Rule};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::mining::SECOND;
use crate::support::world::{NAMESPACE, NETWORKS, Options, World, in_world};

impl World {
    /// Every answer of the nodes takes so long, so that there is a time between any two steps of a pass.
    fn slow_down(&self, n_nodes: usize, delay: Duration) {
        for ordinal in 0..n_nodes {
            let name = format!("{NAMESPACE}/alpha-sts-{ordinal}");
            self.nodes.set_faults(&name, |faults| faults.delay = delay);
        }
    }

    fn lose_answers(&self, ordinal: usize, method: Option<&'static str>) {
        let name = format!("{NAMESPACE}/alpha-sts-{ordinal}");
        self.nodes
            .set_faults(&name, |faults| faults.loses_answers_to = method);
    }

    fn next(&self) -> Value {
        self.network("alpha")["status"]["mining"]["next"].clone()
    }

    /// An open reservation: its height is above everybody's.
    fn has_open_reservation(&self) -> bool {
        self.next()["height"].as_u64() > Some(self.height() as u64)
    }
}

fn steps(times: &[i64]) -> Vec<i64> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn killed_at_any_millisecond_of_a_pass_the_controller_mines_no_height_twice() {
    in_world(Options::default(), async |world| {
        world.mines(2, json!({"interval": "10s"})).await;
        world.slow_down(2, Duration::from_millis(5));
        // The blocks are due at whole tens of seconds after the first, which came about half a second ago.
        sleep(Duration::from_millis(9_480)).await;
        let mut found_open = 0;
        for offset in 0..100 {
            let before = world.height();
            sleep(Duration::from_millis(offset)).await;
            world.kill_controller();
            found_open += u32::from(world.has_open_reservation());
            sleep(Duration::from_millis(300)).await;
            world.start_controller();
            sleep(Duration::from_millis(9_700 - offset)).await;
            assert!(world.height() > before, "offset {offset}: {}", world.next());
        }
        assert!(
            found_open > 0,
            "it was never killed between reservation and block"
        );
        world.slow_down(2, Duration::ZERO);
        let times = world.blocks().await.times;
        assert!(
            steps(&times).iter().all(|step| *step == 10),
            "{:?}",
            steps(&times)
        );
        world.assert_one_block_per_height(2).await;
        world.rest();
    });
}

#[test]
fn killed_again_and_again_in_runs_of_blocks_it_reaches_the_height_and_no_other() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 3}));
        world.settle().await;
        world.slow_down(3, Duration::from_millis(4));
        world.mining(json!({"untilHeight": 300}));
        for kill in 0..25 {
            sleep(Duration::from_millis(431 + 7 * kill)).await;
            world.kill_controller();
            world.start_controller();
            // It waits until nothing comes of what its predecessor reserved.
            sleep(Duration::from_millis(3_000)).await;
        }
        world.slow_down(3, Duration::ZERO);
        world.settle().await;
        assert!(world.is_mined(300));
        assert_eq!(world.height(), 300);
        world.assert_one_block_per_height(3).await;
    });
}

#[test]
fn killed_between_reservation_and_block_its_successor_makes_that_very_block() {
    in_world(Options::default(), async |world| {
        world.mines(2, json!({"interval": "10s"})).await;
        world.slow_down(2, Duration::from_millis(50));
        let reserved = |world: &World| world.has_open_reservation();
        world.until("a block is reserved", reserved).await;
        world.kill_controller();
        let (next, height) = (world.next(), world.height());
        sleep(3 * SECOND).await;
        assert_eq!(world.height(), height);
        world.slow_down(2, Duration::ZERO);
        world.start_controller();
        sleep(SECOND).await;
        assert_eq!(world.height(), height, "it might be somebody else's");
        sleep(3 * SECOND).await;
        let last = &world.network("alpha")["status"]["mining"]["last"];
        assert_eq!(
            (&last["height"], &last["node"], &last["time"]),
            (&next["height"], &next["node"], &next["time"])
        );
        world.rest();
    });
}

#[test]
fn killed_after_a_block_was_accepted_its_successor_finds_it_and_notes_it() {
    in_world(Options::default(), async |world| {
        world.mines(2, json!({"interval": "60s"})).await;
        // Its answers are lost: whoever mines never learns what became of the block.
        world.lose_answers(0, Some("submitblock"));
        world.lose_answers(1, Some("submitblock"));
        let reserved = |world: &World| world.has_open_reservation();
        world.until("a block is reserved", reserved).await;
        let (next, height) = (world.next(), world.height());
        while world.height() == height {
            sleep(Duration::from_millis(1)).await;
        }
        world.kill_controller();
        assert_eq!(
            world.next(),
            next,
            "the status does not tell that it is done"
        );
        world.lose_answers(0, None);
        world.lose_answers(1, None);
        world.start_controller();
        sleep(20 * SECOND).await;
        let mining = world.network("alpha")["status"]["mining"].clone();
        assert_eq!(mining["next"], Value::Null);
        assert_eq!(mining["last"]["height"], next["height"]);
        assert_eq!(mining["last"]["hash"], world.node("alpha", 0).tip);
        assert_eq!(world.height(), height + 1);
        world.assert_one_block_per_height(2).await;
        world.rest();
    });
}

#[test]
fn answers_of_submitblock_that_are_lost_cost_no_block_and_no_time() {
    in_world(Options::default(), async |world| {
        world.mines(2, json!({"interval": "10s"})).await;
        for ordinal in 0..2 {
            world.lose_answers(ordinal, Some("submitblock"));
        }
        sleep(200 * SECOND).await;
        for ordinal in 0..2 {
            world.lose_answers(ordinal, None);
        }
        let times = world.blocks().await.times;
        assert!(times.len() >= 20, "{times:?}");
        assert!(
            steps(&times).iter().all(|step| *step == 10),
            "{:?}",
            steps(&times)
        );
        world.assert_one_block_per_height(2).await;
        world.rest();
    });
}

#[test]
fn answers_to_reservations_that_are_lost_delay_a_block_and_double_none() {
    in_world(Options::default(), async |world| {
        world.mines(2, json!({"interval": "10s"})).await;
        for _ in 0..5 {
            sleep(8 * SECOND).await;
            let lost = Rule::new("apply", NETWORKS, Effect::LoseAnswer).once();
            world.api.faults().add(lost);
            sleep(22 * SECOND).await;
        }
        world.api.faults().clear();
        let times = world.blocks().await.times;
        assert!(times.len() >= 15, "{times:?}");
        assert!(
            steps(&times).iter().all(|step| *step == 10),
            "{:?}",
            steps(&times)
        );
        world.assert_one_block_per_height(2).await;
        world.rest();
    });
}

#[test]
fn two_controllers_that_know_nothing_of_each_other_mine_each_height_once() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 3}));
        world.settle().await;
        world.slow_down(3, Duration::from_millis(3));
        world.start_rival();
        world.mining(json!({"untilHeight": 120}));
        sleep(30 * SECOND).await;
        assert_eq!(world.height(), 120);
        world.assert_one_block_per_height(3).await;

        world.mining(json!({"untilHeight": null, "interval": "1s"}));
        sleep(600 * SECOND).await;
        world.kill_rivals();
        world.slow_down(3, Duration::ZERO);
        sleep(2 * SECOND).await;
        assert!((700..=725).contains(&world.height()), "{}", world.height());
        world.assert_one_block_per_height(3).await;
        let times = world.blocks().await.times.split_off(121);
        assert!(
            steps(&times).iter().all(|step| *step == 1),
            "{:?}",
            steps(&times)
        );
        world.rest();
    });
}

#[test]
fn a_pod_that_dies_with_the_block_it_was_given_costs_no_second_one() {
    in_world(Options::default(), async |world| {
        let miners = json!([{"ordinal": 0}]);
        world
            .mines(3, json!({"interval": "10s", "miners": miners}))
            .await;
        for kill in 0..6 {
            sleep(Duration::from_millis(9_400 + 13 * kill)).await;
            world.delete("pods", "alpha-sts-0");
            sleep(30 * SECOND).await;
        }
        let height = world.height();
        assert!(height >= 20, "{height}");
        world.assert_one_block_per_height(3).await;
        world.rest();
    });
}

#[test]
fn a_server_that_does_not_keep_reservations_gets_no_blocks() {
    in_world(Options::default(), async |world| {
        let key = Key::new("", NETWORKS);
        let forget = |definition: &mut Value| {
            let version = &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
            let status = &mut version["properties"]["status"]["properties"];
            status.as_object_mut().unwrap().remove("mining");
        };
        let definitions = bitcoin_controller::sim::kinds::DEFINITIONS;
        world
            .store
            .update(definitions, &key, "kubectl", forget)
            .unwrap();
        world.apply("alpha", json!({"nodes": 1, "mining": {"untilHeight": 5}}));
        sleep(60 * SECOND).await;
        assert_eq!(world.height(), 0);
        assert_eq!(world.condition("alpha", "Mined"), "False CRDOutdated");
        world.apply("alpha", json!({"mining": null}));
    });
}

#[test]
fn a_node_that_refuses_blocks_is_told_once_and_tried_again() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 1}));
        world.settle().await;
        // A controller whose clock is three hours ahead.
        let date =
            std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + 3 * 3_600);
        world.kill_controller();
        world.start_controller_with(bitcoin_controller::base::Clock::starting_at(date));
        world.mining(json!({"interval": "1m"}));
        sleep(60 * SECOND).await;
        assert_eq!(world.height(), 0);
        assert_eq!(world.condition("alpha", "Mined"), "False BlockRefused");
        assert!(world.message("alpha", "Mined").contains("time-too-new"));
        assert_eq!(world.event_types("alpha", "MiningFailed"), ["Warning"]);
        world.kill_controller();
        world.start_controller();
        sleep(60 * SECOND).await;
        assert!(world.is_on_pace());
        world.rest();
    });
}
