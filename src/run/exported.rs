//! The controller's numbers, under the names that dashboards know.
//!
//! # Invariants
//! - What is counted is counted by [observers](crate::run::counted), with atomics; what *is* is worked out on
//!   each scrape.
//! - Every label value is ours or one of few: keys of networks are in [`networks`](crate::run::networks) only.
//!
//! # Source
//! controller-runtime `pkg/internal/controller/metrics/metrics.go`, `pkg/metrics/{workqueue,client_go_adapter,
//! leaderelection}.go`; component-base `metrics/prometheus/restclient`; client-go
//! `tools/cache/reflector_metrics.go`. What differs:
//! - `controller_runtime_reconcile_total` has no `result="requeue"`: there is no such answer. No error is
//!   terminal, and a pass that is cut short at its deadline is told in the log and comes again, so there are no
//!   `..._terminal_reconcile_errors_total` and `..._reconcile_timeouts_total`.
//! - `workqueue_depth` has no `priority`; buckets of the queue's histograms are exact powers of ten.
//! - `rest_client_request_duration_seconds` says in `verb` what is asked (`list`, `apply`), not how (`GET`,
//!   `PATCH`, which `method` says): a watch that lasts minutes is then no slow GET. No sizes, no
//!   retries, and no rate limiter that could be slow.
//! - No `leader_election_slowpath_total`: a renewal that has to look again is a request more, and in the log.
//! - Names that begin with `bitcoin_controller_` are ours.

use std::sync::Arc;
use std::time::Duration;

use crate::controller::Controller;
use crate::metrics::{Kind, Page, Reading, Registry, process};
use crate::record::EventBroadcaster;
use crate::run::insight::Election;
use crate::workqueue;

/// What the controller is called in labels: its kind, in lower case, as in controller-runtime.
pub(super) const CONTROLLER: &str = "bitcoinnetwork";

/// Registers what is true of every program.
pub(super) fn process(registry: &Registry) {
    registry.register(process::collect);
    registry.register(|page| {
        let labels = [("version", env!("CARGO_PKG_VERSION"))];
        let help = "Always 1; the version of the controller is in the label.";
        page.family("bitcoin_controller_build_info", Kind::Gauge, help)
            .sample(&labels, true);
    });
}

/// Registers what can be asked of the controller and its events.
pub(super) fn controller(
    registry: &Registry,
    controller: &Controller,
    events: &Arc<EventBroadcaster>,
) {
    let (controller, events) = (controller.clone(), Arc::clone(events));
    registry.register(move |page| {
        write_queue(page, &controller);
        write_caches(page, &controller);
        let help = "Events that were not recorded because those before them could not be written quickly enough.";
        let name = "bitcoin_controller_events_dropped_total";
        page.family(name, Kind::Counter, help)
            .sample(&[], events.n_dropped());
        let help = "Events that are not written or given up yet, over the server and the log.";
        page.family("bitcoin_controller_events_pending", Kind::Gauge, help)
            .sample(&[], events.pending());
    });
}

fn write_queue(page: &mut Page, controller: &Controller) {
    let queue = controller.queue().metrics();
    let labels = [("name", CONTROLLER), ("controller", CONTROLLER)];
    let ours = [("controller", CONTROLLER)];
    let help = "Number of currently used workers per controller";
    page.family("controller_runtime_active_workers", Kind::Gauge, help)
        .sample(&ours, queue.processing);
    let help = "Maximum number of concurrent reconciles per controller";
    let name = "controller_runtime_max_concurrent_reconciles";
    page.family(name, Kind::Gauge, help)
        .sample(&ours, controller.n_workers());
    let help = "Total number of adds handled by workqueue";
    page.family("workqueue_adds_total", Kind::Counter, help)
        .sample(&labels, queue.adds);
    let help = "Current depth of workqueue";
    page.family("workqueue_depth", Kind::Gauge, help)
        .sample(&labels, queue.depth);
    let help = "How many seconds has the longest running processor for workqueue been running.";
    let name = "workqueue_longest_running_processor_seconds";
    page.family(name, Kind::Gauge, help)
        .sample(&labels, queue.longest_running_processor_seconds);
    let help = "How long in seconds an item stays in workqueue before being requested";
    page.family("workqueue_queue_duration_seconds", Kind::Histogram, help)
        .histogram(&labels, &reading(&queue.queue_duration));
    let help = "Total number of retries handled by workqueue";
    page.family("workqueue_retries_total", Kind::Counter, help)
        .sample(&labels, queue.retries);
    let help = "How many seconds of work has been done that is in progress and hasn't been observed by work_duration.";
    page.family("workqueue_unfinished_work_seconds", Kind::Gauge, help)
        .sample(&labels, queue.unfinished_work_seconds);
    let help = "How long in seconds processing an item from workqueue takes.";
    page.family("workqueue_work_duration_seconds", Kind::Histogram, help)
        .histogram(&labels, &reading(&queue.work_duration));
    let help = "Keys that wait for their time: a poll, or a retry after a failure.";
    let name = "bitcoin_controller_workqueue_delayed";
    page.family(name, Kind::Gauge, help)
        .sample(&labels, queue.delayed);
}

fn reading(histogram: &workqueue::metrics::Histogram) -> Reading {
    let in_seconds = |(bound, count): (Duration, u64)| (bound.as_secs_f64(), count);
    Reading {
        buckets: histogram.buckets().map(in_seconds).collect(),
        count: histogram.count(),
        sum: histogram.sum().as_secs_f64(),
    }
}

fn write_caches(page: &mut Page, controller: &Controller) {
    let tallies = controller.caches().tallies();
    let mut each = |name, kind, help, number: fn(&crate::cache::InformerTally) -> u64| {
        let mut family = page.family(name, kind, help);
        for (name, tally) in &tallies {
            family.sample(&[("name", name)], number(tally));
        }
    };
    let (counter, gauge) = (Kind::Counter, Kind::Gauge);
    each(
        "reflector_lists_total",
        counter,
        "How often the whole state came in, by a list or as initial events of a watch",
        |tally| tally.lists,
    );
    each(
        "reflector_watches_total",
        counter,
        "Total number of watches that the server has opened",
        |tally| tally.watches,
    );
    each(
        "bitcoin_controller_reflector_events_total",
        counter,
        "Changes of single objects that came in.",
        |tally| tally.events,
    );
    each(
        "bitcoin_controller_reflector_failures_total",
        counter,
        "Lists and watches that failed or were refused.",
        |tally| tally.failures,
    );
    each(
        "bitcoin_controller_cache_objects",
        gauge,
        "Objects in the cache.",
        |tally| tally.objects as u64,
    );
    each(
        "bitcoin_controller_cache_synced",
        gauge,
        "Whether the first list is in the cache.",
        |tally| u64::from(tally.has_synced),
    );
    each(
        "bitcoin_controller_quarantined_objects",
        gauge,
        "Objects that exist and cannot be read.",
        |tally| tally.quarantined.len() as u64,
    );
}

/// Registers whether we lead.
pub(super) fn election(registry: &Registry, election: &Election) {
    let election = election.clone();
    registry.register(move |page| {
        let help = "Gauge of if the reporting system is master of the relevant lease, 0 indicates backup, 1 indicates master. 'name' is the string used to identify the lease. Please make sure to group by name.";
        page.family("leader_election_master_status", Kind::Gauge, help)
            .sample(&[("name", &election.lease.name)], election.view.is_leader());
    });
}
