//! What several tests share.

pub mod doorway;
pub mod exposition;
pub mod nodes;
pub mod program;
pub mod world;
mod world_sight;
