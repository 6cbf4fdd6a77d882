//! What every object carries: name, identity, version, labels, owners; and the server's `Status`.
//!
//! # Invariants
//! - Resource versions are text: they are compared for equality and never ordered.
//! - Labels are sorted by key; so two equal sets of labels are equal slices.
//! - Of the annotations only this program's own are kept (others can be large).
//!
//! # Example
//! ```
//! use bitcoin_controller::api::ObjectKey;
//! let key: ObjectKey = "default/alpha".parse()?;
//! assert_eq!((key.namespace.as_str(), key.name.as_str()), ("default", "alpha"));
//! assert!("a/b/c".parse::<ObjectKey>().is_err());
//! # Ok::<(), String>(())
//! ```
//!
//! # Source
//! apimachinery `pkg/apis/meta/v1/types.go`; client-go `tools/cache/store.go` (`ObjectName`,
//! `SplitMetaNamespaceKey`).

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::api::text::Text;
use crate::api::time::Timestamp;
use crate::api::{Resource, network, null_is_default};

/// Namespace and name: what the queue holds, and how the cache finds an object.
///
/// The namespace is empty for kinds that live in none. Displays as `namespace/name`, or `name`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// The namespace; empty for cluster-scoped kinds.
    pub namespace: Text,
    /// The name.
    pub name: Text,
}

impl ObjectKey {
    /// A key from its two parts.
    pub fn new(namespace: impl Into<Text>, name: impl Into<Text>) -> Self {
        ObjectKey {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

/// Whether `name` may be most objects' name: labels of lower-case letters, digits and hyphens, joined by
/// dots, 253 bytes at most.
///
/// Source: apimachinery `pkg/util/validation/validation.go`, `IsDNS1123Subdomain`.
pub(crate) fn is_dns_subdomain(name: &str) -> bool {
    let is_alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        bytes.first().is_some_and(is_alphanumeric)
            && bytes.last().is_some_and(is_alphanumeric)
            && bytes
                .iter()
                .all(|byte| is_alphanumeric(byte) || *byte == b'-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

/// Whether `name` may be a namespace's: one such label, 63 bytes at most.
///
/// Source: apimachinery `pkg/util/validation/validation.go`, `IsDNS1123Label`.
pub(crate) fn is_dns_label(name: &str) -> bool {
    name.len() <= 63 && !name.contains('.') && is_dns_subdomain(name)
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}

impl FromStr for ObjectKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split('/').collect::<Vec<_>>()[..] {
            [name] => Ok(ObjectKey::new("", name)),
            [namespace, name] => Ok(ObjectKey::new(namespace, name)),
            _ => Err(format!("`{text}` is not `name` or `namespace/name`")),
        }
    }
}

/// The metadata we read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectMeta {
    /// The name, unique among objects of the kind in the namespace at one time.
    #[serde(deserialize_with = "null_is_default")]
    pub name: Text,
    /// The namespace; empty for cluster-scoped kinds.
    #[serde(deserialize_with = "null_is_default")]
    pub namespace: Text,
    /// The identity: differs between an object and a later one of the same name.
    #[serde(deserialize_with = "null_is_default")]
    pub uid: Box<str>,
    /// The version of this state; opaque.
    #[serde(deserialize_with = "null_is_default")]
    pub resource_version: Box<str>,
    /// Counts changes of the spec.
    #[serde(deserialize_with = "null_is_default")]
    pub generation: i64,
    /// When it was created.
    pub creation_timestamp: Option<Timestamp>,
    /// Set once deletion has been asked for: the object is on its way out.
    pub deletion_timestamp: Option<Timestamp>,
    /// All labels.
    #[serde(deserialize_with = "null_is_default")]
    pub labels: Labels,
    /// Annotations of our own group only.
    #[serde(deserialize_with = "null_is_default")]
    pub annotations: OwnAnnotations,
    /// Who owns it.
    #[serde(deserialize_with = "null_is_default")]
    pub owner_references: Box<[OwnerReference]>,
}

impl ObjectMeta {
    /// The owner that manages this object, if there is one.
    pub fn controller(&self) -> Option<&OwnerReference> {
        self.owner_references.iter().find(|owner| owner.controller)
    }

    /// Whether deletion has been asked for.
    pub fn is_terminating(&self) -> bool {
        self.deletion_timestamp.is_some()
    }
}

/// A pointer from an object to one that owns it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OwnerReference {
    /// Group and version of the owner.
    pub api_version: Text,
    /// Kind of the owner.
    pub kind: Text,
    /// Name of the owner.
    pub name: Text,
    /// Identity of the owner: a later object of the same name is not the owner.
    pub uid: Text,
    /// Whether the owner manages the object; at most one does.
    pub controller: bool,
    /// Whether the owner, deleted in the foreground, waits for this object.
    pub block_owner_deletion: bool,
}

impl OwnerReference {
    /// Makes `owner` the one that manages an object, and that takes it along when it goes.
    ///
    /// Source: apimachinery `pkg/apis/meta/v1/controller_ref.go`, `NewControllerRef`.
    pub fn to_controller<R: Resource>(owner: &R) -> Self {
        let metadata = owner.metadata();
        OwnerReference {
            api_version: R::api_version().into(),
            kind: R::KIND.into(),
            name: metadata.name.clone(),
            uid: (*metadata.uid).into(),
            controller: true,
            block_owner_deletion: true,
        }
    }
}

/// Labels, sorted by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(Box<[(Text, Text)]>);

impl Labels {
    /// The value of label `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        let index = self
            .0
            .binary_search_by(|(known, _)| known.as_str().cmp(key))
            .ok()?;
        Some(self.0[index].1.as_str())
    }

