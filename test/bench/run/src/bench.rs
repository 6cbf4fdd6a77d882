//! What every row needs: where the programs are, who takes part, how often, and where figures go.

use std::path::PathBuf;
use std::time::Instant;

use crate::child::Outcome;
use crate::contestant::{Contestant, Library};
use crate::results::Results;

pub struct Bench {
    /// Where `hack/bench.sh` has put everything that is started.
    pub programs: PathBuf,
    pub program_core: usize,
    pub stub_core: usize,
    pub runs: usize,
    /// Those whose programs are there.
    pub contestants: Vec<Contestant>,
    pub results: Results,
    pub clock: Clock,
}

/// How long it took, and how long it may still take.
pub struct Clock {
    pub started: Instant,
    /// How long the rows after this one took when they were last measured.
    pub later_seconds: f64,
    pub row_seconds: f64,
    pub row_started: Instant,
}

impl Bench {
    /// Takes the contestants that `wanted` names through `run`, `runs` times: forwards, backwards, forwards, …
    /// so that what changes slowly on the machine touches all alike. Who fails is out for the rest.
    pub fn compete(
        &mut self,
        what: &str,
        runs: usize,
        wanted: impl Fn(Contestant) -> bool,
        mut run: impl FnMut(&mut Bench, Contestant) -> Outcome<()>,
    ) {
        let mut contestants = self.contestants.clone();
        contestants.retain(|contestant| wanted(*contestant));
        for number in 1..=runs {
            let mut order = contestants.clone();
            if number % 2 == 0 {
                order.reverse();
            }
            for contestant in order {
                self.progress(&format!("{what}: {contestant}, run {number} of {runs}"));
                if let Err(error) = run(self, contestant) {
                    self.fail(&format!("{what}: {error}"));
                    contestants.retain(|other| *other != contestant);
                }
            }
        }
    }

    /// How often to run what takes long or hardly varies: three times of five.
    pub fn fewer_runs(&self) -> usize {
        (self.runs * 3).div_ceil(5)
    }

    /// How often to run what takes minutes: once of five.
    pub fn few_runs(&self) -> usize {
        self.runs.div_ceil(5)
    }

    /// Adds one run's figure.
    pub fn add(&mut self, measure: &str, contestant: Contestant, figure: f64) {
        eprintln!("    {measure} = {figure:.3}");
        self.results.add(measure, contestant, figure);
    }

    pub fn fail(&mut self, what: &str) {
        eprintln!("FAILED: {what}");
        self.results.failed.push(what.to_owned());
    }

    pub fn skip(&mut self, what: &str) {
        eprintln!("left out: {what}");
        self.results.skipped.push(what.to_owned());
    }

    /// Whether `library` takes part.
    pub fn has(&self, library: Library) -> bool {
        let mut contestants = self.contestants.iter();
        contestants.any(|contestant| contestant.library == library)
    }

    pub fn progress(&self, what: &str) {
        let clock = &self.clock;
        let in_row = clock.row_started.elapsed().as_secs_f64();
        let left = clock.later_seconds + (clock.row_seconds - in_row).max(0.0);
        let (minute, left) = (clock.started.elapsed().as_secs() / 60, left / 60.0);
        eprintln!("[{minute} min, about {left:.0} to go] {what}");
    }
}
