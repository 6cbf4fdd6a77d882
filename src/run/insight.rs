//! What can be seen of a run from outside: whether it lives, whether it works, and its numbers.
//!
//! | path | who asks | answer |
//! |---|---|---|
//! | `/healthz` | the kubelet: start anew? | an answer at all is the proof that something still runs; and no worker hangs, and a leader's lease is not overdue |
//! | `/readyz` | the kubelet: up to date? | the caches hold a first list; or another leads, and we have the lease in view |
//! | `/metrics` | Prometheus | see [`exported`] and [`networks`] |
//! | `/debug` | a person | see [`debug`] |
//!
//! The parts come to be one after another, the server first: a controller that waits for the API server
//! is alive and says what it waits for.
//!
//! # Invariants
//! - Asking changes nothing, and holds no lock of a part for longer than that part's own users do.
//! - A standby is ready: it does all that it is there for. So a rollout does not wait for a lease.
//! - No password can be on a page: nothing that knows one is asked.
//!
//! # Source
//! controller-runtime `pkg/manager/internal.go` (`addHealthProbeServer`, `addMetricsServer`),
//! `pkg/healthz`; client-go `tools/leaderelection/healthzadaptor.go`. What differs: readiness knows of
//! caches and lease without being told; a worker that hangs is no life.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::api::ObjectKey;
use crate::base::Clock;
use crate::client;
use crate::controller::Controller;
use crate::controller::reconciler::PASS_DEADLINE;
use crate::leader::LeaderView;
use crate::metrics::{self, Registry};
use crate::record::EventBroadcaster;
use crate::run::counted::{Passes, Requests};
use crate::run::{debug, exported, networks};
use crate::serve::{Answer, Check, Pages, checks};

/// How long a lease of ours may be overdue; as in Kubernetes' own components.
const LEASE_TOLERANCE: Duration = Duration::from_secs(20);

/// A pass is cut short long before, unless it does not let go of its thread.
const HANGS_AFTER: Duration = Duration::from_secs(3 * PASS_DEADLINE.as_secs());

/// The parts of a run that can be looked at, those that are there. Clones look at the same run.
#[derive(Clone, Default)]
pub(crate) struct Insight(Arc<Parts>);

#[derive(Default)]
struct Parts {
    registry: Registry,
    working: OnceLock<(Controller, Arc<EventBroadcaster>)>,
    election: OnceLock<Election>,
}

/// The lease that is fought for, and how that goes.
#[derive(Clone)]
pub(super) struct Election {
    pub(super) lease: ObjectKey,
    pub(super) view: LeaderView,
}

impl Insight {
    /// An observer for the client of the server at `host`, so that its requests are counted.
    pub(super) fn of_requests(&self, host: &str) -> client::Observer {
        let requests = Arc::new(Requests::new(host));
        let counting = Arc::clone(&requests);
        self.0.registry.register(move |page| requests.write(page));
        Arc::new(move |request| counting.count(request))
    }

    /// Has a view of the controller and its events from now on. The controller that is returned is the one
    /// to run: its passes are counted.
    pub(super) fn of_controller(
        &self,
        controller: Controller,
        events: &Arc<EventBroadcaster>,
    ) -> Controller {
        let registry = &self.0.registry;
        let passes = Arc::new(Passes::new());
        let counting = Arc::clone(&passes);
        let controller = controller.with_observer(Arc::new(move |pass| counting.count(pass)));
        registry.register(move |page| passes.write(page));
        exported::controller(registry, &controller, events);
        networks::register(registry, &controller, Clock::system());
        // Only the first is looked at: there is one to a run.
        let working = (controller.clone(), Arc::clone(events));
        let _ = self.0.working.set(working);
        controller
    }

    /// Has a view of the election from now on.
    pub(super) fn of_election(&self, election: Election) {
        exported::election(&self.0.registry, &election);
        // As above.
        let _ = self.0.election.set(election);
    }

    /// The pages to serve.
    pub(super) fn pages(&self) -> Pages {
        exported::process(&self.0.registry);
        let [live, ready, numbers, state] = [self, self, self, self].map(Insight::clone);
        Pages::default()
            .with("/healthz", move |query| {
                checks::answer("healthz", query, &live.0.liveness())
            })
            .with("/readyz", move |query| {
                checks::answer("readyz", query, &ready.0.readiness())
            })
            .with("/metrics", move |_| Answer {
                status: 200,
                content_type: metrics::CONTENT_TYPE,
                body: numbers.0.registry.text(),
            })
            .with("/debug", move |_| Answer::json(state.0.state()))
    }
}

impl Parts {
    fn state(&self) -> String {
        let working = self.working.get();
        let working = working.map(|(controller, events)| (controller, &**events));
        debug::document(&Clock::system(), working, self.election.get())
    }

    fn liveness(&self) -> Vec<Check> {
        let mut checks = vec![Check::new("ping", Ok(()))];
        if let Some((controller, _)) = self.working.get() {
            checks.push(Check::new("workers", no_worker_hangs(controller)));
        }
        if let Some(election) = self.election.get() {
            let outcome = election.view.check(LEASE_TOLERANCE);
            let outcome = outcome.map_err(|overdue| overdue.to_string());
            checks.push(Check::new("leader-election", outcome));
        }
        checks
    }

    fn readiness(&self) -> Vec<Check> {
        let Some((controller, _)) = self.working.get() else {
            let why = "the API server has not answered yet";
            return vec![Check::new("started", Err(why.to_owned()))];
        };
        let mut checks = vec![Check::new("started", Ok(()))];
        if let Some(Election { lease, view }) = self.election.get() {
            let is_seen = view.lease().map(drop);
            let why = || format!("the lease `{lease}` has not been read yet");
            checks.push(Check::new("leader-election", is_seen.ok_or_else(why)));
            // The caches of a standby are empty, and that is as it should be.
            if !view.is_leader() {
                return checks;
            }
        }
        for (name, tally) in controller.caches().tallies() {
            let why = || "the first list is not in the cache yet".to_owned();
            let outcome = tally.has_synced.then_some(()).ok_or_else(why);
            checks.push(Check::new(name, outcome));
        }
        checks
    }
}

fn no_worker_hangs(controller: &Controller) -> Result<(), String> {
    let longest = controller
        .queue()
        .metrics()
        .longest_running_processor_seconds;
    match longest > HANGS_AFTER.as_secs_f64() {
        true => Err(format!("a pass has been running for {longest:.0} s")),
        false => Ok(()),
    }
}
