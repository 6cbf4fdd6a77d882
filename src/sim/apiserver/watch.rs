//! Watches: what happens to objects, one JSON value a line, for as long as it lasts.
//!
//! ```text
//!   {"type":"ADDED","object":{…}}        an object came, or came to be selected
//!   {"type":"MODIFIED","object":{…}}
//!   {"type":"DELETED","object":{…}}      it went, or is no longer selected; as it was last
//!   {"type":"BOOKMARK","object":{…}}     nothing happened, but you have seen everything up to here
//!   {"type":"ERROR","object":{…}}        a Status; nothing follows
//! ```
//!
//! # Invariants
//! - Changes come in the order of their resource versions, each once.
//! - A watcher that does not read is waited for, up to [`LINES_AHEAD`] lines; then the changes wait in
//!   the history, and if they are forgotten there, the watch ends with 410.
//!
//! # Source
//! apiserver `pkg/storage/cacher`, `pkg/endpoints/handlers/watch.go`.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::sim::apiserver::read::{self, Selection};
use crate::sim::apiserver::target::Target;
use crate::sim::history::Change;
use crate::sim::refusal::Refusal;
use crate::sim::store::Store;

/// How a watcher wants objects: as they are, or as rows of a table.
pub(super) type Form = Arc<dyn Fn(Value) -> Value + Send + Sync>;

/// A watch that is to begin.
pub(super) struct Watch {
    store: Store,
    target: Target,
    selection: Selection,
    form: Form,
    /// The watcher has seen everything up to here; `None`: it wants to be told what there is.
    seen: Option<u64>,
    /// Of what there is, it wants to be told no older state than this.
    not_older_than: Option<u64>,
    has_initial_events_end: bool,
    has_bookmarks: bool,
    /// Somebody asks for a bookmark now.
    bookmark_now: Arc<Notify>,
    deadline: Instant,
}

impl Watch {
    /// Reads what a request asks for.
    ///
    /// # Errors
    /// A parameter is none.
    pub(super) fn new(
        store: Store,
        target: Target,
        form: Form,
        bookmark_now: Arc<Notify>,
    ) -> Result<Self, Refusal> {
        let timeout = target.query.number("timeoutSeconds")?;
        let timeout = timeout.map_or(DEFAULT_TIMEOUT, Duration::from_secs);
        let timeout = timeout.min(LONGEST_TIMEOUT);
        let wants_initial_events = target.query.is_set("sendInitialEvents");
        let version = target.query.number("resourceVersion")?;
        let version = version.filter(|version| *version > 0);
        read::check_version_match(&target, true)?;
        Ok(Watch {
            selection: Selection::of(&target)?,
            seen: version.filter(|_| !wants_initial_events),
            not_older_than: version.filter(|_| wants_initial_events),
            has_initial_events_end: wants_initial_events,
            has_bookmarks: target.query.is_set("allowWatchBookmarks"),
            deadline: Instant::now() + timeout,
            bookmark_now,
            store,
            target,
            form,
        })
    }

    /// Sends lines until the watcher is gone, time is up, or `cut` is cancelled, which looks to the
    /// watcher like a broken connection.
    pub(super) async fn run(self, lines: mpsc::Sender<io::Result<Bytes>>, cut: CancellationToken) {
        let gone = lines.clone();
        tokio::select! {
            biased;
            () = gone.closed() => {}
            () = cut.cancelled() => {
                let reset = io::Error::from(io::ErrorKind::ConnectionReset);
                // A watcher that is gone need not be told.
                let _ = lines.try_send(Err(reset));
            }
            () = tokio::time::sleep_until(self.deadline) => {}
            () = self.send_all(&lines) => {}
        }
    }

