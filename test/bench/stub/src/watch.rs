//! Watches: what happens, one line a change, each in a chunk of its own as a server sends it.
//!
//! # Invariants
//! - Lines come in the order of their versions, each once.
//! - An urgent line is the only one in its write, and its time is taken just before that.

use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::body::{Body, Form};
use crate::chunked::{BATCH, Chunked, chunk_head};
use crate::history::Event;
use crate::http::{Request, begin_chunked};
use crate::list::wants_metadata;
use crate::refusal::Refusal;
use crate::requests::nanoseconds;
use crate::server::Shared;
use crate::snapshots::Snapshot;
use crate::store::{GoneForm, News, Notice, TooOld, Watcher, Written};

/// How often a watcher is told that nothing happened.
const BOOKMARK_PERIOD: Duration = Duration::from_secs(60);

/// How long a watch lasts if nobody says.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// A watch that is being answered.
struct Watch<'a> {
    connection: &'a TcpStream,
    hung_up: &'a AtomicBool,
    form: Form,
    /// Kind and group version of bookmarks.
    kind: (&'a str, &'a str),
    has_bookmarks: bool,
    deadline: Instant,
    /// What is to be written, and what it has of probes.
    batch: Vec<u8>,
    probes: Vec<u64>,
    written: Written,
}

/// Answers a watch of what is served.
pub fn serve(
    shared: &Shared,
    request: &Request,
    connection: &TcpStream,
    hung_up: &AtomicBool,
) -> io::Result<()> {
    let shape = shared.options.shape;
    let kind = (shape.kind(), shape.api_version());
    let version = match request.query.number("resourceVersion") {
        Ok(version) => version.filter(|version| *version > 0),
        Err(error) => return Refusal::bad_request(error).answer().write(connection),
    };
    let mut watch = match Watch::new(kind, request, connection, hung_up) {
        Ok(watch) => watch,
        Err(refusal) => return refusal.answer().write(connection),
    };
    let has_end = request.query.is_true("sendInitialEvents");
    match version.filter(|_| !has_end) {
        None => {
            let (snapshot, watcher) = shared.store.watch_from_now(watch.form);
            begin_chunked(connection, false)?;
            watch.send_initial(&snapshot, has_end)?;
            drop(snapshot);
            watch.follow(watcher)
        }
        Some(version) => match shared.store.watch(version, watch.form) {
            Ok(watcher) => {
                begin_chunked(connection, false)?;
                watch.follow(watcher)
            }
            Err(too_old) => watch.refuse(too_old),
        },
    }
}

/// Answers a watch of objects of which there are none.
pub fn serve_empty(
    shared: &Shared,
    kind: (&str, &str),
    request: &Request,
    connection: &TcpStream,
    hung_up: &AtomicBool,
) -> io::Result<()> {
    let mut watch = match Watch::new(kind, request, connection, hung_up) {
        Ok(watch) => watch,
        Err(refusal) => return refusal.answer().write(connection),
    };
    begin_chunked(connection, false)?;
    if request.query.is_true("sendInitialEvents") {
        watch.push_bookmark(shared.store.version(), true);
        watch.flush()?;
    }
    // Nobody is in a hurry here.
    while Instant::now() < watch.deadline && !hung_up.load(Ordering::Relaxed) {
        let left = watch.deadline.saturating_duration_since(Instant::now());
        thread::sleep(REST.min(left));
    }
    watch.end(None)
}

/// How long a watch of nothing sleeps at a time.
const REST: Duration = Duration::from_millis(500);

impl<'a> Watch<'a> {
    fn new(
        kind: (&'a str, &'a str),
        request: &Request,
        connection: &'a TcpStream,
        hung_up: &'a AtomicBool,
    ) -> Result<Self, Refusal> {
        let timeout = request
            .query
            .number("timeoutSeconds")
            .map_err(Refusal::bad_request)?
            .filter(|seconds| *seconds > 0)
            .map_or(DEFAULT_TIMEOUT, Duration::from_secs);
        let form = match wants_metadata(&request.accept) {
            true => Form::Metadata,
            false => Form::Whole,
        };
        Ok(Watch {
            connection,
            hung_up,
            form,
            kind: match form {
                Form::Metadata => ("PartialObjectMetadata", "meta.k8s.io/v1"),
                _ => kind,
            },
            has_bookmarks: request.query.is_true("allowWatchBookmarks"),
            deadline: Instant::now() + timeout,
            batch: Vec::with_capacity(2 * BATCH),
            probes: Vec::new(),
            written: Written::default(),
        })
    }

