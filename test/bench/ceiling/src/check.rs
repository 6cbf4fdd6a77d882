//! Runs each workload under callgrind, and compares.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::{env, fs};

use bench_ceiling::{WORKLOADS, Workload};
use serde_json::Value;

use crate::table::{self, Ceiling, Ceilings, Cost};
use crate::{WITH_A_CLONE, WITHOUT_A_CLONE};

/// So many at a time.
const AT_ONCE: usize = 2;

/// The function within which is counted.
const TOGGLE: &str = "--toggle-collect=bench_ceiling::measured";

/// Says no if a workload costs more than it may, or if one with a copy too many would pass.
pub fn check(file: &Path) -> Result<(), Box<dyn Error>> {
    let ceilings = table::read(file)?;
    let costs = measure_all()?;
    println!("{}", table::head());
    let (mut over, mut below) = (Vec::new(), Vec::new());
    let (with_a_clone, costs) = costs.split_last().expect("there are workloads");
    for (workload, cost) in costs {
        let name = workload.name;
        let ceiling = ceilings.get(name).map(|ceiling| &ceiling.cost);
        println!("{}", table::line(name, cost, ceiling));
        match ceiling {
            None => over.push(format!("{name} has no ceiling")),
            Some(ceiling) if cost.is_over(ceiling, workload.has_timers) => {
                over.push(name.to_owned());
            }
            Some(ceiling) if cost.is_far_below(ceiling) => below.push(name),
            Some(_) => {}
        }
    }
    prove(costs, &with_a_clone.1)?;
    if !below.is_empty() {
        println!(
            "\nmore than 5 % below, please lower the ceiling: {}",
            below.join(", ")
        );
        println!("    {MOVE}");
    }
    if over.is_empty() {
        return Ok(());
    }
    let over = over.join(", ");
    Err(format!("over the ceiling (+ 5 % instructions, + 1 % allocations or bytes): {over}\nif it has to be, say why:\n    {MOVE}").into())
}

const MOVE: &str = r#"hack/ceiling.sh --move "WHY""#;

/// A check that cannot fail says nothing: one copy of each object on its way must be too much, if today's cost without
/// it were the ceiling.
fn prove(costs: &[(&Workload, Cost)], cost: &Cost) -> Result<(), Box<dyn Error>> {
    let name = WITH_A_CLONE.name;
    let without = costs.iter().find(|(it, _)| it.name == WITHOUT_A_CLONE);
    let without = without.ok_or_else(|| format!("there is nothing to compare `{name}` with"))?;
    println!("\n{}", table::line(name, cost, Some(&without.1)));
    if !cost.is_over(&without.1, WITH_A_CLONE.has_timers) {
        return Err(format!(
            "`{name}` would pass as `{WITHOUT_A_CLONE}`: the check has become blind"
        )
        .into());
    }
    println!("(a copy of each object would be refused, as it has to be)");
    Ok(())
}

/// Writes the values of what [`check`] would name, and `why`; the others keep theirs.
pub fn move_to(file: &Path, why: &str) -> Result<(), Box<dyn Error>> {
    if why.trim().is_empty() || why.contains('\n') {
        return Err("say in one line why the ceiling moves".into());
    }
    let before = if file.exists() {
        table::read(file)?
    } else {
        Ceilings::new()
    };
    let mut after = Ceilings::new();
    println!("{}", table::head());
    let mut costs = measure_all()?;
    // The one with a copy too many has no ceiling.
    costs.pop();
    for (workload, cost) in costs {
        let known = before.get(workload.name);
        let ceiling = known.map(|ceiling| &ceiling.cost);
        println!("{}", table::line(workload.name, &cost, ceiling));
        let stays = |known: &&Ceiling| {
            let is_over = cost.is_over(&known.cost, workload.has_timers);
            !is_over && !cost.is_far_below(&known.cost)
        };
        let ceiling = known.filter(stays).cloned().unwrap_or_else(|| Ceiling {
            cost,
            why: why.to_owned(),
        });
        after.insert(workload.name.to_owned(), ceiling);
    }
    table::write(file, &after)
}

/// Each workload's cost, in their order; the one with a copy too many is the last.
fn measure_all() -> Result<Vec<(&'static Workload, Cost)>, Box<dyn Error>> {
    let workloads: Vec<&Workload> = WORKLOADS.iter().chain([&WITH_A_CLONE]).collect();
    // The longest of them, a network that has to settle first, is not to begin last.
    let waiting = Mutex::new(workloads.iter().enumerate().rev());
    let costs = Mutex::new(Vec::new());
    let work = || {
        loop {
            let next = waiting.lock().unwrap().next();
            let Some((at, workload)) = next else { return };
            let cost = measure(workload.name).map_err(|error| error.to_string());
            costs.lock().unwrap().push((at, *workload, cost));
        }
    };
    thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
    let mut costs = costs.into_inner().unwrap();
    costs.sort_by_key(|(at, ..)| *at);
    let costs = costs.into_iter();
    costs
        .map(|(_, workload, cost)| Ok((workload, cost?)))
        .collect()
}

fn measure(name: &str) -> Result<Cost, Box<dyn Error>> {
    let counts = Counts::of(name);
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", TOGGLE])
        .arg(format!("--callgrind-out-file={}", counts.0.display()))
        .arg(env::current_exe()?)
        .arg(name)
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{name} failed under valgrind:\n{said}").into());
    }
    let asked: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{name} printed no counts: {error}"))?;
    let number = |field: &str| asked[field].as_u64().unwrap_or_default();
    Ok(Cost {
        instructions: counts.instructions()?,
        allocations: number("allocations"),
        bytes: number("bytes"),
    })
}

/// Callgrind's file, for as long as it is needed.
struct Counts(PathBuf);

impl Counts {
    fn of(name: &str) -> Self {
        let file = format!("bench-ceiling-{}-{name}", std::process::id());
        Counts(env::temp_dir().join(file))
    }

    fn instructions(&self) -> Result<u64, Box<dyn Error>> {
        let text = fs::read_to_string(&self.0)?;
        let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
        match total.and_then(|total| total.trim().parse().ok()) {
            Some(total) if total > 0 => Ok(total),
            _ => Err(format!("callgrind has counted nothing: is {TOGGLE} in the program?").into()),
        }
    }
}

impl Drop for Counts {
    fn drop(&mut self) {
        // It is in a folder for such files.
        let _ = fs::remove_file(&self.0);
    }
}
