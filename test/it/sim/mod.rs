//! Mirrors `src/sim`.

mod bitcoind;
mod catching_up;
mod scenarios;
