//! Row 8: eight handlers of which one sleeps at each notification. Do the others notice, and what does it cost?
//!
//! Fewer runs: where one slow handler stalls all, a run takes a minute.

use crate::bench::Bench;
use crate::contestant::Contestant;
use crate::process;
use crate::rows::{MILLISECOND, lags, megabytes};
use crate::stub::Load;
use crate::trial::Trial;

const PROBES: u64 = 100;
const RATE: u64 = 2_000;
const SECONDS: u64 = 2;
const EVERY: u64 = 25;

pub fn measure(bench: &mut Bench) {
    let load = Load {
        probes: PROBES,
        ..Load::new("P", 1_000 + PROBES)
    };
    let flags = ["--handlers", "8", "--slow", "10"];
    let typed = |contestant: Contestant| contestant.is_typed();
    let runs = bench.fewer_runs();
    bench.compete("handlers", runs, typed, |bench, contestant| {
        let mut trial = Trial::start(bench, contestant, &load, &flags)?;
        trial.synced()?;
        trial.check()?;
        let before = trial.rss()?;
        process::forget_peak(trial.pid())?;
        let n = RATE * SECONDS;
        trial.until_sent(n, |stub| stub.pump(n, RATE, EVERY))?;
        trial.check()?;
        let growth = process::peak_rss(trial.pid())?.saturating_sub(before);
        let (reconciled, told) = lags::of(&mut trial, PROBES)?;
        trial.end()?;
        let worst = reconciled.longest().max(told?.longest());
        bench.add("handlers_lag", contestant, worst as f64 / MILLISECOND);
        bench.add("handlers_growth", contestant, megabytes(growth));
        Ok(())
    });
}
