//! Events in, keys out: handlers enqueue, workers take one key at a time and answer the queue.
//!
//! ```text
//!   informers ──notifications──> handlers ──key of the network──> RateLimitingQueue ──> workers ──> Reconciler
//!                                                                      ^                  │
//!                                                                      └── later, or ─────┘
//!                                                                          with backoff
//! ```
//!
//! A handler does one thing: it works out whose business a change is. A worker has one `match`, and in
//! it is every decision about trying again.
//!
//! # Invariants
//! - Workers start when all caches have synced: nothing is decided on half a picture.
//! - A worker finishes the key in its hand; at shutdown the keys that wait are discarded, because they
//!   are level-based and come back with the next start.
//! - A pass that panics is counted and backed off like one that failed; the worker goes on.
//!
//! # Source
//! client-go `examples/workqueue`, controller-runtime `pkg/internal/controller/controller.go`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, error, info, info_span, warn};

use crate::api::{BitcoinNetwork, ObjectKey, Resource};
use crate::base::{Clock, Random};
use crate::cache::{Notification, SubscriptionOptions};
use crate::client::Client;
use crate::controller::caches::{Caches, Watched};
use crate::controller::desired::INSTANCE;
use crate::controller::reach::Reach;
use crate::controller::reconciler::{Action, NetworkReconciler, Reconciler};
use crate::record::EventRecorder;
use crate::workqueue::{ItemExponentialFailureRateLimiter, RateLimitingQueue};

/// How long workers may take to finish the keys in their hands: longer than a pass may take, shorter
/// than the grace period of the controller's pod.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(25);

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
    queue: RateLimitingQueue<ObjectKey>,
    reconciler: Arc<NetworkReconciler>,
    workers: usize,
    panics: Arc<AtomicU64>,
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
            queue: RateLimitingQueue::new(limiter),
            reconciler: Arc::new(reconciler),
            workers: options.workers.max(1),
            panics: Arc::default(),
        }
    }

    /// The queue of keys, to see what it holds.
    pub fn queue(&self) -> &RateLimitingQueue<ObjectKey> {
        &self.queue
    }

    /// The caches, to see how far they are.
    pub fn caches(&self) -> &Caches {
        &self.caches
    }

    /// How many passes have panicked.
    pub fn n_panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// Runs until `shutdown`, then finishes the keys in hand.
    ///
    /// # Cancel safety
    /// Dropping the future aborts every task; passes end wherever they are, which the next start mends.
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut watchers = JoinSet::new();
        self.start_handlers(&mut watchers);
        self.caches.run(&mut watchers, &shutdown);
        let synced = tokio::select! {
            biased;
            () = shutdown.cancelled() => false,
            synced = self.caches.wait_until_synced() => synced,
        };
        let mut workers = JoinSet::new();
        if synced {
            info!(
                workers = self.workers,
                "caches have synced; starting workers"
            );
            for _ in 0..self.workers {
                let controller = self.clone();
                workers.spawn(async move { controller.work().await });
            }
            shutdown.cancelled().await;
        }
        self.stop(workers).await;
        watchers.shutdown().await;
    }

    /// Lets the workers finish what they hold.
    async fn stop(&self, mut workers: JoinSet<()>) {
        let discarded = self.queue.discard_waiting();
        self.queue.shut_down();
        debug!(discarded, "waiting for the workers to finish");
        let finished = async { while workers.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN_DEADLINE, finished)
            .await
            .is_err()
        {
            warn!("workers did not finish in time and are aborted");
            workers.shutdown().await;
        }
    }

    fn start_handlers(&self, tasks: &mut JoinSet<()>) {
        let resync = Some(RESYNC);
        self.handle(
            &self.caches.networks,
            resync,
            tasks,
            |notification| match notification {
                // A change of the status alone is our own doing.
                Notification::Updated { old, new } if is_same_request(old, new) => None,
                notification => Some(notification.key()),
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

    fn handle<R: Resource>(
        &self,
        watched: &Watched<R>,
        resync: Option<Duration>,
        tasks: &mut JoinSet<()>,
        whose: fn(&Notification<R>) -> Option<ObjectKey>,
    ) {
        for informer in watched.informers() {
            let mut subscription = informer.subscribe(SubscriptionOptions {
                resync,
                ..SubscriptionOptions::default()
            });
            let queue = self.queue.clone();
            tasks.spawn(async move {
                while let Some(notification) = subscription.next().await {
                    if let Some(key) = whose(&notification) {
                        queue.add(key);
                    }
                }
            });
        }
    }

    async fn work(&self) {
        while let Some(item) = self.queue.get().await {
            let key = item.key().clone();
            let span = info_span!("reconcile", network = %key);
            match self.reconcile_caught(&key).instrument(span).await {
                Outcome::Ended(Action::Done) => self.queue.forget(&key),
                Outcome::Ended(Action::RequeueAfter(delay)) => {
                    self.queue.forget(&key);
                    self.queue.add_after(key, delay);
                }
                Outcome::Failed => self.queue.add_rate_limited(key),
            }
        }
    }

    /// One pass, in a task of its own, so that a panic ends the task and nothing else.
    async fn reconcile_caught(&self, key: &ObjectKey) -> Outcome {
        let (reconciler, owned) = (Arc::clone(&self.reconciler), key.clone());
        let mut pass = JoinSet::new();
        pass.spawn(async move { reconciler.reconcile(&owned).await }.in_current_span());
        match pass.join_next().await {
            Some(Ok(Ok(action))) => Outcome::Ended(action),
            Some(Ok(Err(problem))) => {
                let retries = self.queue.num_requeues(key);
                warn!(network = %key, error = %problem, retries, "the pass failed and will be tried again");
                Outcome::Failed
            }
            Some(Err(panic)) => {
                self.panics.fetch_add(1, Ordering::Relaxed);
                error!(network = %key, error = %panic, "the pass panicked and will be tried again");
                Outcome::Failed
            }
            None => Outcome::Failed,
        }
    }
}

/// How a pass ended.
enum Outcome {
    Ended(Action),
    Failed,
}

/// Whether only what we write ourselves differs.
fn is_same_request(old: &BitcoinNetwork, new: &BitcoinNetwork) -> bool {
    let (old_meta, new_meta) = (&old.metadata, &new.metadata);
    old_meta.resource_version != new_meta.resource_version
        && old_meta.uid == new_meta.uid
        && old_meta.generation == new_meta.generation
        && old_meta.deletion_timestamp == new_meta.deletion_timestamp
}

/// The network an object belongs to, by its label.
fn network_of<R: Resource>(object: &R) -> Option<ObjectKey> {
    let metadata = object.metadata();
    let name = metadata.labels.get(INSTANCE)?;
    Some(ObjectKey::new(metadata.namespace.clone(), name))
}
