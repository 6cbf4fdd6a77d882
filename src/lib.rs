//! A Bitcoin test network from one small resource, by a controller written on the raw Kubernetes
//! REST API.

pub mod api;
pub mod base;
pub mod bitcoin;
pub mod cache;
pub mod client;
pub mod controller;
pub mod http;
pub mod record;
pub mod sim;
pub mod workqueue;
