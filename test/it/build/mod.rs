//! What images are made of: their files agree with the code, and the entrypoint does what it says.

mod entrypoint;
mod images;
