//! What several tests share.

pub mod doorway;
pub mod nodes;
pub mod program;
pub mod world;
mod world_sight;
