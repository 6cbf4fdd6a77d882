//! The life of one pod on its node.
//!
//! ```text
//!   address ─┬─> image there? Secrets there? ─> start ─> probe, probe, … ─> ended, or killed by a probe ─┐
//!            │        └── no: say so, look again at every change                                        │
//!            └────────────────────── at once; the next time after 10 s, 20 s, … <────────────────────────┘
//!
//!   at any moment: pod going ─> terminate, grace, kill ─> volumes away, address back, pod gone
//! ```
//!
//! So there is a life that never ends by itself ([`PodWorker::live`]), and what ends it from outside; the
//! latter may come between any two steps of the former.
//!
//! It models: restarts as `restartPolicy: Always` wants them. It does not model: the other policies, a
//! change of the image while the container runs.
//!
//! # Invariants
//! - The pod goes from the store only when its container has ended.
//! - A pod that is gone from the store (deleted by force) is killed at once.
//!
//! # Source
//! Kubernetes `pkg/kubelet/{pod_workers,kuberuntime/kuberuntime_manager}.go` (`doBackOff`), client-go
//! `util/flowcontrol/backoff.go`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::http::HttpClient;
use crate::sim::bitcoind::Exit;
use crate::sim::cluster::addresses::Lease;
use crate::sim::cluster::events::{NORMAL, WARNING};
use crate::sim::cluster::pod::{self, Seen, Waiting};
use crate::sim::cluster::probes::{Finding, Probes};
use crate::sim::cluster::this_pod::{End, ThisPod, grace_of};
use crate::sim::cluster::{Machine, NODE};
use crate::sim::request::Key;
use crate::sim::runtime::{Container, Process};
use crate::sim::value;

/// The worker of one pod.
pub(super) struct PodWorker {
    pod: ThisPod,
    seen: Seen,
    /// The container, while it runs.
    process: Option<Box<dyn Process>>,
    /// Its address. Dropped after the container, or somebody else would get it too soon.
    lease: Option<Lease>,
}

impl PodWorker {
    pub(super) fn new(machine: Arc<Machine>, key: Key, uid: String) -> Self {
        PodWorker {
            pod: ThisPod::new(machine, key, uid),
            seen: Seen {
                state: waiting("ContainerCreating", ""),
                last: Value::Null,
                is_started: false,
                is_ready: false,
                n_restarts: 0,
            },
            process: None,
            lease: None,
        }
    }

