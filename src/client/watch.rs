//! A watch: one JSON event per line, for as long as the server keeps talking.
//!
//! The network cuts the lines wherever it likes: a chunk may hold half an event or twenty. The
//! stream joins and splits them, reads each once, and says what happened. It does not reconnect and
//! does not remember versions; that is the reflector's work, which is why every event brings its own.
//!
//! # Invariants
//! - Where the bytes are split makes no difference to the events.
//! - One bad event never ends the stream. If it can be seen which object it is about it comes as
//!   [`Item::Undecodable`]; otherwise as an error, after which the version last seen is still a safe
//!   place to start again from.
//! - A silent connection ends: the server is asked to end the watch after `timeout`, and a little later
//!   ([`READ_MARGIN`]) we stop listening.
//! - At most [`MAX_FRAME`] bytes of one event are held.
//!
//! # Example
//! ```
//! use bitcoin_controller::api::{core::Pod, text::Interner};
//! use bitcoin_controller::client::{Item, WatchEvent};
//!
//! let line = br#"{"type": "DELETED", "object": {"metadata": {"name": "a", "resourceVersion": "9"}}}"#;
//! let WatchEvent::Deleted(Item::Object(pod)) = WatchEvent::<Pod>::read(line, &Interner::default())? else {
//!     panic!("not a deletion")
//! };
//! assert_eq!(&*pod.metadata.resource_version, "9");
//! # Ok::<(), bitcoin_controller::base::json::Error>(())
//! ```
//!
//! # Source
//! apimachinery `pkg/watch/streamwatcher.go`; client-go `rest/watch/decoder.go`. What differs: an
//! event that cannot be read does not end the watch, and there is a deadline for reading.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use memchr::memchr;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::api::Resource;
use crate::api::meta::Status;
use crate::api::text::Interner;
use crate::base::json;
use crate::client::connections::WatchBody;
use crate::client::error::Error;
use crate::client::item::{Item, Outline, read_object};
use crate::client::scan::MAX_ITEM;
use crate::http;

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

impl<R: Resource> WatchEvent<R> {
    /// Reads one line; shared strings come from `interner`.
    ///
    /// # Errors
    /// It cannot be told what happened, or to what: something may have been missed.
    pub fn read(line: &[u8], interner: &Interner) -> Result<Self, json::Error> {
        match WatchEvent::read_as_written(line, interner) {
            Some(event) => Ok(event),
            None => WatchEvent::read_any(line, interner),
        }
    }

    /// Reads an event about an object in one go, if it is written as all servers write it and has no mistake.
    /// Nearly all events are such, and to look first where the object ends would take as long as to read it.
    fn read_as_written(line: &[u8], interner: &Interner) -> Option<Self> {
        let line = line.strip_prefix(br#"{"type":""#)?;
        let (type_, line) = line.split_at(memchr(b'"', line)?);
        let line = line.strip_prefix(br#"","object":"#)?;
        let event = match type_ {
            b"ADDED" => WatchEvent::Added,
            b"MODIFIED" => WatchEvent::Modified,
            b"DELETED" => WatchEvent::Deleted,
            _ => return None,
        };
        let object = line.trim_ascii_end().strip_suffix(b"}")?;
        let object = interner.scope(|| read_object(object)).ok()?;
        Some(event(Item::Object(object)))
    }

    /// Reads whatever else there is: first the frame, then what is in it.
    fn read_any(line: &[u8], interner: &Interner) -> Result<Self, json::Error> {
        match json::from_slice::<Frame<'_>>(line) {
            Ok(frame) => {
                let object = frame.object.get().as_bytes();
                match &*frame.type_ {
                    "ADDED" => Ok(WatchEvent::Added(Item::read(object, interner))),
                    "MODIFIED" => Ok(WatchEvent::Modified(Item::read(object, interner))),
                    "DELETED" => Ok(WatchEvent::Deleted(Item::read(object, interner))),
                    "BOOKMARK" => read_bookmark(object),
                    "ERROR" => Ok(WatchEvent::Error(read_status(object))),
                    other => Ok(WatchEvent::Unknown {
                        kind: other.chars().take(KIND_LENGTH).collect::<String>().into(),
                        resource_version: Outline::of_object(object).resource_version.into(),
                    }),
                }
            }
            Err(error) => WatchEvent::salvage(line, error),
        }
    }

    /// Makes what can be made of a line that is not JSON to its end.
    fn salvage(line: &[u8], error: json::Error) -> Result<Self, json::Error> {
        let outline = Outline::of_frame(line);
        match outline.type_.as_str() {
            "ADDED" => Ok(WatchEvent::Added(Item::undecodable(&outline, error))),
            "MODIFIED" => Ok(WatchEvent::Modified(Item::undecodable(&outline, error))),
            "DELETED" => Ok(WatchEvent::Deleted(Item::undecodable(&outline, error))),
            "ERROR" => Ok(WatchEvent::Error(read_status(b""))),
            _ => Err(error),
        }
    }
}

/// One line. The object stays text until it is known what it is.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(rename = "type", borrow)]
    type_: Cow<'a, str>,
    #[serde(borrow)]
    object: &'a RawValue,
}