    async fn send_all(&self, lines: &mpsc::Sender<io::Result<Bytes>>) {
        let mut seen = match self.seen {
            Some(seen) => seen,
            None => match self.send_initial(lines).await {
                Ok(seen) => seen,
                Err(Ended) => return,
            },
        };
        let mut next_bookmark = Instant::now() + BOOKMARK_PERIOD;
        loop {
            let sent = self.send_changes(&mut seen, lines).await;
            if sent.is_err() {
                return;
            }
            tokio::select! {
                biased;
                () = self.store.changed_after(seen) => {}
                () = due(next_bookmark, &self.bookmark_now), if self.has_bookmarks => {
                    next_bookmark = Instant::now() + BOOKMARK_PERIOD;
                    if self.send_bookmark(seen, false, lines).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Tells what there is, as objects that came.
    async fn send_initial(&self, lines: &mpsc::Sender<io::Result<Bytes>>) -> Result<u64, Ended> {
        let fresh = match self.not_older_than {
            Some(version) => read::wait_for(&self.store, version).await,
            None => Ok(()),
        };
        let resource = self.target.kind.resource();
        let snapshot = match fresh.and_then(|()| self.store.snapshot(&resource, None)) {
            Ok(snapshot) => snapshot,
            Err(refusal) => return self.send_error(&refusal, lines).await.and(Err(Ended)),
        };
        for object in snapshot
            .objects
            .values()
            .filter(|object| self.selection.contains(object))
        {
            self.send("ADDED", (**object).clone(), lines).await?;
        }
        if self.has_initial_events_end {
            self.send_bookmark(snapshot.resource_version, true, lines)
                .await?;
        }
        Ok(snapshot.resource_version)
    }

    async fn send_changes(
        &self,
        seen: &mut u64,
        lines: &mpsc::Sender<io::Result<Bytes>>,
    ) -> Result<(), Ended> {
        // A moment that has not come is waited for.
        if *seen > self.store.resource_version() {
            return Ok(());
        }
        let (changes, now) = match self.store.changes(&self.target.kind.resource(), *seen) {
            Ok(changes) => changes,
            Err(refusal) => return self.send_error(&refusal, lines).await.and(Err(Ended)),
        };
        for change in changes {
            if let Some(event) = self.event(&change) {
                let object = match event {
                    "DELETED" => as_it_was(&change),
                    _ => (*change.object).clone(),
                };
                self.send(event, object, lines).await?;
            }
        }
        *seen = now;
        Ok(())
    }

    /// What a change is to somebody who sees only what is selected.
    fn event(&self, change: &Change) -> Option<&'static str> {
        let was = change
            .before
            .as_ref()
            .is_some_and(|before| self.selection.contains(before));
        let is = !change.is_deletion && self.selection.contains(&change.object);
        match (was, is) {
            (false, true) => Some("ADDED"),
            (true, true) => Some("MODIFIED"),
            (true, false) => Some("DELETED"),
            (false, false) => None,
        }
    }

    async fn send_bookmark(
        &self,
        resource_version: u64,
        ends_initial_events: bool,
        lines: &mpsc::Sender<io::Result<Bytes>>,
    ) -> Result<(), Ended> {
        let kind = &self.target.kind;
        let mut bookmark = json!({
            "kind": kind.kind,
            "apiVersion": kind.api_version(),
            "metadata": {"resourceVersion": resource_version.to_string()},
        });
        if ends_initial_events {
            bookmark["metadata"]["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        self.send("BOOKMARK", bookmark, lines).await
    }

    async fn send_error(
        &self,
        refusal: &Refusal,
        lines: &mpsc::Sender<io::Result<Bytes>>,
    ) -> Result<(), Ended> {
        send_line("ERROR", &refusal.to_status(), lines).await
    }

    async fn send(
        &self,
        event: &str,
        object: Value,
        lines: &mpsc::Sender<io::Result<Bytes>>,
    ) -> Result<(), Ended> {
        send_line(event, &(self.form)(object), lines).await
    }
}

/// The object before the change, with the change's number: so it was last when it was there, or selected.
fn as_it_was(change: &Change) -> Value {
    let before = change.before.as_ref().unwrap_or(&change.object);
    let mut object = (**before).clone();
    object["metadata"]["resourceVersion"] = change.resource_version.to_string().into();
    object
}

/// Waits for the time, or until somebody asks.
async fn due(time: Instant, asked: &Notify) {
    tokio::select! {
        biased;
        () = asked.notified() => {}
        () = tokio::time::sleep_until(time) => {}
    }
}

/// The watcher is gone, or nothing may follow.
struct Ended;

async fn send_line(
    event: &str,
    object: &Value,
    lines: &mpsc::Sender<io::Result<Bytes>>,
) -> Result<(), Ended> {
    let line = format!("{}\n", json!({"type": event, "object": object}));
    lines.send(Ok(Bytes::from(line))).await.map_err(|_| Ended)
}

/// How many lines may wait for the watcher.
pub(super) const LINES_AHEAD: usize = 128;

/// How often a watcher is told that nothing happened.
const BOOKMARK_PERIOD: Duration = Duration::from_secs(60);

/// How long a watch lasts if nobody says.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// A day. Nobody waits for longer, and a moment can be made of it.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(86_400);
