//! Mirrors `src/base`.

mod backoff;
mod calendar;
mod clock;
mod duration;
mod json;
mod random;
mod report;
mod yaml;
