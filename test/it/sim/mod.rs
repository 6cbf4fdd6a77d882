//! Mirrors `src/sim`.

mod api_server;
#[path = "../../api_assertions/mod.rs"]
mod assertions;
mod bitcoind;
mod catching_up;
mod cluster;
mod discovery;
mod field_set;
mod history;
mod json_path;
mod kinds;
mod mining_scenarios;
mod odd_objects;
mod openapi;
mod patch;
mod protobuf;
mod reshaping;
mod rpc_scenarios;
mod scenarios;
mod schema;
mod selectors;
mod table;
mod wallet_scenarios;
