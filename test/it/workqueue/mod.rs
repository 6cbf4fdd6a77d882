//! Mirrors `src/workqueue`.
