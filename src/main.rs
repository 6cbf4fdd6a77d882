//! The program: flags, run, exit code.

fn main() {}
