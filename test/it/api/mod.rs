//! Mirrors `src/api`.

mod coordination;
mod core;
mod crd;
mod meta;
mod network;
mod text;
