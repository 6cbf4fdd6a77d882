//! Knows bitcoind, has never heard of Kubernetes.
//!
//! A node is an address and credentials; a network is a number of nodes that carry one mark. What
//! talks to a node is thin ([`RpcClient`], [`RestClient`]); what decides is pure ([`topology`],
//! [`peers`]) and can be tried with values alone.
//!
//! ```text
//!   RpcClient::get_peer_info, one per node ──> Vec<Peer> ─┐
//!   identity: who a peer says it is  ─────────────────────┼──> peers::plan ──> Dial, Disconnect
//!   topology: which links there should be ────────────────┘                       │
//!   RpcClient::addnode_onetry, disconnect_node  <─────────────────────────────────┘
//! ```
//!
//! | chapter | one idea |
//! |---|---|
//! | [`credentials`] | who we are; a node gets only a salted hash of it |
//! | [`rpc`] | JSON-RPC: one `call`, one short typed method per RPC |
//! | [`rest`] | chain facts without a password |
//! | [`answers`] | the few fields we read of what a node says |
//! | [`difficulty`] | how hard a block is to find, and how hard the next must be |
//! | [`wallet_keys`] | all keys of a wallet, from one seed |
//! | [`wallet`] | one wallet of a node: make it, load it, pay from it |
//! | [`pace`] | when the next block is due, and who mines it |
//! | [`mining`] | a block of our own: template, coinbase, nonce, and what the node says to it |
//! | [`error`] | what can go wrong, as questions |
//! | [`identity`] | who a peer is: the comment in its user agent |
//! | [`members`] | who belongs to a network |
//! | [`topology`] | which pairs of nodes should be linked, and who dials |
//! | [`sides`] | a network that is split: which side each node is on |
//! | [`external`] | nodes outside the network that it is to be connected with |
//! | [`progress`] | who can give blocks, and who waits for the wrong peer |
//! | [`peers`] | wanted links against present links |

pub mod answers;
pub mod credentials;
pub mod difficulty;
pub mod error;
mod exchange;
pub mod external;
pub mod identity;
pub mod members;
pub mod mining;
pub mod pace;
pub mod peers;
pub mod progress;
pub mod rest;
pub mod rpc;
pub mod sides;
mod survey;
pub mod topology;
pub mod wallet;
pub mod wallet_keys;

pub use answers::{BlockHeaderInfo, BlockchainInfo, NetworkInfo, Peer};
pub use credentials::Credentials;
pub use error::Error;
pub use identity::Identity;
pub use members::Members;
pub use rest::RestClient;
pub use rpc::RpcClient;
pub use rust_bitcoin::{Amount, BlockHash, Txid, Work};
pub use sides::Sides;
pub use topology::{Link, Topology};
pub use wallet::WalletClient;
pub use wallet_keys::WalletKeys;
