//! What an API server does: one body of assertions for the pretend server and for a real one.
//!
//! What `sim` claims would be worth little if only `sim` said so. These tests are part of two
//! binaries: `it` runs them against `sim::ApiServer`, in memory; `e2e` runs them against a real
//! kube-apiserver. The parent module has `api_server::ApiServer`, which starts or finds the one
//! meant. Where the two differ, `sim` is wrong.
//!
//! A real server has controllers behind it, which write when they like. So no assertion counts
//! writes to objects that a controller cares about, and each test has a namespace of its own.

mod api;
mod apply;
mod apply_lists;
mod built_in;
mod clients;
mod custom_resources;
mod deletion;
mod dry_run;
mod events;
mod existence;
mod leases;
mod lists;
mod managed_fields;
mod namespaces;
mod patches;
mod pods;
mod protobuf;
mod reflecting;
mod selectors;
mod subresources;
mod versions;
mod watches;
mod widgets;

use super::api_server::ApiServer;
use api::Api;
