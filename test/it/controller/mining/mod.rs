//! Goal: from what is asked for and what the nodes have follows one step, and always the same.

mod bench;
mod decide;
mod plan;

use bitcoin_controller::api::MicroTime;
use bitcoin_controller::api::network::{MinedBlock, MiningStatus, NextBlock};
use bitcoin_controller::controller::mining::{Plan, plan as plans};
use bitcoin_controller::controller::problem::Problem;
use serde_json::Value;

use super::build::{chain, network};

const SECOND: i64 = 1_000_000;

/// Noon of some day, in microseconds.
const NOW: i64 = 1_800_000_000 * SECOND;

fn planned(spec: Value) -> Result<Option<Plan>, Problem> {
    let network = network(spec);
    plans::of(&network, network.spec.valid().unwrap())
}

fn plan_of(spec: Value) -> Plan {
    planned(spec).unwrap().unwrap()
}

fn next(height: i64, node: i32) -> NextBlock {
    NextBlock {
        height,
        previous: chain(height - 1).best_block_hash.to_string(),
        node,
        time: MicroTime::from_unix_micros(NOW - 3 * SECOND),
    }
}

/// Our block at `height`, due so many microseconds ago.
fn last(height: i64, ago: i64) -> MiningStatus {
    MiningStatus {
        next: None,
        last: Some(MinedBlock {
            height,
            hash: chain(height).best_block_hash.to_string(),
            node: 0,
            time: MicroTime::from_unix_micros(NOW - ago),
        }),
    }
}
