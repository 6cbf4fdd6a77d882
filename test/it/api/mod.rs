//! Mirrors `src/api`.
