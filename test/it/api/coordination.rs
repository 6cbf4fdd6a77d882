//! Mirrors `src/api/coordination.rs`.

use std::time::{Duration, UNIX_EPOCH};

use bitcoin_controller::api::coordination::{Lease, LeaseSpec};
use bitcoin_controller::api::{MicroTime, Resource};
use bitcoin_controller::base::Clock;
use serde_json::json;

/// The answer of a kube-apiserver v1.36 to a lease that client-go made.
const OF_SERVER: &str = r#"{
    "kind": "Lease", "apiVersion": "coordination.k8s.io/v1",
    "metadata": {
        "name": "a", "namespace": "default", "uid": "00d2b578-ef17-4ebb-aa8d-527df9e21f47",
        "resourceVersion": "254", "creationTimestamp": "2026-11-24T16:01:51Z",
        "managedFields": [{"manager": "go", "operation": "Update", "time": "2026-11-24T16:01:51Z"}]
    },
    "spec": {
        "holderIdentity": "go_1", "leaseDurationSeconds": 15, "leaseTransitions": 2,
        "acquireTime": "2026-01-01T00:00:00.000001Z", "renewTime": "2026-01-01T00:00:09.500000Z"
    }
}"#;

#[test]
fn c111_a_lease_of_a_real_server_is_read_and_written_as_it_is() {
    let lease: Lease = serde_json::from_str(OF_SERVER).unwrap();
    assert_eq!(lease.key().to_string(), "default/a");
    assert_eq!(&*lease.metadata().resource_version, "254");
    let whole: serde_json::Value = serde_json::from_str(OF_SERVER).unwrap();
    assert_eq!(serde_json::to_value(&lease.spec).unwrap(), whole["spec"]);
}

#[test]
fn c111_times_are_written_with_six_digits_whatever_they_are() {
    for (nanos, text) in [
        (0, "2001-09-09T01:46:40.000000Z"),
        (1_000, "2001-09-09T01:46:40.000001Z"),
        (120_000_000, "2001-09-09T01:46:40.120000Z"),
        (999_999_999, "2001-09-09T01:46:40.999999Z"),
    ] {
        let date = UNIX_EPOCH + Duration::new(1_000_000_000, nanos);
        let time = shown_by_a_clock(date);
        assert_eq!(serde_json::to_value(time).unwrap(), text);
        assert_eq!(
            serde_json::from_value::<MicroTime>(json!(text)).unwrap(),
            time
        );
    }
}

/// What a clock that shows `date` gives.
fn shown_by_a_clock(date: std::time::SystemTime) -> MicroTime {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async { MicroTime::now(&Clock::starting_at(date)) })
}

#[test]
fn what_is_missing_or_null_is_nobody_and_nothing() {
    for text in [
        r#"{"spec": {"holderIdentity": null, "renewTime": null}}"#,
        r#"{"spec": null}"#,
        "{}",
    ] {
        let lease: Lease = serde_json::from_str(text).unwrap();
        assert_eq!(lease.spec, LeaseSpec::default());
    }
    let nothing = serde_json::to_value(LeaseSpec::default()).unwrap();
    let expected = json!({"holderIdentity": "", "leaseDurationSeconds": 0, "leaseTransitions": 0});
    assert_eq!(nothing, expected);
}
