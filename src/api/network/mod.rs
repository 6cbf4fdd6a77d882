//! `BitcoinNetwork`: the one resource a user writes.
//!
//! `spec` is what is asked for, `status` what has been seen. The status is written by the controller
//! alone, in one place, and only when it differs. The schema of the CustomResourceDefinition is made
//! from these types ([`crd`](crate::api::crd)), so that what the server checks and what we read are
//! one thing.
//!
//! # Invariants
//! - A spec that does not have the expected shape is still an object: [`Spec::Invalid`] keeps the
//!   reason, so that it can be told to its owner instead of being lost in a log.
//! - The JSON names of `status.nodes` are those of the first controller of this name; `nodeName` is
//!   the name of the *pod*.
//!
//! # Example
//! ```
//! use bitcoin_controller::api::network::{BitcoinNetwork, Spec};
//! let read = |spec| serde_json::from_value::<BitcoinNetwork>(serde_json::json!({"spec": spec}));
//! assert_eq!(read(serde_json::json!({"nodes": 3}))?.spec.valid().map(|spec| spec.nodes), Some(3));
//! let bad = read(serde_json::json!({"nodes": "three"}))?;
//! assert!(matches!(bad.spec, Spec::Invalid(reason) if reason.contains("`nodes`")));
//! # Ok::<(), serde_json::Error>(())
//! ```

mod spec;
mod status;

use serde::Deserialize;
use serde::de::Deserializer;
use serde_json::value::RawValue;

pub use self::spec::{
    BitcoinNetworkSpec, ExternalPeer, Miner, Mining, Relay, Resources, Storage, Topology,
    TopologyType, Wallet,
};
pub use self::status::{
    BitcoinNetworkStatus, Condition, ConditionStatus, ExternalPeerStatus, Links, MinedBlock,
    MiningStatus, NextBlock, NodeStatus, SideStatus, WalletStatus,
};

use crate::api::Resource;
use crate::api::meta::ObjectMeta;
use crate::base::json;

/// The API group.
pub const GROUP: &str = "bitcoincontroller.christianb93.github.com";

/// The longest name a network may have. The StatefulSet's revision label, `<name>-sts-<hash>`, and
/// the Service's name must fit 63 characters.
pub const MAX_NAME_LENGTH: usize = 48;

/// The most nodes a network may have.
pub const MAX_NODES: i32 = 1_000;

/// A Bitcoin test network: so many nodes, connected with one another.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BitcoinNetwork {
    /// Name, identity, version.
    pub metadata: ObjectMeta,
    /// What is asked for.
    pub spec: Spec,
    /// What has been seen.
    #[serde(deserialize_with = "read_status")]
    pub status: BitcoinNetworkStatus,
}

impl Resource for BitcoinNetwork {
    const GROUP: &'static str = GROUP;
    const VERSION: &'static str = "v1";
    const KIND: &'static str = "BitcoinNetwork";
    const PLURAL: &'static str = "bitcoinnetworks";

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// A spec as it was found: of the right shape, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spec {
    /// It could be read; whether its values make sense is another question.
    Valid(Box<BitcoinNetworkSpec>),
    /// It could not be read, and why (field and kind of mistake, never the value).
    Invalid(String),
}

impl Spec {
    /// The spec, if it could be read.
    pub fn valid(&self) -> Option<&BitcoinNetworkSpec> {
        match self {
            Spec::Valid(spec) => Some(spec),
            Spec::Invalid(_) => None,
        }
    }
}

impl Default for Spec {
    fn default() -> Self {
        Spec::Invalid("there is no `spec`".to_owned())
    }
}

impl<'de> Deserialize<'de> for Spec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(text) = Option::<Box<RawValue>>::deserialize(deserializer)? else {
            return Ok(Spec::default());
        };
        Ok(match json::from_slice(text.get().as_bytes()) {
            Ok(spec) => Spec::Valid(Box::new(spec)),
            Err(error) => Spec::Invalid(format!("wrong or missing value at `{}`", error.path())),
        })
    }
}

/// A status of another shape, left by another version, counts as none: it will be written anew.
fn read_status<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BitcoinNetworkStatus, D::Error> {
    let text = Option::<Box<RawValue>>::deserialize(deserializer)?;
    Ok(text
        .and_then(|text| json::from_slice(text.get().as_bytes()).ok())
        .unwrap_or_default())
}
