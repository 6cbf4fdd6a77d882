//! Mirrors `src/sim`.

mod bitcoind;
mod json_path;
mod kinds;
mod patch;
mod scenarios;
mod table;
