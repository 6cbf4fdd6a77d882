//! Mirrors `src/sim/cluster/kubelet.rs`.
