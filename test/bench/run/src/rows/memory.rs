//! Row 3: what a cached object takes, once every object has been replaced by another.
//!
//! The same program with no objects is subtracted. RSS is what the kernel charges for; live bytes are what was
//! asked of the allocator, counted by builds of their own in Rust and by the runtime in Go. These are the same
//! in each run: one of five is enough.

use std::thread::sleep;
use std::time::Duration;

use crate::bench::Bench;
use crate::child::Outcome;
use crate::stub::Load;
use crate::trial::Trial;

const N: u64 = 10_000;

pub fn measure(bench: &mut Bench) {
    let runs = bench.fewer_runs();
    bench.compete(
        "memory, RSS",
        runs,
        |_| true,
        |bench, contestant| {
            let start = |load: Load| Trial::start(bench, contestant, &load, &[]);
            let bytes = bytes_per_object(&start, |trial| Ok(trial.rss()? as f64))?;
            bench.add("memory_rss", contestant, bytes);
            Ok(())
        },
    );
    let runs = bench.few_runs();
    bench.compete(
        "memory, live",
        runs,
        |_| true,
        |bench, contestant| {
            let start = |load: Load| Trial::start_counting(bench, contestant, &load);
            let bytes = bytes_per_object(&start, Trial::live)?;
            bench.add("memory_live", contestant, bytes);
            Ok(())
        },
    );
}

fn bytes_per_object(
    start: &dyn Fn(Load) -> Outcome<Trial>,
    bytes: impl Fn(&mut Trial) -> Outcome<f64>,
) -> Outcome<f64> {
    let mut without = start(Load::new("P", 0))?;
    without.synced()?;
    sleep(SETTLE);
    let without_any = bytes(&mut without)?;
    without.end()?;

    let mut with = start(Load::new("P", N))?;
    with.synced()?;
    let last = with.stub.churn(N)?.version;
    with.until(last)?;
    with.check()?;
    sleep(SETTLE);
    let with_all = bytes(&mut with)?;
    with.end()?;
    Ok((with_all - without_any) / N as f64)
}

/// For what a library does a moment after it has nothing left to do.
const SETTLE: Duration = Duration::from_secs(1);
