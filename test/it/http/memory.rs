//! The network inside the process.

use std::io;

use bitcoin_controller::http::{MemoryNetwork, Transport};

use super::node;

#[tokio::test(start_paused = true)]
async fn an_endpoint_nobody_listens_on_refuses() {
    let network = MemoryNetwork::default();
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    assert!(network.connect(&node()).await.err().is_some_and(refused));
    drop(network.listen(node()).unwrap());
    assert!(network.connect(&node()).await.err().is_some_and(refused));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_is_listened_on_once_at_a_time() {
    let network = MemoryNetwork::default();
    let first = network.listen(node()).unwrap();
    assert_eq!(
        network.listen(node()).unwrap_err().kind(),
        io::ErrorKind::AddrInUse
    );
    drop(first);
    assert!(network.listen(node()).is_ok());
}
