//! Mirrors `src/client`.

mod list;
mod scan;
mod server;
mod watch;
