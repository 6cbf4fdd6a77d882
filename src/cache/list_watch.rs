//! The question a reflector asks: what is there, and what happens from there on?
//!
//! [`ListWatch`] is the seam between the reflector and the server. [`ApiListWatch`] asks the API
//! server for the objects of one kind in one scope, by labels and fields if wanted; a test
//! answers by itself.
//!
//! # Invariants
//! - List and watch ask for the same objects: the selectors are in one place.
//!
//! # Example
//! ```no_run
//! use bitcoin_controller::api::core::Pod;
//! use bitcoin_controller::cache::{ApiListWatch, InformerOptions, SharedInformer};
//! use bitcoin_controller::client::{Client, Scope};
//!
//! # fn example(client: Client) {
//! let pods = ApiListWatch::new(client, Scope::All).with_labels("app=bitcoin-network");
//! let informer = SharedInformer::<Pod>::new(pods, InformerOptions::default());
//! # }
//! ```
//!
//! # Source
//! client-go `tools/cache/listwatch.go`. RBAC: `list` and `watch` on the kind.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::api::Resource;
use crate::api::meta::ListMeta;
use crate::api::text::Interner;
use crate::client::{Client, EachItem, Error, ListParams, Scope, WatchParams, WatchStream};

/// An answer on its way.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Lists and watches the objects of one kind.
pub trait ListWatch<R>: Send + Sync + 'static {
    /// One page of the objects, each handed to `each` as it arrives; they count only if the answer
    /// is `Ok`. Selectors and interner in `params` are left to the implementation.
    ///
    /// # Errors
    /// Whatever the server or the network says.
    ///
    /// # Cancel safety
    /// Dropping the future abandons the request.
    fn list<'a>(&'a self, params: ListParams, each: EachItem<'a, R>) -> Answer<'a, ListMeta>;

    /// The events after the version in `params`.
    ///
    /// # Errors
    /// Whatever the server or the network says.
    ///
    /// # Cancel safety
    /// Dropping the future abandons the request.
    fn watch(&self, params: WatchParams) -> Answer<'_, WatchStream<R>>;
}

impl<R, T: ListWatch<R> + ?Sized> ListWatch<R> for Arc<T> {
    fn list<'a>(&'a self, params: ListParams, each: EachItem<'a, R>) -> Answer<'a, ListMeta> {
        (**self).list(params, each)
    }

    fn watch(&self, params: WatchParams) -> Answer<'_, WatchStream<R>> {
        (**self).watch(params)
    }
}

/// Asks the API server.
#[derive(Clone, Debug)]
pub struct ApiListWatch {
    client: Client,
    scope: Scope,
    label_selector: Option<String>,
    field_selector: Option<String>,
    /// Shared strings live as long as this: from one list to the next.
    interner: Interner,
}

impl ApiListWatch {
    /// All objects in `scope`.
    pub fn new(client: Client, scope: Scope) -> Self {
        ApiListWatch {
            client,
            scope,
            label_selector: None,
            field_selector: None,
            interner: Interner::default(),
        }
    }

    /// Only those that `selector` selects by labels; see [`Selector`](crate::cache::Selector) for
    /// a way to write one.
    #[must_use]
    pub fn with_labels(mut self, selector: impl fmt::Display) -> Self {
        self.label_selector = Some(selector.to_string());
        self
    }

    /// Only those that `selector` selects by fields, such as `metadata.name=alpha`.
    #[must_use]
    pub fn with_fields(mut self, selector: impl fmt::Display) -> Self {
        self.field_selector = Some(selector.to_string());
        self
    }
}

impl<R: Resource> ListWatch<R> for ApiListWatch {
    fn list<'a>(&'a self, params: ListParams, each: EachItem<'a, R>) -> Answer<'a, ListMeta> {
        let params = ListParams {
            label_selector: self.label_selector.clone(),
            field_selector: self.field_selector.clone(),
            interner: self.interner.clone(),
            ..params
        };
        Box::pin(async move { self.client.list_each(&self.scope, &params, each).await })
    }

    fn watch(&self, params: WatchParams) -> Answer<'_, WatchStream<R>> {
        let params = WatchParams {
            label_selector: self.label_selector.clone(),
            field_selector: self.field_selector.clone(),
            interner: self.interner.clone(),
            ..params
        };
        Box::pin(async move { self.client.watch(&self.scope, &params).await })
    }
}
