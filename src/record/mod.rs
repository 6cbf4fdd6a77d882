//! What happened to an object, told where people look for it: as Kubernetes events.
//!
//! ```text
//!   EventRecorder ──event──> EventBroadcaster ──┬─bounded─> EventCorrelator ──> EventSink (API server)
//!   (anywhere; never blocks)                    └─bounded─> EventCorrelator ──> EventSink (log)
//! ```
//!
//! Read in this order: [`event`] is what is told, [`event_recorder`] the one call a controller
//! makes, [`event_broadcaster`] brings it to every sink, [`event_correlator`] keeps a chatty
//! controller from flooding the server (with [`lru`] so that its memory has a bound),
//! [`event_sink`] writes. [`event_series`] is another way than the correlator's not to flood the
//! server, for the newer kind of events; it says when to use which.

pub mod event;
pub mod event_broadcaster;
pub mod event_correlator;
pub mod event_recorder;
pub mod event_series;
pub mod event_sink;
pub mod lru;

pub use event::{Event, EventType};
pub use event_broadcaster::{BroadcasterOptions, EventBroadcaster};
pub use event_correlator::{Correlated, EventCorrelator};
pub use event_recorder::EventRecorder;
pub use event_series::EventSeries;
pub use event_sink::{ApiEventSink, ApiSeriesSink, EventSink, LogEventSink, MemoryEventSink};
