//! A pretend cluster for tests and the demo: an API server, and what works behind it, in one process.
//!
//! ```text
//!   client ──HTTP──> apiserver ──> store <── cluster ──> bitcoind, or real processes
//! ```
//!
//! | page | what |
//! |---|---|
//! | [`store`], [`history`], `state` | objects as plain JSON, a number for every change |
//! | [`request`], `object_meta`, `rules`, `defaults`, `admission` | what is asked of the store, and what it makes of it |
//! | [`kinds`], [`schema`], `form` | which objects there are, and what theirs must look like |
//! | `apply`, `managed_fields`, [`field_set`], [`shape`] | whose field it is: server-side apply |
//! | [`selectors`], [`refusal`] | which objects are meant; what is said when something is not done |
//! | [`apiserver`], [`table`], [`discovery`], [`openapi`], [`patch`] | the store over HTTP, good enough for kubectl, helm and client-go |
//! | [`json_path`], [`protobuf`] | where a column's value is; the few bodies that are no JSON |
//! | [`faults`], [`request_log`] | what goes wrong on request; what was asked |
//! | [`cluster`] | controller manager, scheduler, kubelet |
//! | [`world`] | all of it together |
//! | [`runtime`], [`process`] | what runs in pods |
//! | [`bitcoind`] | a regtest node in a few kilobytes: real HTTP, a real little chain |
//!
//! Whoever wants to choose a single answer, or to know what was sent, puts a
//! [`testing::Fake`](crate::testing) in front of the server. Whoever asks whether things end well looks at
//! the state of this world, and at no list of calls.
//!
//! This room uses neither `api` nor `client` nor `bitcoin`: both ends must agree through bytes, and a
//! misunderstanding cannot hide in a type they share. What is claimed here is asserted against a real
//! server, too (`test/api_assertions`).

mod admission;
pub mod apiserver;
mod apply;
pub mod bitcoind;
pub mod cluster;
mod defaults;
pub mod discovery;
pub mod faults;
pub mod field_set;
mod form;
pub mod history;
pub mod json_path;
pub mod kinds;
mod managed_fields;
mod object_meta;
pub mod openapi;
pub mod patch;
pub mod process;
pub mod protobuf;
pub mod refusal;
pub mod request;
pub mod request_log;
mod rules;
pub mod runtime;
pub mod schema;
pub mod selectors;
pub mod shape;
mod state;
pub mod store;
pub mod table;
mod value;
pub mod world;

pub use apiserver::ApiServer;
pub use faults::Faults;
pub use managed_fields::Manager;
pub use refusal::Refusal;
pub use request::Key;
pub use request_log::RequestLog;
pub use store::Store;
pub use world::World;
