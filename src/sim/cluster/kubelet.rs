//! The kubelet: one worker for each pod of the node, from its first sight to its end.
//!
//! # Invariants
//! - A pod has one worker; a namesake that was made later has another, which waits for an address like
//!   everybody.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::sim::cluster::pod_worker::PodWorker;
use crate::sim::cluster::{Machine, NODE};
use crate::sim::request::Key;

/// Runs until `shutdown` is cancelled, and then until no container runs.
pub(super) async fn run(machine: Arc<Machine>, shutdown: CancellationToken) {
    let mut workers: JoinSet<()> = JoinSet::new();
    let mut known: BTreeSet<String> = BTreeSet::new();
    let ending = CancellationToken::new();
    loop {
        let seen = machine.store.resource_version();
        let mut pods = machine.store.list("pods");
        pods.retain(|pod| pod["spec"]["nodeName"] == NODE);
        // A pod is known as long as it is there, also when its worker has ended: a finalizer lets it
        // outlive its worker, and one whose worker has panicked is not run again.
        known.retain(|uid| pods.iter().any(|pod| pod["metadata"]["uid"] == **uid));
        for pod in &pods {
            let uid = pod["metadata"]["uid"].as_str().unwrap_or_default();
            if known.insert(uid.to_owned()) {
                let worker = PodWorker::new(Arc::clone(&machine), Key::of(pod), uid.to_owned());
                workers.spawn(worker.run(ending.clone()));
            }
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            Some(_) = workers.join_next() => {}
            () = machine.store.changed_after(seen) => {}
        }
    }
    ending.cancel();
    let all = async { while workers.join_next().await.is_some() {} };
    // Whoever has not ended by then is killed: its worker is dropped, and with it the container.
    let _ = tokio::time::timeout(SHUTDOWN_GRACE, all).await;
    workers.shutdown().await;
}

/// How long containers may take to end when the cluster does.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);
