//! What the next block must be like, as the node proposes it: `getblocktemplate`.
//!
//! The node says which block to build on, how hard the work is, what the miner may pay itself, and which
//! transactions of its mempool it would take, parents before children. A miner may leave some out; then what
//! spends from them must go, too, and the miner is paid less by their fees.
//!
//! # Invariants
//! - What decodes has real transactions, hashes and numbers in it; nothing is compared as text later.
//! - [`BlockTemplate::without`] leaves no transaction whose parent it dropped, and keeps their order.
//!
//! # Example
//! ```
//! use bitcoin_controller::bitcoin::mining::BlockTemplate;
//! let template: BlockTemplate = serde_json::from_str(r#"{
//!     "version": 536870912, "rules": ["csv", "!segwit", "taproot"], "vbrequired": 0,
//!     "previousblockhash": "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
//!     "transactions": [], "coinbasevalue": 5000000000, "height": 1,
//!     "target": "7fffff0000000000000000000000000000000000000000000000000000000000",
//!     "bits": "207fffff", "mintime": 1296688603, "curtime": 1795341923,
//!     "sigoplimit": 80000, "sizelimit": 4000000, "weightlimit": 4000000
//! }"#)?;
//! assert_eq!((template.height, template.time()), (1, 1_795_341_923));
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! # Source
//! BIP 22, 23, 145; Bitcoin Core `src/rpc/mining.cpp`. **What differs**: no long polling (it holds one of
//! the node's workers), no proposals; `coinbaseaux`, empty since Core 0.20, is not read.

use std::collections::BTreeSet;
use std::time::Duration;

use rust_bitcoin::consensus::Decodable;
use rust_bitcoin::consensus::encode::deserialize_hex;
use rust_bitcoin::{BlockHash, CompactTarget, ScriptBuf, Target, Transaction, Txid, Wtxid};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::json;

use crate::bitcoin::mining::coinbase::commitment_script;
use crate::bitcoin::{Error, RpcClient, answers};

/// `getblocktemplate`: what the node proposes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct BlockTemplate {
    /// The header's version, with the bits of deployments that are being voted on.
    pub version: i32,
    /// The rules that hold; one a miner must know of to mine at all begins with `!`.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Version bits that must be set.
    #[serde(default, rename = "vbrequired")]
    pub required_version_bits: u32,
    /// The block to build on.
    #[serde(rename = "previousblockhash", deserialize_with = "answers::parsed")]
    pub previous_block_hash: BlockHash,
    /// What to put after the coinbase, in this order.
    pub transactions: Vec<TemplateTransaction>,
    /// What the coinbase may pay, in satoshi: the subsidy and all fees. Possibly nothing: regtest halves
    /// the subsidy every 150 blocks.
    #[serde(rename = "coinbasevalue")]
    pub coinbase_value_sat: u64,
    /// What the block's hash must not exceed.
    #[serde(deserialize_with = "target")]
    pub target: Target,
    /// The same in the header's form.
    #[serde(deserialize_with = "answers::bits")]
    pub bits: CompactTarget,
    /// The smallest time the block may carry: a second after the median of the eleven blocks before it.
    #[serde(rename = "mintime")]
    pub min_time: u32,
    /// The node's own time, in Unix seconds.
    #[serde(rename = "curtime")]
    pub current_time: u32,
    /// The height of the block that is to be mined.
    pub height: u32,
    /// How many signature operations the block may hold, counted as BIP 141 does.
    #[serde(rename = "sigoplimit")]
    pub sigop_limit: u64,
    /// How many bytes the block may have.
    #[serde(rename = "sizelimit")]
    pub size_limit: u64,
    /// How much the block may weigh; without witnesses, four times its bytes. Only if segwit is active.
    #[serde(rename = "weightlimit")]
    pub weight_limit: Option<u64>,
    /// The output that commits to the witnesses, for exactly these transactions.
    #[serde(
        default,
        rename = "default_witness_commitment",
        deserialize_with = "script"
    )]
    pub witness_commitment: Option<ScriptBuf>,
    /// What a block of a signet must satisfy; no other chain has it.
    #[serde(default, deserialize_with = "script")]
    pub signet_challenge: Option<ScriptBuf>,
}

