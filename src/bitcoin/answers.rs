//! The few fields we read of what a node says.
//!
//! bitcoind's answers grow with every version and differ between Core and its derivatives. Declared
//! here is only what somebody looks at; serde skips the rest, so a new field breaks nothing.
//!
//! # Invariants
//! - A field that some supported version (Bitcoin Core 22 and later) does not send has a default.
//! - Hashes and work are values, not text: they can be compared, and what is no hash does not decode.
//!
//! # Example
//! ```
//! use bitcoin_controller::bitcoin::{BlockchainInfo, Work};
//! let info: BlockchainInfo = serde_json::from_str(r#"{
//!     "chain": "regtest", "blocks": 1, "headers": 1, "initialblockdownload": false,
//!     "bestblockhash": "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
//!     "chainwork": "0000000000000000000000000000000000000000000000000000000000000004",
//!     "difficulty": 4.656542373906925e-10, "warnings": ""
//! }"#)?;
//! assert!(info.chain_work > Work::from_be_bytes([0; 32]));
//! assert!(info.warnings.is_empty());
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! # Source
//! Bitcoin Core `src/rpc/blockchain.cpp`, `src/rpc/net.cpp`.

use std::fmt;
use std::str::FromStr;

use rust_bitcoin::block::{Header, Version};
use rust_bitcoin::hashes::Hash as _;
use rust_bitcoin::{BlockHash, CompactTarget, TxMerkleNode, Work};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

/// `getblockchaininfo`, and the same over REST: the chain a node has.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct BlockchainInfo {
    /// Which network: `regtest`, `signet`, `test`, `testnet4`, `main`.
    pub chain: String,
    /// The height of its best block.
    pub blocks: i64,
    /// The height of its best header; -1 if it has none.
    pub headers: i64,
    /// The hash of its best block.
    #[serde(rename = "bestblockhash", deserialize_with = "parsed")]
    pub best_block_hash: BlockHash,
    /// The work in its chain: *this* says which of two chains wins, not the height.
    #[serde(rename = "chainwork", deserialize_with = "work")]
    pub chain_work: Work,
    /// Whether it believes to be far behind: so does a fresh regtest node until its first block.
    #[serde(rename = "initialblockdownload")]
    pub initial_block_download: bool,
    /// The time in its best block, in seconds since 1970. Absent before Core 23.
    #[serde(default)]
    pub time: Option<i64>,
    /// What worries it.
    #[serde(default, deserialize_with = "one_or_many")]
    pub warnings: Vec<String>,
}

/// `getblockheader`: a header, and where its block stands.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct BlockHeaderInfo {
    /// How many blocks are on top of it, itself included; -1 if it is not in the active chain.
    pub confirmations: i64,
    /// Its distance from the first block.
    pub height: u32,
    /// The header's version.
    pub version: i32,
    /// The block before it; none before the first.
    #[serde(
        default,
        rename = "previousblockhash",
        deserialize_with = "maybe_parsed"
    )]
    pub previous_block_hash: Option<BlockHash>,
    /// The root of the tree of its transactions.
    #[serde(rename = "merkleroot", deserialize_with = "parsed")]
    pub merkle_root: TxMerkleNode,
    /// When it says it was mined, in Unix seconds.
    pub time: u32,
    /// The median time of it and the ten before it, in Unix seconds.
    #[serde(rename = "mediantime")]
    pub median_time: u32,
    /// Its target, as the header has it.
    #[serde(deserialize_with = "bits")]
    pub bits: CompactTarget,
    /// The number that was found.
    pub nonce: u32,
}

impl BlockHeaderInfo {
    /// The header itself.
    pub fn header(&self) -> Header {
        Header {
            version: Version::from_consensus(self.version),
            prev_blockhash: self
                .previous_block_hash
                .unwrap_or_else(BlockHash::all_zeros),
            merkle_root: self.merkle_root,
            time: self.time,
            bits: self.bits,
            nonce: self.nonce,
        }
    }
}

/// `getnetworkinfo`: what a node is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct NetworkInfo {
    /// Its version as a number: 290403 is 29.4.3.
    pub version: i64,
    /// Its user agent, in which it says who it is ([`Identity`](crate::bitcoin::Identity)).
    pub subversion: String,
    /// False if somebody switched its network off (`setnetworkactive`): it then has no peers, and
    /// dialling does nothing. A restart switches it on.
    #[serde(rename = "networkactive")]
    pub network_active: bool,
    /// How many sockets it has to peers, those that have not said a word included.
    pub connections: i64,
    /// What worries it.
    #[serde(default, deserialize_with = "one_or_many")]
    pub warnings: Vec<String>,
}

/// One entry of `getpeerinfo`: a connection, as one of its ends sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Peer {
    /// The number this node has given to the connection; never used again while it runs.
    pub id: i64,
    /// Outbound: the address *as it was dialled*. Inbound: the source address, whose port is
    /// ephemeral and which on loopback or behind address translation is not the peer's own.
    pub addr: String,
    /// Whether the peer dialled.
    pub inbound: bool,
    /// The peer's protocol version; 0 until it has introduced itself.
    pub version: i64,
    /// The peer's user agent; empty until it has introduced itself.
    pub subver: String,
    /// When the connection was made, in seconds since 1970 by the node's clock.
    #[serde(rename = "conntime")]
    pub connected_at: i64,
    /// `manual`, `inbound`, `outbound-full-relay`, …
    #[serde(default)]
    pub connection_type: String,
    /// The height that the peer named when it introduced itself; -1 if it did not, or this version does
    /// not tell.
    #[serde(rename = "startingheight", default = "unknown")]
    pub starting_height: i64,
    /// The last header both have; -1 if unknown.
    #[serde(default = "unknown")]
    pub synced_headers: i64,
    /// The last block both have; -1 if unknown.
    #[serde(default = "unknown")]
    pub synced_blocks: i64,
}

impl Peer {
    /// Whether the peer has introduced itself. Until then the connection carries nothing.
    pub fn is_usable(&self) -> bool {
        self.version > 0
    }
}

/// The height of what is not known.
fn unknown() -> i64 {
    -1
}

/// A block hash that stands alone in an answer.
#[derive(Deserialize)]
pub(crate) struct Hash(#[serde(deserialize_with = "parsed")] pub(crate) BlockHash);

/// Reads what has a usual form as text: hashes, which are written backwards and in hexadecimal.
pub(crate) fn parsed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(D::Error::custom)
}

/// The same where there may be none; needs `#[serde(default)]` beside it.
pub(crate) fn maybe_parsed<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    parsed(deserializer).map(Some)
}

/// Reads a header's target from its hexadecimal form.
pub(crate) fn bits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<CompactTarget, D::Error> {
    let text = String::deserialize(deserializer)?;
    CompactTarget::from_unprefixed_hex(&text).map_err(D::Error::custom)
}

/// Reads work from its hexadecimal form.
fn work<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Work, D::Error> {
    let text = String::deserialize(deserializer)?;
    Work::from_unprefixed_hex(&text).map_err(D::Error::custom)
}

/// Reads `warnings`: a list since Core 28, before that one text, empty if there is none.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(text) if text.is_empty() => Vec::new(),
        OneOrMany::One(text) => vec![text],
        OneOrMany::Many(texts) => texts,
    })
}
