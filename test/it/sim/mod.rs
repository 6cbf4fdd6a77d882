//! Mirrors `src/sim`.

mod bitcoind;
mod scenarios;
