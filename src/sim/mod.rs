//! The pretend world.
pub mod bitcoind;
