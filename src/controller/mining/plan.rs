//! What is asked for in the way of blocks: `spec.mining` and what `spec.wallet` implies, checked.
//!
//! # Invariants
//! - A plan depends on the network's spec and UID alone. What cannot be is refused with words that name
//!   the field.
//! - Miners that are beyond the nodes, or weigh nothing, are not in it; ordinals beyond `nodes` are no
//!   mistake, because a network that is scaled down keeps what was said about nodes that may come back.
//! - Two nodes are never paid by the same script unless somebody gave an address: else two nodes could make
//!   the very same block.

use std::time::Duration;

use rust_bitcoin::ScriptBuf;
use rust_bitcoin::opcodes::OP_TRUE;
use rust_bitcoin::opcodes::all::OP_DROP;
use rust_bitcoin::script::Builder;

use crate::api::BitcoinNetwork;
use crate::api::network::{BitcoinNetworkSpec, Mining, NextBlock, WalletStatus};
use crate::base::{duration, hash::fnv1a};
use crate::bitcoin::Sides;
use crate::bitcoin::mining::payout_script;
use crate::bitcoin::pace::{Miners, Pace};
use crate::controller::problem::Problem;
use crate::controller::reasons;
use crate::controller::wiring;

/// The shortest pace. Blocks that come more than six times a second carry times that run ahead of the clock (each
/// must be later than the median of the eleven before it), until the nodes refuse them.
pub const SHORTEST_PACE: Duration = Duration::from_millis(200);

/// The longest pace.
pub const LONGEST_PACE: Duration = Duration::from_secs(30 * 24 * 3_600);

/// How many blocks a wallet needs: the reward of the first can be spent when 100 stand on it.
pub const WALLET_HEIGHT: i64 = 101;

/// The chain of every network.
const CHAIN: &str = "regtest";

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What chance is drawn from.
    pub seed: u64,
    /// How many nodes there are to be.
    pub nodes: i32,
    /// Who mines.
    pub miners: Miners,
    /// The height up to which blocks come at once; 0: none do.
    pub at_once: i64,
    /// How the others follow.
    pub pace: Option<Pace>,
    /// The height at which the pace ends.
    pub until: Option<i64>,
    /// Whether mining rests.
    pub is_paused: bool,
    /// Which node is on which side.
    pub sides: Sides,
}

/// The plan of `network`, whose spec is `spec`; `None` if no blocks are asked for.
///
/// # Errors
/// [`Problem::Blocked`]: it asks for what cannot be.
pub fn of(network: &BitcoinNetwork, spec: &BitcoinNetworkSpec) -> Result<Option<Plan>, Problem> {
    if spec.mining.is_none() && spec.wallet.is_none() {
        return Ok(None);
    }
    let nothing = Mining::default();
    let mining = spec.mining.as_ref().unwrap_or(&nothing);
    let pace = pace(mining)?;
    if let Some(address) = &mining.address {
        payout_script(address, CHAIN).map_err(|error| invalid("address", error))?;
    }
    let for_wallet = spec.wallet.as_ref().map_or(0, |_| WALLET_HEIGHT);
    let until_height = match mining.until_height {
        Some(height) if height < 0 => {
            return Err(invalid("untilHeight", format!("it is {height}")));
        }
        height => height,
    };
    Ok(Some(Plan {
        seed: fnv1a(network.metadata.uid.as_bytes()),
        nodes: spec.nodes,
        miners: miners(mining, spec.nodes)?,
        at_once: match pace {
            None => for_wallet.max(until_height.unwrap_or(0)),
            Some(_) => for_wallet,
        },
        pace,
        until: until_height,
        is_paused: mining.paused,
        sides: wiring::of(spec)?.sides,
    }))
}

/// Whether blocks are asked for.
pub fn is_declared(network: &BitcoinNetwork) -> bool {
    let spec = network.spec.valid();
    spec.is_some_and(|spec| spec.mining.is_some() || spec.wallet.is_some())
}

