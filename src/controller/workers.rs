//! Takes a key, has somebody look at it, and answers the queue: the loop that every controller has.
//!
//! ```text
//!                              ┌─ Done ──────────────> forget
//!   queue ──key──> reconcile ──┼─ RequeueAfter(time) ─> forget, add_after
//!     ^                        └─ failed, panicked ──> add_rate_limited
//!     └──────────────────────────────────────────────────────┘
//! ```
//!
//! A [`Reconciler`] says how a pass went and nothing more. When a key runs again is decided here, in one
//! `match`. What the keys mean, nobody here knows: `examples/08_sample_controller.rs` copies ConfigMaps
//! with these workers.
//!
//! # Invariants
//! - Workers start when they are told that all is ready: nothing is decided on half a picture.
//! - A worker finishes the key in its hand. At shutdown the keys that wait are discarded, because they
//!   are level-based and come back with the next start.
//! - A pass that panics is counted and backed off like one that failed; the worker goes on.
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
//! use bitcoin_controller::api::ObjectKey;
//! use bitcoin_controller::controller::{Action, Reconciler, Workers};
//! use bitcoin_controller::workqueue::{RateLimitingQueue, default_controller_rate_limiter};
//! use tokio_util::sync::CancellationToken;
//!
//! struct StopsAtOnce(CancellationToken);
//! impl Reconciler for StopsAtOnce {
//!     type Error = std::io::Error;
//!     async fn reconcile(&self, key: &ObjectKey) -> Result<Action, std::io::Error> {
//!         println!("looking at {key}");
//!         self.0.cancel();
//!         Ok(Action::Done)
//!     }
//! }
//!
//! let queue = RateLimitingQueue::new(default_controller_rate_limiter());
//! queue.add(ObjectKey::new("default", "alpha"));
//! let shutdown = CancellationToken::new();
//! let workers = Workers::new(StopsAtOnce(shutdown.clone()), queue.clone(), 2);
//! workers.run(async { true }, shutdown).await;
//! assert!(queue.is_shutting_down());
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Source
//! controller-runtime `pkg/internal/controller/controller.go` (`reconcileHandler`),
//! `pkg/reconcile/reconcile.go`; client-go `examples/workqueue`. What differs: three outcomes instead of
//! a struct with fields that exclude each other; a pass that panics never takes the process with it.

use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, error, info, info_span, warn};

use crate::api::{ObjectKey, Resource};
use crate::cache::{Notification, SharedInformer, SubscriptionOptions};
use crate::controller::journal::{Cause, Journal, Pass};
use crate::workqueue::RateLimitingQueue;

/// How long workers may take to finish the keys in their hands: longer than a pass may take, shorter
/// than the grace period of the controller's pod.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(25);

/// What to do with a key after a pass that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing until an event brings the key again.
    Done,
    /// Run again after this time, or sooner if an event comes.
    RequeueAfter(Duration),
}

/// Something that makes the world agree with what is asked for under a key.
pub trait Reconciler: Send + Sync + 'static {
    /// Why a pass can fail.
    type Error: StdError + Send + Sync + 'static;

    /// Looks at what is asked for under `key`, and at the world, and does the difference.
    ///
    /// # Errors
    /// The pass did not come to its end; the key is to be tried again with backoff.
    ///
    /// # Cancel safety
    /// What was done stays done; the next pass goes on from there.
    fn reconcile(
        &self,
        key: &ObjectKey,
    ) -> impl Future<Output = Result<Action, Self::Error>> + Send;
}

/// One pass, once it has ended: for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassRecord {
    /// What it was about.
    pub key: ObjectKey,
    /// How it ended.
    pub result: PassResult,
    /// How long it took.
    pub duration: Duration,
}

/// How a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassResult {
    /// Well; what to do with the key then.
    Ended(Action),
    /// With an error: it will be tried again.
    Failed,
    /// With a panic: likewise.
    Panicked,
}

/// Is told of every pass, on its worker: it must be quick.
pub type PassObserver = Arc<dyn Fn(&PassRecord) + Send + Sync>;

/// Workers on one queue, with one reconciler. Clones are handles to the same ones.
pub struct Workers<R> {
    reconciler: Arc<R>,
    queue: RateLimitingQueue<ObjectKey>,
    n_workers: usize,
    n_panics: Arc<AtomicU64>,
    journal: Arc<Journal>,
    observer: Option<PassObserver>,
}

impl<R: Reconciler> Workers<R> {
    /// `n_workers` of them (at least 1), which do nothing until they are run.
    pub fn new(reconciler: R, queue: RateLimitingQueue<ObjectKey>, n_workers: usize) -> Self {
        Workers {
            reconciler: Arc::new(reconciler),
            queue,
            n_workers: n_workers.max(1),
            n_panics: Arc::default(),
            journal: Arc::default(),
            observer: None,
        }
    }

    /// Tells `observer` of every pass that ends from now on.
    #[must_use]
    pub fn with_observer(mut self, observer: PassObserver) -> Self {
        self.observer = Some(observer);
        self
    }

    /// How many there are.
    pub fn n_workers(&self) -> usize {
        self.n_workers
    }

