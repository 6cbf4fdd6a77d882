//! StatefulSet: the fields we read.
//!
//! # Invariants
//! - The spec is kept whole: it is compared with what we want, field by field.
//!
//! # Source
//! api `apps/v1/types.go`.

use serde::Deserialize;

use crate::api::meta::ObjectMeta;
use crate::api::{Resource, null_is_default};

/// One StatefulSet; its spec whole.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StatefulSet {
    /// Name, identity, labels, owners.
    pub metadata: ObjectMeta,
    /// Everything, to be compared with what is wanted.
    pub spec: serde_json::Value,
    /// What its controller says.
    #[serde(deserialize_with = "null_is_default")]
    pub status: StatefulSetStatus,
}

/// What the StatefulSet controller says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StatefulSetStatus {
    /// The generation this status is about.
    #[serde(deserialize_with = "null_is_default")]
    pub observed_generation: i64,
    /// Pods that exist.
    #[serde(deserialize_with = "null_is_default")]
    pub replicas: i32,
    /// Pods that are ready.
    #[serde(deserialize_with = "null_is_default")]
    pub ready_replicas: i32,
}

impl Resource for StatefulSet {
    const GROUP: &'static str = "apps";
    const VERSION: &'static str = "v1";
    const KIND: &'static str = "StatefulSet";
    const PLURAL: &'static str = "statefulsets";

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}
