//! What every room may lean on: time, chance, waiting, and reading text from outside.
//!
//! This room depends on no other. It holds the three things that make a program hard to test when
//! they are reached for directly, so that nobody reaches for them directly:
//!
//! | thing | here | instead of |
//! |---|---|---|
//! | wall time | [`Clock`] | `SystemTime::now` |
//! | chance | [`Random`] | a thread-local generator |
//! | waiting longer each time | [`Backoff`] | a loop with a sleep in it |
//!
//! and the two readers of foreign text, [`json`] and [`yaml`], whose errors name the place and the
//! field but never quote the value: a value may be a password. [`json_path`] finds the field, [`hash`] names things, [`calendar`] writes dates,
//! [`duration`] reads `1m30s`, [`Report`] says at the end of a program what went wrong.

pub mod backoff;
pub mod calendar;
pub mod clock;
pub mod duration;
pub mod hash;
pub mod json;
pub mod json_path;
pub mod random;
pub mod report;
pub mod yaml;

pub use backoff::{Backoff, KeyedBackoff};
pub use clock::Clock;
pub use random::Random;
pub use report::Report;
