//! Who is paid for a block: an address, as an output script, if it is one of the node's chain.
//!
//! An address says which chain it is for, and a wallet never looks at the others. Money sent to an address
//! of another chain is lost to whoever meant to have it, so that is refused before anything is mined.
//!
//! # Invariants
//! - A script comes out only for an address of the chain that was asked for.
//! - A signet is refused whatever the address: without its signers' keys nobody can mine there.
//!
//! # Example
//! ```
//! use bitcoin_controller::bitcoin::mining::payout_script;
//! assert!(payout_script("bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", "regtest").is_ok());
//! let error = payout_script("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "regtest").unwrap_err();
//! assert!(error.to_string().ends_with("is an address of main, the node is on regtest"));
//! ```
//!
//! # Source
//! BIP 13, 173, 350; rust-bitcoin reads them. Old addresses (`m…`, `n…`, `2…`) are the same on all test chains.

use std::fmt;

use rust_bitcoin::address::{NetworkUnchecked, ParseError};
use rust_bitcoin::{Address, Network, ScriptBuf};

/// The output script of `address`, if it is one of the chain that `getblockchaininfo` calls `chain`.
///
/// # Errors
/// What is wrong with the address, or why nobody can mine on this chain.
pub fn payout_script(address: &str, chain: &str) -> Result<ScriptBuf, PayoutError> {
    let network = match Network::from_core_arg(chain) {
        Ok(Network::Signet) => return Err(PayoutError::Signet),
        Ok(network) => network,
        Err(_) => return Err(PayoutError::UnknownChain(chain.to_owned())),
    };
    let parsed: Address<NetworkUnchecked> =
        address.parse().map_err(|why| PayoutError::NoAddress {
            address: address.to_owned(),
            why,
        })?;
    if let Ok(address) = parsed.clone().require_network(network) {
        return Ok(address.script_pubkey());
    }
    Err(PayoutError::OtherChain {
        address: address.to_owned(),
        of: ALL
            .into_iter()
            .filter(|network| parsed.is_valid_for_network(*network))
            .map(Network::to_core_arg)
            .collect(),
        chain: chain.to_owned(),
    })
}

const ALL: [Network; 5] = [
    Network::Bitcoin,
    Network::Testnet,
    Network::Testnet4,
    Network::Signet,
    Network::Regtest,
];

/// Why a block cannot be paid for.
#[derive(Debug)]
pub enum PayoutError {
    /// It is no address at all.
    NoAddress {
        /// What was given.
        address: String,
        /// What is wrong with it.
        why: ParseError,
    },
    /// It is an address of other chains.
    OtherChain {
        /// What was given.
        address: String,
        /// The chains it is for, as bitcoind calls them.
        of: Vec<&'static str>,
        /// The chain the node is on.
        chain: String,
    },
    /// Blocks of a signet carry a signature.
    Signet,
    /// The node is on a chain we have not heard of.
    UnknownChain(String),
}

impl fmt::Display for PayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PayoutError::NoAddress { address, .. } => write!(f, "`{address}` is no address"),
            PayoutError::OtherChain { address, of, chain } => {
                let of = of.join(", ");
                write!(f, "`{address}` is an address of {of}, the node is on {chain}")
            }
            PayoutError::Signet => f.write_str(
                "the node is on a signet: its blocks must be signed with keys that only those who run it have",
            ),
            PayoutError::UnknownChain(chain) => {
                write!(f, "the node is on chain `{chain}`, which is unknown here")
            }
        }
    }
}

impl std::error::Error for PayoutError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            PayoutError::NoAddress { why, .. } => Some(why),
            _ => None,
        }
    }
}
