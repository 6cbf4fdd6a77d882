//! Mirrors `src/controller`.
