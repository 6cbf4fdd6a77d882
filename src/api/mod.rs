//! Nouns on the wire: the few fields of Kubernetes objects that this program reads.
//!
//! A Pod on the wire is ten kilobytes; what a controller looks at is a few hundred bytes. The types
//! here declare only that part, and serde skips the rest as it reads, so the cache holds a small
//! fraction of what it was sent. The price is a rule: **an object read through these types is never
//! sent back**. What we write is a value of its own (`controller::desired`), applied by field.
//!
//! # Invariants
//! - No type here does IO, and none refuses an object for a field it does not know.
//! - A missing field and `null` mean the same.
//! - `Debug` of a [`Secret`](core::Secret) shows no value.
//!
//! # Example
//! ```
//! use bitcoin_controller::api::{Resource, core::Pod};
//! let pod: Pod = serde_json::from_str(r#"{
//!     "metadata": {"name": "a-sts-0", "namespace": "default", "managedFields": [{"manager": "x"}]},
//!     "status": {"podIP": "10.0.0.7"}
//! }"#)?;
//! assert_eq!(pod.key().to_string(), "default/a-sts-0");
//! assert_eq!(pod.status.pod_ip.as_deref(), Some("10.0.0.7"));
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! # Source
//! apimachinery `pkg/apis/meta/v1/types.go`, api `core/v1`, `apps/v1`, `events/v1`. What differs: partial types,
//! and names of kinds as associated constants instead of a scheme that is filled at run time.

pub mod apps;
pub mod coordination;
pub mod core;
pub mod crd;
pub mod events;
pub mod meta;
pub mod network;
pub mod text;
pub mod time;

pub use meta::{ObjectKey, ObjectMeta, OwnerReference};
pub(crate) use meta::{is_dns_label, is_dns_subdomain};
pub use network::BitcoinNetwork;
pub use text::Text;
pub use time::{MicroTime, Timestamp};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// A kind of object: where it lives in the API, and the part of it that we read.
pub trait Resource: DeserializeOwned + Send + Sync + 'static {
    /// The API group; empty for the core group.
    const GROUP: &'static str;
    /// The version within the group.
    const VERSION: &'static str;
    /// The kind, in CamelCase.
    const KIND: &'static str;
    /// The plural, as it stands in paths.
    const PLURAL: &'static str;
    /// Whether objects live in a namespace.
    const NAMESPACED: bool = true;

    /// The object's metadata.
    fn metadata(&self) -> &ObjectMeta;

    /// `group/version`, or the version alone in the core group.
    fn api_version() -> String {
        if Self::GROUP.is_empty() {
            Self::VERSION.to_owned()
        } else {
            format!("{}/{}", Self::GROUP, Self::VERSION)
        }
    }

    /// Namespace and name.
    fn key(&self) -> ObjectKey {
        let metadata = self.metadata();
        ObjectKey {
            namespace: metadata.namespace.clone(),
            name: metadata.name.clone(),
        }
    }
}

/// Reads `null` as the default, as Go does.
pub(crate) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
