//! Keeps a store equal to one collection on the server: list once, watch from there, and know
//! what to do whenever that breaks.
//!
//! A watch is a promise: every change after version *v*, in order. As long as the version of the
//! last event is known, a broken connection costs nothing: ask again from there. Only when the
//! server has forgotten that far back (*410 Gone*) is a new list needed. So there are two steps,
//! and after each of them one question: which step next, and must we wait first?
//!
//! | what happened | next | wait first |
//! |---|---|---|
//! | list done | watch | |
//! | list failed | list | yes |
//! | watch ended, after an event or after a second | watch, from the last version | |
//! | watch ended at once, without an event | list | yes |
//! | Gone, as the answer to the watch or within it | list, as of now | only if it was so the last time |
//! | too many requests, connection refused | watch, from the last version | yes |
//! | anything else, an event nobody can read among it | list | yes |
//!
//! Which version a list asks for: the first one `0`, whatever the server has at hand, which costs
//! it least; later ones the last version seen, so that the store never goes back in time; and
//! none, which means as of now, when the server says that it has lost that version or has not
//! reached it yet.
//!
//! # Invariants
//! - The store is changed in single steps that do not await. Being cancelled, at whatever point,
//!   leaves it at one version of the collection, and `run` ends without waiting for anything.
//! - Versions are opaque: they are passed on and never compared.
//! - Two attempts at most that bring nothing follow each other without a wait: the second one asks
//!   for the state as of now.
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
//! client-go `tools/cache/reflector.go`, `tools/pager/pager.go`. What differs:
//! - WatchList (`sendInitialEvents`) is not implemented yet; the first state always comes by lists.
//! - Gone leads to a list as of now at once; theirs waits and asks for the lost version first. That
//!   holds for both forms of it, and a second Gone in a row waits.
//! - A connection that breaks is a watch that ended. An event that cannot be read leads to a list.
//! - No window in which internal errors within a watch are retried: theirs is zero by default.
//! - No error handler and no resync here: errors go to the log, resync belongs to the
//!   subscriptions.

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
use crate::base::{Backoff, Random};
use crate::cache::list_watch::ListWatch;
use crate::cache::reflector_store::ReflectorStore;
use crate::client::{Error, Item, ListParams, Page, WatchEvent, WatchParams};

/// How a reflector works.
#[derive(Clone, Debug)]
pub struct ReflectorOptions {
    /// What it is called in logs.
    pub name: String,
    /// For jitter and watch timeouts.
    pub random: Random,
    /// How many objects a page may have. `None`: [`PAGE_SIZE`] where the server reads its storage
    /// anyway, and all in one page where it can answer from its cache.
    pub page_size: Option<u32>,
    /// Watches end after a random time from this to twice this; less than [`MIN_WATCH_TIMEOUT`]
    /// counts as that.
    pub min_watch_timeout: Duration,
}

impl Default for ReflectorOptions {
    /// client-go's numbers.
    fn default() -> Self {
        ReflectorOptions {
            name: "reflector".to_owned(),
            random: Random::os(),
            page_size: None,
            min_watch_timeout: MIN_WATCH_TIMEOUT,
        }
    }
}

/// How many objects a page has, unless configured.
pub const PAGE_SIZE: u32 = 500;
/// The shortest time after which a watch is asked to end. Random above it, so that not all watches
/// come back together.
pub const MIN_WATCH_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// A watch that ends sooner and without an event has brought nothing.
const SHORT_WATCH: Duration = Duration::from_secs(1);
/// The first wait, the longest, and the quiet spell after which waits are short again.
const BACKOFF: (Duration, Duration, Duration) = (
    Duration::from_millis(800),
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
);

/// Lists and watches into a store, for ever.
pub struct Reflector<R> {
    list_watch: Arc<dyn ListWatch<R>>,
    store: Arc<dyn ReflectorStore<R>>,
    options: ReflectorOptions,
    /// One for all kinds of failures: a server in trouble is left alone whatever it fails at.
    backoff: Backoff,
    /// Of the last list, event or bookmark; `None` before the first list.
    last_version: Option<Box<str>>,
    /// The server has lost that version, or has not reached it: list as of now.
    is_last_version_unavailable: bool,
    /// This server gives pages even for version `0`: it has no cache, so always ask for pages.
    has_paginated: bool,
    /// The last watch was Gone before it brought anything.
    was_gone_at_once: bool,
}

#[derive(Clone, Copy)]
enum Step {
    List,
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
}

impl<R: Resource> Reflector<R> {
    /// A reflector of what `list_watch` gives into `store`.
    pub fn new(
        list_watch: Arc<dyn ListWatch<R>>,
        store: Arc<dyn ReflectorStore<R>>,
        options: ReflectorOptions,
    ) -> Self {
        let (initial, cap, quiet) = BACKOFF;
        Reflector {
            list_watch,
            store,
            options,
            backoff: Backoff::new(initial, cap)
                .with_jitter(1.0)
                .with_reset_after(quiet),
            last_version: None,
            is_last_version_unavailable: false,
            has_paginated: false,
            was_gone_at_once: false,
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
            never = self.list_and_watch() => match never {}
        }
    }

