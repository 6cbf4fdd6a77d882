//! Lease: who holds it, for how long, and when that was last said.
//!
//! Unlike other kinds a lease's spec is read *and* written: all of it that counts are these five values,
//! and whoever writes one of them decides about all.
//!
//! # Invariants
//! - What is written is read back as the same value, so that two records can be compared.
//!
//! # Example
//! ```
//! use bitcoin_controller::api::coordination::LeaseSpec;
//! let text = r#"{"holderIdentity":"me","renewTime":"2026-01-01T00:00:00.000001Z","leaseTransitions":2}"#;
//! let spec: LeaseSpec = serde_json::from_str(text)?;
//! assert_eq!((&*spec.holder_identity, spec.lease_transitions), ("me", 2));
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! # Source
//! api `coordination/v1/types.go`. What differs: an absent number is 0, as client-go's election reads it;
//! `strategy` and `preferredHolder` (coordinated election, not stable yet) are neither read nor written.

use serde::{Deserialize, Serialize};

use crate::api::meta::ObjectMeta;
use crate::api::text::Text;
use crate::api::time::MicroTime;
use crate::api::{Resource, null_is_default};

/// One lease.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Lease {
    /// Name, identity, version.
    pub metadata: ObjectMeta,
    /// Who holds it, and how long.
    #[serde(deserialize_with = "null_is_default")]
    pub spec: LeaseSpec,
}

/// Who holds a lease, and how long.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LeaseSpec {
    /// The holder; empty: nobody.
    #[serde(deserialize_with = "null_is_default")]
    pub holder_identity: Text,
    /// How long others must see it unchanged before they may take it, in seconds.
    #[serde(deserialize_with = "null_is_default")]
    pub lease_duration_seconds: i32,
    /// When this holder took it, by that holder's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acquire_time: Option<MicroTime>,
    /// When this holder last said so, by that holder's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renew_time: Option<MicroTime>,
    /// How often it has gone from one holder to another.
    #[serde(deserialize_with = "null_is_default")]
    pub lease_transitions: i32,
}

impl Resource for Lease {
    const GROUP: &'static str = "coordination.k8s.io";
    const VERSION: &'static str = "v1";
    const KIND: &'static str = "Lease";
    const PLURAL: &'static str = "leases";

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}
