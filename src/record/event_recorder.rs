//! The one call a controller makes to say what happened.
//!
//! It is cheap and cannot fail, so that nobody hesitates to make it: the event is put into a
//! bounded queue for each sink and the caller goes on. With a dead API server the queue fills and
//! further events are dropped and counted; a reconcile never waits for them.
//!
//! Record on change only. A controller that says "all is well" on every pass empties its object's
//! bucket (see [`event_correlator`](crate::record::event_correlator)) and is not heard when it
//! matters.
//!
//! # Invariants
//! - Recording never blocks, also from many threads at once, and also after the broadcaster has
//!   shut down.
//! - No two events of one broadcaster have the same name, even while the clock stands still.
//!
//! # Example
//! See [`event_sink`](crate::record::event_sink).
//!
//! # Source
//! client-go `tools/record/event.go`, `tools/events/event_recorder.go`. What differs:
//! - A type other than Normal and Warning cannot be written down, so none is dropped for it.
//! - One recorder for both kinds of events. What is recorded without an action has its reason for one.
//! - Names are unique within a process; theirs are equal for two events of one object in the same
//!   nanosecond.

use std::fmt;
use std::sync::Arc;

use crate::api::MicroTime;
use crate::api::core::ObjectReference;
use crate::record::event::{Event, EventType, MAX_MESSAGE, MAX_REASON, cut};
use crate::record::event_broadcaster::Broadcast;

/// Records events in the name of one component. Clones record in the same name.
#[derive(Clone)]
pub struct EventRecorder {
    broadcast: Arc<Broadcast>,
    component: Arc<str>,
}

impl EventRecorder {
    pub(crate) fn new(broadcast: Arc<Broadcast>, component: &str) -> Self {
        EventRecorder {
            broadcast,
            component: component.into(),
        }
    }

    /// Says that something happened to `about`. `reason` is for programs, in PascalCase;
    /// `message` for people.
    ///
    /// # Bound
    /// Never waits: when a sink's queue is full, the event is dropped for that sink, and counted.
    ///
    /// Source: client-go `tools/record/event.go`, `Event`.
    pub fn event(
        &self,
        about: &ObjectReference,
        kind: EventType,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        self.event_with_action(about, None, kind, reason, reason, message);
    }

    /// As [`event`](Self::event), and says what was done, and which other object had a part in it: for
    /// those who write events.k8s.io/v1. core/v1 does not show it.
    ///
    /// Source: client-go `tools/events/event_recorder.go`, `Eventf`.
    pub fn event_with_action(
        &self,
        about: &ObjectReference,
        related: Option<&ObjectReference>,
        kind: EventType,
        reason: &'static str,
        action: &'static str,
        message: impl Into<String>,
    ) {
        let now = MicroTime::now(self.broadcast.clock());
        self.broadcast.send(Event {
            name: self.broadcast.event_name(&about.name),
            about: about.clone(),
            related: related.cloned(),
            kind,
            reason: cut(reason.to_owned(), MAX_REASON),
            action: cut(action.to_owned(), MAX_REASON),
            message: cut(message.into(), MAX_MESSAGE),
            component: self.component.to_string(),
            instance: self.broadcast.instance().to_owned(),
            count: 1,
            first_timestamp: now,
            last_timestamp: now,
        });
    }
}

impl fmt::Debug for EventRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventRecorder({})", self.component)
    }
}
