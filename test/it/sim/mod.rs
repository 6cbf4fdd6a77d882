//! Mirrors `src/sim`.

mod bitcoind;
mod kinds;
mod patch;
mod scenarios;
