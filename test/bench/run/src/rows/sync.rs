//! Row 2: from the start to the first state in the store, all handlers told.

use crate::bench::Bench;
use crate::contestant::Contestant;
use crate::process;
use crate::rows::{MILLISECOND, megabytes, milliseconds};
use crate::stub::Load;
use crate::trial::Trial;

/// One way to get one load.
struct Way {
    what: &'static str,
    load: Load,
    flags: &'static [&'static str],
    wall: Option<&'static str>,
    cpu: &'static str,
    peak: &'static str,
}

pub fn measure(bench: &mut Bench) {
    let pods = Load::new("P", 10_000);
    let way = |what, load, cpu, peak| Way {
        what,
        load,
        flags: &[],
        wall: None,
        cpu,
        peak,
    };
    let usual = Way {
        wall: Some("sync_wall"),
        ..way("sync of P", pods, "sync_cpu", "sync_peak")
    };
    let lists = Way {
        flags: &["--list"],
        wall: Some("sync_list_wall"),
        ..way(
            "sync of P with lists",
            pods,
            "sync_list_cpu",
            "sync_list_peak",
        )
    };
    let zipped = Load { gzip: true, ..pods };
    let zipped = Way {
        flags: &["--list"],
        ..way(
            "sync of P with lists and gzip",
            zipped,
            "sync_gzip_cpu",
            "sync_gzip_peak",
        )
    };
    let nodes = Load::new("N", 1_000);
    let nodes = way("sync of N", nodes, "sync_n_cpu", "sync_n_peak");
    let networks = Load::new("C", 10_000);
    let networks = way("sync of C", networks, "sync_c_cpu", "sync_c_peak");

    let everybody = |_| true;
    let typed = |contestant: Contestant| contestant.is_typed();
    let fewer = bench.fewer_runs();
    compete(bench, &usual, bench.runs, everybody);
    compete(bench, &lists, fewer, everybody);
    compete(bench, &zipped, fewer, typed);
    compete(bench, &nodes, fewer, typed);
    compete(bench, &networks, fewer, typed);
}

fn compete(bench: &mut Bench, way: &Way, runs: usize, wanted: fn(Contestant) -> bool) {
    bench.compete(way.what, runs, wanted, |bench, contestant| {
        let mut trial = Trial::start(bench, contestant, &way.load, way.flags)?;
        let at = trial.synced()?;
        let cpu = process::cpu_nanos(trial.pid())?;
        let peak = process::peak_rss(trial.pid())?;
        trial.check()?;
        let wall = milliseconds(trial.started(), at);
        trial.end()?;
        if let Some(measure) = way.wall {
            bench.add(measure, contestant, wall);
        }
        bench.add(way.cpu, contestant, cpu as f64 / MILLISECOND);
        bench.add(way.peak, contestant, megabytes(peak));
        Ok(())
    });
}
