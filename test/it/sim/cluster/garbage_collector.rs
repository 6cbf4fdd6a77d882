//! Mirrors `src/sim/cluster/garbage_collector.rs`.
