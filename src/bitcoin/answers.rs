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

use std::str::FromStr;

use rust_bitcoin::{BlockHash, Work};
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
    #[serde(rename = "bestblockhash", deserialize_with = "block_hash")]
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
pub(crate) struct Hash(#[serde(deserialize_with = "block_hash")] pub(crate) BlockHash);

/// Reads a block hash from its usual, reversed, hexadecimal form.
fn block_hash<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BlockHash, D::Error> {
    let text = String::deserialize(deserializer)?;
    BlockHash::from_str(&text).map_err(D::Error::custom)
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
