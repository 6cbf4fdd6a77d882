//! Keeps a store equal to one collection on the server: get its whole state once, watch from there,
//! and know what to do whenever that breaks.
//!
//! A watch is a promise: every change after version *v*, in order. As long as the version of the
//! last event is known, a broken connection costs nothing: ask again from there. Only when the
//! server has forgotten that far back (*410 Gone*) is a new state needed. It comes in one of two
//! ways: as [initial events](crate::cache::initial_events) of a watch, which then simply goes on; or,
//! from a server that does not know how to do that, as a [list](crate::cache::pager). So there are
//! three steps, and after each of them one question: which step next, and must we wait first?
//!
//! | what happened | next | wait first |
//! |---|---|---|
//! | the whole state came, as initial events | go on with the same stream | |
//! | the initial events: version gone, or not reached | again, as of now | if it was as of now |
//! | too many requests, connection refused | again | yes |
//! | ended or broke before they were whole | again, [three times](MAX_UNFINISHED); then list | yes |
//! | refused, silent, nobody can read them | list | |
//! | list done | watch | |
//! | list failed | state | yes |
//! | watch ended, after an event or after a second | watch, from the last version | |
//! | watch ended at once, without an event | state | yes |
//! | Gone, as the answer to the watch or within it | state, as of now | only if it was so the last time |
//! | too many requests, connection refused | watch, from the last version | yes |
//! | anything else, an event nobody can read among it | state | yes |
//!
//! *State* is initial events, unless this server has shown that it does not have them: it called
//! the question bad, or it never said that they were whole. Then it is a list, for good: asking
//! again at each turn would only cost a request. Any other failure is one of that moment.
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
//! - Two attempts at most that bring nothing follow each other without a wait, except that a list
//!   may stand in for initial events at once.
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
//! - Streams without an end of their initial events are bounded, in number and in time; theirs are
//!   tried for ever.
//! - Gone leads to a state as of now at once; theirs waits and asks for the lost version first. That
//!   holds for both forms of it, and a second Gone in a row waits.
//! - A connection that breaks is a watch that ended. An event that cannot be read leads to a new
//!   state; theirs is skipped.
//! - No window in which internal errors within a watch are retried: theirs is zero by default.
//! - No resync here: it belongs to the subscriptions.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::mem;
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
use crate::cache::pager::Pager;
use crate::cache::reflector_options::{MIN_WATCH_TIMEOUT, ReflectorOptions};
use crate::cache::reflector_store::ReflectorStore;
use crate::client::{Error, WatchEvent, WatchParams, WatchStream};

/// How many streams in a row may end before their initial events are whole; then this server is
/// asked for lists.
pub const MAX_UNFINISHED: u32 = 3;
/// A watch that ends sooner and without an event has brought nothing.
const SHORT_WATCH: Duration = Duration::from_secs(1);
/// The first wait, the longest, and the quiet spell after which waits are short again.
const BACKOFF: (Duration, Duration, Duration) = (
    Duration::from_millis(800),
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
);

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
    /// The server has lost that version, or has not reached it: ask for the state as of now.
    is_last_version_unavailable: bool,
    /// Whether this server can be asked for initial events, as far as is known.
    has_initial_events: bool,
    /// How many streams in a row ended before their initial events were whole.
    n_unfinished: u32,
    /// The last watch was Gone before it brought anything.
    was_gone_at_once: bool,
}

#[derive(Clone, Copy)]
enum Step {
    /// Get the whole state, whichever way this server has.
    State,
    /// Get it by a list.
    List,
    /// Watch from the last version.
    Watch,
}

/// The next step, and how long to wait at least before it; `None`: not at all.
struct Next {
    step: Step,
    wait: Option<Duration>,
}

impl Next {
    fn at_once(step: Step) -> Self {
        Next { step, wait: None }
    }

    fn after_backoff(step: Step) -> Self {
        Next {
            step,
            wait: Some(Duration::ZERO),
        }
    }

