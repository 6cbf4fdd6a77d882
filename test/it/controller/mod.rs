//! Mirrors `src/controller`.

mod build;
mod credentials;
mod desired;
mod difference;
mod digest;
mod manifests;
mod memory;
mod mining;
mod own_writes;
mod ownership;
mod pods;
mod provide;
mod status;
mod wiring;
mod workers;
