//! What is read of each shape: the types declare it, the rest is skipped as it arrives.

use std::fmt::Write;
use std::marker::PhantomData;

use bitcoin_controller::api::{BitcoinNetwork, ObjectMeta, Resource, Text};
use bitcoin_controller::cache::Index;
use serde::Deserialize;

/// A pod, as far as this program looks at it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Pod {
    metadata: ObjectMeta,
    status: PodStatus,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodStatus {
    phase: Text,
    #[serde(rename = "podIP")]
    pod_ip: Box<str>,
}

impl Resource for Pod {
    const GROUP: &'static str = "";
    const VERSION: &'static str = "v1";
    const KIND: &'static str = "Pod";
    const PLURAL: &'static str = "pods";

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// A node, as far as this program looks at it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Node {
    metadata: ObjectMeta,
    status: NodeStatus,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeStatus {
    conditions: Box<[NodeCondition]>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeCondition {
    #[serde(rename = "type")]
    type_: Text,
    status: Text,
}

impl Resource for Node {
    const GROUP: &'static str = "";
    const VERSION: &'static str = "v1";
    const KIND: &'static str = "Node";
    const PLURAL: &'static str = "nodes";
    const NAMESPACED: bool = false;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// An object of kind `R` of which nothing but the metadata is kept.
#[derive(Deserialize)]
#[serde(bound = "")]
pub struct Bare<R> {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(skip)]
    kind: PhantomData<fn() -> R>,
}

impl<R: Resource> Resource for Bare<R> {
    const GROUP: &'static str = R::GROUP;
    const VERSION: &'static str = R::VERSION;
    const KIND: &'static str = R::KIND;
    const PLURAL: &'static str = R::PLURAL;
    const NAMESPACED: bool = R::NAMESPACED;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// A kind whose objects can be compared with the stub's truth.
pub trait Read: Resource {
    /// Hands the strings that were read to `each`, after those that every kind has.
    fn fields(&self, each: &mut dyn FnMut(&str));

    /// The object's hash: FNV-1a over its strings, a zero byte after each.
    fn hash(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325;
        let mut each = |text: &str| {
            for byte in text.bytes().chain([0]) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        let metadata = self.metadata();
        each(&metadata.uid);
        each(&metadata.resource_version);
        each(&metadata.namespace);
        each(&metadata.name);
        self.fields(&mut each);
        hash
    }
}

impl Read for Pod {
    fn fields(&self, each: &mut dyn FnMut(&str)) {
        each(&self.status.phase);
        each(&self.status.pod_ip);
        each(self.metadata.controller().map_or("", |owner| &owner.uid));
    }
}

impl Read for Node {
    fn fields(&self, each: &mut dyn FnMut(&str)) {
        for condition in &self.status.conditions {
            each(&condition.type_);
            each(&condition.status);
        }
    }
}

impl Read for BitcoinNetwork {
    fn fields(&self, each: &mut dyn FnMut(&str)) {
        let mut nodes = String::new();
        if let Some(spec) = self.spec.valid() {
            write!(nodes, "{}", spec.nodes).expect("a String takes everything");
        }
        each(&nodes);
    }
}

impl<R: Resource> Read for Bare<R> {
    fn fields(&self, each: &mut dyn FnMut(&str)) {
        each(self.metadata.labels.get("app").unwrap_or_default());
    }
}

/// Objects by their namespace.
pub struct ByNamespace;

impl<R: Resource> Index<R> for ByNamespace {
    type Value = Text;

    fn values(object: &R) -> Vec<Text> {
        vec![object.metadata().namespace.clone()]
    }
}

/// Objects by the UID of their controller owner.
pub struct ByOwner;

impl<R: Resource> Index<R> for ByOwner {
    type Value = Text;

    fn values(object: &R) -> Vec<Text> {
        let owner = object.metadata().controller();
        owner.map(|owner| owner.uid.clone()).into_iter().collect()
    }
}
