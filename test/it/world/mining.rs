//! Goal: blocks come as they were declared, whatever happens to the controller, and none comes twice.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::support::world::{Options, World, in_world};

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// What a chain shows of its blocks: header times, and the nodes that are paid.
pub(super) struct Blocks {
    pub(super) times: Vec<i64>,
    pub(super) payouts: Vec<String>,
}

impl World {
    pub(super) async fn call(&self, ordinal: usize, method: &'static str, params: Value) -> Value {
        let rpc = self.rpc("alpha", ordinal);
        rpc.call(method, params, SECOND).await.unwrap()
    }

    /// The blocks above genesis, lowest first.
    pub(super) async fn blocks(&self) -> Blocks {
        let height = self.node("alpha", 0).block_height;
        let (mut times, mut payouts) = (Vec::new(), Vec::new());
        for height in 1..=height {
            let hash = self.call(0, "getblockhash", json!([height])).await;
            let hash = hash.as_str().unwrap().parse().unwrap();
            let block = self.rpc("alpha", 0).get_block(&hash).await.unwrap();
            times.push(i64::from(block.header.time));
            let script = &block.coinbase().unwrap().output[0].script_pubkey;
            payouts.push(script.to_hex_string());
        }
        Blocks { times, payouts }
    }

    /// No node knows two blocks of one height, and all have one tip.
    pub(super) async fn assert_one_block_per_height(&self, n_nodes: usize) {
        let tip = self.node("alpha", 0).tip;
        for ordinal in 0..n_nodes {
            assert_eq!(self.node("alpha", ordinal).tip, tip);
            let tips = self.call(ordinal, "getchaintips", json!([])).await;
            assert_eq!(tips.as_array().unwrap().len(), 1, "node {ordinal}: {tips}");
        }
    }

    pub(super) fn is_mined(&self, height: i64) -> bool {
        let status = &self.network("alpha")["status"];
        status["height"].as_i64() >= Some(height)
            && self.condition("alpha", "Mined") == "True HeightReached"
    }

    pub(super) fn is_on_pace(&self) -> bool {
        self.condition("alpha", "Mined") == "True OnPace"
    }

    /// Asks for a network that mines, and waits until it does.
    pub(super) async fn mines(&self, nodes: usize, mining: Value) {
        self.apply("alpha", json!({"nodes": nodes, "mining": mining}));
        self.until("it is on pace", World::is_on_pace).await;
        // The first block comes at once; it is known everywhere, and told.
        sleep(SECOND / 2).await;
    }

    pub(super) fn writes(&self) -> usize {
        let log = self.api.log().entries();
        let is_write = |verb: &str| !["get", "list", "watch"].contains(&verb);
        log.iter().filter(|entry| is_write(&entry.verb)).count()
    }

    pub(super) fn height(&self) -> usize {
        self.node("alpha", 0).block_height
    }

    pub(super) fn rest(&self) {
        self.mining(json!({"paused": true}));
    }

    pub(super) fn mining(&self, mining: Value) {
        self.apply("alpha", json!({"mining": mining}));
    }
}

#[test]
fn a_hundred_and_one_blocks_come_at_once_and_then_no_more() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 3, "mining": {"untilHeight": 101}}));
        world.settle().await;
        world.assert_ready("alpha", 3);
        assert!(world.is_mined(101));
        assert_eq!(world.height(), 101);
        world.assert_one_block_per_height(3).await;
        let mining = &world.network("alpha")["status"]["mining"];
        assert_eq!(mining["next"], Value::Null);
        assert_eq!(mining["last"]["height"], 101);
        assert_eq!(mining["last"]["hash"], world.node("alpha", 0).tip);
        assert_eq!(world.event_types("alpha", "Mined"), ["Normal", "Normal"]);
        sleep(600 * SECOND).await;
        assert_eq!(world.height(), 101);
    });
}

#[test]
fn a_single_node_needs_no_links_and_its_blocks_cost_few_writes() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 1}));
        world.settle().await;
        let before = world.writes();
        world.mining(json!({"untilHeight": 1_200}));
        world.settle().await;
        world.assert_ready("alpha", 1);
        assert_eq!(world.height(), 1_200);
        // Two reservations of at most a thousand; the status before, between and after; three events.
        let writes = world.writes() - before;
        assert!(writes <= 15, "{writes}: {:#?}", world.last_requests(40));
    });
}

#[test]
fn a_pace_is_kept_for_an_hour_and_does_not_drift() {
    in_world(Options::default(), async |world| {
        let mining = json!({"interval": "10s"});
        world.apply("alpha", json!({"nodes": 3, "mining": mining}));
        world
            .until("it is on pace", |world| world.is_on_pace())
            .await;
        sleep(5 * SECOND).await;
        let (height, writes) = (world.height(), world.writes());
        sleep(3_600 * SECOND).await;
        assert_eq!(world.height(), height + 360);
        let writes = world.writes() - writes;
        // One reservation for each block; chain facts every ten seconds at most.
        assert!(writes <= 2 * 360 + 5, "{writes}");
        let blocks = world.blocks().await;
        let steps: Vec<i64> = blocks
            .times
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .collect();
        assert!(steps.iter().all(|step| *step == 10), "{steps:?}");
        // Everybody mines who is not told not to, each to a script of its own.
        let mut count: BTreeMap<&str, usize> = BTreeMap::new();
        for payout in &blocks.payouts {
            *count.entry(payout).or_default() += 1;
        }
        assert_eq!(count.len(), 3);
        assert!(count.values().all(|count| *count > 80), "{count:?}");
        world.assert_one_block_per_height(3).await;
        world.rest();
    });
}

