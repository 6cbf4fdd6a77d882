//! The contract of this room is being written.
