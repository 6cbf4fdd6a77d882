//! Mirrors `src/sim`.
