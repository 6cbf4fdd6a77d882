//! Pod, Service, Secret, PersistentVolumeClaim and Event: the fields we read.
//!
//! # Invariants
//! - A [`Service`]'s spec is kept whole: it is compared with what we want, field by field.
//! - A [`Secret`]'s values are decoded bytes and never shown by `Debug`.
//!
//! # Source
//! api `core/v1/types.go`.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};

use crate::api::meta::ObjectMeta;
use crate::api::text::Text;
use crate::api::time::Timestamp;
use crate::api::{Resource, null_is_default};

macro_rules! core_resource {
    ($type:ident, $plural:literal) => {
        impl Resource for $type {
            const GROUP: &'static str = "";
            const VERSION: &'static str = "v1";
            const KIND: &'static str = stringify!($type);
            const PLURAL: &'static str = $plural;

            fn metadata(&self) -> &ObjectMeta {
                &self.metadata
            }
        }
    };
}

core_resource!(Pod, "pods");
core_resource!(Service, "services");
core_resource!(Secret, "secrets");
core_resource!(PersistentVolumeClaim, "persistentvolumeclaims");
core_resource!(Event, "events");

/// A claim to a volume: whose it is, is all we ask.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PersistentVolumeClaim {
    /// Name, identity, labels, owners.
    pub metadata: ObjectMeta,
}

/// One pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Pod {
    /// Name, identity, labels, owners.
    pub metadata: ObjectMeta,
    /// What the kubelet and the scheduler say of it.
    #[serde(deserialize_with = "null_is_default")]
    pub status: PodStatus,
}

/// What the kubelet and the scheduler say of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatus {
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    pub phase: Option<Text>,
    /// The first address; may be reused by another pod once this one is gone.
    #[serde(rename = "podIP")]
    pub pod_ip: Option<Box<str>>,
    /// Why the whole pod is as it is, such as `Evicted`.
    pub reason: Option<Text>,
    /// For people.
    pub message: Option<Box<str>>,
    /// `Ready`, `PodScheduled` and others.
    #[serde(deserialize_with = "null_is_default")]
    pub conditions: Box<[PodCondition]>,
    /// One for each container.
    #[serde(deserialize_with = "null_is_default")]
    pub container_statuses: Box<[ContainerStatus]>,
}

impl PodStatus {
    /// The condition of type `name`.
    pub fn condition(&self, name: &str) -> Option<&PodCondition> {
        self.conditions
            .iter()
            .find(|condition| condition.type_ == name)
    }

    /// Whether the kubelet's readiness probe passes.
    pub fn is_ready(&self) -> bool {
        self.condition("Ready")
            .is_some_and(|ready| ready.status == "True")
    }
}

/// One condition of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodCondition {
    /// What is judged.
    #[serde(rename = "type")]
    pub type_: Text,
    /// `True`, `False` or `Unknown`.
    pub status: Text,
    /// For programs, such as `Unschedulable`.
    pub reason: Option<Text>,
    /// For people.
    pub message: Option<Box<str>>,
}

/// What the kubelet says of one container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerStatus {
    /// The container's name.
    pub name: Text,
    /// Whether its readiness probe passes.
    pub ready: bool,
    /// How often it has been started again.
    pub restart_count: u32,
    /// What it does now.
    #[serde(deserialize_with = "null_is_default")]
    pub state: ContainerState,
    /// How it ended last time.
    #[serde(deserialize_with = "null_is_default")]
    pub last_state: ContainerState,
}

/// What a container does; at most one of the fields is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerState {
    /// It has not started, and why.
    pub waiting: Option<ContainerReason>,
    /// It has ended, and how.
    pub terminated: Option<ContainerReason>,
}

/// Why a container waits or how it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerReason {
    /// For programs, such as `ImagePullBackOff` or `OOMKilled`.
    pub reason: Option<Text>,
    /// For people.
    pub message: Option<Box<str>>,
    /// The exit code of one that has ended.
    pub exit_code: Option<i32>,
}

/// One Service; its spec whole.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Service {
    /// Name, identity, labels, owners.
    pub metadata: ObjectMeta,
    /// Everything, to be compared with what is wanted.
    pub spec: serde_json::Value,
}

/// One Secret. `Debug` shows its keys only.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Secret {
    /// Name, identity, labels, owners.
    pub metadata: ObjectMeta,
    /// The values by key, sorted by key.
    #[serde(deserialize_with = "read_secret_data")]
    data: SecretData,
}

/// Values by key, sorted by key.
type SecretData = Box<[(Box<str>, Box<[u8]>)]>;

impl Secret {
    /// The value of `key`, if it is there and is UTF-8.
    pub fn text(&self, key: &str) -> Option<&str> {
        let (_, value) = self.data.iter().find(|(known, _)| &**known == key)?;
        std::str::from_utf8(value).ok()
    }

    /// The keys, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.data.iter().map(|(key, _)| &**key)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.keys().collect();
        f.debug_struct("Secret")
            .field("metadata", &self.metadata)
            .field("keys", &keys)
            .finish()
    }
}

fn read_secret_data<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretData, D::Error> {
    let pairs = Option::<std::collections::BTreeMap<Box<str>, String>>::deserialize(deserializer)?;
    let decode = |(key, value): (Box<str>, String)| {
        let bytes = STANDARD
            .decode(value)
            .map_err(|_| D::Error::custom("a value is not base64"))?;
        Ok((key, bytes.into_boxed_slice()))
    };
    pairs.unwrap_or_default().into_iter().map(decode).collect()
}

/// One event: what happened to some object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Event {
    /// Name and version.
    pub metadata: ObjectMeta,
    /// What it happened to.
    #[serde(deserialize_with = "null_is_default")]
    pub involved_object: ObjectReference,
    /// `Normal` or `Warning`.
    #[serde(rename = "type", deserialize_with = "null_is_default")]
    pub type_: Text,
    /// For programs, in CamelCase.
    #[serde(deserialize_with = "null_is_default")]
    pub reason: Text,
    /// For people.
    #[serde(deserialize_with = "null_is_default")]
    pub message: Box<str>,
    /// How often it has happened.
    #[serde(deserialize_with = "null_is_default")]
    pub count: u32,
    /// When it first happened.
    pub first_timestamp: Option<Timestamp>,
    /// When it last happened.
    pub last_timestamp: Option<Timestamp>,
}

/// Points at an object from an event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectReference {
    /// Group and version.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Namespace; empty for cluster-scoped kinds.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Identity.
    pub uid: String,
    /// The version that was looked at.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource_version: String,
    /// The part of the object, such as one container.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field_path: String,
}

impl ObjectReference {
    /// A reference to `object`.
    pub fn to<R: Resource>(object: &R) -> Self {
        let metadata = object.metadata();
        ObjectReference {
            api_version: R::api_version(),
            kind: R::KIND.to_owned(),
            namespace: metadata.namespace.to_string(),
            name: metadata.name.to_string(),
            uid: metadata.uid.to_string(),
            resource_version: metadata.resource_version.to_string(),
            field_path: String::new(),
        }
    }
}