    /// The queue of keys, to see what it holds.
    pub fn queue(&self) -> &RateLimitingQueue<ObjectKey> {
        &self.queue
    }

    /// Why each key was last called, and what came of it.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// How many passes have panicked.
    pub fn n_panics(&self) -> u64 {
        self.n_panics.load(Ordering::Relaxed)
    }

    /// Enqueues, until `informer` stops, each key that `whose` finds in a notification: the object's own,
    /// or those of whoever cares for it. With `resync` every object is looked at that often, too, in case
    /// an event was never sent. What is there at the start is told as well; keys of objects that live in
    /// no namespace have an empty one.
    ///
    /// # Cancel safety
    /// Safe: a notification is taken and its key enqueued in one step.
    ///
    /// Source: controller-runtime `pkg/handler/enqueue.go`, `enqueue_mapped.go`.
    pub async fn enqueue_from<T: Resource, I: IntoIterator<Item = ObjectKey>>(
        &self,
        informer: &SharedInformer<T>,
        resync: Option<Duration>,
        whose: impl Fn(&Notification<T>) -> I,
    ) {
        let mut subscription = informer.subscribe(SubscriptionOptions {
            resync,
            ..SubscriptionOptions::default()
        });
        while let Some(notification) = subscription.next().await {
            for key in whose(&notification) {
                // Before it is added: a worker may have done with it by the time `add` returns.
                self.journal.called(&key, Cause::of(&notification));
                self.queue.add(key);
            }
        }
    }

    /// Works from when `ready` says `true` until `shutdown`, then finishes the keys in hand and shuts
    /// the queue down. A `ready` that says `false` means that there is nothing to work on: the end.
    ///
    /// # Cancel safety
    /// Dropping the future aborts every worker; passes end wherever they are, which the next start mends.
    pub async fn run(&self, ready: impl Future<Output = bool>, shutdown: CancellationToken) {
        let is_ready = tokio::select! {
            biased;
            () = shutdown.cancelled() => false,
            is_ready = ready => is_ready,
        };
        let mut workers = JoinSet::new();
        if is_ready {
            info!(workers = self.n_workers, "all is ready; starting workers");
            for _ in 0..self.n_workers {
                let worker = self.clone();
                workers.spawn(async move { worker.work().await });
            }
            shutdown.cancelled().await;
        }
        self.stop(workers).await;
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

    async fn work(&self) {
        while let Some(item) = self.queue.get().await {
            let key = item.key().clone();
            let span = info_span!("reconcile", %key);
            match self.pass(&key).instrument(span).await {
                PassResult::Ended(Action::Done) => self.queue.forget(&key),
                PassResult::Ended(Action::RequeueAfter(delay)) => {
                    self.queue.forget(&key);
                    self.journal.called(&key, Cause::RequeueAfter(delay));
                    self.queue.add_after(key, delay);
                }
                PassResult::Failed | PassResult::Panicked => {
                    self.journal.called(&key, Cause::Retry);
                    self.queue.add_rate_limited(key);
                }
            }
        }
    }

    /// One pass, written down and told.
    async fn pass(&self, key: &ObjectKey) -> PassResult {
        let (started, n_calls) = (Instant::now(), self.journal.n_calls(key));
        let (result, error) = self.reconcile_caught(key).await;
        let ended = Instant::now();
        let duration = ended - started;
        let pass = Pass {
            ended,
            duration,
            result,
            error,
        };
        self.journal.passed(key, n_calls, pass);
        if let Some(observer) = &self.observer {
            observer(&PassRecord {
                key: key.clone(),
                result,
                duration,
            });
        }
        result
    }

    /// The pass itself, in a task of its own, so that a panic ends the task and nothing else; and why it
    /// failed, if it did.
    async fn reconcile_caught(&self, key: &ObjectKey) -> (PassResult, Option<String>) {
        let (reconciler, owned) = (Arc::clone(&self.reconciler), key.clone());
        let mut pass = JoinSet::new();
        pass.spawn(async move { reconciler.reconcile(&owned).await }.in_current_span());
        match pass.join_next().await {
            Some(Ok(Ok(action))) => (PassResult::Ended(action), None),
            Some(Ok(Err(problem))) => {
                let retries = self.queue.num_requeues(key);
                warn!(error = %problem, retries, "the pass failed and will be tried again");
                (PassResult::Failed, Some(problem.to_string()))
            }
            Some(Err(panic)) => {
                self.n_panics.fetch_add(1, Ordering::Relaxed);
                error!(error = %panic, "the pass panicked and will be tried again");
                (PassResult::Panicked, Some(panic.to_string()))
            }
            None => (PassResult::Failed, None),
        }
    }
}

impl<R> Clone for Workers<R> {
    fn clone(&self) -> Self {
        Workers {
            reconciler: Arc::clone(&self.reconciler),
            queue: self.queue.clone(),
            n_workers: self.n_workers,
            n_panics: Arc::clone(&self.n_panics),
            journal: Arc::clone(&self.journal),
            observer: self.observer.clone(),
        }
    }
}
