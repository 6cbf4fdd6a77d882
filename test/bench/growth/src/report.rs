//! What was measured, as JSON lines for programs and as a table for people.

use std::io::{self, Write};

use serde_json::json;

use crate::controller::Reading;

/// By how much a settled network may cost more among many than among few.
const MAY_GROW: f64 = 1.10;

/// A measure of one size.
struct Measure {
    n: usize,
    name: &'static str,
    phase: &'static str,
    value: f64,
    unit: &'static str,
}

/// What was measured so far. Each measure is printed as it comes.
#[derive(Default)]
pub struct Measures {
    growth: Vec<Measure>,
    /// `(nodes, name, value)` of the networks that were alone.
    alone: Vec<(usize, &'static str, f64)>,
}

impl Measures {
    /// What each network cost between two moments.
    pub fn phase(&mut self, n: usize, phase: &'static str, from: &Reading, to: &Reading) {
        let counts = to.counts.since(&from.counts);
        let each = |count: u64| count as f64 / n as f64;
        let seconds = (to.at - from.at).as_secs_f64();
        self.note(n, phase, "seconds", seconds, "s");
        self.note(
            n,
            phase,
            "requests_per_network",
            each(counts.requests()),
            "requests",
        );
        self.note(
            n,
            phase,
            "lists_per_network",
            each(counts.lists),
            "requests",
        );
        self.note(
            n,
            phase,
            "watches_per_network",
            each(counts.watches),
            "requests",
        );
        self.note(
            n,
            phase,
            "reads_per_network",
            each(counts.reads),
            "requests",
        );
        self.note(
            n,
            phase,
            "writes_per_network",
            each(counts.writes),
            "requests",
        );
        self.note(
            n,
            phase,
            "events_per_network",
            each(counts.events),
            "requests",
        );
        self.note(n, phase, "rpcs_per_network", each(counts.rpcs), "RPCs");
        self.note(
            n,
            phase,
            "passes_per_network",
            each(counts.passes),
            "passes",
        );
        let dropped = each(to.n_dropped - from.n_dropped);
        self.note(n, phase, "events_dropped_per_network", dropped, "events");
        let cpu = (to.cpu_ms - from.cpu_ms) / n as f64;
        self.note(n, phase, "cpu_ms_per_network", cpu, "ms");
        let peak = to.peak as f64 / 1000.0 / n as f64;
        self.note(n, phase, "peak_kB_per_network", peak, "kB");
    }

    /// What each network costs a minute while nothing happens.
    pub fn settled(&mut self, n: usize, from: &Reading, to: &Reading) {
        let counts = to.counts.since(&from.counts);
        let minutes = (to.at - from.at).as_secs_f64() / 60.0;
        let rate = |count: u64| count as f64 / n as f64 / minutes;
        let phase = "settled";
        self.note(
            n,
            phase,
            "requests_per_network_minute",
            rate(counts.requests()),
            "requests/min",
        );
        self.note(
            n,
            phase,
            "lists_per_network_minute",
            rate(counts.lists),
            "requests/min",
        );
        self.note(
            n,
            phase,
            "watches_per_network_minute",
            rate(counts.watches),
            "requests/min",
        );
        self.note(
            n,
            phase,
            "reads_per_network_minute",
            rate(counts.reads),
            "requests/min",
        );
        self.note(
            n,
            phase,
            "writes_per_network_minute",
            rate(counts.writes),
            "requests/min",
        );
        self.note(
            n,
            phase,
            "events_per_network_minute",
            rate(counts.events),
            "requests/min",
        );
        self.note(
            n,
            phase,
            "rpcs_per_network_minute",
            rate(counts.rpcs),
            "RPCs/min",
        );
        self.note(
            n,
            phase,
            "passes_per_network_minute",
            rate(counts.passes),
            "passes/min",
        );
        let per_pass = counts.rpcs as f64 / counts.passes.max(1) as f64;
        self.note(n, phase, "rpcs_per_pass", per_pass, "RPCs");
        let cpu = (to.cpu_ms - from.cpu_ms) / n as f64 / minutes;
        self.note(n, phase, "cpu_ms_per_network_minute", cpu, "ms/min");
    }

    /// What the controller holds for `n` networks, over what it holds without any.
    pub fn memory(&mut self, n: usize, empty: &Reading, full: &Reading) {
        let each = (full.live - empty.live) as f64 / 1000.0 / n as f64;
        self.note(n, "memory", "kB_per_network", each, "kB");
        let connections = full.counts.connections as f64 / n as f64;
        self.note(
            n,
            "memory",
            "connections_per_network",
            connections,
            "connections",
        );
    }

    /// A measure of one network that is alone.
    pub fn alone(
        &mut self,
        prefix: &str,
        nodes: usize,
        name: &'static str,
        value: f64,
        unit: &str,
    ) {
        print(&format!("{prefix}_{nodes}_{name}"), value, unit);
        self.alone.push((nodes, name, value));
    }

    fn note(
        &mut self,
        n: usize,
        phase: &'static str,
        name: &'static str,
        value: f64,
        unit: &'static str,
    ) {
        print(&format!("growth_{n}_{phase}_{name}"), value, unit);
        self.growth.push(Measure {
            n,
            name,
            phase,
            value,
            unit,
        });
    }

