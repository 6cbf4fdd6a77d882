//! Mirrors `src/leader`.

mod claim;
mod config;
mod elector;
mod ends;
mod rivals;
mod stage;
mod view;