#[test]
fn waits_at_random_are_drawn_once_whoever_is_killed_meanwhile() {
    let times = |kills: u32| {
        let mut found = Vec::new();
        in_world(Options::default(), async |world| {
            world.mines(1, json!({"poissonMean": "20s"})).await;
            for kill in 0..kills {
                sleep(Duration::from_millis(17_123 + u64::from(kill))).await;
                world.kill_controller();
                world.start_controller();
            }
            sleep((1_200 - 17 * kills) * SECOND).await;
            found = world.blocks().await.times;
            world.rest();
        });
        found
    };
    let (undisturbed, disturbed) = (times(0), times(40));
    assert!(undisturbed.len() > 30, "{undisturbed:?}");
    // What was mined but not told yet is counted from its whole second, so times may move a little.
    for (at, (one, other)) in undisturbed.iter().zip(&disturbed).enumerate() {
        assert!(
            (one - other).abs() <= 5,
            "block {}: {one} and {other}",
            at + 1
        );
    }
    assert!(undisturbed.len().abs_diff(disturbed.len()) <= 1);
}

#[test]
fn after_an_outage_one_block_catches_up_and_not_a_burst() {
    in_world(Options::default(), async |world| {
        world.mines(2, json!({"interval": "10s"})).await;
        sleep(25 * SECOND).await;
        world.stop_controller().await;
        let height = world.height();
        sleep(1_000 * SECOND).await;
        assert_eq!(world.height(), height);
        world.start_controller();
        sleep(5 * SECOND).await;
        assert_eq!(world.height(), height + 1);
        sleep(10 * SECOND).await;
        assert_eq!(world.height(), height + 2);
        world.rest();
    });
}

#[test]
fn mining_rests_when_it_is_asked_to_and_the_network_is_ready_all_the_same() {
    in_world(Options::default(), async |world| {
        world
            .mines(2, json!({"interval": "10s", "untilHeight": 10}))
            .await;
        world.mining(json!({"interval": "10s", "untilHeight": 10, "paused": true}));
        world.settle().await;
        let height = world.height();
        assert!(height < 10);
        sleep(3_000 * SECOND).await;
        assert_eq!(world.height(), height);
        world.assert_ready("alpha", 2);
        assert_eq!(world.condition("alpha", "Mined"), "False Paused");
        world.mining(json!({"interval": "10s", "untilHeight": 10, "paused": false}));
        world.settle().await;
        sleep(100 * SECOND).await;
        assert!(world.is_mined(10));
        assert_eq!(world.height(), 10);
        assert_eq!(world.event_types("alpha", "Mined"), ["Normal", "Normal"]);
        world.mining(json!({"interval": "1s", "untilHeight": 12}));
        world.settle().await;
        assert!(world.is_mined(12));
    });
}

#[test]
fn weights_are_shares_and_the_address_is_paid() {
    in_world(Options::default(), async |world| {
        let miners = json!([{"ordinal": 0, "weight": 0}, {"ordinal": 1, "weight": 3}, {"ordinal": 2}, {"ordinal": 9}]);
        world
            .mines(3, json!({"interval": "1s", "miners": miners}))
            .await;
        sleep(400 * SECOND).await;
        let mut shares: BTreeMap<String, usize> = BTreeMap::new();
        for payout in world.blocks().await.payouts {
            *shares.entry(payout).or_default() += 1;
        }
        let mut shares: Vec<usize> = shares.into_values().collect();
        shares.sort_unstable();
        let (few, many) = (shares[0], shares[1]);
        assert_eq!(shares.len(), 2);
        assert!(few + many >= 400 && (70..130).contains(&few), "{shares:?}");

        let address = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
        let until = world.height() + 3;
        world.mining(
            json!({"untilHeight": until, "address": address, "interval": "1s", "miners": []}),
        );
        world.settle().await;
        let paid = world.blocks().await.payouts.pop();
        assert_eq!(
            paid.as_deref(),
            Some("0014751e76e8199196d454941c45d1b3a323f1433bd6")
        );
    });
}

#[test]
fn a_block_of_a_user_moves_the_pace_and_is_not_mined_again() {
    in_world(Options::default(), async |world| {
        world.mines(2, json!({"interval": "60s"})).await;
        sleep(20 * SECOND).await;
        let height = world.height();
        world.mine("alpha", 1, 1).await;
        sleep(55 * SECOND).await;
        assert_eq!(
            world.height(),
            height + 1,
            "the next is counted from the user's"
        );
        sleep(30 * SECOND).await;
        assert_eq!(world.height(), height + 2);
        world.assert_one_block_per_height(2).await;
        world.rest();
    });
}

