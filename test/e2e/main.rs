//! The same controller on real parts: kube-apiserver, StatefulSet controller, garbage collector,
//! scheduler, kubelet, containerd, and real bitcoind in real containers. Run by `hack/e2e.sh`.
//!
//! `api::` needs a control plane only; `cluster::` needs nodes that run pods. Tests run one after the
//! other, each in a namespace of its own; nothing waits for a time to pass, everything for something to
//! become true.
#![allow(clippy::unwrap_used, reason = "a test may panic: that is how it fails")]
#![allow(
    unreachable_pub,
    reason = "in a test binary nothing is reachable, and `pub(crate)` everywhere says nothing"
)]

mod api;
mod chart;
mod cluster;
mod controller;
#[path = "../it/support/exposition.rs"]
mod exposition;
mod harness;
mod zmtp;