fn read_bookmark<R>(object: &[u8]) -> Result<WatchEvent<R>, json::Error> {
    #[derive(Deserialize)]
    struct Bookmark {
        metadata: Metadata,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata {
        resource_version: Box<str>,
        annotations: Option<Annotations>,
    }
    #[derive(Deserialize)]
    struct Annotations {
        #[serde(rename = "k8s.io/initial-events-end")]
        initial_events_end: Option<Box<str>>,
    }

    let Bookmark { metadata } = json::from_slice(object)?;
    let end = metadata
        .annotations
        .and_then(|annotations| annotations.initial_events_end);
    Ok(WatchEvent::Bookmark {
        resource_version: metadata.resource_version,
        initial_events_end: end.as_deref() == Some("true"),
    })
}

/// The server's words, or at least that there were some: an error must not go unheard.
fn read_status(object: &[u8]) -> Status {
    json::from_slice(object).unwrap_or_else(|_| Status {
        status: "Failure".to_owned(),
        reason: "InternalError".to_owned(),
        message: "the watch brought an error that could not be read".to_owned(),
        code: 500,
        ..Status::default()
    })
}

/// How much of a foreign event type is kept, in characters.
const KIND_LENGTH: usize = 64;

/// A running watch.
#[derive(Debug)]
pub struct WatchStream<R> {
    operation: String,
    source: Source<R>,
    lines: Lines,
    interner: Interner,
}

#[derive(Debug)]
enum Source<R> {
    Network {
        body: Box<WatchBody>,
        deadline: Instant,
        limit: Duration,
    },
    Channel(mpsc::UnboundedReceiver<Result<WatchEvent<R>, Error>>),
    Ended,
}

impl<R: Resource> WatchStream<R> {
    /// A stream whose events are sent by hand: for test doubles of a server.
    ///
    /// It ends when the sender is dropped.
    pub fn from_channel(events: mpsc::UnboundedReceiver<Result<WatchEvent<R>, Error>>) -> Self {
        WatchStream {
            operation: "watch".to_owned(),
            source: Source::Channel(events),
            lines: Lines::default(),
            interner: Interner::default(),
        }
    }

    /// Reads `body`, the answer to a watch that was asked to end after `timeout`.
    pub(crate) fn new(
        operation: String,
        body: Box<WatchBody>,
        timeout: Duration,
        interner: Interner,
    ) -> Self {
        let limit = timeout + READ_MARGIN;
        WatchStream {
            operation,
            source: Source::Network {
                body,
                deadline: Instant::now() + limit,
                limit,
            },
            lines: Lines::default(),
            interner,
        }
    }

    /// The next event; `None`: the server has ended the watch.
    ///
    /// # Errors
    /// [`Error::Decode`]: one event could not be read; the next call brings the one after it. Any
    /// other: the connection is gone, and the next call returns `None`.
    ///
    /// # Cancel safety
    /// Safe: what has arrived of an event is kept for the next call.
    pub async fn next(&mut self) -> Option<Result<WatchEvent<R>, Error>> {
        if let Source::Channel(events) = &mut self.source {
            return events.recv().await;
        }
        loop {
            if let Some(line) = self.lines.next_line() {
                return Some(self.read(&line));
            }
            match self.receive().await {
                Ok(Some(chunk)) => self.lines.push(chunk),
                Ok(None) => return self.last_line(),
                Err(error) => {
                    self.source = Source::Ended;
                    return Some(Err(error));
                }
            }
        }
    }

    fn read(&self, line: &[u8]) -> Result<WatchEvent<R>, Error> {
        WatchEvent::read(line, &self.interner).map_err(|source| Error::Decode {
            operation: self.operation.clone(),
            source,
        })
    }

    /// The next bytes; `None`: there are no more.
    async fn receive(&mut self) -> Result<Option<Bytes>, Error> {
        let Source::Network {
            body,
            deadline,
            limit,
        } = &mut self.source
        else {
            return Ok(None);
        };
        let frame = timeout_at(*deadline, body.frame()).await;
        match frame {
            Ok(Some(Ok(frame))) => Ok(Some(frame.into_data().unwrap_or_default())),
            Ok(None) => Ok(None),
            Ok(Some(Err(error))) => Err(Error::Connection {
                operation: self.operation.clone(),
                source: http::Error::from(error),
            }),
            Err(_) => Err(Error::Deadline {
                operation: self.operation.clone(),
                after: *limit,
            }),
        }
    }

    /// What is left when the stream ends: an event without its line break, or half of one, which
    /// nobody has missed yet because its version was not seen either.
    fn last_line(&mut self) -> Option<Result<WatchEvent<R>, Error>> {
        self.source = Source::Ended;
        let rest = self.lines.take_rest();
        let is_whole = json::from_slice::<Frame<'_>>(&rest).is_ok();
        is_whole.then(|| self.read(&rest))
    }
}

/// How much longer than the server we listen: it ends the watch by itself, unless the connection is dead.
pub const READ_MARGIN: Duration = Duration::from_secs(10);

/// The largest event that is read, in bytes: the largest item, and a little for what is around it.
pub const MAX_FRAME: usize = MAX_ITEM + 1_024;

/// Cuts chunks into lines.
#[derive(Debug, Default)]
struct Lines {
    /// What is not cut yet.
    chunk: Bytes,
    /// The beginning of a line that goes on in the next chunk; cut at [`MAX_FRAME`], so that a line
    /// without end costs no memory. What a larger event is about can still be read from its beginning.
    partial: Vec<u8>,
}

impl Lines {
    /// Takes the next chunk. The one before has been used up: `next_line` returned `None`.
    fn push(&mut self, chunk: Bytes) {
        self.chunk = chunk;
    }

    /// The next line that is there to its end; empty ones are left out.
    fn next_line(&mut self) -> Option<Bytes> {
        while let Some(end) = memchr(b'\n', &self.chunk) {
            let mut line = self.chunk.split_to(end + 1);
            if !self.partial.is_empty() {
                self.keep(&line);
                line = Bytes::from(std::mem::take(&mut self.partial));
            }
            if !line.trim_ascii().is_empty() {
                return Some(line);
            }
        }
        let rest = std::mem::take(&mut self.chunk);
        self.keep(&rest);
        None
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = MAX_FRAME - self.partial.len();
        self.partial
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn take_rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.partial)
    }
}
