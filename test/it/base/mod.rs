//! Mirrors `src/base`.

mod backoff;
mod calendar;
mod clock;
mod json;
mod random;
mod report;
mod yaml;
