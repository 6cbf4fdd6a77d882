//! The workloads of `bench-ceiling` with a clock, and how much it varies.
//!
//!     cargo bench --manifest-path test/bench/Cargo.toml --package bench-inside

use bench_ceiling::settled::Settled;
use bench_ceiling::{WORKLOADS, measured};
use divan::Bencher;
use divan::counter::ItemsCount;

fn main() {
    divan::main();
}

/// All but the one that takes seconds to prepare.
fn names() -> impl Iterator<Item = &'static str> {
    let names = WORKLOADS.iter().map(|workload| workload.name);
    names.filter(|name| *name != "noop_reconcile")
}

#[divan::bench(args = names(), sample_count = 30)]
fn workload(bencher: Bencher, name: &str) {
    let workload = WORKLOADS.iter().find(|workload| workload.name == name);
    let prepare = workload.expect("it is one of them").prepare;
    bencher
        .with_inputs(prepare)
        .input_counter(|work| ItemsCount::new(work.units))
        .bench_local_values(measured);
}

#[divan::bench(sample_count = 30, sample_size = 1)]
fn noop_reconcile(bencher: Bencher) {
    let settled = Settled::new();
    let n_passes = 20_u64;
    let bencher = bencher.counter(ItemsCount::new(n_passes));
    bencher.bench_local(|| settled.passes(n_passes));
}
