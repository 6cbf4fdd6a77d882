//! Numbers for Prometheus.

mod labelled;
mod page;
mod process;
mod registry;
mod value;
