//! What a node says to a block that is handed in, and what that means for the miner.
//!
//! `submitblock` has a word for everything: nothing at all if the block is the new tip, otherwise a reason.
//! Not every reason is a failure: a block that was handed in before is `duplicate`, which whoever had to ask
//! twice wants to hear; and one that is valid but not the tip is `inconclusive`: somebody was quicker.
//!
//! # Invariants
//! - Every answer is explained in a sentence, those that are not known here included.
//!
//! # Example
//! ```
//! use bitcoin_controller::bitcoin::mining::Submission;
//! let said = Submission::from_reason(Some("high-hash"));
//! assert!(!said.is_known_block());
//! assert_eq!(said.to_string(), "rejected, `high-hash`: the work is not done, its hash is larger than the target");
//! ```
//!
//! # Source
//! BIP 22; Bitcoin Core `src/rpc/mining.cpp` (`submitblock`), `src/validation.cpp`. All but the rarest
//! answers were measured.

use std::fmt;
use std::time::Duration;

use rust_bitcoin::Block;
use rust_bitcoin::consensus::encode::serialize_hex;
use serde_json::json;

use crate::bitcoin::mining::template::{Hex, MAX_TEMPLATE_BYTES};
use crate::bitcoin::{BlockHash, Error, RpcClient};

/// What the node says to a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submission {
    /// It is the new tip.
    Accepted,
    /// The node has it already: in its active chain, or on a branch. [`RpcClient::is_in_active_chain`] tells.
    Duplicate,
    /// It is valid as far as it was looked at, and not the tip: another block has as much work.
    Inconclusive,
    /// The node has it already and found it invalid, or somebody declared it invalid.
    DuplicateInvalid,
    /// The node will not have it, for this reason.
    Rejected(String),
}

/// How long a node may take to judge a block: it runs all its scripts.
pub const SUBMIT_DEADLINE: Duration = Duration::from_secs(30);

/// `RPC_INVALID_ADDRESS_OR_KEY`: no such block.
const NO_SUCH_BLOCK: i64 = -5;

impl RpcClient {
    /// Hands `block` in.
    ///
    /// # Errors
    /// As [`call`](Self::call); code -22 if it does not decode. After a timeout or a broken connection the
    /// block may have been taken: hand in the same again, then it is [`Submission::Duplicate`].
    ///
    /// # Cancel safety
    /// The node may still take it.
    pub async fn submit_block(&self, block: &Block) -> Result<Submission, Error> {
        let params = json!([serialize_hex(block)]);
        let reason: Option<String> = self.call("submitblock", params, SUBMIT_DEADLINE).await?;
        Ok(Submission::from_reason(reason.as_deref()))
    }

    /// The block `hash`, whole.
    ///
    /// # Errors
    /// As [`call`](Self::call); code -5 if the node does not know the block.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn get_block(&self, hash: &BlockHash) -> Result<Block, Error> {
        let params = json!([hash.to_string(), 0]);
        let answer = self.call_for_much("getblock", params, SUBMIT_DEADLINE, MAX_TEMPLATE_BYTES);
        let Hex(block) = answer.await?;
        Ok(block)
    }

    /// Whether the node's active chain has the block `hash`; not on a branch, and not unknown.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn is_in_active_chain(&self, hash: &BlockHash) -> Result<bool, Error> {
        match self.get_block_header(hash).await {
            Ok(info) => Ok(info.confirmations > 0),
            Err(error) if error.rpc_code() == Some(NO_SUCH_BLOCK) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Submission {
    /// Reads the answer of `submitblock`: nothing, or a reason.
    pub fn from_reason(reason: Option<&str>) -> Self {
        match reason {
            None => Submission::Accepted,
            Some("duplicate") => Submission::Duplicate,
            Some("inconclusive") => Submission::Inconclusive,
            Some("duplicate-invalid") => Submission::DuplicateInvalid,
            Some(reason) => Submission::Rejected(crate::bitcoin::error::one_line(reason)),
        }
    }

    /// Whether the node has the block now and holds nothing against it. Whether it is in its active chain is
    /// certain only for [`Accepted`](Submission::Accepted).
    pub fn is_known_block(&self) -> bool {
        matches!(
            self,
            Submission::Accepted | Submission::Duplicate | Submission::Inconclusive
        )
    }
}

impl fmt::Display for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Submission::Accepted => f.write_str("accepted, it is the new tip"),
            Submission::Duplicate => f.write_str("duplicate: the node has this very block already"),
            Submission::Inconclusive => f.write_str(
                "inconclusive: nothing is wrong with it, but another block was there first",
            ),
            Submission::DuplicateInvalid => {
                f.write_str("duplicate-invalid: the node has it already and holds it to be invalid")
            }
            Submission::Rejected(reason) => {
                write!(f, "rejected, `{reason}`: {}", explain(reason))
            }
        }
    }
}

/// What the reasons mean that a miner can bring about.
fn explain(reason: &str) -> &'static str {
    match reason {
        "high-hash" => "the work is not done, its hash is larger than the target",
        "bad-diffbits" => "its bits are not those that the chain asks for",
        "prev-blk-not-found" => "the node does not know the block it builds on",
        "bad-prevblk" => "it builds on an invalid block",
        "time-too-old" => "its time is not above the median of the eleven blocks before it",
        "time-too-new" => "its time is more than two hours ahead of the node's clock",
        "time-timewarp-attack" => {
            "it begins a period and its time is too far before that of the last block"
        }
        "bad-txnmrklroot" => "its header is not the one of these transactions",
        "bad-txns-duplicate" => "a transaction is there twice",
        "bad-cb-missing" => "its first transaction is no coinbase",
        "bad-cb-multiple" => "it has more than one coinbase",
        "bad-cb-length" => "its coinbase's script has less than 2 or more than 100 bytes",
        "bad-cb-height" => "its coinbase does not begin with the height",
        "bad-cb-amount" => "its coinbase pays more than the subsidy and the fees",
        "bad-witness-nonce-size" => "its coinbase's witness is not one value of 32 bytes",
        "bad-witness-merkle-match" => "its commitment is not one to these witnesses",
        "unexpected-witness" => "there are witnesses and no commitment to them",
        "bad-blk-length" | "bad-blk-weight" => "it is too large",
        "bad-blk-sigops" => "it has too many signature operations",
        "bad-txns-nonfinal" => "a transaction in it is for a later time or height",
        "bad-txns-inputs-missingorspent" => "a transaction spends what is not there or spent",
        "bad-txns-premature-spend-of-coinbase" => {
            "a transaction spends a reward before it is 100 blocks old"
        }
        "rejected" => "the node gives no reason",
        reason if reason.starts_with("bad-version") => "its version is out of use",
        _ => "a rule of the chain is broken",
    }
}