    /// Runs the pod until it is gone or `shutdown` is cancelled.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        let pod = self.pod.clone();
        let end = tokio::select! {
            biased;
            () = shutdown.cancelled() => End::Shutdown,
            end = pod.going() => end,
            never = self.live() => match never {},
        };
        pod.note_kill(None);
        if let Some(mut process) = self.process.take() {
            match end {
                End::Going => {
                    self.say_not_ready();
                    stop(process.as_mut(), pod.grace_is_over()).await;
                }
                End::Gone => {
                    process.kill();
                    process.wait().await;
                }
                // Who has no patience for it drops the worker.
                End::Shutdown => {
                    stop(process.as_mut(), std::future::pending()).await;
                }
            }
        }
        if !matches!(end, End::Shutdown) {
            pod.machine.runtime.remove_volume(&pod.uid);
            drop(self.lease.take());
            pod.remove();
        }
    }

    /// Runs the container again and again.
    async fn live(&mut self) -> Infallible {
        self.write_status();
        let machine = Arc::clone(&self.pod.machine);
        let lease = machine.addresses.take().await;
        let address = lease.address();
        self.lease = Some(lease);
        self.write_status();
        let mut pauses = RestartPauses::default();
        loop {
            let container = self.prepared(&address).await;
            let (started, image) = (Instant::now(), container.image.clone());
            if !self.seen.last.is_null() {
                self.seen.n_restarts += 1;
            }
            match machine.runtime.start(container).await {
                Ok(process) => {
                    self.process = Some(process);
                    self.watch(&address, &image).await;
                }
                Err(error) => self.note_end("StartError", 128, &error.to_string()),
            }
            self.wait_to_restart(pauses.after_run_of(started.elapsed()), &image)
                .await;
        }
    }

    /// What to run, as soon as its image and its Secrets are there.
    async fn prepared(&mut self, address: &str) -> Container {
        let mut pulled: Option<(Value, Instant)> = None;
        loop {
            let seen = self.pod.machine.store.resource_version();
            let Some(pod) = self.pod.get() else {
                // Whoever runs us sees this, too.
                return std::future::pending().await;
            };
            let image = &pod["spec"]["containers"][0]["image"];
            let tried = match pulled {
                Some((tried, at)) if tried == *image => at,
                _ => Instant::now(),
            };
            pulled = Some((image.clone(), tried));
            match pod::container(&self.pod.machine.store, &pod, address, tried.elapsed()) {
                Ok(container) => return container,
                Err(why) => self.say_cannot_start(&why),
            }
            let until_backed_off = pod::PULL_RETRY.saturating_sub(tried.elapsed());
            tokio::select! {
                biased;
                () = self.pod.machine.store.changed_after(seen) => {}
                () = tokio::time::sleep(until_backed_off), if !until_backed_off.is_zero() => {}
            }
        }
    }

    /// Watches the running container until it has ended, and says what its probes find.
    async fn watch(&mut self, address: &str, image: &str) {
        let Some(pod) = self.pod.get() else {
            return std::future::pending().await;
        };
        let pulled = format!("Container image \"{image}\" already present on machine");
        self.pod.tell((NORMAL, "Pulled"), &pulled);
        self.pod.tell((NORMAL, "Started"), "Container started");
        self.seen.state = json!({"running": {"startedAt": self.pod.date()}});
        self.write_status();
        let kill = Arc::new(Notify::new());
        self.pod.note_kill(Some(&kill));
        let client = HttpClient::plain(self.pod.machine.runtime.transport(), PROBE_IDLE);
        let mut probes = Probes::new(&pod["spec"]["containers"][0], address, &client);
        let grace = grace_of(&pod["spec"]["terminationGracePeriodSeconds"]);
        let exit = loop {
            let process = self.process.as_mut().expect("it runs until it has ended");
            let finding = tokio::select! {
                biased;
                exit = process.wait() => break exit,
                () = kill.notified() => {
                    process.kill();
                    break process.wait().await;
                }
                finding = probes.next() => finding,
            };
            match finding {
                Finding::Changed(verdict, why) => {
                    if let Some(why) = why {
                        self.pod.tell((WARNING, "Unhealthy"), &why);
                    }
                    self.seen.is_started = verdict.is_started;
                    self.seen.is_ready = verdict.is_ready;
                    self.write_status();
                }
                Finding::Fatal(why) => {
                    self.pod.tell((WARNING, "Unhealthy"), &why);
                    let text = "Container failed a probe, will be restarted";
                    self.pod.tell((NORMAL, "Killing"), text);
                    break stop(process.as_mut(), tokio::time::sleep(grace)).await;
                }
            }
        };
        self.pod.note_kill(None);
        self.process = None;
        let reason = if exit.code == 0 { "Completed" } else { "Error" };
        self.note_end(reason, exit.code, &exit.message);
    }

    fn note_end(&mut self, reason: &str, code: i32, message: &str) {
        let mut ended = json!({"exitCode": code, "reason": reason, "finishedAt": self.pod.date()});
        if !message.is_empty() {
            ended["message"] = message.into();
        }
        self.seen.state = json!({"terminated": ended});
        self.say_not_ready();
        self.seen.last = self.seen.state.clone();
    }

    /// Leaves the container that ended alone for a while; another image is tried at once.
    async fn wait_to_restart(&mut self, pause: Duration, image: &str) {
        if pause.is_zero() {
            return;
        }
        let (name, seconds) = (&self.pod.key.name, pause.as_secs());
        let message = format!("back-off {seconds}s restarting failed container of pod {name}");
        self.seen.state = waiting("CrashLoopBackOff", &message);
        self.write_status();
        let text = "Back-off restarting failed container";
        self.pod.tell((WARNING, "BackOff"), text);
        tokio::select! {
            biased;
            () = self.pod.image_is_other_than(image) => {}
            () = tokio::time::sleep(pause) => {}
        }
    }

    /// Says why the container cannot be started, if that is news.
    fn say_cannot_start(&mut self, why: &Waiting) {
        let state = waiting(why.reason, &why.message);
        if self.seen.state == state {
            return;
        }
        self.seen.state = state;
        self.write_status();
        let text = match why.reason {
            "CreateContainerConfigError" => &why.message,
            reason => reason,
        };
        self.pod
            .tell((WARNING, "Failed"), &format!("Error: {text}"));
    }

    fn say_not_ready(&mut self) {
        (self.seen.is_ready, self.seen.is_started) = (false, false);
        self.write_status();
    }

    /// Writes how the container is, and the pod's address.
    fn write_status(&self) {
        let store = &self.pod.machine.store;
        let now = store.clock().unix_seconds();
        let address = self.lease.as_ref().map(Lease::address);
        let _ = store.update_status("pods", &self.pod.key, "kubelet", |pod| {
            if pod["metadata"]["uid"] != *self.pod.uid {
                return;
            }
            pod::set_container(pod, &self.seen, now);
            let status = &mut pod["status"];
            status["hostIP"] = NODE.into();
            if status["startTime"].is_null() {
                status["startTime"] = value::date(now);
            }
            if let Some(address) = address {
                status["podIPs"] = json!([{"ip": address}]);
                status["podIP"] = address.into();
            }
        });
    }
}

impl Drop for PodWorker {
    fn drop(&mut self) {
        self.pod.note_kill(None);
    }
}

/// Asks a process to end, and kills it when `limit` comes first.
async fn stop(process: &mut dyn Process, limit: impl Future<Output = ()>) -> Exit {
    process.terminate();
    tokio::select! {
        biased;
        exit = process.wait() => return exit,
        () = limit => {}
    }
    process.kill();
    process.wait().await
}

fn waiting(reason: &str, message: &str) -> Value {
    match message {
        "" => json!({"waiting": {"reason": reason}}),
        message => json!({"waiting": {"reason": reason, "message": message}}),
    }
}

/// How long a container that ended is left alone: not at all the first time, then ten seconds, doubling,
/// up to five minutes.
#[derive(Default)]
struct RestartPauses {
    next: Duration,
}

impl RestartPauses {
    fn after_run_of(&mut self, time: Duration) -> Duration {
        if time > STABLE {
            self.next = Duration::ZERO;
        }
        let pause = self.next;
        self.next = (2 * pause).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        pause
    }
}

const SHORTEST_PAUSE: Duration = Duration::from_secs(10);

const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// A container that ran for longer counts as one that had never ended before.
const STABLE: Duration = Duration::from_secs(600);

/// Probes do not keep connections: what is probed may be another process by then.
const PROBE_IDLE: Duration = Duration::from_millis(1);
