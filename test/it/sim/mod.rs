//! Mirrors `src/sim`.

mod api_server;
#[path = "../../api_assertions/mod.rs"]
mod assertions;
mod bitcoind;
mod scenarios;
