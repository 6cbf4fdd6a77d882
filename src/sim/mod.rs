//! The pretend world.
pub mod bitcoind;
#[cfg(feature = "demo")]
pub mod process;
pub mod runtime;
