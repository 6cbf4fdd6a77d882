//! What a reactor answers, and a watch that a test speaks into.
//!
//! Everything that can go wrong on the way is what can go wrong with the pretend server, the same
//! [`Effect`]: a refusal, a broken connection, an answer that is lost, something that is not JSON.
//!
//! # Invariants
//! - A watch's events come in the order they were told, each once; those told before the watch began
//!   wait for it.
//! - The watch ends when its [`FakeWatcher`] is dropped, after all that was told.
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
//! use bitcoin_controller::api::core::Pod;
//! use bitcoin_controller::client::{Client, Config, Scope, WatchEvent, WatchParams};
//! use bitcoin_controller::testing::Fake;
//! use serde_json::json;
//!
//! let fake = Fake::new();
//! let watcher = fake.prepend_watch("pods");
//! watcher.added(&json!({"metadata": {"name": "alpha", "resourceVersion": "7"}})).await;
//!
//! let client = Client::new(Config::plain("http://fake")?, fake.transport())?;
//! let mut events = client.watch::<Pod>(&Scope::All, &WatchParams::default()).await?;
//! assert!(matches!(events.next().await, Some(Ok(WatchEvent::Added(_)))));
//! drop(watcher);
//! assert!(events.next().await.is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Source
//! client-go `testing/fixture.go` (`ReactionFunc`), apimachinery `pkg/watch/watch.go`
//! (`RaceFreeFakeWatcher`). What differs: a full watch makes its speaker wait, where Go's panics.

use std::io;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::sim::Refusal;
use crate::sim::faults::Effect;
use crate::testing::Action;

/// What happens to an action.
#[derive(Debug)]
pub enum Reaction {
    /// Nothing here: the next reactor is asked, and after the last one the server. They see what became
    /// of the action.
    Pass,
    /// It is answered with this object.
    Answer(Value),
    /// It is answered with a stream of events.
    Watch(WatchEvents),
    /// It goes wrong. After a [`Delay`](Effect::Delay), and before a [`LoseAnswer`](Effect::LoseAnswer),
    /// the chain goes on as after [`Pass`](Reaction::Pass).
    Fault(Effect),
    /// It is never answered, and the connection stays open.
    Hang,
}

impl Reaction {
    /// It is refused.
    pub fn error(refusal: Refusal) -> Self {
        Reaction::Fault(Effect::Refuse(refusal))
    }

    /// 404: no object of that name.
    pub fn not_found(action: &Action) -> Self {
        Reaction::error(Refusal::not_found(&action.kind(), &action.name()))
    }

    /// 409: there is one of that name.
    pub fn already_exists(action: &Action) -> Self {
        Reaction::error(Refusal::already_exists(&action.kind(), &action.name()))
    }

    /// 409: somebody else was faster.
    pub fn conflict(action: &Action) -> Self {
        Reaction::error(Refusal::stale(&action.kind(), &action.name()))
    }

    /// 429, with the time to wait in seconds.
    pub fn too_many_requests(retry_after_seconds: u64) -> Self {
        Reaction::Fault(Effect::too_many_requests(retry_after_seconds))
    }

    /// 410: the history does not go back so far.
    pub fn gone() -> Self {
        Reaction::Fault(Effect::gone())
    }

    /// 500.
    pub fn server_error() -> Self {
        Reaction::Fault(Effect::internal_error())
    }
}

/// How many events may wait for the client.
const EVENTS_AHEAD: usize = 128;

/// The events of one watch, for [`Reaction::Watch`].
#[derive(Debug)]
pub struct WatchEvents(pub(super) mpsc::Receiver<io::Result<Bytes>>);

/// Speaks into one watch.
///
/// # Cancel safety
/// Of all its methods: the event is told, or it is not.
#[derive(Debug)]
pub struct FakeWatcher(mpsc::Sender<io::Result<Bytes>>);

impl FakeWatcher {
    /// A watch, and what it tells.
    pub fn new() -> (FakeWatcher, WatchEvents) {
        let (sender, receiver) = mpsc::channel(EVENTS_AHEAD);
        (FakeWatcher(sender), WatchEvents(receiver))
    }

    /// An object came.
    pub async fn added(&self, object: &Value) {
        self.event("ADDED", object).await;
    }

    /// It changed.
    pub async fn modified(&self, object: &Value) {
        self.event("MODIFIED", object).await;
    }

    /// It went; this is how it was last.
    pub async fn deleted(&self, object: &Value) {
        self.event("DELETED", object).await;
    }

    /// Nothing happened up to this version.
    pub async fn bookmark(&self, resource_version: &str) {
        let bookmark = json!({"metadata": {"resourceVersion": resource_version}});
        self.event("BOOKMARK", &bookmark).await;
    }

    /// The server cannot go on.
    pub async fn error(&self, refusal: &Refusal) {
        self.event("ERROR", &refusal.to_status()).await;
    }

    /// Any event, also one that no server sends. Waits while 128 of them are unread; one for a client
    /// that is gone is lost, as on a network.
    pub async fn event(&self, event_type: &str, object: &Value) {
        let line = format!("{}\n", json!({"type": event_type, "object": object}));
        let _ = self.0.send(Ok(Bytes::from(line))).await;
    }

    /// Breaks the connection in the middle of the answer.
    pub async fn break_off(self) {
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        let _ = self.0.send(Err(reset)).await;
    }

    /// Waits until the client has ended the watch.
    pub async fn closed(&self) {
        self.0.closed().await;
    }
}
