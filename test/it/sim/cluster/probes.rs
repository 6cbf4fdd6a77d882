//! Mirrors `src/sim/cluster/probes.rs`.
