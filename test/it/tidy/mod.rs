//! The repository holds itself to its rules.
