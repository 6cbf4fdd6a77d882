//! Row 7: from the wire into the reconciler, while many events arrive on other keys.

use crate::bench::Bench;
use crate::contestant::Contestant;
use crate::rows::lags;
use crate::stub::Load;
use crate::trial::Trial;

const PROBES: u64 = 100;
const RATE: u64 = 5_000;
const SECONDS: u64 = 4;
const EVERY: u64 = 25;

pub fn measure(bench: &mut Bench) {
    let load = Load {
        probes: PROBES,
        ..Load::new("P", 1_000 + PROBES)
    };
    let typed = |contestant: Contestant| contestant.is_typed();
    bench.compete("latency", bench.runs, typed, |bench, contestant| {
        let mut trial = Trial::start(bench, contestant, &load, &[])?;
        trial.synced()?;
        trial.check()?;
        let n = RATE * SECONDS;
        trial.until_sent(n, |stub| stub.pump(n, RATE, EVERY))?;
        trial.check()?;
        let (lags, _) = lags::of(&mut trial, PROBES)?;
        trial.end()?;
        let microseconds = |nanos: u64| nanos as f64 / 1e3;
        bench.add("latency_p50", contestant, microseconds(lags.percentile(50)));
        bench.add("latency_p99", contestant, microseconds(lags.percentile(99)));
        bench.add("latency_max", contestant, microseconds(lags.longest()));
        Ok(())
    });
}
