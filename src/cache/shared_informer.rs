//! One reflector and one store for a kind of object, and any number of handlers.
//!
//! Three controllers that look at Pods should cost the API server one watch and the process one
//! copy. A [`SharedInformer`] is that: it runs a [`Reflector`] into a [`Distribution`], hands out
//! [`Subscription`]s at any time and [`Lister`]s to read with. Everything in it is explained in
//! the chapters it joins; here is only the order of life: made, run once, stopped for good.
//!
//! # Invariants
//! - `run` runs once. A second call returns at once; a stopped informer stays stopped.
//! - However `run` ends (shutdown, or its future dropped), every subscription ends after its
//!   backlog.
//! - A handler that is slow, blocked or gone delays neither the others nor the reflector.
//!
//! # Example
//! ```no_run
//! # async fn example(client: bitcoin_controller::client::Client) {
//! use bitcoin_controller::api::core::Pod;
//! use bitcoin_controller::cache::{ApiListWatch, InformerOptions, SharedInformer, SubscriptionOptions};
//! use bitcoin_controller::client::Scope;
//! use tokio_util::sync::CancellationToken;
//!
//! let shutdown = CancellationToken::new();
//! let pods = SharedInformer::<Pod>::new(ApiListWatch::new(client, Scope::All), InformerOptions::default());
//! let mut handler = pods.subscribe(SubscriptionOptions::default());
//! let handle = async {
//!     while let Some(notification) = handler.next().await {
//!         println!("{notification:?}");
//!     }
//! };
//! tokio::join!(pods.run(shutdown), handle);
//! # }
//! ```
//!
//! # Source
//! client-go `tools/cache/shared_informer.go`. What differs: see
//! [`subscription`](crate::cache::subscription) and [`distribution`](crate::cache::distribution).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::api::Resource;
use crate::cache::distribution::Distribution;
use crate::cache::indexer::Index;
use crate::cache::list_watch::ListWatch;
use crate::cache::lister::Lister;
use crate::cache::quarantine::Quarantined;
use crate::cache::reflector::Reflector;
use crate::cache::reflector_options::ReflectorOptions;
use crate::cache::subscription::{Subscription, SubscriptionOptions};
use crate::cache::tally::{Asked, InformerTally};

/// How an informer works: as its reflector does.
pub type InformerOptions = ReflectorOptions;

/// One kind's objects, kept in step with the server. Clones are handles to the same informer.
pub struct SharedInformer<R: Resource> {
    inner: Arc<Inner<R>>,
}

struct Inner<R> {
    list_watch: Arc<dyn ListWatch<R>>,
    options: ReflectorOptions,
    distribution: Arc<Distribution<R>>,
    is_started: AtomicBool,
    asked: Arc<Asked>,
}

impl<R: Resource> SharedInformer<R> {
    /// An informer over what `list_watch` lists and watches. It does nothing until it is run.
    pub fn new(list_watch: impl ListWatch<R>, options: InformerOptions) -> Self {
        let options = options.named::<R>();
        SharedInformer {
            inner: Arc::new(Inner {
                list_watch: Arc::new(list_watch),
                distribution: Arc::new(Distribution::new(options.name.clone())),
                options,
                is_started: AtomicBool::new(false),
                asked: Arc::default(),
            }),
        }
    }

    /// Lists and watches until `shutdown`, and then stops for good. Runs once.
    ///
    /// # Cancel safety
    /// Dropping the future stops the informer, as `shutdown` does.
    pub async fn run(&self, shutdown: CancellationToken) {
        let Inner {
            list_watch,
            options,
            distribution,
            is_started,
            asked,
        } = &*self.inner;
        if is_started.swap(true, Ordering::Relaxed) {
            warn!(informer = %options.name, "the informer has been started already");
            return;
        }
        let _stop = StopOnDrop(distribution);
        Reflector::new(list_watch.clone(), distribution.clone(), options.clone())
            .counting_in(asked.clone())
            .run(shutdown)
            .await;
    }

    /// Adds the index `I`, at any time; see
    /// [`Indexer::add_index`](crate::cache::Indexer::add_index).
    pub fn add_index<I: Index<R>>(&self) {
        self.inner.distribution.indexer().add_index::<I>();
    }

    /// Adds a handler, at any time. A late one is told of everything that is there first.
    pub fn subscribe(&self, options: SubscriptionOptions) -> Subscription<R> {
        self.inner.distribution.subscribe(options)
    }

    /// A reader of the store.
    pub fn lister(&self) -> Lister<R> {
        Lister::new(self.inner.distribution.indexer().clone())
    }

    /// Whether the first list is in the store: workers that decide on what a lister says may start. A
    /// handler may not have been told yet; who acts on what handlers have counted or kept waits for their
    /// [`Registration`](crate::cache::Registration)s.
    pub fn has_synced(&self) -> bool {
        self.inner.distribution.synced().is_reached()
    }

    /// Waits for [`has_synced`](Self::has_synced); `false`: the informer stopped before.
    ///
    /// # Cancel safety
    /// Safe: waiting changes nothing.
    pub async fn wait_until_synced(&self) -> bool {
        self.inner.distribution.synced().wait().await
    }

    /// The version up to which the store knows everything, bookmarks included; empty before the
    /// first list.
    pub fn last_sync_resource_version(&self) -> Box<str> {
        self.inner.distribution.last_sync_resource_version()
    }

    /// How many notifications all handlers together have yet to handle.
    pub fn pending(&self) -> usize {
        self.inner.distribution.pending()
    }

    /// The objects that exist and could not be read, in order of their keys.
    pub fn quarantined(&self) -> Vec<Quarantined> {
        self.inner.distribution.quarantined()
    }

    /// How many states of objects could not be read so far; it never falls.
    pub fn n_undecodable(&self) -> u64 {
        self.inner.distribution.n_undecodable()
    }

    /// Numbers for metrics and for `/debug`.
    pub fn tally(&self) -> InformerTally {
        let taken = self.inner.distribution.taken();
        InformerTally {
            has_synced: self.has_synced(),
            objects: self.inner.distribution.indexer().len(),
            resource_version: self.last_sync_resource_version(),
            lists: taken.lists,
            last_list: taken.last_list,
            events: taken.events,
            last_event: taken.last_event,
            watches: self.inner.asked.watches(),
            failures: self.inner.asked.failures(),
            pending: self.pending(),
            undecodable: self.n_undecodable(),
            quarantined: self.quarantined(),
        }
    }
}

/// Ends the subscriptions whichever way `run` is left.
struct StopOnDrop<'a, R: Resource>(&'a Distribution<R>);

impl<R: Resource> Drop for StopOnDrop<'_, R> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl<R: Resource> Clone for SharedInformer<R> {
    fn clone(&self) -> Self {
        SharedInformer {
            inner: self.inner.clone(),
        }
    }
}

impl<R: Resource> fmt::Debug for SharedInformer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedInformer({:?})", self.inner.distribution)
    }
}
