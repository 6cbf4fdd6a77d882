//! The whole controller against the pretend cluster, in paused time.

mod determinism;
mod external;
mod faults;
mod isolation;
mod lifecycle;
mod partitions;
mod scale;
mod topology;
mod trouble;
