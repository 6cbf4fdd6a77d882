//! Tells of the same thing happening again as one series, with a request now and then.
//!
//! The older events are thinned by [`EventCorrelator`](crate::record::EventCorrelator): each repetition is
//! a request until the object's bucket is empty. Here a repetition is none. The first time is an event.
//! The second makes it a series, which a reader sees at once. From then on only a number goes up in
//! memory, and it is written when it has not been for half an hour, when the series has come to rest, or
//! when the program ends.
//!
//! ```text
//!   first        create
//!   second       patch  series {count: 2}
//!   third …      count += 1                        no request
//!                patch  series {count: n}          30 minutes after the last request
//!                patch  series {count: n}, forget  6 minutes after the last time it happened
//! ```
//!
//! What happened is the same if all but the message is the same; the message that is seen is the first
//! one. So numbers in it do not make a flood, and what tells two things apart belongs into the reason or
//! the action.
//!
//! **Which of the two?** core/v1, the default here, is what `kubectl describe` and most people's tools
//! have always shown, message and count up to date. events.k8s.io/v1 suits a controller that repeats
//! itself much, or whose events a program reads (the action, a second object, microseconds). A server
//! stores both as one: `kubectl get events` shows these, too.
//!
//! It is plain data: time is handed in, nothing waits. Every sink has one of its own, and one task that
//! does one thing after the other, so nothing happens between a decision and its request.
//!
//! # Invariants
//! - A count never falls while its series is remembered.
//! - A count that has not been written is written within [`REFRESH`] and a [`LOOK_EVERY`], or when the
//!   broadcaster ends, as long as its series is remembered.
//! - At most [`CAPACITY`] things are remembered; those that have not happened for longest are forgotten,
//!   with what they owe: whatever happens, memory is bounded.
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! use bitcoin_controller::api::{MicroTime, core::ObjectReference};
//! use bitcoin_controller::record::{Correlated, Event, EventSeries, EventType};
//! use tokio::time::Instant;
//!
//! let event = |message: &str| Event {
//!     name: "a".into(), about: ObjectReference::default(), related: None, kind: EventType::Normal,
//!     reason: "Mined".into(), action: "Mine".into(), message: message.into(),
//!     component: String::new(), instance: String::new(), count: 1,
//!     first_timestamp: MicroTime::from_unix_micros(0), last_timestamp: MicroTime::from_unix_micros(0),
//! };
//! let mut series = EventSeries::default();
//! let (now, mut outcomes) = (Instant::now(), Vec::new());
//! for height in 1..=3 {
//!     outcomes.push(series.correlate(event(&format!("block {height}")), now));
//! }
//! assert!(matches!(&outcomes[0], Correlated::Create(event) if event.message == "block 1"));
//! assert!(matches!(&outcomes[1], Correlated::Patch(event) if event.count == 2));
//! assert_eq!(outcomes[2], Correlated::Skip);
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Source
//! client-go `tools/events/event_broadcaster.go`. What differs:
//! - Half an hour and six minutes count for each series from its own request and its own last event;
//!   theirs are two clocks for all.
//! - A series whose last count has been written is forgotten without another request.
//! - The version of the object is not part of what is the same: theirs begins a new event each time the
//!   object's status changes.
//! - When the broadcaster ends, what has not been written is; theirs loses it.
//! - One writer instead of eight, so a creation cannot overtake its patch; the pauses between attempts are
//!   those of the older events.

use std::time::Duration;

use tokio::time::Instant;

use crate::api::core::ObjectReference;
use crate::record::event::{Event, EventType};
use crate::record::event_correlator::Correlated;
use crate::record::lru::Lru;

/// Decides what to do with each event, and with those that happened before. One per sink.
#[derive(Debug)]
pub struct EventSeries {
    known: Lru<SeriesKey, Series>,
}

/// What is the same in every event of a series.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct SeriesKey {
    component: String,
    instance: String,
    about: ObjectReference,
    related: Option<ObjectReference>,
    kind: EventType,
    reason: String,
    action: String,
}

#[derive(Debug)]
struct Series {
    /// The first event, with the count and time of the last.
    event: Event,
    last: Instant,
    /// When it was last handed out to be written.
    written: Instant,
    /// The count has been raised since.
    is_owed: bool,
}

impl Default for EventSeries {
    /// One that has not seen anything yet.
    fn default() -> Self {
        EventSeries {
            known: Lru::new(CAPACITY),
        }
    }
}

impl EventSeries {
    /// Decides what to do with `event`, which has happened `now`.
    pub fn correlate(&mut self, event: Event, now: Instant) -> Correlated {
        let mut is_first = false;
        let series = self.known.get_or_insert_with(SeriesKey::of(&event), || {
            is_first = true;
            Series {
                event: event.clone(),
                last: now,
                written: now,
                is_owed: false,
            }
        });
        if is_first {
            return Correlated::Create(event);
        }
        series.event.count = series.event.count.saturating_add(1);
        series.event.last_timestamp = event.last_timestamp;
        series.last = now;
        if series.event.count == 2 {
            series.written = now;
            return Correlated::Patch(series.event.clone());
        }
        series.is_owed = true;
        Correlated::Skip
    }

    /// What is to be written by `now`, those that have not happened for longest first; forgets what has
    /// come to rest. To be asked every [`LOOK_EVERY`].
    pub fn due(&mut self, now: Instant) -> Vec<Correlated> {
        let mut due = Vec::new();
        self.known.retain(|series| {
            let is_at_rest = now.duration_since(series.last) >= FINISH_AFTER;
            let is_old = now.duration_since(series.written) >= REFRESH;
            if is_at_rest || is_old {
                due.extend(series.take_owed(now));
            }
            !is_at_rest
        });
        due
    }

    /// Everything that has not been written, for the end; forgets all.
    pub fn finish(&mut self, now: Instant) -> Vec<Correlated> {
        let mut owed = Vec::new();
        self.known.retain(|series| {
            owed.extend(series.take_owed(now));
            false
        });
        owed
    }

    /// Whether nothing is remembered, so that nobody needs to ask what is due.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

impl Series {
    fn take_owed(&mut self, now: Instant) -> Option<Correlated> {
        self.written = now;
        let is_owed = std::mem::take(&mut self.is_owed);
        is_owed.then(|| Correlated::Patch(self.event.clone()))
    }
}

impl SeriesKey {
    fn of(event: &Event) -> Self {
        SeriesKey {
            component: event.component.clone(),
            instance: event.instance.clone(),
            about: of_any_version(&event.about),
            related: event.related.as_ref().map(of_any_version),
            kind: event.kind,
            reason: event.reason.clone(),
            action: event.action.clone(),
        }
    }
}

fn of_any_version(reference: &ObjectReference) -> ObjectReference {
    ObjectReference {
        resource_version: String::new(),
        ..reference.clone()
    }
}

/// How many different things are remembered.
pub const CAPACITY: usize = 4_096;
/// A series that goes on is written again after this time.
pub const REFRESH: Duration = Duration::from_secs(30 * 60);
/// A series that has not gone on for this long has come to rest.
pub const FINISH_AFTER: Duration = Duration::from_secs(6 * 60);
/// How often to look for either.
pub const LOOK_EVERY: Duration = Duration::from_secs(60);
