//! A watch that survives disconnects, for those who wait for one thing and keep no store.
//!
//! "Apply this network and tell me when it is ready" needs no cache: it needs the events from a
//! known version on, each once, although connections break. A [`RetryWatcher`] remembers the version
//! of the last event and asks again from there. It never lists, so when the server has forgotten
//! that version it cannot go on and says so: something may have been missed, and only the caller
//! knows whether that matters. Who wants the whole state too takes a
//! [`Reflector`](crate::cache::Reflector).
//!
//! | what happened | then |
//! |---|---|
//! | an event | told, and its version remembered |
//! | a bookmark | its version remembered |
//! | the watch ended or broke, an error within it, no connection | asked again, [`PAUSE`] after the last time, or as late as the server asks |
//! | Gone, within the watch or as the answer; 401; 403 | told, and the end |
//!
//! # Invariants
//! - Each event after the first version is told once, in order, up to the end.
//! - Two requests are at least [`PAUSE`] apart.
//!
//! # Example
//! ```no_run
//! # async fn example(client: bitcoin_controller::client::Client) -> Result<(), bitcoin_controller::client::Error> {
//! use bitcoin_controller::api::ObjectKey;
//! use bitcoin_controller::api::core::Pod;
//! use bitcoin_controller::cache::{ApiListWatch, RetryWatcher};
//! use bitcoin_controller::client::{Item, Scope, WatchEvent};
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! let pod: Pod = client.get(&ObjectKey::new("default", "alpha")).await?;
//! let this_pod = ApiListWatch::new(client, Scope::Namespace("default".into())).with_fields("metadata.name=alpha");
//! let mut watcher = RetryWatcher::new(Arc::new(this_pod), &pod.metadata.resource_version)?;
//! let is_ready = |event: &WatchEvent<Pod>| matches!(event, WatchEvent::Modified(Item::Object(pod)) if pod.status.is_ready());
//! watcher.until(Duration::from_secs(60), is_ready).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Source
//! client-go `tools/watch/retrywatcher.go`, `until.go`. What differs:
//! - Gone as the answer to a request ends the watch too; theirs asks for the lost version for ever.
//! - An event that cannot be read is told as an error, and the stream read on; theirs asks for the
//!   same event again.
//! - Pulled, not sent through a channel: nobody has to stop it, dropping it is enough.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};
use tracing::debug;

use crate::api::Resource;
use crate::cache::list_watch::ListWatch;
use crate::client::{Error, WatchEvent, WatchParams, WatchStream};

/// The shortest time between two requests.
pub const PAUSE: Duration = Duration::from_secs(1);

/// A watch from a known version, across disconnects.
pub struct RetryWatcher<R> {
    list_watch: Arc<dyn ListWatch<R>>,
    /// Of the last event or bookmark.
    version: Box<str>,
    state: State<R>,
}

enum State<R> {
    /// To be asked for, not before this moment.
    Closed(Instant),
    /// Running, since this moment.
    Open(WatchStream<R>, Instant),
    Ended,
}

impl<R: Resource> RetryWatcher<R> {
    /// A watch of what `list_watch` watches, of everything after `resource_version`: that of an
    /// object or of a list. It asks nothing until it is pulled from.
    ///
    /// # Errors
    /// [`Error::Request`]: the version is empty or `0`, after which nobody knows what comes.
    pub fn new(list_watch: Arc<dyn ListWatch<R>>, resource_version: &str) -> Result<Self, Error> {
        if matches!(resource_version, "" | "0") {
            return Err(Error::Request {
                operation: format!("watch {}", R::PLURAL),
                what: format!("`{resource_version}` is no version to go on from"),
            });
        }
        Ok(RetryWatcher {
            list_watch,
            version: resource_version.into(),
            state: State::Closed(Instant::now()),
        })
    }

