//! Mirrors `src/api/core.rs` and `apps.rs`.

use bitcoin_controller::api::apps::StatefulSet;
use bitcoin_controller::api::core::{ObjectReference, Pod, Secret};
use bitcoin_controller::api::{Resource, Timestamp};
use serde_json::json;

#[test]
fn a_pod_keeps_what_is_declared_and_skips_the_rest() {
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {
            "name": "a-sts-0", "namespace": "default", "uid": "u1", "resourceVersion": "7",
            "labels": {"z": "1", "app": "a"}, "ownerReferences": null,
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "large"},
            "deletionTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"containers": []},
        "status": {
            "phase": "Pending", "podIP": "10.0.0.1",
            "conditions": [{"type": "Ready", "status": "True", "lastProbeTime": null}],
            "containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff"}}}],
        },
    }))
    .unwrap();
    assert!(pod.status.is_ready() && pod.metadata.is_terminating());
    assert_eq!(
        pod.metadata.labels.iter().collect::<Vec<_>>(),
        [("app", "a"), ("z", "1")]
    );
    assert_eq!(
        pod.metadata.deletion_timestamp.map(Timestamp::unix_seconds),
        Some(1_767_225_600)
    );
    let waiting = pod.status.container_statuses[0]
        .state
        .waiting
        .as_ref()
        .unwrap();
    assert_eq!(waiting.reason.as_deref(), Some("ImagePullBackOff"));
    assert_eq!(ObjectReference::to(&pod).kind, "Pod");
}

#[test]
fn null_and_missing_mean_the_same() {
    let missing: Pod = serde_json::from_value(json!({})).unwrap();
    let null: Pod = serde_json::from_value(json!({
        "metadata": {"labels": null, "annotations": null, "ownerReferences": null, "uid": null},
        "status": null,
    }))
    .unwrap();
    assert_eq!(missing, null);
}

#[test]
fn a_secret_decodes_its_values_and_never_shows_them() {
    let secret: Secret = serde_json::from_value(json!({
        "metadata": {"name": "s"}, "data": {"password": "aHVudGVyMg==", "user": "dQ=="},
    }))
    .unwrap();
    assert_eq!(secret.text("password"), Some("hunter2"));
    assert_eq!(secret.text("missing"), None);
    let shown = format!("{secret:?}");
    assert!(
        shown.contains("password") && !shown.contains("hunter2") && !shown.contains("aHVudGVyMg"),
        "{shown}"
    );
}

#[test]
fn a_secret_that_is_not_base64_is_refused_without_quoting_it() {
    let error =
        serde_json::from_value::<Secret>(json!({"data": {"password": "hunter2!"}})).unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn a_stateful_sets_spec_is_kept_whole() {
    let set: StatefulSet = serde_json::from_value(
        json!({"spec": {"replicas": 3, "unknown": {"a": 1}}, "status": {"replicas": 2}}),
    )
    .unwrap();
    assert_eq!(set.spec["unknown"]["a"], 1);
    assert_eq!((set.status.replicas, set.status.ready_replicas), (2, 0));
    assert_eq!(StatefulSet::api_version(), "apps/v1");
}
