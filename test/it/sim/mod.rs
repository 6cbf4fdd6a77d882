//! Mirrors `src/sim`.

mod api_server;
#[path = "../../api_assertions/mod.rs"]
mod assertions;
mod bitcoind;
mod catching_up;
mod discovery;
mod json_path;
mod kinds;
mod openapi;
mod patch;
mod protobuf;
mod scenarios;
mod table;
