//! Keeps a store equal to one collection on the server: get its whole state once, watch from there,
//! and know what to do whenever that breaks.
//!
//! A watch is a promise: every change after version *v*, in order. As long as the version of the
//! last event is known, a broken connection costs nothing: ask again from there. Only when the
//! server has forgotten that far back (*410 Gone*) is a new state needed. It comes in one of two
//! ways: as [initial events](crate::cache::initial_events) of a watch, which then simply goes on; or,
//! from a server that does not know how to do that, as a [list](crate::cache::pager). What comes after
//! what, and when to wait, is a table of its own: [`next_step`](crate::cache::next_step).
//!
//! ```text
//!            ┌── at once, or after a backoff ────────────────┐
//!            v                                               │
//!   state: initial events ──whole──> store ──the same stream─┤ watch ended
//!            │ cannot                                        │
//!            └────> list ──whole──> store ──> watch ─────────┘
//! ```
//!
//! Which version to ask for: the first list asks for `0`, whatever the server has at hand, which costs
//! it least, and the first initial events for none, which means as of now (`0` is not allowed there);
//! later ones the last version seen, so that the store never goes back in time; and none again
//! when the server says that it has lost that version or has not reached it yet.
//!
//! # Invariants
//! - The store is changed in single steps that do not await. Being cancelled, at whatever point,
//!   leaves it at one version of the collection, and `run` ends without waiting for anything.
//! - Versions are opaque: they are passed on and never compared.
//! - Each object is decoded once, and what has not changed is not held twice.
//!
//! # Example
//! ```no_run
//! # async fn example(client: bitcoin_controller::client::Client) {
//! use bitcoin_controller::api::core::Pod;
//! use bitcoin_controller::cache::{ApiListWatch, Indexer, Reflector, ReflectorOptions};
//! use bitcoin_controller::client::Scope;
//! use std::sync::Arc;
//! use tokio_util::sync::CancellationToken;
//!
//! let pods = Arc::new(Indexer::<Pod>::default());
//! let list_watch = Arc::new(ApiListWatch::new(client, Scope::All));
//! Reflector::new(list_watch, pods, ReflectorOptions::default()).run(CancellationToken::new()).await;
//! # }
//! ```
//!
//! # Source
//! client-go `tools/cache/reflector.go`. What differs:
//! - The order of steps, see [`next_step`](crate::cache::next_step).
//! - A connection that breaks is a watch that ended. An event that cannot be read leads to a new
//!   state; theirs is skipped.
//! - No resync here: it belongs to the subscriptions.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::select;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::api::Resource;
use crate::base::Backoff;
use crate::cache::initial_events::{self, Unfinished};
use crate::cache::list_watch::ListWatch;
use crate::cache::next_state::NextState;
use crate::cache::next_step::{Course, Next, Step};
use crate::cache::pager::Pager;
use crate::cache::reflector_options::{MIN_WATCH_TIMEOUT, ReflectorOptions};
use crate::cache::reflector_store::ReflectorStore;
use crate::cache::tally::Asked;
use crate::client::{Error, Item, WatchEvent, WatchParams, WatchStream};

/// A watch that ends sooner, and no further than it began, has brought nothing.
const SHORT_WATCH: Duration = Duration::from_secs(1);
/// How long to wait after the first failure; twice as long after each further one.
const FIRST_WAIT: Duration = Duration::from_millis(800);
/// The longest wait, before jitter.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// After so long without a failure waits are short again.
const QUIET_SPELL: Duration = Duration::from_secs(2 * 60);

/// Gets and watches a collection into a store, for ever.
pub struct Reflector<R> {
    list_watch: Arc<dyn ListWatch<R>>,
    store: Arc<dyn ReflectorStore<R>>,
    options: ReflectorOptions,
    pager: Pager,
    /// One for all kinds of failures: a server in trouble is left alone whatever it fails at.
    backoff: Backoff,
    /// Of the last state, event or bookmark; `None` before the first.
    last_version: Option<Box<str>>,
    course: Course,
    asked: Arc<Asked>,
}

impl<R: Resource> Reflector<R> {
    /// A reflector of what `list_watch` gives into `store`.
    pub fn new(
        list_watch: Arc<dyn ListWatch<R>>,
        store: Arc<dyn ReflectorStore<R>>,
        options: ReflectorOptions,
    ) -> Self {
        let options = options.named::<R>();
        Reflector {
            list_watch,
            store,
            pager: Pager::new(options.page_size),
            backoff: Backoff::new(FIRST_WAIT, LONGEST_WAIT)
                .with_jitter(1.0)
                .with_reset_after(QUIET_SPELL),
            last_version: None,
            course: Course::new(options.initial_events),
            options,
            asked: Arc::default(),
        }
    }

