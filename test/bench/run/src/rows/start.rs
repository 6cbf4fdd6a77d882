//! Row 10: how large a program is, what it takes when it has nothing to do, and how fast it is at work.
//!
//! Of the whole controller: until the stub sees the first request that only a reconcile makes. Both count from
//! before `taskset` is started, which takes about a millisecond of it.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::bench::Bench;
use crate::child::Outcome;
use crate::contestant::OURS;
use crate::controller::Controller;
use crate::rows::{megabytes, milliseconds};
use crate::stub::Load;
use crate::trial::Trial;

pub fn measure(bench: &mut Bench) {
    let typed = |contestant: crate::contestant::Contestant| contestant.is_typed();
    bench.compete("binary", 1, typed, |bench, contestant| {
        let program = contestant.library.program(&bench.programs);
        bench.add("start_binary", contestant, size(&program)?);
        Ok(())
    });
    bench.compete(
        "start",
        bench.runs,
        |_| true,
        |bench, contestant| {
            let mut trial = Trial::start(bench, contestant, &Load::new("P", 1), &[])?;
            trial.synced()?;
            let reconciled = trial.reconciled()?;
            sleep(SETTLE);
            let rss = trial.rss()?;
            trial.check()?;
            let took = milliseconds(trial.started(), reconciled);
            trial.end()?;
            bench.add("start_reconciled", contestant, took);
            bench.add("start_idle_rss", contestant, megabytes(rss));
            Ok(())
        },
    );
    whole_controller(bench);
}

fn whole_controller(bench: &mut Bench) {
    let program = Controller::program(bench);
    if !program.exists() {
        return bench.skip("start, the whole controller: it is not built");
    }
    let what = "start, the whole controller";
    let ours = |contestant| contestant == OURS;
    bench.compete(what, 1, ours, |bench, contestant| {
        bench.add("start_controller_binary", contestant, size(&program)?);
        Ok(())
    });
    bench.compete(what, bench.runs, ours, |bench, contestant| {
        let controller = Controller::start(bench, &Load::new("C", 1))?;
        let (started, at) = controller.first_request_of_a_reconcile()?;
        drop(controller);
        let idle = Controller::start(bench, &Load::new("C", 0))?;
        idle.synced()?;
        sleep(SETTLE);
        let rss = megabytes(idle.rss()?);
        let took = milliseconds(started, at);
        bench.add("start_controller_request", contestant, took);
        bench.add("start_controller_idle_rss", contestant, rss);
        Ok(())
    });
}

/// The size, in megabytes. All of it is read, so that no later start waits for the disk.
fn size(program: &Path) -> Outcome<f64> {
    let bytes = fs::read(program);
    let bytes = bytes.map_err(|error| format!("cannot read {}: {error}", program.display()))?;
    Ok(megabytes(bytes.len() as u64))
}

const SETTLE: Duration = Duration::from_secs(2);
