//! Mirrors `src/http`.

mod client;
mod memory;
mod proxy;
mod severable;
mod transport;

use bitcoin_controller::http::Endpoint;

fn node() -> Endpoint {
    Endpoint::new("node-0", 80)
}
