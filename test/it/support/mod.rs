//! What several tests share.

pub mod nodes;
