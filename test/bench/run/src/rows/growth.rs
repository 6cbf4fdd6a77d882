//! Rows 11 and 12: what a network costs when there are many; printed by `bench-growth`, passed on as it is.

use std::time::Duration;

use crate::bench::Bench;
use crate::child::{Child, Deadline, Outcome};
use crate::results::Growth;
use crate::stub::parse;

pub fn measure(bench: &mut Bench) {
    bench.progress("growth");
    match grown(bench) {
        Ok(growth) => bench.results.growth = growth,
        Err(error) => bench.fail(&format!("growth: {error}")),
    }
}

fn grown(bench: &Bench) -> Outcome<Vec<Growth>> {
    let program = bench.programs.join("bench-growth");
    let mut child = Child::start_anywhere("bench-growth", &program)?;
    // It is all sizes, one after another; the pretend server has a thread of its own.
    let lines = child.all_lines(Deadline::after(Duration::from_secs(600)))?;
    let growth = lines.iter().map(|line| Growth::from_json(&parse(line)?));
    let growth = growth.collect::<Outcome<Vec<_>>>()?;
    match growth.is_empty() {
        true => Err(child.failure("printed nothing")),
        false => Ok(growth),
    }
}