    /// After as long as the server asks for, if that is longer.
    fn after_retry(step: Step, error: &Error) -> Self {
        Next {
            step,
            wait: Some(error.retry_after().unwrap_or_default()),
        }
    }
}

impl<R: Resource> Reflector<R> {
    /// A reflector of what `list_watch` gives into `store`.
    pub fn new(
        list_watch: Arc<dyn ListWatch<R>>,
        store: Arc<dyn ReflectorStore<R>>,
        options: ReflectorOptions,
    ) -> Self {
        let options = options.named::<R>();
        let (initial, cap, quiet) = BACKOFF;
        Reflector {
            list_watch,
            store,
            pager: Pager::new(options.page_size),
            backoff: Backoff::new(initial, cap)
                .with_jitter(1.0)
                .with_reset_after(quiet),
            last_version: None,
            is_last_version_unavailable: false,
            has_initial_events: options.initial_events,
            n_unfinished: 0,
            was_gone_at_once: false,
            options,
        }
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
                Step::State if self.has_initial_events => self.stream().await,
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
        let started = Instant::now();
        let params = WatchParams {
            resource_version: self.version_to_ask().unwrap_or_default().into(),
            timeout: self.watch_timeout(),
            send_initial_events: true,
            ..WatchParams::default()
        };
        let (is_as_of_now, timeout) = (params.resource_version.is_empty(), params.timeout);
        let mut stream = match self.list_watch.watch(params).await {
            Ok(stream) => stream,
            Err(error) => return self.after_no_state(Unfinished::Failed(error), is_as_of_now),
        };
        match initial_events::gather(&mut stream, &*self.store).await {
            Ok((next, version)) => {
                self.n_unfinished = 0;
                self.replace(next, version);
                self.follow(stream, Instant::now(), true).await
            }
            // The server has ended it as late as it was asked to: it would not have told more.
            Err(Unfinished::Ended { .. }) if started.elapsed() >= timeout => {
                self.after_no_state(Unfinished::Silent, is_as_of_now)
            }
            Err(unfinished) => self.after_no_state(unfinished, is_as_of_now),
        }
    }

    fn after_no_state(&mut self, unfinished: Unfinished, is_as_of_now: bool) -> Next {
        let name = &self.options.name;
        debug!(reflector = %name, ?unfinished, "no initial events to their end");
        match unfinished {
            Unfinished::Failed(error) if is_version_unavailable(&error) => {
                self.is_last_version_unavailable = true;
                match is_as_of_now {
                    false => Next::at_once(Step::State),
                    true => Next::after_backoff(Step::State),
                }
            }
            Unfinished::Failed(error) if is_to_be_tried_again(&error) => {
                self.options.report(&error);
                Next::after_retry(Step::State, &error)
            }
            Unfinished::Failed(error) => {
                self.has_initial_events &= !error.is_bad_request();
                Next::at_once(Step::List)
            }
            Unfinished::Silent => {
                self.has_initial_events = false;
                Next::at_once(Step::List)
            }
            Unfinished::Ended { n_events } => {
                self.n_unfinished += 1;
                self.has_initial_events &= self.n_unfinished < MAX_UNFINISHED;
                match n_events {
                    0 => Next::at_once(Step::List),
                    _ => Next::after_backoff(Step::State),
                }
            }
        }
    }

    async fn list(&mut self) -> Next {
        let version = match &self.last_version {
            None if !self.is_last_version_unavailable => Some("0".into()),
            _ => self.version_to_ask(),
        };
        let mut listed = self.list_from(version.as_deref()).await;
        if version.is_some() && listed.as_ref().is_err_and(is_version_unavailable) {
            self.is_last_version_unavailable = true;
            listed = self.list_from(None).await;
        }
        match listed {
            Ok((next, version)) => {
                self.replace(next, version);
                Next::at_once(Step::Watch)
            }
            Err(error) => {
                warn!(reflector = %self.options.name, error = &error as &dyn StdError, "the list failed");
                self.options.report(&error);
                Next::after_backoff(Step::State)
            }
        }
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
        version.filter(|_| !self.is_last_version_unavailable)
    }

