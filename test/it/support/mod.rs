//! What several tests share: builders and a world.

pub(crate) mod nodes;
