//! The state of a run as one JSON document: what it holds, since when, and why.
//!
//! For a person with `kubectl port-forward` and a question: why is my network not looked at (or looked at
//! all the time)? It is made for reading once, not for being watched; numbers over time are in `/metrics`.
//!
//! ```text
//!   queue     keys in line, in hand, and due later
//!   keys      of each: why it was last called, how the last pass ended, how often it has failed in a row
//!   caches    of each: how much, how fresh, what cannot be read and why
//!   events    how many wait, how many were dropped
//!   leader    who holds the lease
//! ```
//!
//! # Invariants
//! - Times are ages in seconds, so that the document makes sense without a clock.
//! - No specs, no Secrets, no answers of nodes: of an object there are its name, its version, and where
//!   reading it went wrong. An error's text is the one that was logged.
//! - It is as large as there are networks and unreadable objects, and no larger.

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::api::{ObjectKey, Timestamp};
use crate::base::Clock;
use crate::cache::InformerTally;
use crate::controller::journal::{Entry, Pass};
use crate::controller::{Action, Controller, PassResult};
use crate::record::EventBroadcaster;
use crate::run::insight::Election;

/// What is known of the run, in a form for people.
pub(super) fn document(
    clock: &Clock,
    working: Option<(&Controller, &EventBroadcaster)>,
    election: Option<&Election>,
) -> String {
    let mut document = Map::new();
    let mut put = |name: &str, value| document.insert(name.to_owned(), value);
    put("version", env!("CARGO_PKG_VERSION").into());
    put("now", json!(Timestamp::now(clock)));
    if let Some((controller, events)) = working {
        put("queue", queue(controller));
        put("keys", keys(controller));
        put("caches", caches(controller));
        let (pending, dropped) = (events.pending(), events.n_dropped());
        put("events", json!({"pending": pending, "dropped": dropped}));
    }
    if let Some(election) = election {
        put("leader", leader(election));
    }
    format!("{:#}\n", Value::Object(document))
}

fn queue(controller: &Controller) -> Value {
    let contents = controller.queue().contents();
    let ready: Vec<String> = contents.ready.iter().map(ObjectKey::to_string).collect();
    let processing = contents.processing.iter().map(|in_hand| {
        json!({
            "key": in_hand.key.to_string(),
            "seconds": age(in_hand.since),
            "againAfterwards": in_hand.again,
        })
    });
    let now = Instant::now();
    let delayed = contents.delayed.iter().map(|(key, due)| {
        let due = due.saturating_duration_since(now).as_secs_f64();
        json!({"key": key.to_string(), "dueInSeconds": rounded(due)})
    });
    json!({
        "ready": ready,
        "processing": processing.collect::<Vec<_>>(),
        "delayed": delayed.collect::<Vec<_>>(),
        "workers": controller.n_workers(),
        "isShuttingDown": controller.queue().is_shutting_down(),
    })
}

fn keys(controller: &Controller) -> Value {
    let entries = controller.journal().entries().into_iter();
    let keys = entries.map(|(key, entry)| {
        let failures = controller.queue().num_requeues(&key);
        (key.to_string(), of_key(&entry, failures))
    });
    Value::Object(keys.collect())
}

fn of_key(entry: &Entry, failures_in_a_row: u32) -> Value {
    json!({
        "calledBecause": entry.cause.to_string(),
        "calledSecondsAgo": age(entry.called),
        "calls": entry.n_calls,
        "passes": entry.n_passes,
        "failuresInARow": failures_in_a_row,
        "lastPass": entry.last_pass.as_ref().map(last_pass),
    })
}

fn last_pass(pass: &Pass) -> Value {
    let result = match pass.result {
        PassResult::Ended(Action::Done) => "done".to_owned(),
        PassResult::Ended(Action::RequeueAfter(delay)) => format!("again after {delay:?}"),
        PassResult::Failed => "failed".to_owned(),
        PassResult::Panicked => "panicked".to_owned(),
    };
    json!({
        "endedSecondsAgo": age(pass.ended),
        "seconds": rounded(pass.duration.as_secs_f64()),
        "result": result,
        "error": pass.error,
    })
}

fn caches(controller: &Controller) -> Value {
    let tallies = controller.caches().tallies().into_iter();
    Value::Object(tallies.map(|(name, tally)| (name, cache(&tally))).collect())
}

fn cache(tally: &InformerTally) -> Value {
    let quarantined = tally.quarantined.iter().map(|object| {
        json!({
            "object": object.key.to_string(),
            "resourceVersion": object.resource_version,
            "error": object.error.to_string(),
        })
    });
    json!({
        "isSynced": tally.has_synced,
        "objects": tally.objects,
        "resourceVersion": tally.resource_version,
        "lists": tally.lists,
        "lastListSecondsAgo": tally.last_list.map(age),
        "events": tally.events,
        "lastEventSecondsAgo": tally.last_event.map(age),
        "watches": tally.watches,
        "failures": tally.failures,
        "pendingNotifications": tally.pending,
        "undecodable": tally.undecodable,
        "quarantined": quarantined.collect::<Vec<_>>(),
    })
}

fn leader(Election { lease, view }: &Election) -> Value {
    let spec = view.lease().map(|lease| lease.spec);
    json!({
        "lease": lease.to_string(),
        "isLeader": view.is_leader(),
        "holder": view.leader().map(|holder| holder.to_string()),
        "renewed": spec.as_ref().and_then(|spec| spec.renew_time),
        "transitions": spec.as_ref().map(|spec| spec.lease_transitions),
    })
}

fn age(since: Instant) -> f64 {
    rounded(since.elapsed().as_secs_f64())
}

/// To milliseconds: more digits are no help to a reader.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1_000.0).round() / 1_000.0
}
