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

/// The kernel tells which timer runs for a socket: 2 is the one of keep-alive, in hundredths of a second.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn c122_an_idle_tcp_connection_is_probed_after_half_a_minute() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let transport = Tcp::new(Duration::from_secs(5));
    let _stream = transport
        .connect(&Endpoint::new("127.0.0.1", port))
        .await
        .unwrap();
    let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
    // Columns: number, local address, the other's, state, queues, timer:when, …
    let ours = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut ours = ours.filter(|columns| columns[2].ends_with(&format!(":{port:04X}")));
    let (timer, when) = ours.next().unwrap()[5].split_once(':').unwrap();
    let when = Duration::from_millis(u64::from_str_radix(when, 16).unwrap() * 10);
    assert_eq!(timer, "02");
    assert!(
        when <= Duration::from_secs(30) && when > Duration::from_secs(20),
        "{when:?}"
    );
}
