//! Mirrors `src/base`.
