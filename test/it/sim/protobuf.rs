//! Mirrors `src/sim/protobuf.rs`. The bodies in `test/fixtures/sim/protobuf` are kubectl v1.36.3's and
//! client-go v0.36.3's.

use bitcoin_controller::sim::protobuf::decode;
use serde_json::json;

const SECRET: &[u8] = include_bytes!("../../fixtures/sim/protobuf/secrets.bin");

#[test]
fn what_kubectl_create_sends_is_read() {
    assert_eq!(
        decode(SECRET),
        Ok(json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s", "namespace": "alpha"},
            "data": {"user": "bWU=", "password": "cHc="},
        }))
    );
    assert_eq!(
        decode(include_bytes!("../../fixtures/sim/protobuf/configmaps.bin")),
        Ok(json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "c", "namespace": "alpha"},
            "data": {"a": "b", "n": ""},
        }))
    );
    assert_eq!(
        decode(include_bytes!("../../fixtures/sim/protobuf/namespaces.bin")),
        Ok(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "alpha"}}))
    );
    assert_eq!(
        decode(include_bytes!(
            "../../fixtures/sim/protobuf/serviceaccounts.bin"
        )),
        Ok(
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a", "namespace": "alpha"}})
        )
    );
}

#[test]
fn what_a_typed_client_updates_and_deletes_with_is_read() {
    assert_eq!(
        decode(include_bytes!("../../fixtures/sim/protobuf/leases.bin")),
        Ok(json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "l", "namespace": "alpha", "uid": "8d3b", "resourceVersion": "17"},
            "spec": {
                "holderIdentity": "one", "leaseDurationSeconds": 2, "leaseTransitions": 1,
                "acquireTime": "2026-01-02T03:04:05.000006Z",
                "renewTime": "2026-01-02T03:04:05.000006Z",
            },
        }))
    );
    assert_eq!(
        decode(include_bytes!(
            "../../fixtures/sim/protobuf/deleteoptions.bin"
        )),
        Ok(json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "DeleteOptions",
            "gracePeriodSeconds": 3,
            "preconditions": {"uid": "8d3b", "resourceVersion": "17"},
            "propagationPolicy": "Foreground",
            "dryRun": ["All"],
        }))
    );
}

#[test]
fn a_body_that_is_cut_short_is_refused_wherever_it_is_cut() {
    // Three cuts fall between fields of the envelope; what is left is a whole, smaller body.
    let kind = SECRET
        .windows(6)
        .position(|bytes| bytes == b"Secret")
        .unwrap();
    let between = [kind + 6, SECRET.len() - 4, SECRET.len() - 2];
    for end in (0..SECRET.len()).filter(|end| !between.contains(end)) {
        assert!(decode(&SECRET[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn what_is_not_known_is_refused_and_not_lost() {
    let other = b"k8s\0\x0a\x0a\x0a\x02v1\x12\x04Node";
    assert_eq!(
        decode(other),
        Err("objects of this kind are not read from protobuf".to_owned())
    );
    let field = b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09Namespace\x12\x02\x4a\x00";
    assert_eq!(
        decode(field),
        Err("field 9 is not read from protobuf".to_owned())
    );
    assert!(decode(b"{}").is_err());
}
