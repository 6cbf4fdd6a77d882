//! The repository holds itself to its rules: who depends on whom, what each chapter opens with,
//! where tasks may be started, and that generated files are what would be generated.

mod arrows;
mod chapters;
mod generated;
pub mod sources;
