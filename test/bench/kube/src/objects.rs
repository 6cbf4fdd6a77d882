//! What is read of each object, and its hash: what the stub knows of it, too.

use std::fmt::Debug;

use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::ObjectRef;
use serde::de::DeserializeOwned;

use crate::network::BitcoinNetwork;

/// An object that can be watched, and what is read of it beside its identity.
pub trait Watched:
    Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static
{
    fn read(&self, hash: &mut Hash);
}

impl Watched for Pod {
    fn read(&self, hash: &mut Hash) {
        let status = self.status.as_ref();
        hash.text(
            status
                .and_then(|status| status.phase.as_deref())
                .unwrap_or_default(),
        );
        hash.text(
            status
                .and_then(|status| status.pod_ip.as_deref())
                .unwrap_or_default(),
        );
        hash.text(owner(&self.metadata).unwrap_or_default());
    }
}

impl Watched for Node {
    fn read(&self, hash: &mut Hash) {
        let conditions = self
            .status
            .iter()
            .filter_map(|status| status.conditions.as_ref())
            .flatten();
        for condition in conditions {
            hash.text(&condition.type_);
            hash.text(&condition.status);
        }
    }
}

impl Watched for BitcoinNetwork {
    fn read(&self, hash: &mut Hash) {
        hash.text(&self.spec.nodes.to_string());
    }
}

impl<K: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static> Watched
    for PartialObjectMeta<K>
{
    fn read(&self, hash: &mut Hash) {
        let app = self
            .metadata
            .labels
            .as_ref()
            .and_then(|labels| labels.get("app"));
        hash.text(app.map(String::as_str).unwrap_or_default());
    }
}

/// FNV-1a over the strings that are read of `object`.
pub fn hash<K: Watched>(object: &K) -> u64 {
    let meta = object.meta();
    let mut hash = Hash(0xcbf2_9ce4_8422_2325);
    for text in [
        &meta.uid,
        &meta.resource_version,
        &meta.namespace,
        &meta.name,
    ] {
        hash.text(text.as_deref().unwrap_or_default());
    }
    object.read(&mut hash);
    hash.0
}

/// FNV-1a, 64 bits.
pub struct Hash(u64);

impl Hash {
    /// Takes in `text` and a zero byte.
    pub fn text(&mut self, text: &str) {
        for byte in text.bytes().chain([0]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// Its place in the store. Without `extra`, which `ObjectRef::from_obj` copies and no map needs.
pub fn key<K: Watched>(object: &K) -> ObjectRef<K> {
    let meta = object.meta();
    let key = ObjectRef::new(meta.name.as_deref().unwrap_or_default());
    match &meta.namespace {
        Some(namespace) => key.within(namespace),
        None => key,
    }
}

/// The UID of the owner that controls it.
pub fn owner(meta: &ObjectMeta) -> Option<&str> {
    let mut owners = meta.owner_references.iter().flatten();
    owners
        .find(|owner| owner.controller == Some(true))
        .map(|owner| owner.uid.as_str())
}

/// Its resourceVersion; 0 if it has none.
pub fn version<K: Watched>(object: &K) -> u64 {
    let version = object.meta().resource_version.as_deref();
    version
        .and_then(|version| version.parse().ok())
        .unwrap_or_default()
}

/// Whether it is one of those whose way through the program is timed.
pub fn is_probe<K: Watched>(object: &K) -> bool {
    object
        .meta()
        .name
        .as_deref()
        .is_some_and(|name| name.starts_with("probe-"))
}