    fn replace(&mut self, next: NextState<R>, version: Box<str>) {
        self.store.replace(next, &version);
        self.last_version = Some(version);
        self.is_last_version_unavailable = false;
    }

    async fn watch(&mut self) -> Next {
        let started = Instant::now();
        let params = WatchParams {
            resource_version: self.last_version.as_deref().unwrap_or_default().to_owned(),
            timeout: self.watch_timeout(),
            ..WatchParams::default()
        };
        match self.list_watch.watch(params).await {
            Ok(stream) => self.follow(stream, started, false).await,
            Err(error) => {
                self.options.report(&error);
                self.was_gone_at_once &= started.elapsed() < SHORT_WATCH;
                self.after_refusal(&error)
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
        let mut has_event = false;
        let ended = self.store_events(&mut stream, &mut has_event).await;
        let has_brought_something = has_event || started.elapsed() >= SHORT_WATCH;
        self.was_gone_at_once &= !has_brought_something;
        match ended {
            Ok(()) if has_brought_something || has_state => Next::at_once(Step::Watch),
            Ok(()) => {
                debug!(reflector = %self.options.name, "the watch ended at once, without an event");
                Next::after_backoff(Step::State)
            }
            Err(error) => self.after_refusal(&error),
        }
    }

    /// An error is one that watching on would not mend.
    async fn store_events(
        &mut self,
        stream: &mut WatchStream<R>,
        has_event: &mut bool,
    ) -> Result<(), Error> {
        while let Some(event) = stream.next().await {
            match event {
                Ok(event) => {
                    *has_event |= !matches!(event, WatchEvent::Error(_));
                    self.store_event(event)?;
                }
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
                self.move_to(item.resource_version());
                let is_named = item.key().is_some();
                self.store.upsert(item);
                return is_named.then_some(()).ok_or_else(nameless_event::<R>);
            }
            WatchEvent::Deleted(item) => {
                self.move_to(item.resource_version());
                let is_named = item.key().is_some();
                self.store.delete(item);
                return is_named.then_some(()).ok_or_else(nameless_event::<R>);
            }
            WatchEvent::Bookmark {
                resource_version, ..
            } => {
                self.move_to(&resource_version);
                self.store.bookmark(&resource_version);
            }
            WatchEvent::Unknown {
                kind,
                resource_version,
            } => {
                warn!(reflector = %self.options.name, kind = &*kind, "an event of an unknown type");
                self.move_to(&resource_version);
                self.store.bookmark(&resource_version);
            }
            WatchEvent::Error(status) => {
                return Err(Error::refused(format!("watch {}", R::PLURAL), status));
            }
        }
        Ok(())
    }

    /// An empty version could not be read: then the one before is still a safe place to go on from.
    fn move_to(&mut self, version: &str) {
        if !version.is_empty() {
            self.last_version = Some(version.into());
        }
    }

    fn after_refusal(&mut self, error: &Error) -> Next {
        let name = &self.options.name;
        if error.is_gone() {
            debug!(reflector = %name, error = error as &dyn StdError, "the version to watch from is gone");
            self.is_last_version_unavailable = true;
            return match mem::replace(&mut self.was_gone_at_once, true) {
                false => Next::at_once(Step::State),
                true => Next::after_backoff(Step::State),
            };
        }
        warn!(reflector = %name, error = error as &dyn StdError, "the watch failed");
        match is_to_be_tried_again(error) {
            true => Next::after_retry(Step::Watch, error),
            false => Next::after_backoff(Step::State),
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

/// The server has lost the version, or has not reached it.
fn is_version_unavailable(error: &Error) -> bool {
    error.is_gone() || error.is_too_large_resource_version()
}

/// The server, or what is in front of it, cannot answer just now: asking for less would not help.
fn is_to_be_tried_again(error: &Error) -> bool {
    error.is_too_many_requests() || error.is_connection_refused()
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
