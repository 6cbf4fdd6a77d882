//! The life of one pod on its node.
//!
//! ```text
//!   address ─> image there? Secrets there? ─> start ─> probe, probe, … ─┬─ ended: wait, start again
//!                       └── no: say so, wait, look again                ├─ killed by a probe: the same
//!                                                                       └─ pod going: terminate, grace, kill
//!                                                                          └─> volumes away, address back, pod gone
//! ```
//!
//! # Invariants
//! - The pod goes from the store only when its container has ended.
//! - A pod that is gone from the store (deleted by force) is killed at once.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::base::Backoff;
use crate::base::Random;
use crate::http::HttpClient;
use crate::sim::bitcoind::Exit;
use crate::sim::cluster::events::{self, NORMAL, WARNING};
use crate::sim::cluster::kubelet::is_it;
use crate::sim::cluster::pod::{self, Seen, Waiting};
use crate::sim::cluster::probes::{Finding, Probes};
use crate::sim::cluster::{Machine, NODE};
use crate::sim::runtime::{Container, Process};
use crate::sim::store::{self, DeleteOptions, Key};

/// The worker of one pod.
pub(super) struct PodWorker {
    machine: Arc<Machine>,
    key: Key,
    uid: String,
    seen: Seen,
    kill: Arc<Notify>,
}

/// Why a container was waited for no longer.
enum End {
    /// It ended by itself.
    Exited(Exit),
    /// The pod is going, and has so long.
    Going(Duration),
    /// The pod is gone.
    Gone,
    /// The cluster ends.
    Shutdown,
}

impl PodWorker {
    pub(super) fn new(machine: Arc<Machine>, key: Key, uid: String) -> Self {
        PodWorker {
            machine,
            key,
            uid,
            seen: Seen {
                state: waiting("ContainerCreating", ""),
                last: Value::Null,
                is_started: false,
                is_ready: false,
                n_restarts: 0,
            },
            kill: Arc::new(Notify::new()),
        }
    }

