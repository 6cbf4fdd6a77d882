//! The whole controller against the pretend cluster, in paused time.

mod determinism;
mod faults;
mod isolation;
mod lifecycle;
mod scale;
mod secrecy;
mod trouble;
mod wallet;