    async fn list_and_watch(&mut self) -> Infallible {
        let mut step = Step::List;
        loop {
            let next = match step {
                Step::List => self.list().await,
                Step::Watch => self.watch().await,
            };
            if let Some(at_least) = next.wait {
                let wait = self.backoff.next_wait(&self.options.random);
                sleep(wait.max(at_least)).await;
            }
            step = next.step;
        }
    }

    async fn list(&mut self) -> Next {
        let version = self.version_to_list();
        let mut listed = self.list_pages(version.as_deref()).await;
        let is_version_unavailable =
            |error: &Error| error.is_gone() || error.is_too_large_resource_version();
        if version.is_some() && listed.as_ref().is_err_and(is_version_unavailable) {
            self.is_last_version_unavailable = true;
            listed = self.list_pages(None).await;
        }
        match listed {
            Ok((items, version)) => {
                self.store.replace(items.into_iter().collect(), &version);
                self.last_version = Some(version);
                self.is_last_version_unavailable = false;
                Next::at_once(Step::Watch)
            }
            Err(error) => {
                warn!(reflector = %self.options.name, error = &error as &dyn StdError, "the list failed");
                Next::after_backoff(Step::List)
            }
        }
    }

    fn version_to_list(&self) -> Option<Box<str>> {
        match &self.last_version {
            _ if self.is_last_version_unavailable => None,
            Some(version) => Some(version.clone()),
            None => Some("0".into()),
        }
    }

    /// Everything there is, and at which version; `version`: at least as new as that one.
    async fn list_pages(
        &mut self,
        version: Option<&str>,
    ) -> Result<(Vec<Item<R>>, Box<str>), Error> {
        let mut params = ListParams {
            resource_version: version.map(str::to_owned),
            limit: self.limit(version),
            ..ListParams::default()
        };
        let mut items = Vec::new();
        loop {
            let is_first = params.continue_token.is_none();
            let page = match self.list_watch.list(params.clone()).await {
                // The server has forgotten where we were while we read: once more, all in one page.
                Err(error) if error.is_gone() && !is_first => {
                    params = ListParams {
                        resource_version: version.map(str::to_owned),
                        ..ListParams::default()
                    };
                    items.clear();
                    self.list_watch.list(params.clone()).await?
                }
                page => page?,
            };
            let Page {
                items: more,
                resource_version,
                continue_token,
                ..
            } = page;
            items.extend(more);
            let Some(token) = continue_token else {
                return match resource_version.is_empty() {
                    false => Ok((items, resource_version)),
                    true => Err(self.no_version()),
                };
            };
            self.has_paginated |= version == Some("0");
            // The token holds the version; a server refuses both together.
            params = ListParams {
                resource_version: None,
                continue_token: Some(token.into()),
                ..params
            };
        }
    }

    fn limit(&self, version: Option<&str>) -> Option<u32> {
        let is_from_storage = self.has_paginated || matches!(version, None | Some("0"));
        self.options
            .page_size
            .or(is_from_storage.then_some(PAGE_SIZE))
    }

    fn no_version(&self) -> Error {
        Error::Protocol {
            operation: format!("list {}", R::PLURAL),
            what: "the list has no resourceVersion, so nothing can be watched from it".to_owned(),
        }
    }

    async fn watch(&mut self) -> Next {
        let started = Instant::now();
        let mut has_event = false;
        let ended = self.follow_watch(&mut has_event).await;
        let has_brought_something = has_event || started.elapsed() >= SHORT_WATCH;
        self.was_gone_at_once &= !has_brought_something;
        match ended {
            Ok(()) if has_brought_something => Next::at_once(Step::Watch),
            Ok(()) => {
                debug!(reflector = %self.options.name, "the watch ended at once, without an event");
                Next::after_backoff(Step::List)
            }
            Err(error) => self.after_refusal(&error),
        }
    }

    /// Stores events until the watch ends; an error is one that watching on would not mend.
    async fn follow_watch(&mut self, has_event: &mut bool) -> Result<(), Error> {
        let params = WatchParams {
            resource_version: self.last_version.as_deref().unwrap_or_default().to_owned(),
            timeout: self.watch_timeout(),
            ..WatchParams::default()
        };
        let mut stream = self.list_watch.watch(params).await?;
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
                false => Next::at_once(Step::List),
                true => Next::after_backoff(Step::List),
            };
        }
        warn!(reflector = %name, error = error as &dyn StdError, "the watch failed");
        if error.is_too_many_requests() || error.is_connection_refused() {
            return Next {
                step: Step::Watch,
                wait: Some(error.retry_after().unwrap_or_default()),
            };
        }
        Next::after_backoff(Step::List)
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
