//! Mirrors `src/bitcoin`.
