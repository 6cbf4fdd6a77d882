//! A pretend world for tests: so far its nodes.
//!
//! [`bitcoind`] is a regtest node in a few kilobytes: real HTTP, a real little chain, links that carry
//! blocks. [`runtime`] starts and stops such nodes as a kubelet would, and [`process`] does the same with
//! real bitcoind processes, so that one body of assertions can be held to both.
//!
//! What a real kubectl needs beyond storing objects is here as functions of values: which [`kinds`] there are,
//! how they are told ([`discovery`], [`openapi`]), shown ([`table`]), changed ([`patch`]) and, in a few cases,
//! sent ([`protobuf`]).
//!
//! This room uses neither `api` nor `client` nor `bitcoin`: both ends must agree through bytes, and a
//! misunderstanding cannot hide in a type they share. There is no API server here yet: what needs one is
//! tested against a real one (`test/e2e`).

pub mod bitcoind;
pub mod discovery;
pub mod json_path;
pub mod kinds;
pub mod openapi;
pub mod patch;
pub mod process;
pub mod protobuf;
pub mod runtime;
pub mod table;
