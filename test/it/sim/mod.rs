//! Mirrors `src/sim`.

mod bitcoind;
mod kinds;
mod scenarios;
