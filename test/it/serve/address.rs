//! Where to listen.

use std::net::SocketAddr;

use bitcoin_controller::serve::ListenAddress;
use tokio::net::TcpStream;

fn address(text: &str) -> Result<ListenAddress, String> {
    text.parse()
}

#[test]
fn what_is_no_address_is_refused_by_what_is_wrong_with_it() {
    for (text, why) in [
        ("", "[HOST]:PORT"),
        ("8080", "[HOST]:PORT"),
        ("localhost", "[HOST]:PORT"),
        (":", "`` is no port"),
        (":http", "`http` is no port"),
        (":65536", "`65536` is no port"),
        (":-1", "`-1` is no port"),
        ("::1:8080", "in brackets"),
        ("[::1:8080", "in brackets"),
        ("[localhost]:8080", "`localhost` is no IPv6 address"),
        ("http://localhost:8080", "in brackets"),
        ("local host:8080", "`local host` is no host"),
        ("/tmp/socket:1", "`/tmp/socket` is no host"),
    ] {
        let error = address(text).unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[tokio::test]
async fn no_host_is_every_address_of_both_families() {
    let listener = address(":0").unwrap().bind().await.unwrap();
    let bound = listener.local_addr().unwrap();
    assert!(bound.ip().is_unspecified());
    let near = SocketAddr::from(([127, 0, 0, 1], bound.port()));
    TcpStream::connect(near).await.unwrap();
    let (_, from) = listener.accept().await.unwrap();
    assert!(from.ip().to_canonical().is_loopback());
    // A machine without IPv6 has bound IPv4, and then there is nothing more to see.
    if bound.is_ipv6() && std::net::TcpListener::bind("[::1]:0").is_ok() {
        let near = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], bound.port()));
        TcpStream::connect(near).await.unwrap();
    }
}

#[tokio::test]
async fn a_host_is_bound_alone() {
    let listener = address("127.0.0.1:0").unwrap().bind().await.unwrap();
    assert!(listener.local_addr().unwrap().ip().is_loopback());
    let named = address("localhost:0").unwrap().bind().await.unwrap();
    assert!(named.local_addr().unwrap().ip().is_loopback());
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    for text in [":0", "127.0.0.1:0"] {
        let first = address(text).unwrap().bind().await.unwrap();
        let port = first.local_addr().unwrap().port();
        let taken = text.replace(":0", &format!(":{port}"));
        let error = address(&taken).unwrap().bind().await.unwrap_err();
        assert_eq!(error.to_string(), format!("cannot listen on `{taken}`"));
        assert!(std::error::Error::source(&error).is_some());
    }
}
