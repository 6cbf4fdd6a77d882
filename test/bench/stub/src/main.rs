//! An API server of which everything is known: what it holds, what it has sent and when, and what it was asked.
//!
//! The page `test/bench/README.md` says what it serves and which orders it obeys. It must cost the machine little beside
//! the client that is measured, and never be what is waited for. So every object is rendered once, at the start;
//! a change of an object is a change of its version alone; and what goes to a watcher is put together from rendered
//! bytes, with the ten digits of the version overwritten, a quarter of a megabyte at a time.
//!
//! ```text
//!   orders ──> store: objects, version, history ──wakes──> one thread for each watch ──> socket
//!                         └── snapshots ──> lists, initial events
//! ```
//!
//! # What differs from a real server
//! - Versions are numbers, selectors are refused, every list honours `limit` (a real one with a watch cache does not
//!   at `resourceVersion=0`), and objects come in the order of their places, not of their names.
//! - Nothing can be written: a write is answered with what it sent.

#![allow(
    clippy::disallowed_methods,
    reason = "threads that sleep, and the real clock: there is no runtime here"
)]

mod body;
mod chunked;
mod history;
mod http;
mod identity;
mod list;
mod options;
mod orders;
mod random;
mod refusal;
mod requests;
mod server;
mod shapes;
mod snapshots;
mod store;
mod target;
mod template;
#[cfg(test)]
mod tests;
mod watch;

use std::io;
use std::process::ExitCode;

use serde_json::json;

use crate::options::Options;
use crate::server::Server;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-stub: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until standard input ends.
fn run() -> Result<(), String> {
    let options = Options::parse(std::env::args().skip(1))?;
    let server = Server::start(&options)?;
    println!("{}", json!({"url": server.url}));
    let ended = io::copy(&mut io::stdin().lock(), &mut io::sink());
    ended.map_err(|error| format!("standard input: {error}"))?;
    Ok(())
}
