//! Goal: blocks come as they were declared, whatever happens to the controller, and none comes twice.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::support::world::{Options, World, in_world};

const SECOND: Duration = Duration::from_secs(1);

/// What a chain shows of its blocks: header times, and the nodes that are paid.
struct Blocks {
    times: Vec<i64>,
    payouts: Vec<String>,
}

impl World {
    async fn call(&self, ordinal: usize, method: &'static str, params: Value) -> Value {
        let rpc = self.rpc("alpha", ordinal);
        rpc.call(method, params, SECOND).await.unwrap()
    }

    /// The blocks above genesis, lowest first.
    async fn blocks(&self) -> Blocks {
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
    async fn assert_one_block_per_height(&self, n_nodes: usize) {
        let tip = self.node("alpha", 0).tip;
        for ordinal in 0..n_nodes {
            assert_eq!(self.node("alpha", ordinal).tip, tip);
            let tips = self.call(ordinal, "getchaintips", json!([])).await;
            assert_eq!(tips.as_array().unwrap().len(), 1, "node {ordinal}: {tips}");
        }
    }

    fn is_mined(&self, height: i64) -> bool {
        let status = &self.network("alpha")["status"];
        status["height"].as_i64() >= Some(height)
            && self.condition("alpha", "Mined") == "True HeightReached"
    }

    fn writes(&self) -> usize {
        let log = self.api.log().entries();
        let is_write = |verb: &str| !["get", "list", "watch"].contains(&verb);
        log.iter().filter(|entry| is_write(&entry.verb)).count()
    }

    fn height(&self) -> usize {
        self.node("alpha", 0).block_height
    }

    fn rest(&self) {
        self.mining(json!({"paused": true}));
    }

    fn mining(&self, mining: Value) {
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
        world.mining(json!({"untilHeight": 2_500}));
        world.settle().await;
        world.assert_ready("alpha", 1);
        assert_eq!(world.height(), 2_500);
        // Three reservations of at most a thousand; the status before, between and after; three events.
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

impl World {
    fn is_on_pace(&self) -> bool {
        self.condition("alpha", "Mined") == "True OnPace"
    }
}
