//! Mirrors `src/bitcoin`.

mod answers;
mod catching_up;
mod credentials;
mod difficulty;
mod difficulty_arithmetic;
mod error;
mod external;
pub(crate) mod fake_node;
mod identity;
mod members;
mod mining;
mod pace;
mod peers;
mod peers_model;
mod progress;
mod real_node;
mod rest;
mod rpc;
mod sides;
mod topology;
mod wallet;
mod wallet_keys;
