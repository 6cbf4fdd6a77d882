//! Mirrors `src/client`.

mod error;
mod list;
mod rest;
mod scan;
mod server;
mod watch;
