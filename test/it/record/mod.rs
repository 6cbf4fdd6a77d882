//! Mirrors `src/record`.

mod correlator_model;
pub(crate) mod double;
mod event;
mod event_broadcaster;
mod event_correlator;
mod event_recorder;
mod event_series;
mod event_sink;
mod lru;
