//! Mirrors `src/controller`.

mod build;
mod chain_loss;
mod claims;
mod credentials;
mod desired;
mod difference;
mod digest;
mod extra_args;
mod flush;
mod journal;
mod manifests;
mod memory;
mod mining;
mod node_spec;
mod outside;
mod own_writes;
mod ownership;
mod pods;
mod provide;
mod quantity;
mod sides;
mod status;
mod wiring;
mod workers;