    /// All labels in order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl<K: Into<Text>, V: Into<Text>> FromIterator<(K, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut pairs: Vec<_> = pairs
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        pairs.sort();
        pairs.dedup_by(|one, other| one.0 == other.0);
        Labels(pairs.into())
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(read_pairs(deserializer, |_| true)?.into_iter().collect())
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// Those annotations whose key belongs to our API group, sorted by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnAnnotations(Labels);

impl OwnAnnotations {
    /// The value of annotation `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)
    }
}

impl<'de> Deserialize<'de> for OwnAnnotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let is_own = |key: &str| {
            key.strip_prefix(network::GROUP)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        Ok(OwnAnnotations(
            read_pairs(deserializer, is_own)?.into_iter().collect(),
        ))
    }
}

/// Reads a map of strings, keeping the pairs whose key is wanted.
fn read_pairs<'de, D: Deserializer<'de>>(
    deserializer: D,
    wanted: fn(&str) -> bool,
) -> Result<Vec<(Text, Text)>, D::Error> {
    struct Pairs(fn(&str) -> bool);

    impl<'de> Visitor<'de> for Pairs {
        type Value = Vec<(Text, Text)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map of strings")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut pairs = Vec::new();
            while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                if (self.0)(&key) {
                    pairs.push((Text::from(&*key), map.next_value()?));
                } else {
                    map.next_value::<serde::de::IgnoredAny>()?;
                }
            }
            Ok(pairs)
        }
    }

    deserializer.deserialize_map(Pairs(wanted))
}

/// What a list carries besides its items.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListMeta {
    /// The version at which the list is true: where a watch goes on.
    #[serde(deserialize_with = "null_is_default")]
    pub resource_version: Box<str>,
    /// Asks for the next page; empty on the last.
    #[serde(rename = "continue", deserialize_with = "null_is_default")]
    pub continue_token: Box<str>,
}

/// The server's answer when it refuses, and to some deletions.
///
/// Source: apimachinery `pkg/apis/meta/v1/types.go`, `Status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    /// `Failure` or `Success`.
    #[serde(deserialize_with = "null_is_default")]
    pub status: String,
    /// For people.
    #[serde(deserialize_with = "null_is_default")]
    pub message: String,
    /// For programs: `NotFound`, `Conflict`, …; empty if the server gives none.
    #[serde(deserialize_with = "null_is_default")]
    pub reason: String,
    /// What it is about.
    #[serde(deserialize_with = "null_is_default")]
    pub details: StatusDetails,
    /// The HTTP code.
    #[serde(deserialize_with = "null_is_default")]
    pub code: u16,
}

/// What a [`Status`] is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StatusDetails {
    /// Name of the object.
    #[serde(deserialize_with = "null_is_default")]
    pub name: String,
    /// Group of the object.
    #[serde(deserialize_with = "null_is_default")]
    pub group: String,
    /// Its kind (or plural: servers differ).
    #[serde(deserialize_with = "null_is_default")]
    pub kind: String,
    /// One entry for each thing that is wrong.
    #[serde(deserialize_with = "null_is_default")]
    pub causes: Vec<StatusCause>,
    /// How long to wait before trying again, in seconds; 0 if not said.
    #[serde(deserialize_with = "null_is_default")]
    pub retry_after_seconds: u64,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StatusCause {
    /// For programs, such as `FieldValueInvalid`.
    #[serde(deserialize_with = "null_is_default")]
    pub reason: String,
    /// For people.
    #[serde(deserialize_with = "null_is_default")]
    pub message: String,
    /// The path of the field.
    #[serde(deserialize_with = "null_is_default")]
    pub field: String,
}
