//! The RPC methods for miners: what the next block must be like, and judging one that is handed in.
//!
//! A block is judged in bitcoind's order, since the first thing that is wrong is the one that is said: the
//! block by itself, whether it is known, its header against the chain, what it says about the chain, and only
//! if it would become the tip, what it spends and pays.
//!
//! # Invariants
//! - What is refused changes nothing, except that a header that no good block can have is remembered as
//!   invalid: the answer is `duplicate-invalid` the second time.
//! - A template that is filled in with a coinbase and worked on is accepted, if no other block was quicker.
//!
//! # Source
//! Bitcoin Core `src/rpc/mining.cpp`, `src/validation.cpp`, tag v29.0. **What differs**: there is no mempool,
//! so templates are empty, and nothing to spend, so a second transaction is always one of missing inputs;
//! neither long polling nor proposals; old blocks of a branch that becomes the longest are not judged again.

use std::sync::Arc;

use rust_bitcoin::block::Header;
use rust_bitcoin::consensus::encode::deserialize_hex;
use rust_bitcoin::constants::genesis_block;
use rust_bitcoin::script::Builder;
use rust_bitcoin::{Block, CompactTarget, Network, Target, Transaction};
use serde_json::{Value, json};

use crate::sim::bitcoind::blocks::hex;
use crate::sim::bitcoind::chain::{Chain, subsidy_sat};
use crate::sim::bitcoind::jsonrpc::RpcError;
use crate::sim::bitcoind::node::Node;
use crate::sim::bitcoind::params::{INVALID_PARAMETER, Params};

/// `getblocktemplate`.
pub(super) fn block_template(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let request = params.object(0)?;
    let refused = |message: &str| Err(RpcError::new(INVALID_PARAMETER, message));
    if !matches!(
        request.get("mode").and_then(Value::as_str),
        None | Some("template")
    ) {
        return refused("Invalid mode");
    }
    let rules = request.get("rules").and_then(Value::as_array);
    if !rules.is_some_and(|rules| rules.contains(&json!("segwit"))) {
        return refused(
            "getblocktemplate must be called with the segwit rule set (call with {\"rules\": [\"segwit\"]})",
        );
    }
    let chain = node.seat.chain();
    let tip = chain.tip();
    let min_time = chain.median_time(&tip) + 1;
    let block_height = chain.height() + 1;
    Ok(json!({
        "capabilities": ["proposal"],
        "version": 0x2000_0000,
        "rules": ["csv", "!segwit", "taproot"],
        "vbavailable": {},
        "vbrequired": 0,
        "previousblockhash": tip.to_string(),
        "transactions": [],
        "coinbaseaux": {},
        "coinbasevalue": subsidy_sat(block_height),
        "longpollid": format!("{tip}1"),
        "target": hex(&Target::from_compact(bits()).to_be_bytes()),
        "mintime": min_time,
        "mutable": ["time", "transactions", "prevblock"],
        "noncerange": "00000000ffffffff",
        "sigoplimit": 80_000,
        "sizelimit": 4_000_000,
        "weightlimit": 4_000_000,
        "curtime": now(node).max(min_time),
        "bits": format!("{:08x}", bits().to_consensus()),
        "height": block_height,
        "default_witness_commitment": NOTHING_COMMITTED,
    }))
}

/// `submitblock`: null, or the reason why the block is not the new tip.
pub(super) fn submit_block(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let block: Block = deserialize_hex(params.text(0)?)
        .map_err(|_| RpcError::new(DESERIALIZATION_ERROR, "Block decode failed"))?;
    let now = now(node);
    let hash = block.block_hash();
    Ok(node.seat.change_chain(|chain| {
        let refusal = judge_alone(&block)
            .or_else(|| judge_header(chain, &block, now))
            .or_else(|| judge_contents(chain, &block));
        if let Some(Refusal {
            reason,
            is_for_good,
        }) = refusal
        {
            if is_for_good {
                chain.remember_invalid(Arc::new(block));
            }
            return json!(reason);
        }
        chain.accept(Arc::new(block));
        match chain.tip() == hash {
            true => Value::Null,
            false => json!("inconclusive"),
        }
    }))
}

/// Why a block is not taken.
struct Refusal {
    reason: &'static str,
    /// Whether no block with this header can be good. Another may be if it is only the transactions that are
    /// not those of the header, or the witnesses, which no header covers.
    is_for_good: bool,
}

fn refuse(reason: &'static str) -> Option<Refusal> {
    Some(Refusal {
        reason,
        is_for_good: false,
    })
}

fn refuse_for_good(reason: &'static str) -> Option<Refusal> {
    Some(Refusal {
        reason,
        is_for_good: true,
    })
}

