//! What a workload costs, what it may cost, and the file and the table that say so.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

/// What a workload costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    pub instructions: u64,
    pub allocations: u64,
    pub bytes: u64,
}

/// What a workload may cost, and why that was last moved.
#[derive(Clone, Debug)]
pub struct Ceiling {
    pub cost: Cost,
    pub why: String,
}

/// Ceilings by the names of their workloads.
pub type Ceilings = BTreeMap<String, Ceiling>;

/// How much more a workload may cost than it did: instructions vary a little with the seeds of hash tables,
/// allocations do not, unless a timer of somebody else goes off meanwhile.
const INSTRUCTIONS: f64 = 0.05;
const ALLOCATIONS: f64 = 0.01;
const ALLOCATIONS_WITH_TIMERS: f64 = 0.05;

/// Who has become so much cheaper should have a lower ceiling, or the next one can waste it unseen.
const TOO_HIGH: f64 = -0.05;

impl Cost {
    /// By how much each of the three differs from `ceiling`, as a share of it.
    pub fn changes(&self, ceiling: &Cost) -> [f64; 3] {
        let pairs = [
            (self.instructions, ceiling.instructions),
            (self.allocations, ceiling.allocations),
            (self.bytes, ceiling.bytes),
        ];
        pairs.map(|(now, before)| (now as f64 - before as f64) / before.max(1) as f64)
    }

    /// `has_timers`: as in [`Workload`](bench_ceiling::Workload).
    pub fn is_over(&self, ceiling: &Cost, has_timers: bool) -> bool {
        let [instructions, allocations, bytes] = self.changes(ceiling);
        let allowed = match has_timers {
            true => ALLOCATIONS_WITH_TIMERS,
            false => ALLOCATIONS,
        };
        instructions > INSTRUCTIONS || allocations > allowed || bytes > allowed
    }

    pub fn is_far_below(&self, ceiling: &Cost) -> bool {
        let changes = self.changes(ceiling);
        changes.iter().any(|change| *change < TOO_HIGH)
    }
}

/// Reads the file.
pub fn read(file: &Path) -> Result<Ceilings, Box<dyn Error>> {
    let problem = |what: &dyn std::fmt::Display| format!("{}: {what}", file.display());
    let text = fs::read_to_string(file).map_err(|error| problem(&error))?;
    let value: BTreeMap<String, Value> =
        serde_json::from_str(&text).map_err(|error| problem(&error))?;
    let ceiling = |(name, value): (String, Value)| {
        let number = |field: &str| {
            let missing = || problem(&format!("`{name}` has no number `{field}`"));
            value[field].as_u64().ok_or_else(missing)
        };
        let cost = Cost {
            instructions: number("instructions")?,
            allocations: number("allocations")?,
            bytes: number("bytes")?,
        };
        let why = value["why"].as_str().unwrap_or_default().to_owned();
        Ok((name, Ceiling { cost, why }))
    };
    value.into_iter().map(ceiling).collect()
}

/// Writes the file, a line for each workload.
pub fn write(file: &Path, ceilings: &Ceilings) -> Result<(), Box<dyn Error>> {
    let line = |(name, ceiling): (&String, &Ceiling)| {
        let Cost {
            instructions,
            allocations,
            bytes,
        } = ceiling.cost;
        let (name, why) = (json!(name), json!(ceiling.why));
        format!(
            r#"  {name}: {{"instructions": {instructions}, "allocations": {allocations}, "bytes": {bytes}, "why": {why}}}"#
        )
    };
    let lines: Vec<_> = ceilings.iter().map(line).collect();
    let text = format!("{{\n{}\n}}\n", lines.join(",\n"));
    fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()).into())
}

/// The table's head.
pub fn head() -> String {
    format!(
        "{:<30} {:>12} {:>12} {:>7} {:>10} {:>7} {:>11} {:>7}",
        "workload", "instructions", "ceiling", "%", "allocs", "%", "bytes", "%"
    )
}

/// The table's line for one workload.
pub fn line(name: &str, now: &Cost, ceiling: Option<&Cost>) -> String {
    let (mut line, changes) = (format!("{name:<30} "), ceiling.map(|it| now.changes(it)));
    let percent = |at: usize| match changes {
        Some(changes) => format!("{:+.2}", 100.0 * changes[at]),
        None => "new".to_owned(),
    };
    let before = ceiling.map_or_else(|| "-".to_owned(), |it| it.instructions.to_string());
    // Writing to a string does not fail.
    let _ = write!(
        line,
        "{:>12} {before:>12} {:>7} {:>10} {:>7} {:>11} {:>7}",
        now.instructions,
        percent(0),
        now.allocations,
        percent(1),
        now.bytes,
        percent(2)
    );
    line
}
