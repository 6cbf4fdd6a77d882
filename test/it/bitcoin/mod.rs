//! Mirrors `src/bitcoin`.

mod answers;
mod catching_up;
mod credentials;
mod difficulty;
mod error;
mod external;
mod fake_node;
mod identity;
mod members;
mod mining;
mod peers;
mod peers_model;
mod progress;
mod real_node;
mod rest;
mod rpc;
mod sides;
mod topology;
