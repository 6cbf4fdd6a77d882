//! Template to block: the coinbase, the template's transactions, and a header above them.
//!
//! A block that is wrong in one bit is worth nothing, and the node says so only after the work is done. So
//! every claim of the template that can be checked is checked first: that the ids are those of the data, that
//! parents come before children, that the limits hold, that both forms of the target agree.
//!
//! # Invariants
//! - The same template, payout, extra nonce and time give the same bytes.
//! - A block that comes out has a true merkle root and, with a commitment, a true one; only its nonce, 0, is
//!   still to be found.
//! - Its time is not below the template's `mintime`.
//!
//! # Example
//! ```no_run
//! # fn example(template: bitcoin_controller::bitcoin::mining::BlockTemplate) -> Result<(), Box<dyn std::error::Error>> {
//! use bitcoin_controller::bitcoin::mining::{assemble, payout_script};
//! let payout = payout_script("bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", "regtest")?;
//! let block = assemble(&template, &payout, 0, template.time())?;
//! assert_eq!(block, assemble(&template, &payout, 0, template.time())?);
//! # Ok(())
//! # }
//! ```
//!
//! # Source
//! BIP 22 ("Block Template Request"), BIP 9 (the `!` of rules), BIP 141 (weight, signature operations).

use std::collections::BTreeSet;
use std::fmt;

use rust_bitcoin::block::{Header, Version};
use rust_bitcoin::hashes::Hash;
use rust_bitcoin::{Amount, Block, Script, Transaction, TxMerkleNode, Weight};

use crate::bitcoin::difficulty;
use crate::bitcoin::mining::coinbase::{coinbase, commitment_script};
use crate::bitcoin::mining::template::{BlockTemplate, TemplateTransaction};

/// The block that `template` asks for, with its reward going to `payout`; its nonce is 0 and no work is done.
///
/// `extra_nonce` is for whoever needs more than four billion attempts, or must not make the block that
/// somebody else makes from the same template. `time` is usually [`BlockTemplate::time`]; one below `mintime`
/// is raised to it.
///
/// # Errors
/// The template contradicts itself, asks for something unknown here, or its limits do not hold with this payout.
pub fn assemble(
    template: &BlockTemplate,
    payout: &Script,
    extra_nonce: u64,
    time: u32,
) -> Result<Block, AssembleError> {
    check_rules(template)?;
    check_target(template)?;
    check_transactions(template)?;
    let mut transactions = Vec::with_capacity(1 + template.transactions.len());
    transactions.push(coinbase(
        template.height,
        Amount::from_sat(template.coinbase_value_sat),
        payout,
        extra_nonce,
        template.witness_commitment.clone(),
    ));
    transactions.extend(template.transactions.iter().map(|entry| entry.data.clone()));
    let mut block = Block {
        header: Header {
            version: Version::from_consensus(template.version),
            prev_blockhash: template.previous_block_hash,
            merkle_root: TxMerkleNode::all_zeros(),
            time: time.max(template.min_time),
            bits: template.bits,
            nonce: 0,
        },
        txdata: transactions,
    };
    block.header.merkle_root = block
        .compute_merkle_root()
        .expect("there is a coinbase at least");
    check_limits(template, &block)?;
    Ok(block)
}

/// What a miner must know of to make blocks at all, and which version they carry.
fn check_rules(template: &BlockTemplate) -> Result<(), AssembleError> {
    let is_unknown = |rule: &&String| rule.starts_with('!') && *rule != "!segwit";
    if template.signet_challenge.is_some() {
        return wrong(
            "signet_challenge",
            "this block must be signed by the signet's keys",
        );
    }
    if let Some(rule) = template.rules.iter().find(is_unknown) {
        let why = format!("`{rule}` must be understood to mine, and is not");
        return wrong("rules", why);
    }
    let set = u32::from_ne_bytes(template.version.to_ne_bytes());
    let missing = template.required_version_bits & !set;
    if missing != 0 {
        let why = format!("bits 0x{missing:08x} are required and not set in `version`");
        return wrong("vbrequired", why);
    }
    if template.height == 0 {
        return wrong("height", "block 0 cannot be mined");
    }
    Ok(())
}

/// That both forms of the target say the same.
fn check_target(template: &BlockTemplate) -> Result<(), AssembleError> {
    let target = match difficulty::target(template.bits) {
        Ok(target) => target,
        Err(error) => return wrong("bits", error.to_string()),
    };
    if target != template.target {
        let bits = template.bits.to_consensus();
        let why = format!(
            "it is {:x}, but bits 0x{bits:08x} say {target:x}",
            template.target
        );
        return wrong("target", why);
    }
    Ok(())
}

