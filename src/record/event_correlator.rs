//! Keeps a chatty controller from flooding the server, without hiding that it is chatty.
//!
//! Three questions, in this order, for each event:
//!
//! 1. **Is it one of many that differ only in their message?** From the tenth such message within
//!    ten minutes on, they become one event, "(combined from similar events): …".
//! 2. **Has the very same happened before?** Then it is not a new event but one more of it: the
//!    known one is patched, count += 1.
//! 3. **Has this object had too many?** Each object has a bucket of 25 events, which fills at one
//!    per five minutes. An empty bucket: the event is not written. Its count has been raised all
//!    the same, so the next one that is written shows how many there were.
//!
//! It is plain data: time is handed in, nothing waits. Every sink has one of its own.
//!
//! # Invariants
//! - The count of a known event never falls, whatever is or is not written.
//! - A patch always carries count, time and message, so that one that was lost is made good by
//!   the next.
//! - At most [`CAPACITY`] groups, events and buckets are remembered.
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! use bitcoin_controller::api::{MicroTime, core::ObjectReference};
//! use bitcoin_controller::record::{Correlated, Event, EventCorrelator, EventType};
//! use tokio::time::Instant;
//!
//! let event = |name: &str| Event {
//!     name: name.into(), about: ObjectReference::default(), related: None, kind: EventType::Normal,
//!     reason: "Mined".into(), action: "Mine".into(), message: "one block".into(),
//!     component: String::new(), instance: String::new(), count: 1,
//!     first_timestamp: MicroTime::from_unix_micros(0), last_timestamp: MicroTime::from_unix_micros(0),
//! };
//! let mut correlator = EventCorrelator::default();
//! assert_eq!(correlator.correlate(event("a"), Instant::now()), Correlated::Create(event("a")));
//! let Correlated::Patch(again) = correlator.correlate(event("b"), Instant::now()) else { panic!() };
//! assert_eq!((again.name.as_str(), again.count), ("a", 2));
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Source
//! client-go `tools/record/events_cache.go`. What differs:
//! - Once a group is being combined, all its events are, until ten quiet minutes have passed;
//!   theirs forgets an arbitrary message each time, so that an old one may or may not come by
//!   itself again.
//! - What a sink wrote is not fed back: names and counts are ours, and patches name no version.

use std::time::Duration;

use tokio::time::Instant;

use crate::api::MicroTime;
use crate::api::core::ObjectReference;
use crate::record::event::{Event, EventType, MAX_MESSAGE, cut};
use crate::record::lru::Lru;

/// What to do with an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Correlated {
    /// It is new.
    Create(Event),
    /// It has happened before: this is the known event with its new count, time and message.
    Patch(Event),
    /// There have been too many; write nothing.
    Skip,
}

/// Decides what to do with each event. One per sink.
#[derive(Debug)]
pub struct EventCorrelator {
    groups: Lru<GroupKey, Group>,
    known: Lru<EventKey, Known>,
    buckets: Lru<SourceKey, Bucket>,
}

/// Of which controller, about which object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct SourceKey {
    component: String,
    instance: String,
    api_version: String,
    object_kind: String,
    namespace: String,
    name: String,
    uid: String,
    kind: EventType,
}

/// Events that differ in their message at most.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct GroupKey {
    source: SourceKey,
    reason: String,
}

/// One event, which may happen again. A combined one has neither path nor message: whatever they
/// are, it is the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct EventKey {
    group: GroupKey,
    path_and_message: Option<(String, String)>,
}

#[derive(Debug)]
struct Group {
    /// Different messages, fewer than [`COMBINE_FROM`].
    messages: Vec<String>,
    /// There were more of them than fit.
    is_combined: bool,
    last: Instant,
}

#[derive(Debug)]
struct Known {
    name: String,
    count: u32,
    first_timestamp: MicroTime,
}

impl Default for EventCorrelator {
    /// One that has not seen anything yet.
    fn default() -> Self {
        EventCorrelator {
            groups: Lru::new(CAPACITY),
            known: Lru::new(CAPACITY),
            buckets: Lru::new(CAPACITY),
        }
    }
}

