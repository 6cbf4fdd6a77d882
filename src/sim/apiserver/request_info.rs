//! What a request asks for, told from the request alone: verb, resource, namespace, name, query.
//!
//! ```text
//!   PATCH /apis/apps/v1/namespaces/default/statefulsets/alpha-sts/status?fieldManager=me
//!         └── group, version ──┘ └ namespace ┘ └ resource ┘ └ name ┘ └ subresource ┘
//! ```
//!
//! # Invariants
//! - Which kinds there are plays no part: it can be told of a resource nobody has heard of.
//! - `namespaces/NAME/status` is about a namespace; `namespaces/NAME/pods` is about pods.
//!
//! # Example
//! ```
//! use bitcoin_controller::sim::apiserver::request_info::RequestInfo;
//! use hyper::Method;
//!
//! let path = "/apis/apps/v1/namespaces/default/statefulsets/alpha/status";
//! let info = RequestInfo::of(&Method::PATCH, path, "fieldManager=me", "application/apply-patch+yaml");
//! let info = info.expect("it is about objects").expect("it can be read");
//! assert_eq!((info.verb, &*info.resource, &*info.subresource), ("apply", "statefulsets", "status"));
//! assert_eq!(info.query.get("fieldManager"), Some("me"));
//! ```
//!
//! # Source
//! apiserver `pkg/endpoints/request/requestinfo.go`. What differs: an apply is a verb of its own.

use std::collections::BTreeMap;

use hyper::Method;

use crate::sim::refusal::Refusal;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestInfo {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `apply`, `delete`, `deletecollection`.
    pub verb: &'static str,
    /// The API group; empty for the core group.
    pub group: String,
    /// The version, `v1`.
    pub version: String,
    /// Empty: all namespaces, or the kind lives in none.
    pub namespace: String,
    /// The plural in the path, `statefulsets`.
    pub resource: String,
    /// Empty: a collection.
    pub name: String,
    /// Empty: the object itself.
    pub subresource: String,
    /// What stands after the question mark.
    pub query: Query,
}

impl RequestInfo {
    /// Reads a request; `None` if it is not about objects.
    ///
    /// # Errors
    /// The path is not text, or goes on below a subresource.
    pub fn of(
        method: &Method,
        path: &str,
        query: &str,
        content_type: &str,
    ) -> Option<Result<Self, Refusal>> {
        let parts: Option<Vec<String>> = path
            .trim_matches('/')
            .split('/')
            .map(|part| decoded(part, false))
            .collect();
        let Some(parts) = parts else {
            return Some(Err(Refusal::bad_request("the path is not valid UTF-8")));
        };
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, resource, more @ ..] if !OF_NAMESPACES.contains(resource) => {
                (*namespace, (*resource, more))
            }
            [resource, more @ ..] => ("", (*resource, more)),
            [] => return None,
        };
        let (name, subresource) = match rest.1 {
            [] => ("", ""),
            [name] => (*name, ""),
            [name, subresource] => (*name, *subresource),
            _ => return Some(Err(Refusal::no_such_resource())),
        };
        let query = Query::parse(query);
        Some(Ok(RequestInfo {
            verb: verb(method, name.is_empty(), &query, content_type),
            group: group.to_owned(),
            version: version.to_owned(),
            namespace: namespace.to_owned(),
            resource: rest.0.to_owned(),
            name: name.to_owned(),
            subresource: subresource.to_owned(),
            query,
        }))
    }
}

/// The subresources of a namespace itself: everything else below one is a resource in it.
const OF_NAMESPACES: [&str; 2] = ["status", "finalize"];

/// What is to be done, in the words of roles; `apply` is their `patch`.
fn verb(method: &Method, is_collection: bool, query: &Query, content_type: &str) -> &'static str {
    match *method {
        Method::GET if query.is_set("watch") => "watch",
        Method::GET if is_collection => "list",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH if content_type.starts_with("application/apply-patch") => "apply",
        Method::PATCH => "patch",
        Method::DELETE if is_collection => "deletecollection",
        Method::DELETE => "delete",
        _ => "get",
    }
}

/// The part of an address after the question mark. Of a name given twice the last counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(BTreeMap<String, String>);

impl Query {
    fn parse(text: &str) -> Self {
        let pair = |part: &str| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Some((decoded(name, true)?, decoded(value, true)?))
        };
        Query(text.split('&').filter_map(pair).collect())
    }

    /// The value of `name`; an empty one counts as none.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// Whether `name` is there and says yes.
    pub fn is_set(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| ["1", "true", "True"].contains(&value))
    }

    /// A number.
    ///
    /// # Errors
    /// It is there and is none.
    pub fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let parse = |text: &str| {
            text.parse().map_err(|_| {
                Refusal::bad_request(format!(
                    "Invalid value for query parameter `{name}`: not a number"
                ))
            })
        };
        self.get(name).map(parse).transpose()
    }
}

/// Undoes percent-encoding; `None` if the result is no text.
fn decoded(text: &str, plus_is_space: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&digits).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
            }
            b'+' if plus_is_space => bytes.push(b' '),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}