    /// Runs the pod until it is gone or `shutdown` is cancelled.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        self.write_status(None);
        let machine = Arc::clone(&self.machine);
        let lease = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            _ = self.going() => return self.remove(),
            lease = machine.addresses.take() => lease,
        };
        let address = lease.address();
        self.write_status(Some(&address));
        let mut backoff = Backoff::new(RESTART_BACKOFF.0, RESTART_BACKOFF.1)
            .with_reset_after(RESTART_BACKOFF_RESET);
        let random = Random::seeded(0);
        loop {
            match self.run_once(&address, &shutdown).await {
                Some(End::Going(_) | End::Gone) => break,
                Some(End::Shutdown) => return,
                Some(End::Exited(_)) | None => {}
            }
            let pause = backoff.next_wait(&random);
            self.say_waiting(pause);
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                _ = self.going() => break,
                () = self.pause(pause) => {}
            }
        }
        self.machine.runtime.remove_volumes(&self.uid);
        drop(lease);
        self.remove();
    }

    /// Prepares, starts and watches the container once. `None`: it could not be started.
    async fn run_once(&mut self, address: &str, shutdown: &CancellationToken) -> Option<End> {
        let pod = self.pod()?;
        let container = match self.prepared(&pod, address) {
            Ok(container) => container,
            Err(Waiting { reason, message }) => {
                events::record(
                    &self.machine.store,
                    &pod,
                    "kubelet",
                    (WARNING, "Failed"),
                    &format!("Error: {reason}"),
                );
                self.seen.state = waiting(reason, &message);
                self.write_status(None);
                return None;
            }
        };
        let image = container.image.clone();
        let mut process = match self.machine.runtime.start(container).await {
            Ok(process) => process,
            Err(error) => {
                self.note_end(Exit {
                    code: 128,
                    message: error.to_string(),
                });
                return None;
            }
        };
        let store = &self.machine.store;
        let note = |reason: &str, text: &str| {
            events::record(store, &pod, "kubelet", (NORMAL, reason), text)
        };
        note(
            "Pulled",
            &format!("Container image \"{image}\" already present on machine"),
        );
        note("Started", "Container started");
        if !self.seen.last.is_null() {
            self.seen.n_restarts += 1;
        }
        self.seen.state = json!({"running": {"startedAt": self.date()}});
        self.write_status(None);
        self.note_kill(true);
        let end = self.watch(&pod, address, process.as_mut(), shutdown).await;
        self.note_kill(false);
        match end {
            End::Going(grace) => {
                self.say_not_ready();
                self.end(process.as_mut(), grace).await;
                Some(End::Going(grace))
            }
            End::Shutdown => {
                process.terminate();
                process.wait().await;
                Some(End::Shutdown)
            }
            End::Gone => Some(End::Gone),
            End::Exited(exit) => {
                self.note_end(exit.clone());
                Some(End::Exited(exit))
            }
        }
    }

    fn prepared(&self, pod: &Value, address: &str) -> Result<Container, Waiting> {
        let image = pod["spec"]["containers"][0]["image"]
            .as_str()
            .unwrap_or_default();
        if !pod::image_exists(image) {
            let is_first = self.seen.state["waiting"]["reason"] == "ContainerCreating";
            return Err(match is_first {
                true => Waiting {
                    reason: "ErrImagePull",
                    message: format!("failed to pull and unpack image \"{image}\": not found"),
                },
                false => Waiting {
                    reason: "ImagePullBackOff",
                    message: format!("Back-off pulling image \"{image}\": ErrImagePull: not found"),
                },
            });
        }
        pod::container(&self.machine.store, pod, address)
    }

    /// Watches a running container, and says what its probes find.
    async fn watch(
        &mut self,
        pod: &Value,
        address: &str,
        process: &mut dyn Process,
        shutdown: &CancellationToken,
    ) -> End {
        let client = HttpClient::plain(self.machine.runtime.transport(), PROBE_IDLE);
        let mut probes = Probes::new(&pod["spec"]["containers"][0], address, &client);
        let kill = Arc::clone(&self.kill);
        loop {
            let finding = tokio::select! {
                biased;
                () = shutdown.cancelled() => return End::Shutdown,
                end = self.going() => return end,
                exit = process.wait() => return End::Exited(exit),
                () = kill.notified() => {
                    process.kill();
                    return End::Exited(process.wait().await);
                }
                finding = probes.next() => finding,
            };
            let store = &self.machine.store;
            match finding {
                Finding::Changed(verdict, why) => {
                    if let Some(why) = why {
                        events::record(store, pod, "kubelet", (WARNING, "Unhealthy"), &why);
                    }
                    self.seen.is_started = verdict.is_started;
                    self.seen.is_ready = verdict.is_ready;
                    self.write_status(None);
                }
                Finding::Fatal(why) => {
                    events::record(store, pod, "kubelet", (WARNING, "Unhealthy"), &why);
                    let text = "Container failed a probe, will be restarted";
                    events::record(store, pod, "kubelet", (NORMAL, "Killing"), text);
                    let grace = grace_of(&pod["spec"]["terminationGracePeriodSeconds"]);
                    self.end(process, grace).await;
                    return End::Exited(process.wait().await);
                }
            }
        }
    }

    /// Asks the container to end, and kills it when its time is over or the pod is gone.
    async fn end(&self, process: &mut dyn Process, grace: Duration) {
        process.terminate();
        let limit = async {
            tokio::select! {
                biased;
                () = self.gone() => {}
                () = tokio::time::sleep(grace) => {}
            }
        };
        tokio::select! {
            biased;
            _ = process.wait() => return,
            () = limit => {}
        }
        process.kill();
        process.wait().await;
    }

    /// Waits until the pod is to go, or is gone.
    async fn going(&self) -> End {
        loop {
            let seen = self.machine.store.resource_version();
            let Some(pod) = self.pod() else {
                return End::Gone;
            };
            if !pod["metadata"]["deletionTimestamp"].is_null() {
                return End::Going(grace_of(&pod["metadata"]["deletionGracePeriodSeconds"]));
            }
            self.machine.store.changed_after(seen).await;
        }
    }

    /// Waits until the pod is gone.
    async fn gone(&self) {
        loop {
            let seen = self.machine.store.resource_version();
            if self.pod().is_none() {
                return;
            }
            self.machine.store.changed_after(seen).await;
        }
    }

    /// Waits for the time to try again; what could not be started for want of something in the pod's
    /// spec or in a Secret is tried as soon as that changes.
    async fn pause(&self, pause: Duration) {
        let image_of =
            |pod: Option<Value>| pod.map(|pod| pod["spec"]["containers"][0]["image"].clone());
        let image = image_of(self.pod());
        let waits_for_secret = self.seen.state["waiting"]["reason"] == "CreateContainerConfigError";
        let changed = async {
            loop {
                let seen = self.machine.store.resource_version();
                let is_mended = waits_for_secret
                    && self
                        .pod()
                        .is_some_and(|pod| pod::container(&self.machine.store, &pod, "").is_ok());
                if is_mended || image_of(self.pod()) != image {
                    return;
                }
                self.machine.store.changed_after(seen).await;
            }
        };
        tokio::select! {
            biased;
            () = changed => {}
            () = tokio::time::sleep(pause) => {}
        }
    }

    /// The pod, while it is there and still this one.
    fn pod(&self) -> Option<Value> {
        let pod = self.machine.store.get("pods", &self.key)?;
        is_it(&pod, &self.uid).then(|| (*pod).clone())
    }

    /// Takes the pod out of the store: nothing of it is left here.
    fn remove(&self) {
        let options = DeleteOptions {
            uid: Some(self.uid.clone()),
            grace_seconds: Some(0),
            ..DeleteOptions::default()
        };
        // Gone already, or somebody else by now.
        let _ = self.machine.store.delete("pods", &self.key, &options);
    }

    fn note_kill(&self, can_be_killed: bool) {
        let mut kills = self
            .machine
            .kills
            .lock()
            .expect("no holder of the kills panics");
        match can_be_killed {
            true => drop(kills.insert(self.uid.clone(), Arc::clone(&self.kill))),
            false => drop(kills.remove(&self.uid)),
        }
    }

    fn note_end(&mut self, exit: Exit) {
        let reason = match exit.code {
            0 => "Completed",
            128 => "StartError",
            _ => "Error",
        };
        let mut ended = json!({"exitCode": exit.code, "reason": reason, "finishedAt": self.date()});
        if !exit.message.is_empty() {
            ended["message"] = exit.message.into();
        }
        self.seen.state = json!({"terminated": ended});
        self.say_not_ready();
        self.seen.last = self.seen.state.clone();
    }

    fn say_not_ready(&mut self) {
        (self.seen.is_ready, self.seen.is_started) = (false, false);
        self.write_status(None);
    }

    /// Says that the container that ended will be started again, and when.
    fn say_waiting(&mut self, pause: Duration) {
        if self.seen.state["terminated"].is_null() || self.seen.n_restarts == 0 {
            return;
        }
        let name = &self.key.name;
        let message = format!(
            "back-off {}s restarting failed container of pod {name}",
            pause.as_secs()
        );
        self.seen.state = waiting("CrashLoopBackOff", &message);
        self.write_status(None);
        if let Some(pod) = self.pod() {
            let text = "Back-off restarting failed container";
            events::record(
                &self.machine.store,
                &pod,
                "kubelet",
                (WARNING, "BackOff"),
                text,
            );
        }
    }

    /// Writes how the container is, and, once, the pod's address.
    fn write_status(&self, address: Option<&str>) {
        let now = self.machine.store.clock().unix_seconds();
        let _ = self
            .machine
            .store
            .update_status("pods", &self.key, "kubelet", |pod| {
                if !is_it(pod, &self.uid) {
                    return;
                }
                pod::set_container(pod, &self.seen, now);
                let status = &mut pod["status"];
                status["hostIP"] = NODE.into();
                if status["startTime"].is_null() {
                    status["startTime"] = store::date(now);
                }
                if let Some(address) = address {
                    status["podIP"] = address.into();
                    status["podIPs"] = json!([{"ip": address}]);
                }
            });
    }

    fn date(&self) -> Value {
        store::date(self.machine.store.clock().unix_seconds())
    }
}

impl Drop for PodWorker {
    fn drop(&mut self) {
        self.note_kill(false);
    }
}

fn waiting(reason: &str, message: &str) -> Value {
    match message {
        "" => json!({"waiting": {"reason": reason}}),
        message => json!({"waiting": {"reason": reason, "message": message}}),
    }
}

fn grace_of(seconds: &Value) -> Duration {
    Duration::from_secs(seconds.as_u64().unwrap_or(30))
}

/// How long a container that ended is left alone: ten seconds, doubling, up to five minutes.
const RESTART_BACKOFF: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(300));

/// A container that ran for so long begins anew with the shortest pause.
const RESTART_BACKOFF_RESET: Duration = Duration::from_secs(600);

/// Probes do not keep connections: what is probed may be another process by then.
const PROBE_IDLE: Duration = Duration::from_millis(1);
