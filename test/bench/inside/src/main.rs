//! What happens within one process, in numbers: a JSON line for each.
//!
//!     cargo run --release --manifest-path test/bench/Cargo.toml --package bench-inside [NAME…]
//!
//! Times are medians of several runs on one thread, including what a counting allocator takes (a nanosecond or two for
//! each allocation). The longest of many additions is the least of what several runs had as their longest, by the
//! thread's own clock: what the kernel does meanwhile is not the queue's. The work itself is that of `bench-ceiling`, where it is described.

mod delayed;
mod longest;
mod slow;

use std::process::ExitCode;

use bench_ceiling::settled::Settled;
use bench_ceiling::{WORKLOADS, Workload, measured};
use tokio::time::Instant;

/// How often each workload is run.
const N_RUNS: usize = 15;

/// A number, with a name.
pub struct Figure {
    pub name: &'static str,
    pub value: f64,
    pub unit: &'static str,
}

/// Something that is measured, by the name of its first figure.
struct Measure {
    name: &'static str,
    run: fn() -> Vec<Figure>,
}

/// What no workload of `bench-ceiling` shows.
const OTHERS: &[Measure] = &[
    Measure {
        name: "noop_reconcile",
        run: noop_reconcile,
    },
    Measure {
        name: "queue_longest_add_1m",
        run: longest::longest_add,
    },
    Measure {
        name: "queue_delayed_item",
        run: delayed::bytes_per_item,
    },
    Measure {
        name: "slow_handler_lag",
        run: slow::slow_handler,
    },
];

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|it| it == name);
    let is_other = |name: &str| OTHERS.iter().any(|other| other.name == name);
    let is_known = |name: &str| is_other(name) || WORKLOADS.iter().any(|it| it.name == name);
    if let Some(unknown) = wanted.iter().find(|name| !is_known(name)) {
        eprintln!("bench-inside: nothing is called `{unknown}`");
        return ExitCode::FAILURE;
    }
    for workload in WORKLOADS {
        if is_wanted(workload.name) && !is_other(workload.name) {
            print(&timed(workload));
        }
    }
    for other in OTHERS {
        if is_wanted(other.name) {
            (other.run)().iter().for_each(print);
        }
    }
    ExitCode::SUCCESS
}

fn print(figure: &Figure) {
    let Figure { name, value, unit } = figure;
    println!(
        "{}",
        serde_json::json!({"name": name, "value": value, "unit": unit})
    );
}

fn timed(workload: &Workload) -> Figure {
    let run = || {
        let work = (workload.prepare)();
        let (units, started) = (work.units, Instant::now());
        let left = measured(work);
        let taken = started.elapsed();
        drop(left);
        taken.as_nanos() as f64 / units as f64
    };
    let nanos = median((0..N_RUNS).map(|_| run()));
    let (value, unit) = match workload.name {
        "loop_empty_reconcile" => (1e9 / nanos, "per s"),
        _ => (nanos, "ns"),
    };
    Figure {
        name: workload.name,
        value,
        unit,
    }
}

/// One pass over a settled network of three nodes; the pretend server and nodes are on the same thread.
fn noop_reconcile() -> Vec<Figure> {
    let (settled, n_passes) = (Settled::new(), 100);
    settled.passes(n_passes);
    let run = || {
        let started = Instant::now();
        settled.passes(n_passes);
        started.elapsed().as_nanos() as f64 / n_passes as f64
    };
    vec![Figure {
        name: "noop_reconcile",
        value: median((0..N_RUNS).map(|_| run())),
        unit: "ns",
    }]
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
