//! The program: flags, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    bitcoin_controller::cli::main()
}