#[test]
fn an_old_tip_gets_a_fresh_block_only_where_mining_was_declared() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 2, "mining": {"untilHeight": 5}}));
        world.apply("beta", json!({"nodes": 2}));
        world.settle().await;
        world.mine("beta", 0, 5).await;
        sleep(3_000 * SECOND).await;
        assert_eq!((world.height(), world.node("beta", 0).block_height), (5, 5));
        sleep(700 * SECOND).await;
        assert_eq!(world.height(), 6);
        world.assert_ready("alpha", 2);
        sleep(3_000 * SECOND).await;
        assert_eq!(world.height(), 6);
        assert_eq!(
            world.node("beta", 0).block_height,
            5,
            "never mended unasked"
        );
        let message = world.message("beta", "Synced");
        assert!(
            message.contains("the last block is more than an hour old"),
            "{message}"
        );
        world.assert_ready("beta", 2);
        world.rest();
    });
}

#[test]
fn a_fork_of_equal_work_is_told_and_not_mined_away_unasked() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 2, "mining": {"untilHeight": 5}}));
        world.settle().await;
        // Each node mines one block of its own before it hears of the other's.
        for ordinal in 0..2 {
            let name = format!("default/alpha-sts-{ordinal}");
            world
                .nodes
                .set_faults(&name, |faults| faults.no_handshake = true);
        }
        for ordinal in 0..2 {
            for peer in world
                .call(ordinal, "getpeerinfo", json!([]))
                .await
                .as_array()
                .unwrap()
            {
                world
                    .call(ordinal, "disconnectnode", json!(["", peer["id"]]))
                    .await;
            }
            world.mine("alpha", ordinal, 1).await;
            sleep(SECOND).await;
        }
        for ordinal in 0..2 {
            let name = format!("default/alpha-sts-{ordinal}");
            world
                .nodes
                .set_faults(&name, |faults| faults.no_handshake = false);
        }
        sleep(6_000 * SECOND).await;
        assert_eq!(world.condition("alpha", "Synced"), "False EqualWork");
        assert_eq!(world.condition("alpha", "Mined"), "True HeightReached");
        assert_eq!(
            (world.height(), world.node("alpha", 1).block_height),
            (6, 6)
        );
        // Blocks that are asked for decide it.
        world.mining(json!({"untilHeight": 8}));
        world.settle().await;
        world.assert_ready("alpha", 2);
        assert_eq!(world.node("alpha", 0).tip, world.node("alpha", 1).tip);
    });
}

#[test]
fn what_cannot_be_is_told_with_its_field() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 1}));
        world.settle().await;
        world.mining(json!({"interval": "1ms"}));
        world.settle().await;
        assert_eq!(world.condition("alpha", "Ready"), "False InvalidSpec");
        assert_eq!(
            world.condition("alpha", "Mined"),
            "Unknown MiningNotLookedAt"
        );
        assert!(
            world
                .message("alpha", "Ready")
                .contains("`mining.interval`")
        );
        world.mining(Value::Null);
        world.settle().await;
        world.assert_ready("alpha", 1);
        assert_eq!(world.condition("alpha", "Mined"), "");
        assert_eq!(world.network("alpha")["status"]["mining"], Value::Null);
    });
}

#[test]
fn both_sides_of_a_split_network_mine_and_the_longer_wins_when_it_is_healed() {
    in_world(Options::default(), async |world| {
        world.mines(4, json!({"interval": "5s"})).await;
        sleep(21 * SECOND).await;
        world.apply("alpha", json!({"partitions": [[0, 1, 2]]}));
        sleep(300 * SECOND).await;
        let side = |ordinal: usize| world.node("alpha", ordinal).block_height;
        let (three, one) = (side(0), side(3));
        assert_eq!((side(1), side(2)), (three, three));
        // As many blocks as before, shared by who mines; each began at the fifth block.
        assert!((60..=72).contains(&(three + one - 5)), "{three} and {one}");
        assert!(three > one && one > 8, "{three} and {one}");
        world.apply("alpha", json!({"partitions": null}));
        sleep(30 * SECOND).await;
        world.rest();
        world.settle().await;
        world.assert_ready("alpha", 4);
        assert!(side(3) > three && side(3) == side(0));
    });
}

#[test]
fn a_wallet_has_money_to_spend_without_anybody_mining() {
    in_world(Options::default(), async |world| {
        let spec = json!({"nodes": 3, "wallet": {}, "mining": {"interval": "10m"}});
        world.apply("alpha", spec);
        world.until("it has its blocks", World::is_on_pace).await;
        sleep(SECOND).await;
        assert_eq!(world.height(), 101);
        let wallet = world.rpc("alpha", 0).wallet("network");
        assert_eq!(
            wallet.balances().await.unwrap().trusted.to_sat(),
            5_000_000_000
        );
        sleep(610 * SECOND).await;
        assert_eq!(world.height(), 102);
        world.rest();
    });
}
