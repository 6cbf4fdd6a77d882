//! Events in, keys out: a handler for each kind works out whose business a change is, and enqueues it.
//!
//! ```text
//!   informers ──notifications──> handlers ──key of the network──> RateLimitingQueue <──> Workers ──> Reconciler
//! ```
//!
//! # Invariants
//! - Workers start when all caches have synced: nothing is decided on half a picture.
//! - A network of which only the status has changed is not enqueued: that was us.
//!
//! # Source
//! client-go `examples/workqueue`, controller-runtime `pkg/internal/controller/controller.go`.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::{BitcoinNetwork, ObjectKey, Resource};
use crate::base::{Clock, Random};
use crate::cache::Notification;
use crate::client::Client;
use crate::controller::caches::{Caches, Watched};
use crate::controller::desired::INSTANCE;
use crate::controller::journal::Journal;
use crate::controller::reach::Reach;
use crate::controller::reconciler::NetworkReconciler;
use crate::controller::workers::{PassObserver, Workers};
use crate::record::EventRecorder;
use crate::workqueue::{ItemExponentialFailureRateLimiter, RateLimitingQueue};

/// How often every network is looked at whatever happens: in case an event was never sent.
const RESYNC: Duration = Duration::from_secs(600);

/// Backoff of a key that fails: from 50 ms, doubling, to a minute.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(60));

/// What a controller is made of.
pub struct ControllerOptions {
    /// The API server.
    pub client: Client,
    /// How nodes are reached.
    pub reach: Reach,
    /// Where events go.
    pub recorder: EventRecorder,
    /// The namespaces to look after; empty: all.
    pub namespaces: Vec<String>,
    /// How many networks are worked on at the same time; at least 1.
    pub workers: usize,
    /// Dates conditions.
    pub clock: Clock,
    /// Jitter, and passwords.
    pub random: Random,
    /// Whether nodes of networks without a Secret also accept `user` and `password`.
    pub insecure_default_credentials: bool,
}

/// The controller of BitcoinNetworks. Clones are handles to the same one.
#[derive(Clone)]
pub struct Controller {
    caches: Caches,
    workers: Workers<NetworkReconciler>,
}

impl Controller {
    /// A controller that does nothing until it is run.
    pub fn new(options: ControllerOptions) -> Self {
        let caches = Caches::new(&options.client, &options.namespaces, &options.random);
        let reconciler = NetworkReconciler::new(
            options.client,
            caches.clone(),
            options.reach,
            options.recorder,
            options.clock,
            options.random,
            options.insecure_default_credentials,
        );
        let limiter = ItemExponentialFailureRateLimiter::new(BACKOFF.0, BACKOFF.1);
        Controller {
            caches,
            workers: Workers::new(reconciler, RateLimitingQueue::new(limiter), options.workers),
        }
    }

    /// Tells `observer` of every pass that ends from now on.
    #[must_use]
    pub fn with_observer(mut self, observer: PassObserver) -> Self {
        self.workers = self.workers.with_observer(observer);
        self
    }

    /// How many networks are worked on at the same time.
    pub fn n_workers(&self) -> usize {
        self.workers.n_workers()
    }

    /// The queue of keys, to see what it holds.
    pub fn queue(&self) -> &RateLimitingQueue<ObjectKey> {
        self.workers.queue()
    }

    /// Why each network was last looked at, and what came of it.
    pub fn journal(&self) -> &Journal {
        self.workers.journal()
    }

    /// The caches, to see how far they are.
    pub fn caches(&self) -> &Caches {
        &self.caches
    }

    /// How many passes have panicked.
    pub fn n_panics(&self) -> u64 {
        self.workers.n_panics()
    }

    /// Runs until `shutdown`, then finishes the keys in hand.
    ///
    /// # Cancel safety
    /// Dropping the future aborts every task; passes end wherever they are, which the next start mends.
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut watchers = JoinSet::new();
        self.start_handlers(&mut watchers);
        self.caches.run(&mut watchers, &shutdown);
        let synced = self.caches.wait_until_synced();
        self.workers.run(synced, shutdown.clone()).await;
        watchers.shutdown().await;
    }

    fn start_handlers(&self, tasks: &mut JoinSet<()>) {
        let resync = Some(RESYNC);
        self.handle(
            &self.caches.networks,
            resync,
            tasks,
            |notification| match notification {
                // A change of the status alone is our own doing.
                Notification::Updated { old, new } if is_same_request(old, new) => Vec::new(),
                // Whom it names outside, or no longer names, has to agree.
                Notification::Updated { old, new } => {
                    let keys = [new.key()].into_iter().chain(named_by(old));
                    keys.chain(named_by(new)).collect()
                }
                Notification::Added { object, .. } | Notification::Deleted { object, .. } => {
                    [object.key()].into_iter().chain(named_by(object)).collect()
                }
            },
        );
        self.handle(&self.caches.sets, None, tasks, |notification| {
            network_of(&**notification.object())
        });
        self.handle(&self.caches.services, None, tasks, |notification| {
            network_of(&**notification.object())
        });
        self.handle(&self.caches.pods, None, tasks, |notification| {
            network_of(&**notification.object())
        });
    }

    fn handle<R: Resource, I: IntoIterator<Item = ObjectKey> + Send + 'static>(
        &self,
        watched: &Watched<R>,
        resync: Option<Duration>,
        tasks: &mut JoinSet<()>,
        whose: fn(&Notification<R>) -> I,
    ) {
        for informer in watched.informers() {
            let (workers, informer) = (self.workers.clone(), informer.clone());
            tasks.spawn(async move { workers.enqueue_from(&informer, resync, whose).await });
        }
    }
}

/// Whether only what we write ourselves differs.
fn is_same_request(old: &BitcoinNetwork, new: &BitcoinNetwork) -> bool {
    let (old_meta, new_meta) = (&old.metadata, &new.metadata);
    old_meta.resource_version != new_meta.resource_version
        && old_meta.uid == new_meta.uid
        && old_meta.generation == new_meta.generation
        && old_meta.deletion_timestamp == new_meta.deletion_timestamp
}

/// The networks that this one wants to be connected with.
fn named_by(network: &BitcoinNetwork) -> Vec<ObjectKey> {
    let spec = network.spec.valid().into_iter();
    let names = spec.flat_map(|spec| spec.external_peers.iter().flat_map(|it| &it.network));
    let namespace = &network.metadata.namespace;
    names
        .map(|name| ObjectKey::new(namespace.clone(), name.as_str()))
        .collect()
}

/// The network an object belongs to, by its label.
fn network_of<R: Resource>(object: &R) -> Option<ObjectKey> {
    let metadata = object.metadata();
    let name = metadata.labels.get(INSTANCE)?;
    Some(ObjectKey::new(metadata.namespace.clone(), name))
}
