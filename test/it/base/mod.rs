//! Mirrors `src/base`.

mod backoff;
mod calendar;
mod clock;
mod duration;
mod json;
mod json_path;
mod random;
mod report;
mod yaml;
