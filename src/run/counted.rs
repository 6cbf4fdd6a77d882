//! What is counted while it happens: requests to the API server, and passes.
//!
//! Client and workers tell an observer of each. Counting it costs one look into a small table, and a few
//! atomics.
//!
//! # Invariants
//! - Every attempt of a request is counted, those that got no answer included (`code="<error>"`).
//! - Every pass has one result; the results add up to how many passes there were.
//!
//! # Source
//! See [`exported`](crate::run::exported), also for what differs.

use crate::client::RequestRecord;
use crate::controller::{Action, PassRecord, PassResult};
use crate::metrics::{Counter, Histogram, Kind, Labelled, Page};
use crate::run::exported::CONTROLLER;

/// Requests to one API server.
pub(super) struct Requests {
    host: String,
    total: Labelled<Counter, 3>,
    durations: Labelled<Histogram, 2>,
}

impl Requests {
    pub(super) fn new(host: &str) -> Self {
        Requests {
            host: host.to_owned(),
            total: Labelled::new(["code", "method", "host"], Counter::default),
            durations: Labelled::new(["verb", "host"], || Histogram::new(&REQUEST_BOUNDS)),
        }
    }

    pub(super) fn count(&self, request: &RequestRecord) {
        let code = request.status.map(|code| code.to_string());
        // As client-go says it.
        let code = code.as_deref().unwrap_or("<error>");
        let host = &*self.host;
        let counter = self.total.with([code, method(request.verb), host]);
        counter.increment();
        let histogram = self.durations.with([request.verb, host]);
        histogram.observe(request.duration);
    }

    pub(super) fn write(&self, page: &mut Page) {
        let help = "Number of HTTP requests, partitioned by status code, method, and host.";
        let mut family = page.family("rest_client_requests_total", Kind::Counter, help);
        self.total.each(|labels, counter| {
            family.sample(labels, counter.get());
        });
        let help = "Request latency in seconds, until the head of the answer. Broken down by verb, and host.";
        let name = "rest_client_request_duration_seconds";
        let mut family = page.family(name, Kind::Histogram, help);
        self.durations.each(|labels, histogram| {
            family.histogram(labels, &histogram.read());
        });
    }
}

fn method(verb: &str) -> &'static str {
    match verb {
        "create" => "POST",
        "apply" | "patch" => "PATCH",
        "delete" => "DELETE",
        _ => "GET",
    }
}

/// Passes of the controller.
pub(super) struct Passes {
    errors: Counter,
    requeued: Counter,
    successes: Counter,
    panics: Counter,
    durations: Histogram,
}

impl Passes {
    pub(super) fn new() -> Self {
        Passes {
            errors: Counter::default(),
            requeued: Counter::default(),
            successes: Counter::default(),
            panics: Counter::default(),
            durations: Histogram::new(&PASS_BOUNDS),
        }
    }

    pub(super) fn count(&self, pass: &PassRecord) {
        self.durations.observe(pass.duration);
        match pass.result {
            PassResult::Ended(Action::Done) => self.successes.increment(),
            PassResult::Ended(Action::RequeueAfter(_)) => self.requeued.increment(),
            PassResult::Failed => self.errors.increment(),
            PassResult::Panicked => {
                self.errors.increment();
                self.panics.increment();
            }
        }
    }

    pub(super) fn write(&self, page: &mut Page) {
        let ours = ("controller", CONTROLLER);
        let help = "Total number of reconciliations per controller";
        let mut family = page.family("controller_runtime_reconcile_total", Kind::Counter, help);
        for (result, counter) in [
            ("error", &self.errors),
            ("requeue_after", &self.requeued),
            ("success", &self.successes),
        ] {
            family.sample(&[ours, ("result", result)], counter.get());
        }
        let help = "Total number of reconciliation errors per controller";
        let name = "controller_runtime_reconcile_errors_total";
        page.family(name, Kind::Counter, help)
            .sample(&[ours], self.errors.get());
        let help = "Total number of reconciliation panics per controller";
        let name = "controller_runtime_reconcile_panics_total";
        page.family(name, Kind::Counter, help)
            .sample(&[ours], self.panics.get());
        let help = "Length of time per reconciliation per controller";
        let name = "controller_runtime_reconcile_time_seconds";
        page.family(name, Kind::Histogram, help)
            .histogram(&[ours], &self.durations.read());
    }
}

/// controller-runtime's, for passes; in seconds.
const PASS_BOUNDS: [f64; 40] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9,
    1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 15.0, 20.0,
    25.0, 30.0, 40.0, 50.0, 60.0,
];

/// Kubernetes' own, for requests; in seconds.
const REQUEST_BOUNDS: [f64; 12] = [
    0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0,
];
