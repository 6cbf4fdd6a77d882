//! Mirrors `src/client`.
