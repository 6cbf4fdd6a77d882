//! What several tests share: builders and a world.
