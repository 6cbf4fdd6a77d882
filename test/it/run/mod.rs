//! The controller as a program, against a pretend cluster on a real port: what is seen of it from outside.

mod debug;
mod documents;
mod operate;
mod stage;