    /// Counts what it asks for in `asked`.
    pub(crate) fn counting_in(mut self, asked: Arc<Asked>) -> Self {
        self.asked = asked;
        self
    }

    /// Keeps the store in step until `shutdown`.
    ///
    /// # Cancel safety
    /// Dropping the future stops the reflector, as `shutdown` does: requests are abandoned, the
    /// store keeps what it has.
    pub async fn run(mut self, shutdown: CancellationToken) {
        select! {
            biased;
            () = shutdown.cancelled() => {}
            never = self.run_forever() => match never {}
        }
    }

    async fn run_forever(&mut self) -> Infallible {
        let mut step = Step::State;
        loop {
            let next = match step {
                Step::State if self.course.has_initial_events() => self.stream().await,
                Step::State | Step::List => self.list().await,
                Step::Watch => self.watch().await,
            };
            if let Some(at_least) = next.wait {
                let wait = self.backoff.next_wait(&self.options.random);
                sleep(wait.max(at_least)).await;
            }
            step = next.step;
        }
    }

    async fn stream(&mut self) -> Next {
        let params = WatchParams {
            resource_version: self.version_to_ask().unwrap_or_default().into(),
            timeout: self.watch_timeout(),
            send_initial_events: true,
            ..WatchParams::default()
        };
        let was_as_of_now = params.resource_version.is_empty();
        match self.gather(params).await {
            Ok((stream, state, version)) => {
                self.course.after_initial_events();
                self.replace(state, version);
                self.follow(stream, Instant::now(), true).await
            }
            Err(unfinished) => {
                let next = self.course.after_unfinished(&unfinished, was_as_of_now);
                self.tell_unfinished(&unfinished, next);
                next
            }
        }
    }

    /// What the next request mends at once is no trouble.
    fn tell_unfinished(&self, unfinished: &Unfinished, next: Next) {
        let name = &self.options.name;
        match unfinished {
            Unfinished::Failed(error) if next.wait.is_some() => {
                warn!(reflector = %name, error = error as &dyn StdError, "the initial events failed");
                self.trouble(error);
            }
            _ => debug!(reflector = %name, ?unfinished, "no initial events to their end"),
        }
    }

    async fn gather(
        &self,
        params: WatchParams,
    ) -> Result<(WatchStream<R>, NextState<R>, Box<str>), Unfinished> {
        let deadline = Instant::now() + params.timeout;
        let opened = self.list_watch.watch(params).await;
        let mut stream = opened.map_err(Unfinished::Failed)?;
        self.asked.watch_opened();
        match initial_events::gather(&mut stream, &*self.store).await {
            Ok((next, version)) => Ok((stream, next, version)),
            // The server has ended it as late as it was asked to: it would not have told more.
            Err(Unfinished::Ended { .. }) if Instant::now() >= deadline => Err(Unfinished::Silent),
            Err(unfinished) => Err(unfinished),
        }
    }

    async fn list(&mut self) -> Next {
        let version = match self.last_version {
            None if !self.course.is_version_unavailable() => Some("0".into()),
            _ => self.version_to_ask(),
        };
        let mut listed = self.list_from(version.as_deref()).await;
        if version.is_some()
            && let Err(error) = &listed
            && self.course.lists_again_after(error)
        {
            listed = self.list_from(None).await;
        }
        let next = self.course.after_list(listed.is_ok());
        match listed {
            Ok((state, version)) => self.replace(state, version),
            Err(error) => {
                warn!(reflector = %self.options.name, error = &error as &dyn StdError, "the list failed");
                self.trouble(&error);
            }
        }
        next
    }

    async fn list_from(
        &mut self,
        version: Option<&str>,
    ) -> Result<(NextState<R>, Box<str>), Error> {
        let (list_watch, store) = (&*self.list_watch, &*self.store);
        self.pager.list(list_watch, version, store).await
    }

    /// `None`: as of now.
    fn version_to_ask(&self) -> Option<Box<str>> {
        let version = self.last_version.clone();
        version.filter(|_| !self.course.is_version_unavailable())
    }

    /// Counts what went wrong, and reports it.
    fn trouble(&self, error: &Error) {
        self.asked.failed();
        self.options.report(error);
    }

    fn replace(&mut self, next: NextState<R>, version: Box<str>) {
        self.store.replace(next, &version);
        self.last_version = Some(version);
    }

