//! Row 1: how fast events go from the wire into the store and to the first handler.
//!
//! The stub sends as fast as they are taken. A first burst warms up and says how many events make about two
//! seconds; that number stays for the contestant's other runs.

use std::collections::BTreeMap;

use crate::bench::Bench;
use crate::child::{Nanos, Outcome};
use crate::contestant::Contestant;
use crate::process;
use crate::rows::MEGABYTE;
use crate::stub::{Load, Sent};
use crate::trial::Trial;

/// One size of objects.
struct Size {
    what: &'static str,
    load: Load,
    warm_up: u64,
    throughput: &'static str,
    runs: usize,
}

pub fn measure(bench: &mut Bench) {
    let of_size = |objects, size| Load {
        size: Some(size),
        ..Load::new("P", objects)
    };
    let usual = Size {
        what: "watch, P of 10 kB",
        load: Load::new("P", 1_000),
        warm_up: 2_000,
        throughput: "watch_10k",
        runs: bench.runs,
    };
    let larger = Size {
        what: "watch, P of 100 kB",
        load: of_size(200, 100_000),
        warm_up: 200,
        throughput: "watch_100k",
        runs: bench.fewer_runs(),
    };
    let largest = Size {
        what: "watch, P of 1.3 MB",
        load: of_size(20, 1_300_000),
        warm_up: 20,
        throughput: "watch_1300k",
        runs: bench.fewer_runs(),
    };
    let mut rates = BTreeMap::new();
    compete(bench, &usual, |_| true, &mut rates);
    compete(bench, &larger, |it| it.is_typed(), &mut rates);
    compete(bench, &largest, |it| it.is_typed(), &mut rates);
    flatness(bench);
}

fn compete(
    bench: &mut Bench,
    size: &Size,
    wanted: fn(Contestant) -> bool,
    n_events: &mut BTreeMap<(&'static str, String), u64>,
) {
    bench.compete(size.what, size.runs, wanted, |bench, contestant| {
        let mut trial = Trial::start(bench, contestant, &size.load, &[])?;
        trial.synced()?;
        let warm_up = pump(&mut trial, size.warm_up)?;
        let key = (size.throughput, contestant.name());
        let n = *n_events.entry(key).or_insert_with(|| {
            let in_time = size.warm_up as f64 / warm_up.seconds * SECONDS;
            (in_time as u64).clamp(size.warm_up, 50 * size.warm_up)
        });
        let before = process::cpu_nanos(trial.pid())?;
        let burst = pump(&mut trial, n)?;
        let busy = (process::cpu_nanos(trial.pid())? - before) as f64 / 1e9;
        trial.check()?;
        trial.end()?;

        if size.throughput == "watch_10k" {
            bench.add("watch_events", contestant, n as f64 / burst.seconds);
            // Reading the clocks takes a moment in which it may be busy with the rest.
            let share = (100.0 * busy / burst.seconds).min(100.0);
            bench.add("watch_busy", contestant, share);
        }
        let bytes = burst.sent.bytes as f64;
        let throughput = bytes / MEGABYTE / burst.seconds;
        bench.add(size.throughput, contestant, throughput);
        Ok(())
    });
}

/// How long a burst should take.
const SECONDS: f64 = 2.0;

struct Burst {
    sent: Sent,
    seconds: f64,
}

fn pump(trial: &mut Trial, events: u64) -> Outcome<Burst> {
    let (at, sent): (Nanos, Sent) = trial.until_sent(events, |stub| stub.pump(events, 0, 0))?;
    let nanos = at.saturating_sub(sent.first).max(1);
    Ok(Burst {
        sent,
        seconds: nanos as f64 / 1e9,
    })
}

/// Run by run: the largest objects beside the usual ones.
fn flatness(bench: &mut Bench) {
    for contestant in bench.contestants.clone() {
        let usual = bench.results.of("watch_10k", contestant).0;
        let largest = bench.results.of("watch_1300k", contestant).0;
        for (usual, largest) in usual.iter().zip(&largest) {
            bench.add("watch_flat", contestant, largest / usual);
        }
    }
}
