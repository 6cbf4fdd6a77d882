//! Rows 5 and 6, and what else happens within one process: benchmarks that print what they measured.
//!
//! In Rust a line is `{"name", "value", "unit"}`. In Go it is what `go test -bench` prints: `Benchmark_` and the
//! name, how many turns it took, then pairs of a number and a unit. Each measures often enough by itself for one run
//! of five to do.

use std::path::Path;
use std::time::Duration;

use crate::bench::Bench;
use crate::child::{Child, Deadline, Outcome};
use crate::contestant::{Contestant, Library};
use crate::measures::{self, Measure};
use crate::stub::{parse, text};

pub fn measure(bench: &mut Bench) {
    let runs = bench.few_runs();
    let typed = |contestant: Contestant| contestant.is_typed();
    bench.compete("inside", runs, typed, |bench, contestant| {
        for (measure, figure) in figures(bench, contestant.library)? {
            bench.add(measure.name, contestant, figure);
        }
        Ok(())
    });
}

type Figure = (&'static Measure, f64);

fn figures(bench: &Bench, library: Library) -> Outcome<Vec<Figure>> {
    let mut child = start(bench, library)?;
    let lines = child.all_lines(Deadline::after(Duration::from_secs(120)))?;
    let mut figures = Vec::new();
    for line in &lines {
        let found = match library {
            Library::ClientGo => go_figure(line),
            _ => json_figure(line),
        };
        figures.extend(found.map_err(|error| child.failure(&error))?);
    }
    match figures.is_empty() {
        true => Err(child.failure("measured nothing")),
        false => Ok(figures),
    }
}

fn start(bench: &Bench, library: Library) -> Outcome<Child> {
    let (name, flags): (_, &[&str]) = match library {
        Library::Ours => ("bench-inside", &[]),
        Library::Kube => ("bench-kube-inside", &[]),
        Library::ClientGo => (
            "bench-client-go-inside",
            &["-test.run=^$", "-test.bench=.", "-test.timeout=110s"],
        ),
    };
    let program = bench.programs.join(name);
    let program = program
        .canonicalize()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    // `go test` runs in the folder of what it tests, and files are found from there.
    let folder = match library {
        Library::ClientGo => "test/bench/client-go",
        Library::Ours | Library::Kube => ".",
    };
    let mut arguments = vec![format!("--chdir={folder}"), program.display().to_string()];
    arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
    Child::start(name, bench.program_core, Path::new("env"), &arguments)
}

/// `None`: it is not in the table.
fn json_figure(line: &str) -> Outcome<Option<Figure>> {
    let document = parse(line)?;
    let name = text(&document, "name", "a benchmark")?;
    let unit = text(&document, "unit", "a benchmark")?;
    let value = document["value"].as_f64();
    let value = value.ok_or_else(|| format!("`{line}` has no number `value`"))?;
    let Some(measure) = known(&name) else {
        return Ok(None);
    };
    let figure = convert(measure, value, &unit);
    figure.map(Some).ok_or_else(|| wrong_unit(measure, &unit))
}

/// `None`: the line is no benchmark's, or not of one in the table.
fn go_figure(line: &str) -> Outcome<Option<Figure>> {
    let mut words = line.split_whitespace();
    let Some(name) = words.next().and_then(|it| it.strip_prefix("Benchmark_")) else {
        return Ok(None);
    };
    // `-2` after the name is the number of cores.
    let name = name.split('-').next().unwrap_or_default();
    let Some(measure) = known(name) else {
        return Ok(None);
    };
    let words: Vec<&str> = words.skip(1).collect();
    let mut pairs = words.chunks_exact(2).rev();
    // What a benchmark says by itself stands behind what all say.
    let found = pairs.find_map(|pair| convert(measure, pair[0].parse().ok()?, pair[1]));
    found.map(Some).ok_or_else(|| wrong_unit(measure, line))
}

fn known(name: &str) -> Option<&'static Measure> {
    let measure = measures::named(name);
    if measure.is_none() {
        eprintln!("    `{name}` is not in the table");
    }
    measure
}

fn wrong_unit(measure: &Measure, found: &str) -> String {
    format!("`{}` is in {}, not: {found}", measure.name, measure.unit)
}

/// `value` in the measure's unit, if `unit` can become that.
fn convert(measure: &'static Measure, value: f64, unit: &str) -> Option<Figure> {
    let value = match (measure.unit, unit) {
        ("/s", "per s" | "events/s") | ("B", "B/item") | ("ns", "ns/op") => value,
        ("ns", "us") => value * 1e3,
        (wanted, unit) if wanted == unit => value,
        _ => return None,
    };
    Some((measure, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Outcome<Option<(&'static str, f64)>> {
        Ok(go_figure(line)?.map(|(measure, value)| (measure.name, value)))
    }

    #[test]
    fn what_go_prints_is_read() {
        let line = "Benchmark_queue_add_get_done-2   2519421   472.4 ns";
        assert_eq!(read(line), Ok(Some(("queue_add_get_done", 472.4))));
        let line = "Benchmark_queue_longest_add_1m  1  99 ns/op  5 us";
        assert_eq!(read(line), Ok(Some(("queue_longest_add_1m", 5000.0))));
        let line = "Benchmark_loop_empty_reconcile 1000 2e+06 events/s";
        assert_eq!(read(line), Ok(Some(("loop_empty_reconcile", 2e6))));
        assert_eq!(read("goos: linux"), Ok(None));
        assert_eq!(read("Benchmark_other 1 1 ns"), Ok(None));
        assert!(read("Benchmark_queue_delayed_item 1 1 ns").is_err());
    }
}