/// One transaction of a template, and what the node says about it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TemplateTransaction {
    /// The transaction itself.
    #[serde(deserialize_with = "decoded")]
    pub data: Transaction,
    /// Its id, without its witness.
    #[serde(deserialize_with = "answers::parsed")]
    pub txid: Txid,
    /// Its id, with its witness.
    #[serde(deserialize_with = "answers::parsed")]
    pub hash: Wtxid,
    /// Which transactions of the template it spends from, counted from 1.
    #[serde(default)]
    pub depends: Vec<usize>,
    /// What it pays the miner, in satoshi.
    #[serde(rename = "fee")]
    pub fee_sat: u64,
    /// Its signature operations, counted as BIP 141 does.
    pub sigops: u64,
    /// Its weight.
    pub weight: u64,
}

/// How long a node may take for a template: it puts a block together from its whole mempool and tests it.
pub const TEMPLATE_DEADLINE: Duration = Duration::from_secs(30);

/// The largest template that is read, in bytes: four million bytes of transactions in hexadecimal, and what
/// is said about each.
pub const MAX_TEMPLATE_BYTES: usize = 16 * 1024 * 1024;

impl RpcClient {
    /// What the node would mine next.
    ///
    /// It works without peers and in initial block download, if the chain is a test chain. The node keeps a
    /// template for some seconds: a transaction may be in its mempool for that long before it is in one.
    ///
    /// # Errors
    /// As [`call`](Self::call); code -9 or -10 on the main chain while the node has no peers or is far
    /// behind, -8 on a signet.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn block_template(&self) -> Result<BlockTemplate, Error> {
        let params = json!([{"rules": ["segwit"]}]);
        self.call_for_much(
            "getblocktemplate",
            params,
            TEMPLATE_DEADLINE,
            MAX_TEMPLATE_BYTES,
        )
        .await
    }
}

impl BlockTemplate {
    /// The time a block should carry: the node's own, or later if the chain is ahead of it.
    ///
    /// Not `mintime`: blocks that are mined faster than one a second would carry times that fall further
    /// and further behind.
    pub fn time(&self) -> u32 {
        self.current_time.max(self.min_time)
    }

    /// What the transactions pay, in satoshi.
    pub fn fees_sat(&self) -> u64 {
        let fees = self.transactions.iter().map(|entry| entry.fee_sat);
        fees.fold(0, u64::saturating_add)
    }

    /// The template without the transactions `dropped`, and without those that spend from them.
    ///
    /// The coinbase is paid less by their fees, and commits to the witnesses of those that are left.
    #[must_use]
    pub fn without(&self, dropped: &BTreeSet<Txid>) -> BlockTemplate {
        let mut left = BlockTemplate {
            transactions: Vec::new(),
            ..self.clone()
        };
        // Where each transaction is afterwards, by where it was; both counted from 1, as `depends` does.
        let mut places = vec![None; self.transactions.len() + 1];
        for (before, entry) in (1..).zip(&self.transactions) {
            let parents: Option<Vec<usize>> = entry
                .depends
                .iter()
                .map(|parent| places.get(*parent).copied().flatten())
                .collect();
            match parents {
                Some(depends) if !dropped.contains(&entry.txid) => {
                    left.transactions.push(TemplateTransaction {
                        depends,
                        ..entry.clone()
                    });
                    places[before] = Some(left.transactions.len());
                }
                _ => {
                    left.coinbase_value_sat = left.coinbase_value_sat.saturating_sub(entry.fee_sat);
                }
            }
        }
        if self.witness_commitment.is_some() {
            left.witness_commitment = Some(commitment_script(
                left.transactions.iter().map(|entry| &entry.data),
            ));
        }
        left
    }
}

/// Something in its usual encoding, in hexadecimal, alone in an answer.
#[derive(Deserialize)]
#[serde(bound = "T: Decodable")]
pub(super) struct Hex<T>(#[serde(deserialize_with = "decoded")] pub(super) T);

fn target<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Target, D::Error> {
    let text = String::deserialize(deserializer)?;
    Target::from_unprefixed_hex(&text).map_err(D::Error::custom)
}

fn script<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ScriptBuf>, D::Error> {
    let text = String::deserialize(deserializer)?;
    ScriptBuf::from_hex(&text)
        .map(Some)
        .map_err(D::Error::custom)
}

fn decoded<'de, D: Deserializer<'de>, T: Decodable>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    deserialize_hex(&text).map_err(D::Error::custom)
}
