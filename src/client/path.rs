//! Where things are on the server: paths and queries.
//!
//! A name from outside must never become a path of its own choosing: `..` would climb out of a
//! namespace, a slash would reach a subresource. The server would refuse such names; here they are not
//! even asked for.
//!
//! # Invariants
//! - Every path stays below its resource: a segment is never empty, `.`, `..`, and has no `/` or `%`.
//! - Whatever else a name or a selector holds is percent-encoded.
//!
//! # Example
//! ```
//! use bitcoin_controller::api::{ObjectKey, apps::StatefulSet};
//! use bitcoin_controller::client::path;
//! let key = ObjectKey::new("default", "alpha");
//! let path = path::object::<StatefulSet>(&key, Some("status"))?;
//! assert_eq!(path, "/apis/apps/v1/namespaces/default/statefulsets/alpha/status");
//! assert!(path::object::<StatefulSet>(&ObjectKey::new("default", ".."), None).is_err());
//! # Ok::<(), String>(())
//! ```
//!
//! # Source
//! client-go `rest/request.go` (`URL`), apimachinery `pkg/api/validation/path/name.go`.

use std::fmt::Write;

use crate::api::{ObjectKey, Resource};

/// The path of all objects of kind `R`, in `namespace` or, if that is `None`, in all.
///
/// # Errors
/// `namespace` is no segment of a path, or `R` lives in no namespace: what is wrong, in words.
pub fn collection<R: Resource>(namespace: Option<&str>) -> Result<String, String> {
    let mut path = if R::GROUP.is_empty() {
        format!("/api/{}", R::VERSION)
    } else {
        format!("/apis/{}/{}", R::GROUP, R::VERSION)
    };
    if let Some(namespace) = namespace {
        if !R::NAMESPACED {
            return Err(format!("{} live in no namespace", R::PLURAL));
        }
        path.push_str("/namespaces/");
        path.push_str(&segment("namespace", namespace)?);
    }
    path.push('/');
    path.push_str(R::PLURAL);
    Ok(path)
}

/// The path of one object, or of one of its subresources.
///
/// # Errors
/// A part of `key` is missing, or is no segment of a path: what is wrong, in words.
pub fn object<R: Resource>(key: &ObjectKey, subresource: Option<&str>) -> Result<String, String> {
    let mut path = collection::<R>(R::NAMESPACED.then_some(&*key.namespace))?;
    path.push('/');
    path.push_str(&segment("name", &key.name)?);
    if let Some(subresource) = subresource {
        path.push('/');
        path.push_str(subresource);
    }
    Ok(path)
}

fn segment(what: &str, text: &str) -> Result<String, String> {
    match text {
        "" => Err(format!("the {what} is empty")),
        "." | ".." => Err(format!("the {what} must not be `{text}`")),
        _ if text.contains(['/', '%']) => Err(format!("the {what} must not hold `/` or `%`")),
        _ => Ok(encoded(text)),
    }
}

/// The part of an address after the question mark.
#[derive(Debug, Default)]
pub struct Query(String);

impl Query {
    /// Adds `name=value`.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.push(if self.0.is_empty() { '?' } else { '&' });
        self.0.push_str(name);
        self.0.push('=');
        self.0.push_str(&encoded(value));
        self
    }

    /// Adds `name=value` if there is a value.
    #[must_use]
    pub fn with_some(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The query with its question mark; empty if it has no parts.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Percent-encodes all but RFC 3986's unreserved characters.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => write!(encoded, "%{byte:02X}").expect("writing to a string cannot fail"),
        }
    }
    encoded
}
