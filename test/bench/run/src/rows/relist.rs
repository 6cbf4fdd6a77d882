//! Row 4: the watch is lost, one object of a hundred has changed, everything comes once more.

use std::thread::sleep;
use std::time::Duration;

use crate::bench::Bench;
use crate::process;
use crate::stub::Load;
use crate::trial::Trial;

pub fn measure(bench: &mut Bench) {
    let runs = bench.fewer_runs();
    bench.compete(
        "relist",
        runs,
        |_| true,
        |bench, contestant| {
            let mut trial = Trial::start(bench, contestant, &Load::new("P", 10_000), &[])?;
            trial.synced()?;
            sleep(SETTLE);
            trial.check()?;
            let steady = trial.rss()?;
            process::forget_peak(trial.pid())?;
            let before = trial.handled()?;

            let (changed, version) = trial.stub.change(1)?;
            if changed != 100 {
                return Err(format!("the stub changed {changed} objects, not 100"));
            }
            trial.stub.gone()?;
            trial.until(version)?;
            trial.check()?;
            // Handlers may be told a moment after the store is as it should be.
            sleep(SETTLE);
            let peak = process::peak_rss(trial.pid())?;
            let told = trial.handled()?.all() - before.all();
            trial.end()?;
            bench.add("relist_peak", contestant, peak as f64 / steady as f64);
            bench.add("relist_told", contestant, told as f64);
            Ok(())
        },
    );
}

const SETTLE: Duration = Duration::from_secs(1);
