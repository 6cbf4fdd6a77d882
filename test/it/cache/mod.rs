//! Mirrors `src/cache`.
