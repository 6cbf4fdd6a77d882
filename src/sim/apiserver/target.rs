//! The kind and the objects that a request is about, among those there are.
//!
//! # Invariants
//! - A target of a kind that lives in namespaces names one, unless it is a list or a watch of all.
//!
//! # Source
//! apiserver `pkg/endpoints/installer.go`: a path that was not installed leads nowhere.

use std::sync::Arc;

use crate::sim::apiserver::request_info::{Query, RequestInfo};
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
    /// The target of a request.
    ///
    /// # Errors
    /// No such kind, or no such subresource of it.
    pub(super) fn of(info: RequestInfo, store: &Store) -> Result<Self, Refusal> {
        let is_asked = |kind: &Arc<Kind>| {
            kind.group == info.group && kind.version == info.version && kind.plural == info.resource
        };
        let kind = store.kinds().into_iter().find(is_asked);
        let target = Target {
            kind: kind.ok_or_else(Refusal::no_such_resource)?,
            namespace: info.namespace,
            name: info.name,
            subresource: info.subresource,
            query: info.query,
        };
        target.checked()
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
}
