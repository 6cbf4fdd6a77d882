//! Gives pods their node. There is one; if it is cordoned, or a claim has no volume, pods wait and say why.

use serde_json::{Value, json};

use crate::sim::cluster::pod;
use crate::sim::cluster::{NODE, events, volumes};
use crate::sim::request::Key;
use crate::sim::store::Store;

/// Looks once, and does what is missing.
pub(super) fn pass(store: &Store) {
    let node = store.get("nodes", &Key::new("", NODE));
    let can_run = node
        .as_ref()
        .is_some_and(|node| node["spec"]["unschedulable"] != true);
    let waits = |pod: &Value| {
        pod["spec"]["nodeName"].is_null() && pod["metadata"]["deletionTimestamp"].is_null()
    };
    for pod in store.list("pods").iter().filter(|pod| waits(pod)) {
        let key = Key::of(pod);
        let unbound = volumes::unbound(store, pod);
        if can_run && unbound.is_none() {
            // A pod that was deleted meanwhile needs no node.
            let _ = store.update("pods", &key, "kube-scheduler", |pod| {
                pod["spec"]["nodeName"] = NODE.into();
            });
            set_scheduled(store, &key, json!({"status": "True"}));
            let message = format!("Successfully assigned {key} to {NODE}");
            events::record(
                store,
                pod,
                "default-scheduler",
                (events::NORMAL, "Scheduled"),
                &message,
            );
        } else {
            let why = unbound.as_deref().filter(|_| can_run);
            let message = match node.is_some() {
                true => format!(
                    "0/1 nodes are available: {}. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
                    why.unwrap_or("1 node(s) were unschedulable")
                ),
                false => "no nodes available to schedule pods".to_owned(),
            };
            let condition =
                json!({"status": "False", "reason": "Unschedulable", "message": message});
            if set_scheduled(store, &key, condition) {
                let reason = (events::WARNING, "FailedScheduling");
                events::record(store, pod, "default-scheduler", reason, &message);
            }
        }
    }
}

/// Returns whether that is news.
fn set_scheduled(store: &Store, key: &Key, condition: Value) -> bool {
    let before = store.resource_version();
    let now = store.clock().unix_seconds();
    let _ = store.update_status("pods", key, "kube-scheduler", |pod| {
        pod::set_condition(&mut pod["status"], "PodScheduled", condition, now);
    });
    store.resource_version() > before
}
