//! One pod as its worker meets it in the store: is it there, is it to go, how long has it.
//!
//! # Invariants
//! - A namesake that was made later is somebody else: nothing here finds or changes it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::sim::cluster::{Machine, events};
use crate::sim::request::{DeleteOptions, Key};
use crate::sim::value;

/// One pod and no other: a namesake has another UID.
#[derive(Clone)]
pub(super) struct ThisPod {
    pub(super) machine: Arc<Machine>,
    pub(super) key: Key,
    pub(super) uid: String,
}

impl ThisPod {
    pub(super) fn new(machine: Arc<Machine>, key: Key, uid: String) -> Self {
        ThisPod { machine, key, uid }
    }

    /// The pod, while it is there and still this one.
    pub(super) fn get(&self) -> Option<Arc<Value>> {
        let pod = self.machine.store.get("pods", &self.key)?;
        (pod["metadata"]["uid"] == *self.uid).then_some(pod)
    }

    /// Waits until the pod is to go, or is gone.
    pub(super) async fn going(&self) -> End {
        loop {
            let seen = self.machine.store.resource_version();
            match self.get() {
                None => return End::Gone,
                Some(pod) if !pod["metadata"]["deletionTimestamp"].is_null() => return End::Going,
                Some(_) => self.machine.store.changed_after(seen).await,
            }
        }
    }

    /// Waits until the time the pod has to end is over, from now on. It can be shortened; a pod that is
    /// gone has none.
    pub(super) async fn grace_is_over(&self) {
        let began = Instant::now();
        loop {
            let seen = self.machine.store.resource_version();
            let Some(pod) = self.get() else { return };
            let grace = grace_of(&pod["metadata"]["deletionGracePeriodSeconds"]);
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(began + grace) => return,
                () = self.machine.store.changed_after(seen) => {}
            }
        }
    }

    pub(super) async fn image_is_other_than(&self, image: &str) {
        loop {
            let seen = self.machine.store.resource_version();
            let pod = self.get();
            if pod.is_some_and(|pod| pod["spec"]["containers"][0]["image"] != *image) {
                return;
            }
            self.machine.store.changed_after(seen).await;
        }
    }

    /// Takes the pod out of the store: nothing of it is left here.
    pub(super) fn remove(&self) {
        let options = DeleteOptions {
            uid: Some(self.uid.clone()),
            grace_seconds: Some(0),
            ..DeleteOptions::default()
        };
        // Gone already, or somebody else by now.
        let _ = self.machine.store.delete("pods", &self.key, &options);
    }

    /// Notes what kills the container; `None`: none runs.
    pub(super) fn note_kill(&self, kill: Option<&Arc<Notify>>) {
        let kills = self.machine.kills.lock();
        let mut kills = kills.expect("no holder of the kills panics");
        match kill {
            Some(kill) => drop(kills.insert(self.uid.clone(), Arc::clone(kill))),
            None => drop(kills.remove(&self.uid)),
        }
    }

    pub(super) fn tell(&self, reason: (&str, &str), text: &str) {
        if let Some(pod) = self.get() {
            events::record(&self.machine.store, &pod, "kubelet", reason, text);
        }
    }

    pub(super) fn date(&self) -> Value {
        value::date(self.machine.store.clock().unix_seconds())
    }
}

/// What ends a pod's life from outside.
pub(super) enum End {
    /// The pod is to go.
    Going,
    /// The pod is gone.
    Gone,
    /// The cluster ends.
    Shutdown,
}

/// A grace period as it stands in a pod.
pub(super) fn grace_of(seconds: &Value) -> Duration {
    Duration::from_secs(seconds.as_u64().unwrap_or(30))
}
