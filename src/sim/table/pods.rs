//! What `kubectl get pods` says in one word about a pod with many containers.
//!
//! The word starts as the phase. The first init container that has not succeeded overrides it. If there is
//! none, the containers do, the first one last, so that its trouble is what is seen. A pod being deleted is `Terminating`,
//! whatever its containers say.
//!
//! # Source
//! Kubernetes `pkg/printers/internalversion/printers.go`, `printPod`.
//!
//! # What differs
//! - Init containers that keep running (`restartPolicy: Always`) count as ordinary init containers.

use serde_json::{Value, json};

use crate::sim::kinds::Kind;
use crate::sim::table::age;
use crate::sim::table::cells::{age_of, list, number, or_none, text};

/// What the containers of a pod add up to.
struct Summary {
    status: String,
    n_ready: usize,
    n_restarts: i64,
    /// When a container last ended before it was started again; RFC 3339, empty if none did.
    last_end: String,
}

/// All cells of a pod.
pub(super) fn cells(pod: &Value, now: i64) -> Vec<Value> {
    let summary = summary(pod);
    let restarts = match age::since(&summary.last_end, now) {
        Some(age) if summary.n_restarts != 0 => format!("{} ({age} ago)", summary.n_restarts),
        _ => summary.n_restarts.to_string(),
    };
    let n_containers = list(pod, "/spec/containers").len();
    let cells = [
        text(pod, "/metadata/name").to_owned(),
        format!("{}/{n_containers}", summary.n_ready),
        summary.status,
        restarts,
        age_of(pod, "/metadata/creationTimestamp", now),
        or_none(text(pod, "/status/podIPs/0/ip")),
        or_none(text(pod, "/spec/nodeName")),
        or_none(text(pod, "/status/nominatedNodeName")),
        readiness_gates(pod),
    ];
    cells.map(Value::from).into()
}

/// The condition by which a row says that a pod is over; kubectl used to hide such rows.
pub(super) fn completed(kind: &Kind, pod: &Value) -> Option<Value> {
    let message = match text(pod, "/status/phase") {
        "Succeeded" => "The pod has completed successfully.",
        "Failed" => "The pod failed.",
        _ => return None,
    };
    let reason = &pod["status"]["phase"];
    (kind.plural == "pods" && kind.group.is_empty()).then(
        || json!({"type": "Completed", "status": "True", "reason": reason, "message": message}),
    )
}

fn summary(pod: &Value) -> Summary {
    let mut summary = Summary {
        status: phase(pod),
        n_ready: 0,
        n_restarts: 0,
        last_end: String::new(),
    };
    let is_initialized = initializing(pod, &mut summary) || has_condition(pod, "Initialized");
    if is_initialized {
        summary.n_restarts = 0;
        summary.last_end.clear();
        running(pod, &mut summary);
    }
    if pod["metadata"].get("deletionTimestamp").is_some() {
        if text(pod, "/status/reason") == "NodeLost" {
            summary.status = "Unknown".to_owned();
        } else if !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed") {
            summary.status = "Terminating".to_owned();
        }
    }
    summary
}

fn phase(pod: &Value) -> String {
    let mut conditions = list(pod, "/status/conditions").iter();
    let is_gated = |condition: &Value| {
        condition["type"] == "PodScheduled" && condition["reason"] == "SchedulingGated"
    };
    match text(pod, "/status/reason") {
        _ if conditions.any(is_gated) => "SchedulingGated",
        "" => text(pod, "/status/phase"),
        reason => reason,
    }
    .to_owned()
}

/// Looks at the init containers up to the first that has not succeeded; true if all have.
fn initializing(pod: &Value, summary: &mut Summary) -> bool {
    let n_init = list(pod, "/spec/initContainers").len();
    for (place, container) in list(pod, "/status/initContainerStatuses")
        .iter()
        .enumerate()
    {
        count_restarts(container, summary);
        let terminated = container["state"].get("terminated");
        if terminated.is_some_and(|terminated| number(terminated, "/exitCode") == 0) {
            continue;
        }
        let waiting = text(container, "/state/waiting/reason");
        summary.status = match (terminated, waiting) {
            (Some(terminated), _) => format!("Init:{}", reason_of_end(terminated)),
            (None, "" | "PodInitializing") => format!("Init:{place}/{n_init}"),
            (None, waiting) => format!("Init:{waiting}"),
        };
        return false;
    }
    true
}

/// Looks at the containers, the last one first: the word of the first is what stays.
fn running(pod: &Value, summary: &mut Summary) {
    let mut has_running = false;
    let mut failure = None;
    for container in list(pod, "/status/containerStatuses").iter().rev() {
        count_restarts(container, summary);
        let state = &container["state"];
        let waiting = text(state, "/waiting/reason");
        if !waiting.is_empty() {
            summary.status = waiting.to_owned();
        } else if let Some(terminated) = state.get("terminated") {
            summary.status = reason_of_end(terminated);
            if number(terminated, "/exitCode") != 0 {
                failure = Some(summary.status.clone());
            }
        } else if container["ready"] == true && state.get("running").is_some() {
            has_running = true;
            summary.n_ready += 1;
        }
    }
    if summary.status == "Completed" {
        match failure {
            _ if has_running && has_condition(pod, "Ready") => {
                summary.status = "Running".to_owned()
            }
            Some(failure) => summary.status = failure,
            None if has_running => summary.status = "NotReady".to_owned(),
            None => {}
        }
    }
}

fn count_restarts(container: &Value, summary: &mut Summary) {
    summary.n_restarts += number(container, "/restartCount");
    let ended = text(container, "/lastState/terminated/finishedAt");
    if *ended > *summary.last_end {
        summary.last_end = ended.to_owned();
    }
}

fn reason_of_end(terminated: &Value) -> String {
    match (text(terminated, "/reason"), number(terminated, "/signal")) {
        ("", 0) => format!("ExitCode:{}", number(terminated, "/exitCode")),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

fn readiness_gates(pod: &Value) -> String {
    let gates = list(pod, "/spec/readinessGates");
    let is_open = |gate: &&Value| has_condition(pod, text(gate, "/conditionType"));
    match gates.len() {
        0 => or_none(""),
        n_gates => format!("{}/{n_gates}", gates.iter().filter(is_open).count()),
    }
}

fn has_condition(pod: &Value, kind: &str) -> bool {
    let mut conditions = list(pod, "/status/conditions").iter();
    conditions.any(|condition| condition["type"] == kind && condition["status"] == "True")
}
