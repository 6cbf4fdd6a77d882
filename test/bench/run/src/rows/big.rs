//! Row 9: a hundred thousand pods in all namespaces.
//!
//! One run of five: it takes a minute of the slower peers.

use std::thread::sleep;
use std::time::Duration;

use crate::bench::Bench;
use crate::contestant::{self, Library};
use crate::controller::Controller;
use crate::process;
use crate::rows::megabytes;
use crate::stub::Load;
use crate::trial::Trial;

pub fn measure(bench: &mut Bench) {
    let load = Load::new("P", 100_000);
    let available = match process::available_memory() {
        Ok(bytes) => bytes,
        Err(error) => return bench.fail(&error),
    };
    let fits = available >= NEEDED_BY_KUBE;
    if !fits && bench.has(Library::Kube) {
        bench.skip("big, kube typed: it needs 12 GB of free memory");
    }
    let wanted = |contestant: contestant::Contestant| {
        fits || contestant.library != Library::Kube || !contestant.is_typed()
    };
    let runs = bench.few_runs();
    bench.compete("big", runs, wanted, |bench, contestant| {
        let mut trial = Trial::start(bench, contestant, &load, &[])?;
        trial.synced()?;
        sleep(SETTLE);
        let rss = trial.rss()?;
        trial.check()?;
        trial.end()?;
        bench.add("big_rss", contestant, megabytes(rss));
        Ok(())
    });
    if !Controller::program(bench).exists() {
        return bench.skip("big, the whole controller: it is not built");
    }
    let ours = |contestant| contestant == contestant::OURS;
    let what = "big, the whole controller";
    bench.compete(what, runs, ours, |bench, contestant| {
        let controller = Controller::start(bench, &load)?;
        controller.synced()?;
        sleep(SETTLE);
        let rss = megabytes(controller.rss()?);
        bench.add("big_controller_rss", contestant, rss);
        Ok(())
    });
}

/// kube-rs was seen to hold 7.5 GB, the stub holds one.
const NEEDED_BY_KUBE: u64 = 12_000_000_000;

const SETTLE: Duration = Duration::from_secs(2);