impl Plan {
    /// Whether the block at `height` is asked for, at once or by the pace.
    pub fn asks_for(&self, height: i64) -> bool {
        height <= self.at_once || self.pace.is_some() && self.until.is_none_or(|it| height <= it)
    }

    /// On which side a node is, by number; `None` if there is no such node.
    pub fn side_of(&self, ordinal: i32) -> Option<usize> {
        u32::try_from(ordinal)
            .ok()
            .and_then(|node| self.sides.of(node))
    }
}

fn pace(mining: &Mining) -> Result<Option<Pace>, Problem> {
    let read = |field, text: &str| {
        let time = duration::parse(text).map_err(|error| invalid(field, error))?;
        if !(SHORTEST_PACE..=LONGEST_PACE).contains(&time) {
            let (least, most) = (duration::show(SHORTEST_PACE), duration::show(LONGEST_PACE));
            return Err(invalid(field, format!("it must be from {least} to {most}")));
        }
        Ok(time)
    };
    match (&mining.interval, &mining.poisson_mean) {
        (None, None) => Ok(None),
        (Some(text), None) => Ok(Some(Pace::Every(read("interval", text)?))),
        (None, Some(text)) => Ok(Some(Pace::Poisson(read("poissonMean", text)?))),
        (Some(_), Some(_)) => Err(invalid(
            "interval",
            "there is `poissonMean`, too; one of them only",
        )),
    }
}

fn miners(mining: &Mining, nodes: i32) -> Result<Miners, Problem> {
    if mining.miners.is_empty() {
        return Ok(Miners::new((0..nodes).map(|ordinal| (ordinal, 1))));
    }
    let mut weights = Vec::new();
    for miner in &mining.miners {
        let weight = u32::try_from(miner.weight)
            .map_err(|_| invalid("miners", format!("a weight is {}", miner.weight)))?;
        if (0..nodes).contains(&miner.ordinal) {
            weights.push((miner.ordinal, weight));
        }
    }
    Ok(Miners::new(weights))
}

fn invalid(field: &str, why: impl std::fmt::Display) -> Problem {
    let message = format!("`mining.{field}`: {why}");
    Problem::blocked(reasons::INVALID_SPEC, message)
}

/// Who is paid for a block that `node` is given: the address in the spec, else that of the wallet, else
/// anybody. `None` while the wallet that is asked for has no address yet.
///
/// # Errors
/// [`Problem::Blocked`]: the address is none of this chain.
pub fn payout(
    spec: &BitcoinNetworkSpec,
    wallet: Option<&WalletStatus>,
    node: i32,
) -> Result<Option<ScriptBuf>, Problem> {
    let given = spec
        .mining
        .as_ref()
        .and_then(|mining| mining.address.as_deref());
    let address = match (given, &spec.wallet) {
        (Some(address), _) => Some(address),
        (None, Some(_)) => wallet.and_then(|wallet| wallet.address.as_deref()),
        (None, None) => return Ok(Some(anybodys(node))),
    };
    let script = |address| payout_script(address, CHAIN).map_err(|error| invalid("address", error));
    address.map(script).transpose()
}

/// Pays whoever shows the script `NODE OP_DROP OP_TRUE`.
fn anybodys(node: i32) -> ScriptBuf {
    let script = Builder::new()
        .push_int(i64::from(node))
        .push_opcode(OP_DROP)
        .push_opcode(OP_TRUE)
        .into_script();
    ScriptBuf::new_p2wsh(&script.wscript_hash())
}

/// What makes the block at `height` of the reservation `next` one of its own: the same for the same
/// reservation, and other for every other.
pub fn extra_nonce(uid: &str, next: &NextBlock, height: i64) -> u64 {
    let text = format!("{uid} {height} {}", next.time.unix_micros());
    fnv1a(text.as_bytes())
}
