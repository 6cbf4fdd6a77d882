//! The first state through the watch itself: the server tells every object there is as an event,
//! says when that was all, and goes on telling what happens.
//!
//! A list and a watch after it are two requests, and a list of ten thousand objects is one answer
//! that the server has to put together whole. Asked with `sendInitialEvents`, it streams instead:
//!
//! ```text
//!   ADDED a@3   ADDED b@4   MODIFIED a@7   BOOKMARK 7 "k8s.io/initial-events-end"   MODIFIED b@8 …
//!   └──────── gathered in a NextState ────┘└──── one replace, at version 7 ────────┘└─ the watch
//! ```
//!
//! Until that bookmark the store is not touched: what has come is a part, and a part says nothing
//! about what is missing. A server that does not know how to do this may ignore the question and
//! never send the bookmark; so the silence before it has a bound, and whoever asks counts the
//! streams that ended without one.
//!
//! # Invariants
//! - Versions of initial events are not versions of the collection: only the bookmark's is.
//! - A stream that ends, breaks or goes silent too soon leaves nothing behind.
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! use bitcoin_controller::api::{ObjectMeta, core::Pod};
//! use bitcoin_controller::cache::{Indexer, initial_events};
//! use bitcoin_controller::client::{Item, WatchEvent, WatchStream};
//!
//! let (server, events) = tokio::sync::mpsc::unbounded_channel();
//! let pod = Pod { metadata: ObjectMeta { name: "a".into(), ..Default::default() }, ..Default::default() };
//! server.send(Ok(WatchEvent::Added(Item::Object(pod)))).unwrap();
//! let end = WatchEvent::Bookmark { resource_version: "7".into(), initial_events_end: true };
//! server.send(Ok(end)).unwrap();
//!
//! let mut stream = WatchStream::from_channel(events);
//! let pods = Indexer::<Pod>::default();
//! let (next, version) = initial_events::gather(&mut stream, &pods).await.unwrap();
//! assert_eq!((next.n_changed(), &*version), (1, "7"));
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Source
//! client-go `tools/cache/reflector.go` (`watchList`). What differs: the silence has a bound (theirs
//! warns every ten seconds and waits on); nothing is held twice, see
//! [`next_state`](crate::cache::next_state).

use std::time::Duration;

use tokio::time::timeout;

use crate::api::Resource;
use crate::cache::next_state::NextState;
use crate::cache::reflector_store::ReflectorStore;
use crate::client::{Error, WatchEvent, WatchStream};

/// How long nothing may come before the initial events are said to be whole. A server that does
/// send the bookmark has it at hand within seconds.
pub const SILENCE: Duration = Duration::from_secs(30);

/// Why a stream brought no whole state.
#[derive(Debug)]
pub enum Unfinished {
    /// It ended, or its connection broke, after this many events.
    Ended {
        /// How many.
        n_events: u64,
    },
    /// Nothing came for [`SILENCE`].
    Silent,
    /// The server refused, or sent what nobody can read.
    Failed(Error),
}

/// Reads `stream` up to the bookmark that ends the initial events. Returns everything there is, as
/// the difference from `store`, and at which version; `stream` goes on as a watch from there.
///
/// # Errors
/// The stream brought no whole state, and cannot be used any more.
///
/// # Cancel safety
/// What has been gathered is lost with the future; the store has not been touched.
pub async fn gather<R: Resource>(
    stream: &mut WatchStream<R>,
    store: &dyn ReflectorStore<R>,
) -> Result<(NextState<R>, Box<str>), Unfinished> {
    let mut next = NextState::default();
    let mut n_events = 0;
    loop {
        let event = match timeout(SILENCE, stream.next()).await {
            Ok(Some(Ok(event))) => event,
            Ok(Some(Err(error @ Error::Decode { .. }))) => return Err(Unfinished::Failed(error)),
            Ok(Some(Err(_)) | None) => return Err(Unfinished::Ended { n_events }),
            Err(_) => return Err(Unfinished::Silent),
        };
        n_events += 1;
        match event {
            WatchEvent::Added(item) | WatchEvent::Modified(item) => next.put(item, store),
            WatchEvent::Deleted(item) => match item.key() {
                Some(key) => next.remove(&key, store),
                None => return Err(failed::<R>("a deletion does not say of which object")),
            },
            WatchEvent::Bookmark {
                resource_version,
                initial_events_end: true,
            } => {
                return match resource_version.is_empty() {
                    false => Ok((next, resource_version)),
                    true => Err(failed::<R>("the initial events end without a version")),
                };
            }
            WatchEvent::Bookmark { .. } | WatchEvent::Unknown { .. } => {}
            WatchEvent::Error(status) => {
                let operation = format!("watch {}", R::PLURAL);
                return Err(Unfinished::Failed(Error::refused(operation, status)));
            }
        }
    }
}

fn failed<R: Resource>(what: &str) -> Unfinished {
    Unfinished::Failed(Error::Protocol {
        operation: format!("watch {}", R::PLURAL),
        what: what.to_owned(),
    })
}