/// That what is said about the transactions is so.
fn check_transactions(template: &BlockTemplate) -> Result<(), AssembleError> {
    let mut seen = BTreeSet::new();
    for (index, entry) in template.transactions.iter().enumerate() {
        let wrong = |field: &str, why: String| {
            Err(AssembleError {
                field: format!("transactions[{index}].{field}"),
                why,
            })
        };
        let TemplateTransaction { data, .. } = entry;
        let (txid, hash, weight) = (data.compute_txid(), data.compute_wtxid(), data.weight());
        if data.is_coinbase() {
            return wrong("data", "it is a coinbase".to_owned());
        } else if txid != entry.txid {
            return wrong(
                "txid",
                format!("it is {}, the data's is {txid}", entry.txid),
            );
        } else if hash != entry.hash {
            return wrong(
                "hash",
                format!("it is {}, the data's is {hash}", entry.hash),
            );
        } else if weight.to_wu() != entry.weight {
            return wrong(
                "weight",
                format!("it is {}, the data's is {weight}", entry.weight),
            );
        } else if !seen.insert(txid) {
            return wrong("txid", format!("{txid} is there twice"));
        } else if let Some(parent) = entry.depends.iter().find(|parent| **parent > index) {
            let why = format!("transaction {parent} (counted from 1) does not come before it");
            return wrong("depends", why);
        }
    }
    if template.fees_sat() > template.coinbase_value_sat {
        let (fees, value) = (template.fees_sat(), template.coinbase_value_sat);
        let why = format!("it is {value} satoshi, less than the fees of {fees}");
        return wrong("coinbasevalue", why);
    }
    check_commitment(template)
}

/// That the commitment is to these transactions. The node demands one as soon as there is a witness.
fn check_commitment(template: &BlockTemplate) -> Result<(), AssembleError> {
    let field = "default_witness_commitment";
    let transactions = || template.transactions.iter().map(|entry| &entry.data);
    let has_witness = |data: &Transaction| data.input.iter().any(|input| !input.witness.is_empty());
    match &template.witness_commitment {
        Some(script) if *script != commitment_script(transactions()) => {
            wrong(field, "it is not the commitment to these transactions")
        }
        None if transactions().any(has_witness) => wrong(
            field,
            "it is missing, and there are transactions with a witness",
        ),
        _ => Ok(()),
    }
}

/// That the block with its coinbase is within the limits.
fn check_limits(template: &BlockTemplate, block: &Block) -> Result<(), AssembleError> {
    let most = template.weight_limit.map_or(Weight::MAX, Weight::from_wu);
    if block.weight() > most {
        return wrong(
            "weightlimit",
            format!("it is {most}, the block weighs {}", block.weight()),
        );
    }
    let size = u64::try_from(block.total_size()).unwrap_or(u64::MAX);
    if size > template.size_limit {
        let why = format!("it is {}, the block has {size} bytes", template.size_limit);
        return wrong("sizelimit", why);
    }
    // An old signature operation in the coinbase's own scripts costs as much as four in a witness.
    let scripts = block.txdata[0]
        .output
        .iter()
        .map(|output| &output.script_pubkey);
    let own: usize = scripts.map(|script| 4 * script.count_sigops_legacy()).sum();
    let own = u64::try_from(own).unwrap_or(u64::MAX);
    let operations = template.transactions.iter().map(|entry| entry.sigops);
    let operations = operations.fold(own, u64::saturating_add);
    if operations > template.sigop_limit {
        let why = format!("it is {}, the block has {operations}", template.sigop_limit);
        return wrong("sigoplimit", why);
    }
    Ok(())
}

fn wrong<T>(field: &str, why: impl Into<String>) -> Result<T, AssembleError> {
    Err(AssembleError {
        field: field.to_owned(),
        why: why.into(),
    })
}

/// Which claim of a template does not hold, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssembleError {
    field: String,
    why: String,
}

impl AssembleError {
    /// The field, as the node calls it: `transactions[3].txid`.
    pub fn field(&self) -> &str {
        &self.field
    }
}

impl fmt::Display for AssembleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AssembleError { field, why } = self;
        write!(f, "no block comes of this template: `{field}`: {why}")
    }
}

impl std::error::Error for AssembleError {}
