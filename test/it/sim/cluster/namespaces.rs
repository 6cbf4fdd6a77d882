//! Mirrors `src/sim/cluster/namespaces.rs`.
