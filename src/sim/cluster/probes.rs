//! Probes: a container is what it answers.
//!
//! ```text
//!   started ── startupProbe passes ──> readinessProbe decides `ready`, again and again
//!        └── it fails too often ──┐    livenessProbe fails too often ──┐
//!                                 └───────────── killed ───────────────┘
//! ```
//!
//! A probe that is not there passes. It models `httpGet`, periods, thresholds, deadlines, initial
//! delays; it does not model `exec`, `tcpSocket`, `grpc`.
//!
//! # Source
//! Kubernetes `pkg/kubelet/prober/worker.go`.

use std::time::Duration;

use hyper::Request;
use serde_json::Value;
use tokio::time::Instant;

use crate::http::{Body, Endpoint, HttpClient};

/// What the probes have found out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) is_started: bool,
    pub(super) is_ready: bool,
}

/// The probes of one run of a container.
pub(super) struct Probes {
    startup: Option<Probe>,
    readiness: Option<Probe>,
    liveness: Option<Probe>,
    verdict: Verdict,
}

/// A change that the probes have found.
pub(super) enum Finding {
    /// The container is other than it was; with the words of a failure, if one was the reason.
    Changed(Verdict, Option<String>),
    /// It is to be killed, and why.
    Fatal(String),
}

impl Probes {
    /// The probes of `container`, which has just been started at `address`.
    pub(super) fn new(container: &Value, address: &str, client: &HttpClient) -> Self {
        let now = Instant::now();
        let probe = |name: &str| Probe::read(name, container, address, client, now);
        Probes {
            startup: probe("startupProbe"),
            readiness: probe("readinessProbe"),
            liveness: probe("livenessProbe"),
            verdict: Verdict::default(),
        }
    }

    /// Probes until something is new.
    ///
    /// # Cancel safety
    /// The probe that was under way is made again.
    pub(super) async fn next(&mut self) -> Finding {
        loop {
            if !self.verdict.is_started {
                let outcome = match &mut self.startup {
                    None => Outcome::Passes,
                    Some(probe) => probe.next().await,
                };
                match outcome {
                    Outcome::Passes => {
                        self.verdict.is_started = true;
                        self.verdict.is_ready = self.readiness.is_none();
                        return Finding::Changed(self.verdict, None);
                    }
                    Outcome::Fails(why) => return Finding::Fatal(why),
                    Outcome::Open => continue,
                }
            }
            let due = |probe: &Option<Probe>| probe.as_ref().map(|probe| probe.due);
            match (due(&self.readiness), due(&self.liveness)) {
                (None, None) => std::future::pending::<()>().await,
                (Some(readiness), liveness)
                    if liveness.is_none_or(|liveness| readiness <= liveness) =>
                {
                    if let Some(finding) = self.look_whether_ready().await {
                        return finding;
                    }
                }
                _ => {
                    if let Some(probe) = &mut self.liveness
                        && let Outcome::Fails(why) = probe.next().await
                    {
                        return Finding::Fatal(why);
                    }
                }
            }
        }
    }

    async fn look_whether_ready(&mut self) -> Option<Finding> {
        let outcome = self.readiness.as_mut()?.next().await;
        let (is_ready, why) = match outcome {
            Outcome::Passes => (true, None),
            Outcome::Fails(why) => (false, Some(why)),
            Outcome::Open => return None,
        };
        let is_news = is_ready != self.verdict.is_ready;
        self.verdict.is_ready = is_ready;
        is_news.then_some(Finding::Changed(self.verdict, why))
    }
}

enum Outcome {
    /// Often enough in a row.
    Passes,
    /// Often enough in a row.
    Fails(String),
    /// Neither.
    Open,
}

struct Probe {
    name: &'static str,
    url: String,
    client: HttpClient,
    period: Duration,
    timeout: Duration,
    failure_threshold: u64,
    success_threshold: u64,
    due: Instant,
    n_passed: u64,
    n_failed: u64,
}

impl Probe {
    fn read(
        name: &str,
        container: &Value,
        address: &str,
        client: &HttpClient,
        started: Instant,
    ) -> Option<Self> {
        let probe = &container[name];
        let get = probe["httpGet"].as_object()?;
        // As far as the field goes in Kubernetes; with more, no moment could be told.
        let number = |field: &str, default: u64| {
            let number = probe[field].as_u64().unwrap_or(default);
            number.min(i32::MAX.unsigned_abs().into())
        };
        let port = match &get["port"] {
            Value::String(name) => {
                let mut ports = container["ports"].as_array().into_iter().flatten();
                ports.find(|port| port["name"] == *name)?["containerPort"].as_u64()?
            }
            port => port.as_u64()?,
        };
        let endpoint = Endpoint::new(address, u16::try_from(port).ok()?);
        let path = get.get("path").and_then(Value::as_str).unwrap_or("/");
        Some(Probe {
            name: match name {
                "startupProbe" => "Startup",
                "readinessProbe" => "Readiness",
                _ => "Liveness",
            },
            url: format!("http://{endpoint}{path}"),
            client: client.clone(),
            period: Duration::from_secs(number("periodSeconds", 10).max(1)),
            timeout: Duration::from_secs(number("timeoutSeconds", 1).max(1)),
            failure_threshold: number("failureThreshold", 3).max(1),
            success_threshold: number("successThreshold", 1).max(1),
            due: started + Duration::from_secs(number("initialDelaySeconds", 0)),
            n_passed: 0,
            n_failed: 0,
        })
    }

    /// Waits until the probe is due, makes it, and counts.
    async fn next(&mut self) -> Outcome {
        tokio::time::sleep_until(self.due).await;
        let found = self.probe().await;
        // What was missed meanwhile is not made up for: while the startup probe had not passed, or this
        // very probe was slow.
        let now = Instant::now();
        while self.due <= now {
            self.due += self.period;
        }
        match found {
            Ok(()) => {
                (self.n_passed, self.n_failed) = (self.n_passed + 1, 0);
                let is_enough = self.n_passed >= self.success_threshold;
                if is_enough {
                    Outcome::Passes
                } else {
                    Outcome::Open
                }
            }
            Err(why) => {
                (self.n_passed, self.n_failed) = (0, self.n_failed + 1);
                let is_enough = self.n_failed >= self.failure_threshold;
                if is_enough {
                    Outcome::Fails(format!("{} probe failed: {why}", self.name))
                } else {
                    Outcome::Open
                }
            }
        }
    }

    async fn probe(&self) -> Result<(), String> {
        let request = Request::get(&self.url).body(Body::default());
        let request = request.map_err(|error| error.to_string())?;
        match tokio::time::timeout(self.timeout, self.client.send(request)).await {
            Ok(Ok(answer)) if answer.status().is_success() => Ok(()),
            Ok(Ok(answer)) => Err(format!(
                "HTTP probe failed with statuscode: {}",
                answer.status().as_u16()
            )),
            Ok(Err(error)) => Err(format!("Get \"{}\": {error}", self.url)),
            Err(_) => Err(format!("Get \"{}\": context deadline exceeded", self.url)),
        }
    }
}