/// What is wrong with the block whatever the chain.
fn judge_alone(block: &Block) -> Option<Refusal> {
    let Header { bits, .. } = block.header;
    let is_target = bits.to_consensus() & 0x80_0000 == 0;
    let target = Target::from_compact(bits);
    let is_easiest = target <= Target::MAX_ATTAINABLE_REGTEST;
    let met = target.is_met_by(block.block_hash());
    let coinbases = block.txdata.iter().map(Transaction::is_coinbase);
    let inputs = block.coinbase().and_then(|coinbase| coinbase.input.first());
    let script = inputs.map_or(0, |input| input.script_sig.len());
    if !(is_target && is_easiest && met) {
        refuse("high-hash")
    } else if !block.check_merkle_root() {
        refuse("bad-txnmrklroot")
    } else if !block.txdata[0].is_coinbase() {
        refuse("bad-cb-missing")
    } else if coinbases.filter(|is_coinbase| *is_coinbase).count() > 1 {
        refuse("bad-cb-multiple")
    } else if !(2..=100).contains(&script) {
        refuse("bad-cb-length")
    } else {
        None
    }
}

/// What is wrong with its header in this chain, or that the block is known.
fn judge_header(chain: &Chain, block: &Block, now: u32) -> Option<Refusal> {
    let hash = block.block_hash();
    let Header {
        prev_blockhash: parent,
        time,
        ..
    } = block.header;
    if chain.entry(&hash).is_some() {
        return refuse(match chain.is_valid(&hash) {
            true => "duplicate",
            false => "duplicate-invalid",
        });
    }
    if chain.entry(&parent).is_none() {
        refuse("prev-blk-not-found")
    } else if !chain.is_valid(&parent) {
        refuse("bad-prevblk")
    } else if block.header.bits != bits() {
        refuse("bad-diffbits")
    } else if time <= chain.median_time(&parent) {
        refuse("time-too-old")
    } else if time > now.saturating_add(MAX_AHEAD) {
        refuse("time-too-new")
    } else {
        None
    }
}

/// What is wrong with what it says about the chain, or, if it would be the tip, with what it pays.
fn judge_contents(chain: &Chain, block: &Block) -> Option<Refusal> {
    let parent = chain.entry(&block.header.prev_blockhash)?;
    let block_height = parent.block_height + 1;
    let coinbase = &block.txdata[0];
    let height = i64::try_from(block_height).ok()?;
    let push = Builder::new().push_int(height).into_script();
    let values = coinbase.output.iter().map(|output| output.value.to_sat());
    let paid = values.fold(0, u64::saturating_add);
    let is_best = parent.work + block.header.work() > chain.work();
    let script = coinbase.input[0].script_sig.as_bytes();
    if !script.starts_with(push.as_bytes()) {
        refuse_for_good("bad-cb-height")
    } else if let Some(refusal) = judge_witnesses(block) {
        Some(refusal)
    } else if is_best && block.txdata.len() > 1 {
        refuse_for_good("bad-txns-inputs-missingorspent")
    } else if is_best && paid > subsidy_sat(block_height) {
        refuse_for_good("bad-cb-amount")
    } else {
        None
    }
}

/// Witnesses need a commitment; one that is there must be right.
fn judge_witnesses(block: &Block) -> Option<Refusal> {
    let coinbase = &block.txdata[0];
    let scripts = coinbase.output.iter().rev();
    let committed = scripts
        .map(|output| output.script_pubkey.as_bytes())
        .find(|script| script.len() >= 38 && script.starts_with(&COMMITMENT));
    let inputs = block
        .txdata
        .iter()
        .flat_map(|transaction| &transaction.input);
    let Some(script) = committed else {
        let mut witnesses = inputs.map(|input| &input.witness);
        let is_there = witnesses.any(|witness| !witness.is_empty());
        return match is_there {
            true => refuse("unexpected-witness"),
            false => None,
        };
    };
    let witness = &coinbase.input[0].witness;
    // Left out it is added, as the node does with blocks of its own.
    let reserved = match (witness.len(), witness.nth(0)) {
        (0, _) => [0; 32].as_slice(),
        (1, Some(value)) if value.len() == 32 => value,
        _ => return refuse("bad-witness-nonce-size"),
    };
    let commitment = Block::compute_witness_commitment(&block.witness_root()?, reserved);
    let is_right = script[6..38] == *AsRef::<[u8]>::as_ref(&commitment);
    match is_right {
        true => None,
        false => refuse("bad-witness-merkle-match"),
    }
}

fn bits() -> CompactTarget {
    genesis_block(Network::Regtest).header.bits
}

fn now(node: &Node) -> u32 {
    u32::try_from(node.clock.unix_seconds()).unwrap_or(0)
}

/// `OP_RETURN`, a push of 36 bytes, and what BIP 141 begins them with.
const COMMITMENT: [u8; 6] = [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];

/// The commitment of a block with nothing but its coinbase.
const NOTHING_COMMITTED: &str =
    "6a24aa21a9ede2f61c3f71d1defd3fa999dfa36953755c690689799962b48bebd836974e8cf9";

/// How many seconds a block's time may be ahead of the node's.
const MAX_AHEAD: u32 = 2 * 60 * 60;

const DESERIALIZATION_ERROR: i64 = -22;
