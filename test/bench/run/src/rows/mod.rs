//! The rows of the table, each measured by a function of its own.

mod big;
mod growth;
mod handlers;
mod inside;
mod lags;
mod latency;
mod memory;
mod relist;
mod start;
mod sync;
mod watch;

use crate::bench::Bench;

/// A part of the benchmarks that can be asked for by name.
pub struct Row {
    pub name: &'static str,
    /// How long it takes on the machine it was written on, in seconds: for the progress only.
    pub seconds: f64,
    pub measure: fn(&mut Bench),
}

/// All of them, in the order in which they are measured.
pub const ALL: &[Row] = &[
    Row {
        name: "watch",
        seconds: 180.0,
        measure: watch::measure,
    },
    Row {
        name: "sync",
        seconds: 200.0,
        measure: sync::measure,
    },
    Row {
        name: "memory",
        seconds: 200.0,
        measure: memory::measure,
    },
    Row {
        name: "relist",
        seconds: 160.0,
        measure: relist::measure,
    },
    Row {
        name: "latency",
        seconds: 100.0,
        measure: latency::measure,
    },
    Row {
        name: "handlers",
        seconds: 200.0,
        measure: handlers::measure,
    },
    Row {
        name: "big",
        seconds: 200.0,
        measure: big::measure,
    },
    Row {
        name: "start",
        seconds: 100.0,
        measure: start::measure,
    },
    Row {
        name: "inside",
        seconds: 60.0,
        measure: inside::measure,
    },
    Row {
        name: "growth",
        seconds: 60.0,
        measure: growth::measure,
    },
];

const MILLISECOND: f64 = 1e6;
const MEGABYTE: f64 = 1e6;

/// From one time to another, in milliseconds; not less than nothing.
fn milliseconds(from: u64, to: u64) -> f64 {
    to.saturating_sub(from) as f64 / MILLISECOND
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / MEGABYTE
}
