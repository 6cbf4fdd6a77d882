//! Mirrors `src/record`.

mod double;
mod event;
mod event_broadcaster;
mod event_correlator;
mod event_recorder;
mod event_sink;
mod lru;
