//! Where events end up: the API server, the log, or a test's memory.
//!
//! # Invariants
//! - A sink makes one attempt per call. Whether to try again is decided in one place, the
//!   [broadcaster](crate::record::event_broadcaster).
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! use bitcoin_controller::api::core::ObjectReference;
//! use bitcoin_controller::record::{BroadcasterOptions, EventBroadcaster, EventType, MemoryEventSink};
//! use std::time::Duration;
//!
//! let events = MemoryEventSink::default();
//! let broadcaster = EventBroadcaster::new(BroadcasterOptions::default());
//! broadcaster.start_recording_to(events.clone());
//! broadcaster.recorder("example").event(&ObjectReference::default(), EventType::Normal, "Done", "it is done");
//! broadcaster.shutdown(Duration::from_secs(1)).await;
//! assert_eq!(events.events()[0].message, "it is done");
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Source
//! client-go `tools/record/event.go`, `EventSink`; `kubernetes/typed/core/v1/event_expansion.go`;
//! `tools/events/event_broadcaster.go`, `EventSinkImpl`. What differs: merge patch, since the fields are
//! plain values; one trait for both shapes of events. RBAC: `create` and `patch` on core `events`; for
//! [`ApiSeriesSink`] the same on `events` of group `events.k8s.io`.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};

use tracing::{info, warn};

use crate::api::{core, events};
use crate::client::{Client, Error};
use crate::record::event::{Event, EventType};

/// A write on its way.
pub type Written<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// Writes events somewhere.
pub trait EventSink: Send + Sync + 'static {
    /// Writes an event that is new.
    ///
    /// # Errors
    /// Whatever the place says; see `client::Error` for its questions.
    ///
    /// # Cancel safety
    /// Dropping the future may or may not have written the event.
    fn create<'a>(&'a self, event: &'a Event) -> Written<'a>;

    /// Writes the new count, time and message of an event that was created before.
    ///
    /// # Errors
    /// Not found: it was never created, or has expired. Otherwise as for [`create`](Self::create).
    ///
    /// # Cancel safety
    /// Dropping the future may or may not have written the event.
    fn patch<'a>(&'a self, event: &'a Event) -> Written<'a>;
}

/// Core/v1 events in the namespace of their object.
#[derive(Clone, Debug)]
pub struct ApiEventSink {
    client: Client,
}

impl ApiEventSink {
    /// Writes with `client`.
    pub fn new(client: Client) -> Self {
        ApiEventSink { client }
    }
}

impl EventSink for ApiEventSink {
    fn create<'a>(&'a self, event: &'a Event) -> Written<'a> {
        Box::pin(async move {
            let (namespace, body) = (event.namespace(), event.to_json());
            self.client.create::<core::Event>(namespace, &body).await?;
            Ok(())
        })
    }

    fn patch<'a>(&'a self, event: &'a Event) -> Written<'a> {
        Box::pin(async move {
            let (key, body) = (event.key(), event.to_patch());
            self.client.patch::<core::Event>(&key, &body).await?;
            Ok(())
        })
    }
}

/// events.k8s.io/v1 events in the namespace of their object. To be added with
/// [`start_recording_series_to`](crate::record::EventBroadcaster::start_recording_series_to).
#[derive(Clone, Debug)]
pub struct ApiSeriesSink {
    client: Client,
}

impl ApiSeriesSink {
    /// Writes with `client`.
    pub fn new(client: Client) -> Self {
        ApiSeriesSink { client }
    }
}

impl EventSink for ApiSeriesSink {
    fn create<'a>(&'a self, event: &'a Event) -> Written<'a> {
        Box::pin(async move {
            let (namespace, body) = (event.namespace(), event.to_series_json());
            self.client
                .create::<events::Event>(namespace, &body)
                .await?;
            Ok(())
        })
    }

    fn patch<'a>(&'a self, event: &'a Event) -> Written<'a> {
        Box::pin(async move {
            let (key, body) = (event.key(), event.to_series_patch());
            self.client.patch::<events::Event>(&key, &body).await?;
            Ok(())
        })
    }
}

/// One line in the log for each event, and for each time it happens again.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogEventSink;

impl EventSink for LogEventSink {
    fn create<'a>(&'a self, event: &'a Event) -> Written<'a> {
        let object = format!(
            "{} {}/{}",
            event.about.kind,
            event.namespace(),
            event.about.name
        );
        let Event {
            reason,
            message,
            count,
            ..
        } = event;
        match event.kind {
            EventType::Normal => info!(object, reason, count, "{message}"),
            EventType::Warning => warn!(object, reason, count, "{message}"),
        }
        Box::pin(async { Ok(()) })
    }

    fn patch<'a>(&'a self, event: &'a Event) -> Written<'a> {
        self.create(event)
    }
}

/// Keeps events as a server would: one per name, with its last count. For tests and
/// demonstrations; nothing is ever forgotten. Clones share what is kept.
#[derive(Clone, Debug, Default)]
pub struct MemoryEventSink {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    /// In the order in which they were created.
    events: Vec<Event>,
    position: HashMap<String, usize>,
}

impl MemoryEventSink {
    /// All events in the order in which they were created.
    pub fn events(&self) -> Vec<Event> {
        self.lock().events.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("keeping an event does not panic")
    }
}

impl EventSink for MemoryEventSink {
    fn create<'a>(&'a self, event: &'a Event) -> Written<'a> {
        let mut kept = self.lock();
        let Kept { events, position } = &mut *kept;
        let index = *position.entry(event.name.clone()).or_insert(events.len());
        match events.get_mut(index) {
            Some(known) => known.clone_from(event),
            None => events.push(event.clone()),
        }
        Box::pin(async { Ok(()) })
    }

    fn patch<'a>(&'a self, event: &'a Event) -> Written<'a> {
        self.create(event)
    }
}