    async fn watch(&mut self) -> Next {
        let started = Instant::now();
        let params = WatchParams {
            resource_version: self.last_version.as_deref().unwrap_or_default().to_owned(),
            timeout: self.watch_timeout(),
            ..WatchParams::default()
        };
        match self.list_watch.watch(params).await {
            Ok(stream) => {
                self.asked.watch_opened();
                self.follow(stream, started, false).await
            }
            Err(error) => {
                self.trouble(&error);
                let has_lasted = started.elapsed() >= SHORT_WATCH;
                self.after_watch(Err(&error), has_lasted, false)
            }
        }
    }

    /// Stores events until the watch ends. `has_state`: it has brought the whole state already.
    async fn follow(
        &mut self,
        mut stream: WatchStream<R>,
        started: Instant,
        has_state: bool,
    ) -> Next {
        let before = self.last_version.clone();
        let ended = self.store_events(&mut stream).await;
        // Events that lead nowhere are none: asked again, the server would say the same.
        let has_moved = self.last_version != before;
        let has_brought_something = has_moved || started.elapsed() >= SHORT_WATCH;
        self.after_watch(ended.as_ref().copied(), has_brought_something, has_state)
    }

    fn after_watch(
        &mut self,
        ended: Result<(), &Error>,
        has_brought_something: bool,
        has_state: bool,
    ) -> Next {
        let name = &self.options.name;
        match ended {
            Ok(()) => debug!(reflector = %name, has_brought_something, "the watch ended"),
            Err(error) if error.is_gone() => {
                debug!(reflector = %name, error = error as &dyn StdError, "the version to watch from is gone");
            }
            Err(error) => {
                warn!(reflector = %name, error = error as &dyn StdError, "the watch failed");
            }
        }
        let course = &mut self.course;
        course.after_watch(ended, has_brought_something, has_state)
    }

    /// An error is one that watching on would not mend.
    async fn store_events(&mut self, stream: &mut WatchStream<R>) -> Result<(), Error> {
        while let Some(event) = stream.next().await {
            match event {
                Ok(event) => self.store_event(event)?,
                // We do not know what we have not read.
                Err(error @ Error::Decode { .. }) => return Err(error),
                Err(error) => {
                    debug!(reflector = %self.options.name, error = &error as &dyn StdError, "the watch broke");
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn store_event(&mut self, event: WatchEvent<R>) -> Result<(), Error> {
        match event {
            WatchEvent::Added(item) | WatchEvent::Modified(item) => {
                self.store_item(item, |store, item| store.upsert(item))
            }
            WatchEvent::Deleted(item) => self.store_item(item, |store, item| store.delete(item)),
            WatchEvent::Bookmark {
                resource_version, ..
            } => {
                self.store_bookmark(&resource_version);
                Ok(())
            }
            WatchEvent::Unknown {
                kind,
                resource_version,
            } => {
                warn!(reflector = %self.options.name, kind = &*kind, "an event of an unknown type");
                self.store_bookmark(&resource_version);
                Ok(())
            }
            WatchEvent::Error(status) => {
                Err(Error::refused(format!("watch {}", R::PLURAL), status))
            }
        }
    }

    /// What names no object is stored all the same: the store counts what it cannot read.
    fn store_item(
        &mut self,
        item: Item<R>,
        store: impl FnOnce(&dyn ReflectorStore<R>, Item<R>),
    ) -> Result<(), Error> {
        self.move_to(item.resource_version());
        let is_named = item.key().is_some();
        store(&*self.store, item);
        is_named.then_some(()).ok_or_else(nameless_event::<R>)
    }

    fn store_bookmark(&mut self, version: &str) {
        self.move_to(version);
        self.store.bookmark(version);
    }

    /// An empty version could not be read: then the one before is still a safe place to go on from.
    fn move_to(&mut self, version: &str) {
        if !version.is_empty() {
            self.last_version = Some(version.into());
        }
    }

    /// Whole seconds, since that is what is sent.
    fn watch_timeout(&self) -> Duration {
        let shortest = self
            .options
            .min_watch_timeout
            .max(MIN_WATCH_TIMEOUT)
            .as_secs();
        Duration::from_secs(shortest + self.options.random.below(shortest))
    }
}

/// Something has happened, and we do not know to what: only a list can tell.
fn nameless_event<R: Resource>() -> Error {
    Error::Protocol {
        operation: format!("watch {}", R::PLURAL),
        what: "an event does not say which object it is about".to_owned(),
    }
}

impl<R> fmt::Debug for Reflector<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reflector")
            .field("name", &self.options.name)
            .field("last_version", &self.last_version)
            .finish()
    }
}
