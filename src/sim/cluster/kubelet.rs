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
use crate::sim::store::Key;

/// Runs until `shutdown` is cancelled, and then until no container runs.
pub(super) async fn run(machine: Arc<Machine>, shutdown: CancellationToken) {
    let mut workers: JoinSet<String> = JoinSet::new();
    let mut known: BTreeSet<String> = BTreeSet::new();
    let ending = CancellationToken::new();
    loop {
        let seen = machine.store.resource_version();
        for pod in machine
            .store
            .list("pods")
            .iter()
            .filter(|pod| pod["spec"]["nodeName"] == NODE)
        {
            let uid = pod["metadata"]["uid"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            if known.insert(uid.clone()) {
                let worker = PodWorker::new(Arc::clone(&machine), Key::of(pod), uid.clone());
                let ending = ending.clone();
                workers.spawn(async move {
                    worker.run(ending).await;
                    uid
                });
            }
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            Some(ended) = workers.join_next() => {
                // A worker that panics has left its pod as it is; it stays known, and is not run again.
                if let Ok(uid) = ended {
                    known.remove(&uid);
                }
            }
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
