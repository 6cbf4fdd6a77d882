//! The runner of the benchmarks: starts the stub and the programs in turn, looks at them through `/proc`, and
//! prints who took what. See `test/bench/README.md`; `hack/bench.sh` builds everything and starts it.
//!
//!     bench-run [--programs DIR] [--runs N] [--json FILE] [ROW…]
//!     bench-run --render FILE
//!
//! # Invariants
//! - A figure is kept only of a run at whose end the program's store was as the stub's.
//! - What fails is named, and makes the exit code 1.

// It measures this machine's time, and nobody waits for it but a person.
#![allow(clippy::disallowed_methods)]

mod bench;
mod child;
mod contestant;
mod controller;
mod flags;
mod growth_table;
mod http;
mod machine;
mod measures;
mod process;
mod results;
mod rows;
mod stub;
mod table;
mod trial;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use crate::bench::{Bench, Clock};
use crate::child::Outcome;
use crate::contestant::Library;
use crate::flags::{Command, Flags};
use crate::results::Results;

fn main() -> ExitCode {
    let command = flags::parse(std::env::args().skip(1));
    let outcome = command.and_then(|command| match command {
        Command::Render(file) => render(&file),
        Command::Run(flags) => run(&flags),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-run: {error}");
            ExitCode::FAILURE
        }
    }
}

fn render(file: &Path) -> Outcome<()> {
    let text = fs::read_to_string(file)
        .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let results = Results::from_json(stub::parse(&text)?)?;
    print!("{}", table::render(&results));
    Ok(())
}

fn run(flags: &Flags) -> Outcome<()> {
    let mut bench = prepare(flags)?;
    for (place, row) in flags.rows.iter().enumerate() {
        let later = flags.rows[place + 1..].iter();
        bench.clock.later_seconds = later.map(|row| row.seconds).sum();
        bench.clock.row_seconds = row.seconds;
        bench.clock.row_started = Instant::now();
        (row.measure)(&mut bench);
        let seconds = bench.clock.row_started.elapsed().as_secs_f64();
        eprintln!("row {} took {seconds:.0} s", row.name);
        let seconds = (row.name.to_owned(), seconds.round());
        bench.results.seconds.push(seconds);
    }
    let results = bench.results;
    let mut text = table::render(&results);
    growth_table::render(&mut text, &results.growth);
    print!("{text}");
    if let Some(file) = &flags.json {
        let text = serde_json::to_string_pretty(&results.to_json());
        let text = text.map_err(|error| error.to_string())?;
        fs::write(file, text + "\n")
            .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    if !results.failed.is_empty() {
        return Err(format!("{} failures, see above", results.failed.len()));
    }
    Ok(())
}

fn prepare(flags: &Flags) -> Outcome<Bench> {
    let cores = process::cores()?;
    let [program_core, .., stub_core] = cores[..] else {
        return Err("there is one core; program and stub need one each".to_owned());
    };
    let mut results = Results::default();
    results.about = machine::about(flags.runs)?;
    let mut bench = Bench {
        programs: flags.programs.clone(),
        program_core,
        stub_core,
        runs: flags.runs,
        contestants: Vec::new(),
        results,
        clock: Clock {
            started: Instant::now(),
            later_seconds: 0.0,
            row_seconds: 0.0,
            row_started: Instant::now(),
        },
    };
    for library in [Library::Ours, Library::Kube, Library::ClientGo] {
        if !library.program(&bench.programs).exists() {
            bench.skip(&format!("{library}: its program is not there"));
            continue;
        }
        let contestants = contestant::ALL.into_iter();
        let contestants = contestants.filter(|it| it.library == library);
        bench.contestants.extend(contestants);
    }
    Ok(bench)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_shows_the_results() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
        let results = fs::read_to_string(root.join("test/bench/results.json")).unwrap();
        let results = Results::from_json(stub::parse(&results).unwrap()).unwrap();
        let readme = fs::read_to_string(root.join("README.md")).unwrap();
        let (_, shown) = readme.split_once("<!-- bench -->\n").unwrap();
        let (shown, _) = shown.split_once("<!-- /bench -->").unwrap();
        assert_eq!(shown.trim(), table::render(&results).trim());
    }
}