    /// The next event, never a bookmark. `None`: an error has ended the watch.
    ///
    /// # Errors
    /// [`Error::Decode`]: one event could not be read, and may be one that was waited for; the next
    /// call brings the one after it. Any other: the watch cannot go on, the next call returns `None`.
    ///
    /// # Cancel safety
    /// Safe: an event is taken only in the moment it is returned.
    pub async fn next(&mut self) -> Option<Result<WatchEvent<R>, Error>> {
        loop {
            match &mut self.state {
                State::Ended => return None,
                State::Closed(not_before) => {
                    sleep_until(*not_before).await;
                    let now = Instant::now();
                    // Before asking: a call that is dropped meanwhile has asked nevertheless.
                    *not_before = now + PAUSE;
                    match self.open().await {
                        Ok(stream) => self.state = State::Open(stream, now),
                        Err(error) if is_final(&error) => return self.end(error),
                        Err(error) => self.close(now, Some(&error)),
                    }
                }
                State::Open(stream, since) => {
                    let since = *since;
                    match stream.next().await {
                        Some(Ok(WatchEvent::Error(status))) => {
                            let error = Error::refused(operation::<R>(), status);
                            if error.is_gone() {
                                return self.end(error);
                            }
                            self.close(since, Some(&error));
                        }
                        Some(Ok(event)) => match self.take(event) {
                            Ok(None) => {}
                            Ok(Some(event)) => return Some(Ok(event)),
                            Err(error) => return self.end(error),
                        },
                        Some(Err(error @ Error::Decode { .. })) => return Some(Err(error)),
                        Some(Err(error)) => self.close(since, Some(&error)),
                        None => self.close(since, None),
                    }
                }
            }
        }
    }

    /// The first event for which `is_it` says so; those before it are passed over.
    ///
    /// # Errors
    /// As [`next`](Self::next); [`Error::Deadline`] if it has not come `within` this time.
    ///
    /// # Cancel safety
    /// Events that were passed over are gone.
    pub async fn until(
        &mut self,
        within: Duration,
        mut is_it: impl FnMut(&WatchEvent<R>) -> bool,
    ) -> Result<WatchEvent<R>, Error> {
        let search = async {
            while let Some(event) = self.next().await {
                let event = event?;
                if is_it(&event) {
                    return Ok(event);
                }
            }
            Err(broken_rule::<R>("the watch has ended before"))
        };
        timeout(within, search).await.unwrap_or_else(|_| {
            Err(Error::Deadline {
                operation: format!("wait for an event of {}", R::PLURAL),
                after: within,
            })
        })
    }

    async fn open(&self) -> Result<WatchStream<R>, Error> {
        let params = WatchParams {
            resource_version: self.version.clone().into(),
            ..WatchParams::default()
        };
        self.list_watch.watch(params).await
    }

    /// Remembers the version, and keeps bookmarks to itself.
    fn take(&mut self, event: WatchEvent<R>) -> Result<Option<WatchEvent<R>>, Error> {
        let version = match &event {
            WatchEvent::Added(item) | WatchEvent::Modified(item) | WatchEvent::Deleted(item) => {
                item.resource_version()
            }
            WatchEvent::Bookmark {
                resource_version, ..
            }
            | WatchEvent::Unknown {
                resource_version, ..
            } => resource_version,
            WatchEvent::Error(_) => "",
        };
        if version.is_empty() {
            return Err(broken_rule::<R>("an event has no version to go on from"));
        }
        self.version = version.into();
        let is_bookmark = matches!(event, WatchEvent::Bookmark { .. });
        Ok((!is_bookmark).then_some(event))
    }

    /// Asks again later: a pause after it was asked last, `since`, or as late as the server asks.
    fn close(&mut self, since: Instant, why: Option<&Error>) {
        debug!(
            kind = R::KIND,
            ?why,
            "the watch ended and is asked for again"
        );
        let asked = why.and_then(Error::retry_after).unwrap_or_default();
        self.state = State::Closed((since + PAUSE).max(Instant::now() + asked));
    }

    fn end(&mut self, error: Error) -> Option<Result<WatchEvent<R>, Error>> {
        self.state = State::Ended;
        Some(Err(error))
    }
}

/// Asking again would bring the same answer.
fn is_final(error: &Error) -> bool {
    error.is_gone() || error.is_unauthorized() || error.is_forbidden()
}

fn operation<R: Resource>() -> String {
    format!("watch {}", R::PLURAL)
}

fn broken_rule<R: Resource>(what: &str) -> Error {
    Error::Protocol {
        operation: operation::<R>(),
        what: what.to_owned(),
    }
}

impl<R> fmt::Debug for RetryWatcher<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryWatcher")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