    fn sizes(&self) -> Vec<usize> {
        let mut sizes: Vec<usize> = self.growth.iter().map(|measure| measure.n).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    fn value(&self, n: usize, phase: &str, name: &str) -> Option<f64> {
        let mut all = self.growth.iter();
        let found = all.find(|it| it.n == n && it.phase == phase && it.name == name)?;
        Some(found.value)
    }

    /// Of each measure, largest size over smallest; `None` where the smallest is nothing.
    fn ratio(&self, phase: &str, name: &str) -> Option<f64> {
        let sizes = self.sizes();
        let smallest = self.value(*sizes.first()?, phase, name)?;
        let largest = self.value(*sizes.last()?, phase, name)?;
        match (smallest, largest) {
            (0.0, 0.0) => Some(1.0),
            (0.0, _) => None,
            (smallest, largest) => Some(largest / smallest),
        }
    }

    /// The settled costs that grow with the number of networks, of those that are counted exactly.
    pub fn growing(&self) -> Vec<String> {
        let counted = [
            "requests_per_network_minute",
            "writes_per_network_minute",
            "rpcs_per_network_minute",
            "rpcs_per_pass",
        ];
        let mut growing = Vec::new();
        for name in counted {
            let ratio = self.ratio("settled", name);
            if self.sizes().len() > 1 && ratio.is_none_or(|ratio| ratio > MAY_GROW) {
                let ratio = ratio.map_or("from nothing".to_owned(), |ratio| {
                    format!("{ratio:.2} times")
                });
                growing.push(format!("settled {name}: {ratio}"));
            }
        }
        growing
    }

    /// The ratios, as JSON lines.
    pub fn print_ratios(&self) {
        let sizes = self.sizes();
        let (Some(first), Some(last)) = (sizes.first(), sizes.last()) else {
            return;
        };
        for it in self
            .growth
            .iter()
            .filter(|it| it.n == *first && sizes.len() > 1)
        {
            if let Some(ratio) = self.ratio(it.phase, it.name) {
                print(
                    &format!("growth_ratio_{last}_to_{first}_{}_{}", it.phase, it.name),
                    ratio,
                    "1",
                );
            }
        }
    }

    /// The tables, as Markdown.
    pub fn print_tables(&self) {
        let sizes = self.sizes();
        let mut lines = Vec::new();
        if let Some(first) = sizes.first() {
            let heads: Vec<String> = sizes.iter().map(|n| format!("{n} networks")).collect();
            lines.push(format!(
                "| phase | cost of a network | unit | {} | largest / smallest |",
                heads.join(" | ")
            ));
            lines.push(format!("|---|---|---|{}---|", "---|".repeat(sizes.len())));
            for it in self.growth.iter().filter(|it| it.n == *first) {
                let values: Vec<String> = sizes
                    .iter()
                    .map(|n| {
                        self.value(*n, it.phase, it.name)
                            .map_or_else(String::new, figure)
                    })
                    .collect();
                let ratio = self
                    .ratio(it.phase, it.name)
                    .map_or_else(String::new, figure);
                let name = it
                    .name
                    .replace("_per_network_minute", "")
                    .replace("_per_network", "")
                    .replace('_', " ");
                lines.push(format!(
                    "| {} | {name} | {} | {} | {ratio} |",
                    it.phase,
                    it.unit,
                    values.join(" | ")
                ));
            }
            lines.push(String::new());
        }
        lines.extend(self.table_of_one());
        for line in lines {
            say(&line);
        }
    }

    fn table_of_one(&self) -> Vec<String> {
        let mut sizes: Vec<usize> = self.alone.iter().map(|(nodes, ..)| *nodes).collect();
        sizes.dedup();
        let Some(first) = sizes.first() else {
            return Vec::new();
        };
        let heads: Vec<String> = sizes.iter().map(|n| format!("{n} nodes")).collect();
        let mut lines = vec![format!("| one network | {} |", heads.join(" | "))];
        lines.push(format!("|---|{}", "---|".repeat(sizes.len())));
        for (_, name, _) in self.alone.iter().filter(|(nodes, ..)| nodes == first) {
            let of = |n: &usize| self.alone.iter().find(|it| it.0 == *n && it.1 == *name);
            let values: Vec<String> = sizes
                .iter()
                .map(|n| of(n).map_or_else(String::new, |it| figure(it.2)))
                .collect();
            lines.push(format!(
                "| {} | {} |",
                name.replace('_', " "),
                values.join(" | ")
            ));
        }
        lines
    }
}

/// Three digits that count.
fn figure(value: f64) -> String {
    match value.abs() {
        size if size == 0.0 || size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

fn print(name: &str, value: f64, unit: &str) {
    let value = (value * 10_000.0).round() / 10_000.0;
    say(&json!({"name": name, "value": value, "unit": unit}).to_string());
}

fn say(line: &str) {
    // Whoever has stopped reading wants no more.
    let _ = writeln!(io::stdout(), "{line}");
}
