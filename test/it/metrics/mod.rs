//! Numbers for Prometheus.

mod exposition;
mod labelled;
mod page;
mod process;
mod registry;
mod value;
