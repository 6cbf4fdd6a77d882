//! A handler's end of a shared informer: it asks for the next notification when it is ready for
//! one.
//!
//! client-go calls handlers back, from a task per handler. Here the handler is the task: a loop
//! that pulls from its [`Subscription`]. It runs at its own pace, does one thing at a time by
//! construction, and removes itself by dropping the subscription, from wherever it is. Others who
//! want to know how far it is (has it seen everything that was there at the start?) hold its
//! [`Registration`].
//!
//! ```text
//!   Distribution ──push──> Feed { Backlog, bell } <──take── Subscription (the handler)
//!                                                 <──asks── Registration (whoever waits for it)
//! ```
//!
//! # Invariants
//! - The handler holds no lock while it handles.
//! - `next` returns `None` only after the informer has stopped and the backlog is empty, and from
//!   then on always.
//! - The informer's "synced" says that the store is complete; a registration's says that this
//!   handler has handled it. Start workers after the latter.
//!
//! # Example
//! ```no_run
//! # async fn example(informer: bitcoin_controller::cache::SharedInformer<bitcoin_controller::api::core::Pod>) {
//! use bitcoin_controller::cache::{Notification, SubscriptionOptions};
//!
//! let mut pods = informer.subscribe(SubscriptionOptions::default());
//! while let Some(notification) = pods.next().await {
//!     match notification {
//!         Notification::Added { object, .. } => println!("{} is there", object.metadata.name),
//!         Notification::Updated { new, .. } => println!("{} has changed", new.metadata.name),
//!         Notification::Deleted { object, .. } => println!("{} is gone", object.metadata.name),
//!     }
//! }
//! # }
//! ```
//!
//! # Source
//! client-go `tools/cache/shared_informer.go`, `processorListener`,
//! `ResourceEventHandlerRegistration`. What differs:
//! - Pulled, not called back. A handler that panics drops its subscription and nobody else notices.
//! - Resync is the subscriber's own timer: no check period shared by all, so a period may be
//!   chosen at any time; and a reminder is an update of an object to itself, told only if nothing
//!   newer waits.
//! - A subscription to a stopped informer is not an error: it ends at once.

use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::select;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::api::Resource;
use crate::cache::backlog::Backlog;
use crate::cache::distribution::Distribution;
use crate::cache::milestone::Milestone;
use crate::cache::notification::{Change, Notification};

/// How a handler wants to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionOptions {
    /// How often to be reminded of every object; `None` or zero: never. At least [`MIN_RESYNC`].
    pub resync: Option<Duration>,
    /// How many changes may wait before those of one key are joined.
    pub backlog: usize,
}

impl Default for SubscriptionOptions {
    /// No resync, and 1,024 changes: the size with which client-go's ring starts.
    fn default() -> Self {
        SubscriptionOptions {
            resync: None,
            backlog: 1_024,
        }
    }
}

/// The shortest resync period; a shorter one is raised to it, as in client-go.
pub const MIN_RESYNC: Duration = Duration::from_secs(1);

/// One handler's stream of notifications. Dropping it removes the handler.
pub struct Subscription<R: Resource> {
    distribution: Arc<Distribution<R>>,
    feed: Arc<Feed<R>>,
    resync: Option<Resync>,
}

/// When the handler is to be reminded next.
struct Resync {
    period: Duration,
    due: Instant,
}

impl<R: Resource> Subscription<R> {
    pub(crate) fn new(
        distribution: Arc<Distribution<R>>,
        feed: Arc<Feed<R>>,
        resync: Option<Duration>,
    ) -> Self {
        let period = resync.filter(|period| !period.is_zero());
        let resync = period
            .map(|period| period.max(MIN_RESYNC))
            .map(|period| Resync {
                period,
                due: Instant::now() + period,
            });
        Subscription {
            distribution,
            feed,
            resync,
        }
    }

    /// The next notification; asking for it says that the one before has been handled. `None`: the
    /// informer has stopped and everything has been told.
    ///
    /// # Cancel safety
    /// Safe: a notification is taken only in the moment it is returned.
    pub async fn next(&mut self) -> Option<Notification<R>> {
        self.feed.finish();
        loop {
            self.resync_if_due();
            match self.feed.take() {
                Taken::Notification(notification) => return Some(notification),
                Taken::Ended => return None,
                Taken::Nothing => {}
            }
            let due = self.resync.as_ref().map(|resync| resync.due);
            select! {
                biased;
                () = self.feed.bell.notified() => {}
                () = until(due) => {}
            }
        }
    }

    /// Whether everything that was there at the start has been handled; see
    /// [`Registration::has_synced`].
    pub fn has_synced(&self) -> bool {
        self.feed.synced.is_reached()
    }

