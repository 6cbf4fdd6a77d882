//! Mirrors `src/api`.

mod core;
mod crd;
mod meta;
mod network;
mod text;
mod time;
