//! Mirrors `src/sim`.

mod bitcoind;
mod discovery;
mod json_path;
mod kinds;
mod openapi;
mod patch;
mod scenarios;
mod table;
