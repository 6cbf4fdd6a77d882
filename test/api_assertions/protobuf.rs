//! Bodies in protobuf, as typed clients send them: they mean what they would mean in JSON.

use hyper::Method;
use serde_json::{Value, json};

use super::Api;
use super::api::{config_map, version};

/// A message of fields that are texts and messages shorter than 128 bytes.
fn message(fields: &[(u8, &[u8])]) -> Vec<u8> {
    let field = |(number, content): &(u8, &[u8])| {
        let length = u8::try_from(content.len()).ok().filter(|n| *n < 128);
        let head = [number << 3 | 2, length.expect("it is short")];
        [&head, *content].concat()
    };
    fields.iter().flat_map(field).collect()
}

fn body(api_version: &str, kind: &str, object: &[u8]) -> Vec<u8> {
    let kind = message(&[(1, api_version.as_bytes()), (2, kind.as_bytes())]);
    let envelope = message(&[(1, &kind), (2, object), (3, b""), (4, b"")]);
    [b"k8s\0", envelope.as_slice()].concat()
}

#[tokio::test]
async fn a_deletion_may_be_described_in_protobuf() {
    let api = Api::start().await;
    let made = api
        .post("configmaps", config_map("a", json!({})))
        .await
        .created();
    let delete = async |options: &[(u8, &[u8])]| {
        let body = body("v1", "DeleteOptions", &message(options));
        api.protobuf(Method::DELETE, "configmaps/a", body).await
    };
    let another = message(&[(1, b"another")]);
    delete(&[(2, &another)]).await.refused(409, "Conflict");
    delete(&[(5, b"All")]).await.ok();
    assert_eq!(api.get("configmaps/a").await.ok(), made, "both spare it");
    delete(&[]).await.ok();
    api.get("configmaps/a").await.refused(404, "NotFound");
}

#[tokio::test]
async fn a_lease_may_be_written_in_protobuf() {
    let api = Api::start().await;
    let second = b"\x08\xa5\xeb\xdc\xca\x06\x10\xf0\x2e";
    let lease = |version: &str, holder: &str| {
        let metadata = message(&[(1, b"a"), (6, version.as_bytes())]);
        let mut spec = message(&[(1, holder.as_bytes()), (3, second), (4, second)]);
        spec.extend(b"\x10\x02\x28\x00");
        let lease = message(&[(1, &metadata), (2, &spec)]);
        body("coordination.k8s.io/v1", "Lease", &lease)
    };
    let made = api.protobuf(Method::POST, "leases", lease("", "one")).await;
    let made = made.created();
    let expected = |holder: &str| -> Value {
        json!({
            "holderIdentity": holder, "leaseDurationSeconds": 2, "leaseTransitions": 0,
            "acquireTime": "2026-01-02T03:04:05.000006Z", "renewTime": "2026-01-02T03:04:05.000006Z",
        })
    };
    assert_eq!(made["spec"], expected("one"));

    let update = async |version: &str, holder: &str| {
        let body = lease(version, holder);
        api.protobuf(Method::PUT, "leases/a", body).await
    };
    let changed = update(&version(&made), "two").await.ok();
    assert_eq!(changed["spec"], expected("two"));
    update(&version(&made), "three")
        .await
        .refused(409, "Conflict");
    assert_eq!(api.get("leases/a").await.ok(), changed);
}
