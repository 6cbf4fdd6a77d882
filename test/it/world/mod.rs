//! The whole controller against the pretend cluster, in paused time.

mod determinism;
mod external;
mod faults;
mod isolation;
mod lifecycle;
mod mining;
mod mining_crashes;
mod mining_real;
mod node_spec;
mod partitions;
mod scale;
mod secrecy;
mod storage;
mod topology;
mod trouble;
mod wallet;
