//! The three shapes: what an object of each looks like, as templates.

mod managed;
mod network;
mod node;
mod pod;

use serde_json::{Value, json};

/// One of the kinds of objects that can be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Pod,
    Node,
    Network,
}

impl Shape {
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "P" => Ok(Shape::Pod),
            "N" => Ok(Shape::Node),
            "C" => Ok(Shape::Network),
            _ => Err(format!("--shape {text}: there are P, N and C")),
        }
    }

    /// Of an object, in bytes, if nobody says another.
    pub fn size(self) -> usize {
        match self {
            Shape::Pod => 10_000,
            Shape::Node => 50_000,
            Shape::Network => 1_500,
        }
    }

    /// Of all objects, in all namespaces.
    pub fn path(self) -> &'static str {
        match self {
            Shape::Pod => "/api/v1/pods",
            Shape::Node => "/api/v1/nodes",
            Shape::Network => "/apis/bitcoincontroller.christianb93.github.com/v1/bitcoinnetworks",
        }
    }

    pub fn kind(self) -> &'static str {
        match self {
            Shape::Pod => "Pod",
            Shape::Node => "Node",
            Shape::Network => "BitcoinNetwork",
        }
    }

    pub fn api_version(self) -> &'static str {
        match self {
            Shape::Pod | Shape::Node => "v1",
            Shape::Network => "bitcoincontroller.christianb93.github.com/v1",
        }
    }

    /// Servers hold a custom resource as a map and write the keys of maps in their order, envelopes included.
    pub fn is_custom(self) -> bool {
        self == Shape::Network
    }

    /// The template of the metadata.
    pub fn metadata(self) -> Value {
        match self {
            Shape::Pod => pod::metadata(),
            Shape::Node => node::metadata(),
            Shape::Network => network::metadata(),
        }
    }

    /// The template of spec and status.
    pub fn content(self) -> Value {
        match self {
            Shape::Pod => json!({"spec": pod::spec(), "status": pod::status()}),
            Shape::Node => json!({"spec": node::spec(), "status": node::status()}),
            Shape::Network => json!({"spec": network::spec(), "status": network::status()}),
        }
    }

    /// The template of what fills a gap of some hundred bytes as often as it fits; none: random text.
    pub fn filling(self) -> Option<Value> {
        (self == Shape::Node).then(node::image)
    }
}
