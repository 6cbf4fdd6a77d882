//! Acting as somebody else: four headers, for those who may.
//!
//! Who we are is said by credentials; *as whom* we act is said beside it, and the server checks that
//! the one may be the other. It is how an administrator tries out what a service account is allowed.
//!
//! | kubeconfig | header |
//! |---|---|
//! | `as` | `Impersonate-User` |
//! | `as-uid` | `Impersonate-Uid` |
//! | `as-groups` | `Impersonate-Group`, one for each |
//! | `as-user-extra` | `Impersonate-Extra-KEY`, one for each value |
//!
//! # Invariants
//! - Nobody is half impersonated: a UID, groups or extras without a user are an error.
//! - A key of an extra can hold any text; what a header's name cannot hold is percent-encoded. Case is
//!   lost on the way: header names have none.
//!
//! # Example
//! ```
//! use bitcoin_controller::client::impersonation::Impersonation;
//! let alice = Impersonation { user: "alice".to_owned(), ..Impersonation::default() };
//! assert_eq!(alice.headers().unwrap()[0].0, "impersonate-user");
//! ```
//!
//! # Source
//! client-go `transport/round_trippers.go` (`impersonatingRoundTripper`). What differs: text that no
//! header can hold is told when the configuration is read, not by the first request.

use std::collections::BTreeMap;

use hyper::header::{HeaderName, HeaderValue};

/// As whom we act. The default: as ourselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Impersonation {
    /// The user's name; empty: nobody else's.
    pub user: String,
    /// The user's UID; empty: none is said.
    pub uid: String,
    /// The groups, in this order.
    pub groups: Vec<String>,
    /// What an authenticator would have added: values by key.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl Impersonation {
    /// The headers that say it; none if we act as ourselves.
    ///
    /// # Errors
    /// What is wrong with it, such as "has as-uid, as-groups or as-user-extra, but no as".
    pub fn headers(&self) -> Result<Vec<(HeaderName, HeaderValue)>, &'static str> {
        if self.user.is_empty() {
            let Impersonation {
                uid, groups, extra, ..
            } = self;
            let is_half = !(uid.is_empty() && groups.is_empty() && extra.is_empty());
            let error = "has as-uid, as-groups or as-user-extra, but no as";
            return if is_half { Err(error) } else { Ok(Vec::new()) };
        }
        let mut headers = vec![(USER, value(&self.user)?)];
        if !self.uid.is_empty() {
            headers.push((UID, value(&self.uid)?));
        }
        for group in &self.groups {
            headers.push((GROUP, value(group)?));
        }
        for (key, values) in &self.extra {
            let name = format!("{EXTRA}{}", escaped(key));
            let name =
                HeaderName::try_from(name).map_err(|_| "has an as-user-extra that is too long")?;
            for said in values {
                headers.push((name.clone(), value(said)?));
            }
        }
        Ok(headers)
    }
}

const USER: HeaderName = HeaderName::from_static("impersonate-user");
const UID: HeaderName = HeaderName::from_static("impersonate-uid");
const GROUP: HeaderName = HeaderName::from_static("impersonate-group");
const EXTRA: &str = "impersonate-extra-";

fn value(text: &str) -> Result<HeaderValue, &'static str> {
    HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| "impersonates somebody whose name no header can hold")
}

/// The key with each byte that a header's name cannot hold, and `%` itself, as `%XX`.
fn escaped(key: &str) -> String {
    let mut escaped = String::new();
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&'*+-.^_`|~".contains(&byte) {
            escaped.push(char::from(byte.to_ascii_lowercase()));
        } else {
            escaped.push_str(&format!("%{byte:02x}"));
        }
    }
    escaped
}