    /// How many notifications are not handled yet; see [`Registration::pending`].
    pub fn pending(&self) -> usize {
        self.feed.pending()
    }

    /// For those who want to know how far this handler is, while the handler itself is busy
    /// pulling.
    pub fn registration(&self) -> Registration<R> {
        Registration {
            feed: self.feed.clone(),
        }
    }

    fn resync_if_due(&mut self) {
        let Some(resync) = &mut self.resync else {
            return;
        };
        let now = Instant::now();
        if resync.due > now {
            return;
        }
        // A handler that has slept through several periods is reminded once.
        while resync.due <= now {
            resync.due += resync.period;
        }
        self.distribution.resync(&self.feed);
    }
}

impl<R: Resource> Drop for Subscription<R> {
    fn drop(&mut self) {
        self.distribution.unsubscribe(&self.feed);
        self.feed.abandon();
    }
}

impl<R: Resource> fmt::Debug for Subscription<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subscription({:?})", self.feed.lock().backlog)
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}

/// Says how far a handler is. Clones speak of the same one.
pub struct Registration<R: Resource> {
    feed: Arc<Feed<R>>,
}

impl<R: Resource> Registration<R> {
    /// Whether the handler has handled every object that was there when its view began: it has
    /// taken each, and asked for the next notification after the last of them. Never turns back.
    pub fn has_synced(&self) -> bool {
        self.feed.synced.is_reached()
    }

    /// Waits for [`has_synced`](Self::has_synced); `false`: the handler ended before.
    ///
    /// # Cancel safety
    /// Safe: waiting changes nothing.
    pub async fn wait_until_synced(&self) -> bool {
        self.feed.synced.wait().await
    }

    /// How many notifications are not handled yet: those that wait, and the one the handler is at.
    pub fn pending(&self) -> usize {
        self.feed.pending()
    }
}

impl<R: Resource> Clone for Registration<R> {
    fn clone(&self) -> Self {
        Registration {
            feed: self.feed.clone(),
        }
    }
}

impl<R: Resource> fmt::Debug for Registration<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registration({:?})", self.feed.lock().backlog)
    }
}

/// What lies between the distribution and one handler.
pub(crate) struct Feed<R> {
    state: Mutex<State<R>>,
    /// Rung when there is news or the end. One handler waits at most, so a ring is never lost.
    bell: Notify,
    synced: Milestone,
}

struct State<R> {
    backlog: Backlog<R>,
    /// Nothing more will come.
    is_ended: bool,
}

enum Taken<R> {
    Notification(Notification<R>),
    Nothing,
    Ended,
}

impl<R: Resource> Feed<R> {
    pub(crate) fn new(bound: usize) -> Self {
        Feed {
            state: Mutex::new(State {
                backlog: Backlog::new(bound),
                is_ended: false,
            }),
            bell: Notify::new(),
            synced: Milestone::default(),
        }
    }

    pub(crate) fn push(&self, changes: &[Change<R>], is_initial: bool) {
        if changes.is_empty() {
            return;
        }
        let mut state = self.lock();
        for change in changes {
            state.backlog.push(change.clone(), is_initial);
        }
        drop(state);
        self.bell.notify_one();
    }

    pub(crate) fn push_resync(&self, objects: Vec<Arc<R>>) {
        self.lock().backlog.push_resync(objects);
    }

    /// All initial changes have been pushed; there may have been none.
    pub(crate) fn complete_initial(&self) {
        let mut state = self.lock();
        state.backlog.complete_initial();
        self.note_progress(&state);
    }

    /// Nothing more will come: the handler drains what it has and ends.
    pub(crate) fn end(&self) {
        self.lock().is_ended = true;
        self.bell.notify_one();
    }

    pub(crate) fn pending(&self) -> usize {
        self.lock().backlog.pending()
    }

    fn finish(&self) {
        let mut state = self.lock();
        state.backlog.finish();
        self.note_progress(&state);
    }

    fn take(&self) -> Taken<R> {
        let mut state = self.lock();
        match state.backlog.take() {
            Some(notification) => Taken::Notification(notification),
            None if state.is_ended => {
                self.synced.miss();
                Taken::Ended
            }
            None => Taken::Nothing,
        }
    }

    /// The handler is gone, and so is what it has not been told.
    fn abandon(&self) {
        let mut state = self.lock();
        state.backlog = Backlog::new(0);
        state.is_ended = true;
        self.synced.miss();
    }

    fn note_progress(&self, state: &State<R>) {
        if state.backlog.has_synced() {
            self.synced.reach();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().expect("a backlog does not panic")
    }
}
