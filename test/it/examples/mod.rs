//! The programs in `examples/`, each run as a reader runs it, against one demo.

mod errors;
mod lessons;
mod sample_controller;
mod shape;
mod stage;
