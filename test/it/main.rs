//! Everything that can be tested without a cluster, in one binary; the modules mirror `src/`.
#![allow(clippy::unwrap_used, reason = "a test may panic: that is how it fails")]
#![allow(
    unreachable_pub,
    reason = "in a test binary nothing is reachable, and `pub(crate)` everywhere says nothing"
)]

mod api;
mod base;
mod bitcoin;
mod build;
mod cache;
mod cli;
mod client;
mod conformance;
mod controller;
mod demo;
mod docs;
mod examples;
mod http;
mod leader;
mod metrics;
mod record;
mod run;
mod serve;
mod sim;
mod support;
mod testing;
mod tidy;
mod workqueue;
mod world;
