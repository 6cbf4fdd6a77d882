//! A Bitcoin test network from one small resource, by a Kubernetes controller written by hand on the
//! raw REST API, so that each of its parts can be read, and used, alone.
//!
//! ```text
//!   API server ──list, watch──> Reflector ──> Indexer ──> SharedInformer ──key──> WorkQueue ──key──> Reconciler
//!       ^                                        ^  reads                                               │
//!       └──────────── apply, status, events ─────────────────────────────────────────────────────────┴──RPC──> bitcoind
//! ```
//!
//! Nothing in this picture carries a change. An event says only *which* network to look at again; the
//! reconciler reads what is, works out what should be, does the difference, and would do nothing if
//! it ran once more. Everything below exists so that this loop runs soon, once at a time for each
//! key, and never on a state older than what it was told about.
//!
//! # The chapters, in reading order
//!
//! | room | what it is about | start with |
//! |---|---|---|
//! | [`api`] | nouns: the few fields of Kubernetes objects that are read | [`api::network`] |
//! | [`http`] | byte streams and HTTP over them; the one seam that tests swap | [`http`] |
//! | [`client`] | verbs on the API server | [`client::rest`] |
//! | [`cache`] | a copy of a collection that keeps itself up to date, and tells who asks | [`cache::reflector`] |
//! | [`workqueue`] | a queue of keys: each once, never two workers on one, later, slower | [`workqueue::queue`] |
//! | [`record`] | telling people what happened, without ever waiting for it | [`record::event_recorder`] |
//! | [`leader`] | of many that could, one does | [`leader::elector`] |
//! | [`bitcoin`] | bitcoind: RPC, blocks, wallets, and who should be connected with whom | [`bitcoin::peers`] |
//! | [`controller`] | where all of the above meet: the level-based loop | [`controller::reconciler`] |
//! | [`sim`] | a pretend cluster in one process, real HTTP and all | [`sim::store`] |
//! | [`testing`] | client-go's fake: choose one answer, ask what was sent | [`testing::fake`] |
//! | [`base`] | time, chance, waiting, text from outside | [`base`] |
//! | [`metrics`] | numbers for Prometheus: counted where things happen, written down when asked for | [`metrics::page`] |
//! | [`serve`] | a few pages over HTTP, at a bounded cost | [`serve::server`] |
//! | [`run`], [`cli`] | the wiring: flags, signals, the order of shutdown | [`run`] |
//! | [`demo`] | the story of one network, told while it happens | [`demo::story`] |
//!
//! The eight programs in `examples/` go the same way, from a list to a whole controller.
//!
//! Who may depend on whom is a table in `test/it/tidy/arrows.rs`, held by a test. `workqueue`
//! names no other room, so it can be lifted out and taught alone.

pub mod api;
pub mod base;
pub mod bitcoin;
pub mod cache;
pub mod cli;
pub mod client;
pub mod controller;
#[cfg(feature = "demo")]
pub mod demo;
pub mod http;
pub mod leader;
pub mod metrics;
pub mod record;
pub mod run;
pub mod serve;
#[cfg(feature = "demo")]
pub mod sim;
#[cfg(feature = "demo")]
pub mod testing;
pub mod workqueue;
