//! Against a stub on a real socket, as a client sees it.

mod client;
mod lists;
mod orders;
mod shapes;
mod watches;

use crate::options::Options;
use crate::server::Server;
use crate::shapes::Shape;
use crate::tests::client::Client;

const SHAPES: [Shape; 3] = [Shape::Pod, Shape::Node, Shape::Network];

fn options(shape: Shape, n_objects: u64) -> Options {
    Options {
        shape,
        n_objects,
        n_probes: 0,
        size: shape.size(),
        seed: 1,
        gzip: false,
    }
}

/// A client of a stub of its own.
fn client(options: &Options) -> Client {
    let server = Server::start(options).unwrap();
    Client::connect(&server.url)
}
