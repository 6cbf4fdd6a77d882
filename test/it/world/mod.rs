//! The whole controller against the pretend cluster, in paused time.

mod determinism;
mod faults;
mod isolation;
mod lifecycle;
mod mining;
mod node_spec;
mod scale;
mod storage;
mod topology;
mod trouble;
