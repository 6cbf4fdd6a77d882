//! Does a network cost more the more of them there are?
//!
//! The pretend cluster with 10, 100 and 1000 networks of ten nodes, and the controller: requests to the API server, RPCs to
//! nodes, processor time and memory of the controller, for each network; while they come up, while nothing
//! happens, when all pods are deleted at once, and when everything must be listed again. Then one network of 3, 17 and
//! 100 nodes alone, with time paused (`alone.rs`).
//!
//! ```text
//!   thread `world`                                          thread `controller`
//!   API server ── HTTP over loopback TCP ─────────────────> informers, workers, events
//!   nodes ─────── HTTP over pipes in memory, counted ─────> (`wire.rs`)
//! ```
//!
//!     bench-growth [--table] [--settled SECONDS] [--alone | NETWORKS…]
//!
//! Progress is on standard error, measures are JSON lines on standard output. Time is real, the processor time is that of
//! the controller's thread, and memory what that thread has allocated and not given back: kernel and
//! allocator overhead are not in it. Exit code 1 if requests or RPCs of a settled network grow by more than 10 %.

mod alone;
mod controller;
mod count;
mod growth;
mod nodes;
mod report;
mod wire;
mod world;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use crate::report::Measures;

/// What is asked for.
struct Options {
    table: bool,
    settled: Duration,
    /// How many networks, one run for each.
    sizes: Vec<usize>,
    /// How many nodes a network has that is alone.
    alone: &'static [usize],
}

fn main() -> ExitCode {
    match options().and_then(|options| run(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench-growth: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut options = Options {
        table: false,
        settled: Duration::from_secs(40),
        sizes: Vec::new(),
        alone: &[3, 17, 100],
    };
    let mut is_alone = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--table" => options.table = true,
            "--alone" => is_alone = true,
            "--settled" => {
                let seconds = arguments.next().ok_or("--settled wants seconds")?;
                let number = seconds.parse().ok().filter(|seconds| *seconds > 0);
                let number = number
                    .ok_or_else(|| format!("--settled `{seconds}` is no number of seconds"))?;
                options.settled = Duration::from_secs(number);
            }
            size => match size.parse() {
                Ok(size) if size > 0 => options.sizes.push(size),
                _ => {
                    return Err(
                        format!("`{size}` is neither a flag nor a number of networks").into(),
                    );
                }
            },
        }
    }
    match (is_alone, options.sizes.is_empty()) {
        (true, false) => return Err("--alone is without numbers of networks".into()),
        (false, true) => options.sizes = vec![10, 100, 1000],
        (false, false) => options.alone = &[],
        (true, true) => {}
    }
    Ok(options)
}

/// Whether no cost has grown.
fn run(options: &Options) -> Result<bool, Box<dyn Error>> {
    let mut measures = Measures::default();
    for n in &options.sizes {
        eprintln!("{n} networks");
        growth::measure(*n, options.settled, &mut measures)?;
    }
    for n_nodes in options.alone {
        eprintln!("one network of {n_nodes} nodes");
        alone::measure(*n_nodes, &mut measures)?;
    }
    measures.print_ratios();
    if options.table {
        measures.print_tables();
    }
    let growing = measures.growing();
    for cost in &growing {
        eprintln!("grows with the number of networks: {cost}");
    }
    Ok(growing.is_empty())
}
