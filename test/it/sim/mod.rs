//! Mirrors `src/sim`.

mod bitcoind;
mod catching_up;
mod cluster;
mod discovery;
mod json_path;
mod kinds;
mod openapi;
mod patch;
mod protobuf;
mod scenarios;
mod table;
