//! Mirrors `src/bitcoin`.

mod answers;
mod credentials;
mod error;
mod fake_node;
mod rest;
mod rpc;