    fn send_initial(&mut self, snapshot: &Snapshot, has_end: bool) -> io::Result<()> {
        for object in &snapshot.objects {
            self.push_event(Event::Added, &object.body, object.version);
            self.flush_if_full()?;
        }
        if has_end {
            self.push_bookmark(snapshot.version, true);
        }
        self.flush()?;
        // No order has asked for these.
        self.written = Written::default();
        Ok(())
    }

    fn refuse(self, too_old: TooOld) -> io::Result<()> {
        let refusal = Refusal::too_old(too_old.version, too_old.oldest);
        match too_old.form {
            GoneForm::Status => refusal.answer().write(self.connection),
            GoneForm::Event => {
                begin_chunked(self.connection, false)?;
                self.end(Some(&refusal))
            }
        }
    }

    fn follow(mut self, mut watcher: Watcher<'_>) -> io::Result<()> {
        let mut told = watcher.version();
        let mut next_bookmark = Instant::now() + BOOKMARK_PERIOD;
        loop {
            let until = match self.has_bookmarks {
                true => self.deadline.min(next_bookmark),
                false => self.deadline,
            };
            let written = std::mem::take(&mut self.written);
            match watcher.next(written, until, self.hung_up) {
                News::Notices(notices) => {
                    self.send(&notices)?;
                    told = notices.last().map_or(told, |notice| notice.version);
                }
                News::Nothing if Instant::now() >= self.deadline => return self.end(None),
                News::Nothing => {
                    // Not beyond: of some changes nobody is to hear.
                    self.push_bookmark(told, false);
                    self.flush()?;
                    next_bookmark = Instant::now() + BOOKMARK_PERIOD;
                }
                News::Gone(GoneForm::Status) => return self.end(None),
                News::Gone(GoneForm::Event) => {
                    return self.end(Some(&Refusal::too_old(told, watcher.version() + 1)));
                }
                News::HungUp => return Ok(()),
            }
        }
    }

    fn send(&mut self, notices: &[Notice]) -> io::Result<()> {
        for notice in notices {
            if notice.is_urgent {
                self.flush()?;
            }
            if notice.body.is_probe {
                self.probes.push(notice.version);
            }
            self.push_event(notice.event, &notice.body, notice.version);
            match notice.is_urgent {
                true => self.flush()?,
                false => self.flush_if_full()?,
            }
        }
        self.flush()
    }

    /// Ends the watch, with an error if there is one.
    fn end(mut self, refusal: Option<&Refusal>) -> io::Result<()> {
        if let Some(refusal) = refusal {
            self.push_line(&json!({"type": "ERROR", "object": refusal.status()}));
            self.flush()?;
        }
        Chunked(self.connection).finish()
    }

    fn push_event(&mut self, event: Event, body: &Body, version: u64) {
        let batch = &mut self.batch;
        let begin = batch.len();
        batch.extend_from_slice(&chunk_head(0));
        batch.extend_from_slice(b"{\"type\":\"");
        batch.extend_from_slice(event.name().as_bytes());
        batch.extend_from_slice(b"\",\"object\":");
        body.push(self.form, version, batch);
        batch.extend_from_slice(b"}\n");
        end_chunk(batch, begin);
    }

    fn push_bookmark(&mut self, version: u64, is_end: bool) {
        let (kind, api_version) = self.kind;
        let mut metadata = json!({"resourceVersion": version.to_string()});
        if is_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = json!({"kind": kind, "apiVersion": api_version, "metadata": metadata});
        self.push_line(&json!({"type": "BOOKMARK", "object": object}));
    }

    fn push_line(&mut self, line: &Value) {
        let begin = self.batch.len();
        self.batch.extend_from_slice(&chunk_head(0));
        self.batch.extend_from_slice(format!("{line}\n").as_bytes());
        end_chunk(&mut self.batch, begin);
    }

    fn flush_if_full(&mut self) -> io::Result<()> {
        match self.batch.len() >= BATCH {
            true => self.flush(),
            false => Ok(()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let now = nanoseconds();
        self.written.first.get_or_insert(now);
        self.written
            .probes
            .extend(self.probes.drain(..).map(|version| (version, now)));
        self.connection.write_all(&self.batch)?;
        self.written.bytes += self.batch.len() as u64;
        self.written.last = nanoseconds();
        self.batch.clear();
        Ok(())
    }
}

/// Says in the head of the chunk that began at `begin` how long it has become, and ends it.
fn end_chunk(batch: &mut Vec<u8>, begin: usize) {
    let head = chunk_head(0).len();
    let length = batch.len() - begin - head;
    batch[begin..begin + head].copy_from_slice(&chunk_head(length));
    batch.extend_from_slice(b"\r\n");
}
