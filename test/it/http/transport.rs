//! Endpoints, and real sockets.

use std::io;
use std::time::Duration;

use bitcoin_controller::http::{Endpoint, Tcp, Transport};

#[test]
fn ipv6_addresses_are_bracketed_once() {
    for host in ["fd00::7", "[fd00::7]"] {
        assert_eq!(Endpoint::new(host, 18443).to_string(), "[fd00::7]:18443");
    }
    assert_eq!(
        Endpoint::new("10.0.0.7", 18443).to_string(),
        "10.0.0.7:18443"
    );
}

#[tokio::test]
async fn tcp_refuses_like_memory() {
    // Bound and dropped: nobody listens on that port now.
    let free = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let error = Tcp::new(Duration::from_secs(5))
        .connect(&Endpoint::new("127.0.0.1", free))
        .await
        .err()
        .unwrap();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}
