//! What was sent: one HTTP request, as the verb and the object it is about.
//!
//! A test asks "what did it do to the server?", and means `create pods default/alpha`, not
//! `POST /api/v1/namespaces/default/pods?fieldManager=…`. The translation is the one that the pretend
//! API server itself uses ([`RequestInfo`]), so the two cannot disagree about what a request means.
//!
//! # Invariants
//! - The body is the bytes that came; only [`Action::set_object`] makes others of it.
//! - No body is shown by `Debug` or `Display`: it may be a Secret's.
//!
//! # Example
//! ```
//! use bitcoin_controller::testing::Action;
//!
//! let request = hyper::Request::patch("/api/v1/namespaces/default/pods/alpha/status?fieldManager=me")
//!     .header("content-type", "application/merge-patch+json")
//!     .body(())?;
//! let (head, ()) = request.into_parts();
//! let action = Action::of(&head, r#"{"status": {"phase": "Failed"}}"#.into()).expect("it is about a pod");
//! assert_eq!(action.to_string(), "patch pods/status default/alpha");
//! assert_eq!(action.object()["status"]["phase"], "Failed");
//! assert_eq!(action.query("fieldManager"), Some("me"));
//! assert!(action.matches("Patch", "Pods/Status") && action.matches("patch", "pods"));
//! # Ok::<(), hyper::http::Error>(())
//! ```
//!
//! # Source
//! client-go `testing/actions.go`.

use std::fmt;

use bytes::Bytes;
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;
use serde_json::Value;

use crate::sim::Key;
use crate::sim::apiserver::request_info::RequestInfo;
use crate::sim::kinds::Kind;

/// A request about objects.
#[derive(Clone, PartialEq, Eq)]
pub struct Action {
    info: RequestInfo,
    content_type: String,
    body: Bytes,
}

impl Action {
    /// Reads a request; `None` if it is not about objects, such as `GET /version`.
    pub fn of(head: &Parts, body: Bytes) -> Option<Self> {
        let content_type = head.headers.get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default();
        let query = head.uri.query().unwrap_or_default();
        let info = RequestInfo::of(&head.method, head.uri.path(), query, content_type)?.ok()?;
        Some(Action {
            info,
            content_type: content_type.to_owned(),
            body,
        })
    }

    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `apply`, `delete` or `deletecollection`.
    pub fn verb(&self) -> &'static str {
        self.info.verb
    }

    /// The API group; empty for the core group.
    pub fn group(&self) -> &str {
        &self.info.group
    }

    /// The version of the API, such as `v1`.
    pub fn version(&self) -> &str {
        &self.info.version
    }

    /// The plural, without its group: `pods`, `statefulsets`.
    pub fn resource(&self) -> &str {
        &self.info.resource
    }

    /// `status`, `scale`, …; empty for the object itself.
    pub fn subresource(&self) -> &str {
        &self.info.subresource
    }

    /// Empty: all namespaces, or the kind lives in none.
    pub fn namespace(&self) -> &str {
        &self.info.namespace
    }

    /// The name in the path, or that of the object to be created; empty for a collection.
    pub fn name(&self) -> String {
        match self.info.name.as_str() {
            "" => {
                let object = self.object();
                let name = object["metadata"]["name"].as_str();
                name.filter(|_| self.verb() == "create")
                    .unwrap_or_default()
                    .to_owned()
            }
            name => name.to_owned(),
        }
    }

    /// A parameter of the request, decoded; `None` if it is not there or empty.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.info.query.get(name)
    }

    /// How the body of a `patch` or an `apply` is to be read, such as `application/merge-patch+json`;
    /// `None` for other verbs.
    pub fn patch_type(&self) -> Option<&str> {
        ["patch", "apply"]
            .contains(&self.verb())
            .then_some(&self.content_type)
    }

    /// The body: an object, a patch, options of a deletion. A copy: what becomes of it changes nothing
    /// here. Null if there is none, or if it is not JSON.
    pub fn object(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Puts another body in the place of the one that was sent, for whoever is asked next.
    pub fn set_object(&mut self, object: &Value) {
        self.body = object.to_string().into();
    }

    pub(super) fn body(&self) -> Bytes {
        self.body.clone()
    }

    /// Whether this is `verb` on `resource`, whatever the case. `pods` stands for its subresources, too,
    /// `pods/status` for that one only.
    pub fn matches(&self, verb: &str, resource: &str) -> bool {
        let (resource, subresource) = split(resource);
        verb.eq_ignore_ascii_case(self.verb())
            && resource.eq_ignore_ascii_case(self.resource())
            && subresource.is_none_or(|name| name.eq_ignore_ascii_case(self.subresource()))
    }

    /// Whether a reactor for `verb` and `resource` is asked: as [`matches`](Self::matches), but by the
    /// letter, and with `*` for any.
    pub(super) fn is_covered_by(&self, verb: &str, resource: &str) -> bool {
        let (wanted, subresource) = split(resource);
        let is_verb = verb == "*" || verb == self.verb();
        let is_resource =
            wanted == self.resource() && subresource.is_none_or(|name| name == self.subresource());
        is_verb && (resource == "*" || is_resource)
    }

    /// What a refusal of this action calls the kind of its object.
    pub fn kind(&self) -> Kind {
        Kind {
            group: self.info.group.clone(),
            version: self.info.version.clone(),
            plural: self.info.resource.clone(),
            ..Kind::default()
        }
    }
}

fn split(resource: &str) -> (&str, Option<&str>) {
    match resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource)),
        None => (resource, None),
    }
}

/// `list pods`, `list pods in default`, `apply pods/status default/alpha`, `get nodes one`.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb(), self.resource())?;
        if !self.subresource().is_empty() {
            write!(f, "/{}", self.subresource())?;
        }
        match (self.namespace(), self.name()) {
            ("", name) if name.is_empty() => Ok(()),
            (namespace, name) if name.is_empty() => write!(f, " in {namespace}"),
            (namespace, name) => write!(f, " {}", Key::new(namespace, name)),
        }
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Action({self}, {} bytes)", self.body.len())
    }
}
