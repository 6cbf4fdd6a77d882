//! Mirrors `src/http`.
