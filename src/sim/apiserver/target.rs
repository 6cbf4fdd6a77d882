//! What a request is about: its path, its query, its verb.
//!
//! ```text
//!   PATCH /apis/apps/v1/namespaces/default/statefulsets/alpha-sts/status?fieldManager=me
//!         └── group, version ──┘ └ namespace ┘ └ kind ┘  └ name ┘ └ subresource ┘
//! ```
//!
//! # Invariants
//! - A target of a kind that lives in namespaces names one, unless it is a list or a watch of all.
//!
//! # Source
//! apiserver `pkg/endpoints/request/requestinfo.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::Method;

use crate::sim::kinds::Kind;
use crate::sim::refusal::Refusal;
use crate::sim::request::Key;
use crate::sim::store::Store;

/// The objects, and the part of them, that a request is about.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) kind: Arc<Kind>,
    /// Empty: all namespaces, or the kind has none.
    pub(super) namespace: String,
    /// Empty: a collection.
    pub(super) name: String,
    /// Empty: the object itself.
    pub(super) subresource: String,
    pub(super) query: Query,
}

impl Target {
    /// The target of a path; `None` if it is not one of objects.
    ///
    /// # Errors
    /// No such kind, or no such subresource of it.
    pub(super) fn of(path: &str, query: Query, store: &Store) -> Option<Result<Self, Refusal>> {
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
        if rest.is_empty() {
            return None;
        }
        let find = |plural: &str| {
            let kinds = store.kinds();
            kinds.into_iter().find(|kind| {
                kind.group == group && kind.version == version && kind.plural == plural
            })
        };
        let (namespace, rest) = match rest {
            // `namespaces` alone is a kind, too, and so is `namespaces/NAME/status`.
            ["namespaces", namespace, plural, more @ ..] if find(plural).is_some() => {
                (*namespace, (*plural, more))
            }
            [plural, more @ ..] => ("", (*plural, more)),
            [] => return None,
        };
        let (plural, more) = rest;
        Some(
            find(plural)
                .ok_or_else(Refusal::no_such_resource)
                .and_then(|kind| {
                    let (name, subresource) = match more {
                        [] => ("", ""),
                        [name] => (*name, ""),
                        [name, subresource] => (*name, *subresource),
                        _ => return Err(Refusal::no_such_resource()),
                    };
                    let target = Target {
                        namespace: namespace.to_owned(),
                        name: name.to_owned(),
                        subresource: subresource.to_owned(),
                        kind,
                        query,
                    };
                    target.checked()
                }),
        )
    }

    fn checked(self) -> Result<Self, Refusal> {
        let kind = &self.kind;
        let needs_namespace = kind.is_namespaced && !self.name.is_empty();
        let is_misplaced = !kind.is_namespaced && !self.namespace.is_empty();
        let is_known = match self.subresource.as_str() {
            "" => true,
            "status" => kind.has_status,
            "scale" => kind.scale.is_some(),
            "portforward" => kind.resource() == "pods",
            _ => false,
        };
        if (needs_namespace && self.namespace.is_empty()) || is_misplaced || !is_known {
            return Err(Refusal::no_such_resource());
        }
        Ok(self)
    }

    /// The one object it is about.
    pub(super) fn key(&self) -> Key {
        Key::new(self.namespace.clone(), self.name.clone())
    }

    /// What is to be done, in the words of roles; `apply` is their `patch`.
    pub(super) fn verb(&self, method: &Method, content_type: &str) -> &'static str {
        let is_collection = self.name.is_empty();
        match *method {
            Method::GET if self.query.is_set("watch") => "watch",
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
}

/// The part of an address after the question mark. Of a name given twice the last counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        let pair = |part: &str| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Some((decoded(name, true)?, decoded(value, true)?))
        };
        Query(text.split('&').filter_map(pair).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| ["1", "true", "True"].contains(&value))
    }

    /// A number.
    ///
    /// # Errors
    /// It is there and is none.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
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
