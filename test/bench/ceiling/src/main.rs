//! How much work is that work? Instructions and allocations, which do not depend on what else the machine does.
//!
//!     bench-ceiling                   names the workloads
//!     bench-ceiling WORKLOAD          does that one once, and prints what it allocated
//!     bench-ceiling --check FILE      does each under callgrind, and compares with the values in FILE
//!     bench-ceiling --move FILE WHY   does each, and writes what is over or far below to FILE, and why
//!
//! Only what the workload itself does is counted; see `bench_ceiling`. What may vary a little: the standard
//! library's hash tables are seeded anew in each process, and code that looks which instructions a processor has
//! (memchr's AVX2) takes other ways on another one, under callgrind as well.

mod check;
mod table;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use bench_ceiling::count::{self, Asked};
use bench_ceiling::{WORKLOADS, Workload, decode, measured};

/// Lists with one copy of each object too many: the check proves by it that it finds one.
const WITH_A_CLONE: Workload = Workload {
    name: "list_pods_with_a_clone",
    prepare: decode::list_with_a_clone,
    has_timers: false,
};

/// The workload of which [`WITH_A_CLONE`] is a worse one.
const WITHOUT_A_CLONE: &str = "list_pods";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        [] => {
            WORKLOADS
                .iter()
                .for_each(|workload| println!("{}", workload.name));
            Ok(())
        }
        ["--check", file] => check::check(Path::new(file)),
        ["--move", file, why] => check::move_to(Path::new(file), why),
        [name] if !name.starts_with('-') => run(name),
        _ => Err("usage: bench-ceiling [WORKLOAD | --check FILE | --move FILE WHY]".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-ceiling: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(name: &str) -> Result<(), Box<dyn Error>> {
    let mut known = WORKLOADS.iter().chain([&WITH_A_CLONE]);
    let workload = known.find(|workload| workload.name == name);
    let workload = workload.ok_or_else(|| format!("there is no workload `{name}`"))?;
    let Asked { allocations, bytes } = asked_by(workload);
    println!(r#"{{"allocations": {allocations}, "bytes": {bytes}}}"#);
    Ok(())
}

fn asked_by(workload: &Workload) -> Asked {
    let work = (workload.prepare)();
    let before = count::asked();
    let left = measured(work);
    let after = count::asked();
    drop(left);
    Asked {
        allocations: after.allocations - before.allocations,
        bytes: after.bytes - before.bytes,
    }
}
