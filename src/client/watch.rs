//! A watch: one JSON event per line, for as long as the server keeps talking.

use std::time::Duration;

use crate::api::Resource;
use crate::api::meta::Status;
use crate::api::text::Interner;
use crate::client::error::Error;
use crate::client::item::Item;

/// What to watch, and from where.
#[derive(Clone, Debug)]
pub struct WatchParams {
    /// Only objects with these labels.
    pub label_selector: Option<String>,
    /// Only objects with these fields.
    pub field_selector: Option<String>,
    /// Events after this version; empty or `0`: first whatever is there.
    pub resource_version: String,
    /// When the server ends the watch; whole seconds are sent.
    pub timeout: Duration,
    /// First all objects as `Added`, then a bookmark that says so, then the events.
    pub send_initial_events: bool,
    /// Where shared strings are kept.
    pub interner: Interner,
}

impl Default for WatchParams {
    /// Everything, from whatever is there, for five minutes.
    fn default() -> Self {
        WatchParams {
            label_selector: None,
            field_selector: None,
            resource_version: String::new(),
            timeout: Duration::from_secs(5 * 60),
            send_initial_events: false,
            interner: Interner::default(),
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchEvent<R> {
    /// An object is there that was not (or that does match now and did not).
    Added(Item<R>),
    /// An object has changed.
    Modified(Item<R>),
    /// An object is gone (or does not match any more); its last state, with the version of the deletion.
    Deleted(Item<R>),
    /// Nothing happened up to this version.
    Bookmark {
        /// The version up to which everything has been told.
        resource_version: Box<str>,
        /// Whether this ends the initial events that were asked for.
        initial_events_end: bool,
    },
    /// The server cannot go on; `client::Error::refused` answers questions about it.
    Error(Status),
    /// An event of a type we do not know.
    Unknown {
        /// Its type.
        kind: Box<str>,
        /// The version of its object; empty if it has none.
        resource_version: Box<str>,
    },
}

/// A running watch.
#[derive(Debug)]
pub struct WatchStream<R> {
    _todo: std::marker::PhantomData<fn() -> R>,
}

impl<R: Resource> WatchStream<R> {
    /// A stream whose events are sent by hand: for test doubles of a server.
    ///
    /// It ends when the sender is dropped.
    pub fn from_channel(
        _events: tokio::sync::mpsc::UnboundedReceiver<Result<WatchEvent<R>, Error>>,
    ) -> Self {
        todo!()
    }

    /// The next event; `None`: the stream has ended.
    ///
    /// # Cancel safety
    /// Safe: what has arrived of a frame is kept.
    pub async fn next(&mut self) -> Option<Result<WatchEvent<R>, Error>> {
        todo!()
    }
}