impl EventCorrelator {
    /// Decides what to do with `event`, which has happened `now`.
    pub fn correlate(&mut self, event: Event, now: Instant) -> Correlated {
        let source = SourceKey::of(&event);
        let (event, key) = self.combine(event, source.clone(), now);
        let event = self.observe(event, key);
        let bucket = self
            .buckets
            .get_or_insert_with(source, || Bucket::full(now));
        match bucket.take(now) {
            false => Correlated::Skip,
            true if event.count > 1 => Correlated::Patch(event),
            true => Correlated::Create(event),
        }
    }

    /// The event itself, or what stands for it and those like it.
    fn combine(&mut self, mut event: Event, source: SourceKey, now: Instant) -> (Event, EventKey) {
        let group_key = GroupKey {
            source,
            reason: event.reason.clone(),
        };
        let group = self
            .groups
            .get_or_insert_with(group_key.clone(), || Group::new(now));
        let path_and_message = match group.is_combining(&event.message, now) {
            false => Some((event.about.field_path.clone(), event.message.clone())),
            true => {
                event.message = cut(format!("{COMBINED_PREFIX}{}", event.message), MAX_MESSAGE);
                event.about.field_path.clear();
                None
            }
        };
        let key = EventKey {
            group: group_key,
            path_and_message,
        };
        (event, key)
    }

    /// The event with the name and count of those that were the same.
    fn observe(&mut self, mut event: Event, key: EventKey) -> Event {
        let known = self.known.get_or_insert_with(key, || Known {
            name: event.name.clone(),
            count: 0,
            first_timestamp: event.first_timestamp,
        });
        known.count = known.count.saturating_add(1);
        event.name.clone_from(&known.name);
        event.count = known.count;
        event.first_timestamp = known.first_timestamp;
        event
    }
}

impl SourceKey {
    fn of(event: &Event) -> Self {
        let ObjectReference {
            api_version,
            kind,
            namespace,
            name,
            uid,
            ..
        } = &event.about;
        SourceKey {
            component: event.component.clone(),
            instance: event.instance.clone(),
            api_version: api_version.clone(),
            object_kind: kind.clone(),
            namespace: namespace.clone(),
            name: name.clone(),
            uid: uid.clone(),
            kind: event.kind,
        }
    }
}

impl Group {
    fn new(now: Instant) -> Self {
        Group {
            messages: Vec::new(),
            is_combined: false,
            last: now,
        }
    }

    /// Whether an event with `message` is to be combined with the others.
    fn is_combining(&mut self, message: &str, now: Instant) -> bool {
        if now.duration_since(self.last) > COMBINE_WITHIN {
            *self = Group::new(now);
        }
        self.last = now;
        if !self.messages.iter().any(|known| known == message) {
            self.is_combined |= self.messages.len() + 1 >= COMBINE_FROM;
            if !self.is_combined {
                self.messages.push(message.to_owned());
            }
        }
        self.is_combined
    }
}

/// How many more events one object may have.
#[derive(Debug)]
struct Bucket {
    n_tokens: u32,
    /// When the last token was added.
    filled: Instant,
}

impl Bucket {
    fn full(now: Instant) -> Self {
        Bucket {
            n_tokens: BURST,
            filled: now,
        }
    }

    /// Takes a token, if there is one.
    fn take(&mut self, now: Instant) -> bool {
        while self.n_tokens < BURST && now.duration_since(self.filled) >= REFILL {
            self.n_tokens += 1;
            self.filled += REFILL;
        }
        if self.n_tokens == BURST {
            self.filled = now;
        }
        let is_there = self.n_tokens > 0;
        self.n_tokens -= u32::from(is_there);
        is_there
    }
}

/// How many groups, events and buckets are remembered; those not used for longest are forgotten.
pub const CAPACITY: usize = 4_096;
/// From this many different messages on, events that differ in nothing else are combined.
pub const COMBINE_FROM: usize = 10;
/// A group starts anew once it has been quiet for longer than this.
pub const COMBINE_WITHIN: Duration = Duration::from_secs(600);
/// How many events of one object are written at once.
pub const BURST: u32 = 25;
/// How long it takes until it may have one more.
pub const REFILL: Duration = Duration::from_secs(300);
/// What the message of a combined event begins with.
pub const COMBINED_PREFIX: &str = "(combined from similar events): ";
