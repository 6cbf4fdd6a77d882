//! Mirrors `src/record`.
