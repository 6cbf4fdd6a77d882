//! Knows bitcoind, has never heard of Kubernetes.
//!
//! A node is an address and credentials; what talks to it is thin.
//!
//! | chapter | one idea |
//! |---|---|
//! | [`credentials`] | who we are; a node gets only a salted hash of it |
//! | [`rpc`] | JSON-RPC: one `call`, one short typed method per RPC |
//! | [`rest`] | chain facts without a password |
//! | [`answers`] | the few fields we read of what a node says |
//! | [`error`] | what can go wrong, as questions |

pub mod answers;
pub mod credentials;
pub mod error;
mod exchange;
pub mod rest;
pub mod rpc;

pub use answers::{BlockchainInfo, NetworkInfo, Peer};
pub use credentials::Credentials;
pub use error::Error;
pub use rest::RestClient;
pub use rpc::RpcClient;
pub use rust_bitcoin::{BlockHash, Work};
