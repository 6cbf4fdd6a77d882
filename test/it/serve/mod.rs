//! A few pages over HTTP.

mod address;
mod checks;
mod pages;
mod server;
