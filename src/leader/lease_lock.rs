//! The lease on the server: read it, make it, write onto what was seen.
//!
//! Everything rests on one promise: **a write succeeds only onto the very version that was seen**. Then
//! of two candidates that both believe a lease to be free one gets 409, and a write that was given up
//! for lost and arrives late does no harm.
//!
//! client-go keeps that promise with PUT: it sends back the whole object, `resourceVersion` included.
//! Our types are partial, and a PUT of what we have read would wipe out the labels, annotations and
//! fields that we have not. A merge patch says only what is to change. That it changes the version
//! that was seen, and no other, comes from `metadata.resourceVersion` in the patch: the server lays
//! the patch over the object, finds a version in it that is not the object's, and answers 409. If the
//! object changes while it does so, it lays the patch over the new one, and finds the same. (An apply can
//! carry a version too, but ours *force* fields from whoever owns them, the opposite of what is wanted
//! here; a JSON patch with a `test` is refused with 422, as is one that is merely wrong.)
//!
//! # Invariants
//! - No write without a version: either the object must not exist (POST), or it must be the one seen.
//! - What is not in the record is left as it is.
//! - No request takes longer than its timeout, so that a renewal that hangs leaves time for another.
//!
//! # Example
//! See [`elector`](crate::leader::elector).
//!
//! # Source
//! client-go `tools/leaderelection/resourcelock/leaselock.go`. What differs: PATCH instead of PUT, as
//! said above, which needs the verb `patch` instead of `update`; no client of its own, since ours has no
//! rate limit that work could use up. RBAC: `get`, `create` and `patch` on `leases` of
//! `coordination.k8s.io`.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::api::coordination::{Lease, LeaseSpec};
use crate::api::{ObjectKey, Resource};
use crate::client::{Client, Error};

/// One lease on a server.
#[derive(Clone, Debug)]
pub struct LeaseLock {
    client: Client,
    key: ObjectKey,
    request_timeout: Duration,
}

/// # Errors
/// Those of [`Client`]; [`Error::Deadline`] after the timeout.
///
/// # Cancel safety
/// Dropping the future of a write leaves open whether it was done, or will be.
impl LeaseLock {
    /// The lease at `key`. Each request may take `request_timeout`.
    pub fn new(client: Client, key: ObjectKey, request_timeout: Duration) -> Self {
        LeaseLock {
            client,
            key,
            request_timeout,
        }
    }

    /// Reads it.
    pub async fn get(&self) -> Result<Lease, Error> {
        self.in_time("get", self.client.get(&self.key)).await
    }

    /// Makes it. One that is there already is left alone: `is_already_exists`.
    pub async fn create(&self, record: &LeaseSpec) -> Result<Lease, Error> {
        let body = json!({
            "apiVersion": Lease::api_version(), "kind": Lease::KIND,
            "metadata": {"name": self.key.name},
            "spec": record,
        });
        let request = self.client.create(&self.key.namespace, &body);
        self.in_time("create", request).await
    }

    /// Writes `record` into the lease, if it still is as it was when `seen`; else `is_conflict`.
    pub async fn update(&self, seen: &Lease, record: &LeaseSpec) -> Result<Lease, Error> {
        let body = replacement(seen, record);
        let request = self.client.patch(&self.key, &body);
        self.in_time("patch", request).await
    }

    async fn in_time(
        &self,
        verb: &str,
        request: impl Future<Output = Result<Lease, Error>>,
    ) -> Result<Lease, Error> {
        let answer = timeout(self.request_timeout, request).await;
        answer.unwrap_or_else(|_| {
            Err(Error::Deadline {
                operation: format!("{verb} lease `{}`", self.key),
                after: self.request_timeout,
            })
        })
    }
}

/// The patch that makes `record` of the lease that was `seen`, and of no other version of it.
fn replacement(seen: &Lease, record: &LeaseSpec) -> Value {
    json!({
        "metadata": {"resourceVersion": seen.metadata.resource_version},
        "spec": record,
    })
}
