//! The small program of the benchmarks, on this project's modules; see `test/bench/README.md`.
//!
//! It is written as a user of the library would write it: types that declare what is read (`shapes`), an
//! informer with two indices, handlers that pull, a queue of keys, one worker (`program`).
//!
//!     bench-ours --server http://127.0.0.1:PORT --shape P --mode typed
//!
//! `--mode metadata`: the library does not ask for the metadata-only representation. The plain objects come,
//! and a type that has nothing but metadata keeps as much of them.

#[cfg(feature = "count")]
mod count;
mod flags;
mod notes;
mod orders;
mod program;
mod shapes;

use std::process::ExitCode;

use bitcoin_controller::api::BitcoinNetwork;
use bitcoin_controller::base::Report;

use crate::flags::{Flags, Mode, Shape};
use crate::program::run;
use crate::shapes::{Bare, Node, Pod};

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-ours: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<(), Report> {
    let flags = Flags::parse(std::env::args().skip(1)).map_err(Report::new)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match (flags.shape, flags.mode) {
            (Shape::P, Mode::Typed) => run::<Pod>(&flags).await,
            (Shape::N, Mode::Typed) => run::<Node>(&flags).await,
            (Shape::C, Mode::Typed) => run::<BitcoinNetwork>(&flags).await,
            (Shape::P, Mode::Metadata) => run::<Bare<Pod>>(&flags).await,
            (Shape::N, Mode::Metadata) => run::<Bare<Node>>(&flags).await,
            (Shape::C, Mode::Metadata) => run::<Bare<BitcoinNetwork>>(&flags).await,
        }
    })
}
