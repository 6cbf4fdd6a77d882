//! Mirrors `src/http`.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bitcoin_controller::http::{
    Body, Endpoint, HttpClient, Listener, MemoryNetwork, Tcp, Transport, read_body,
};
use hyper::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn node() -> Endpoint {
    Endpoint::new("node-0", 80)
}

fn request() -> Request<Body> {
    Request::get("http://node-0/")
        .body(Body::default())
        .unwrap()
}

fn client(network: &MemoryNetwork) -> HttpClient {
    HttpClient::plain(Arc::new(network.clone()), Duration::from_secs(20))
}

/// Answers one request on each connection with `answer`, then closes it.
async fn answer_with(mut listener: Listener, answer: &'static str) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

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

#[tokio::test(start_paused = true)]
async fn an_endpoint_nobody_listens_on_refuses() {
    let network = MemoryNetwork::default();
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    assert!(network.connect(&node()).await.err().is_some_and(refused));
    drop(network.listen(node()).unwrap());
    assert!(network.connect(&node()).await.err().is_some_and(refused));
    assert!(
        client(&network)
            .send(request())
            .await
            .unwrap_err()
            .is_connection_refused()
    );
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

#[tokio::test(start_paused = true)]
async fn an_answer_is_read_up_to_its_bound() {
    let network = MemoryNetwork::default();
    let listener = Listener::Memory(network.listen(node()).unwrap());
    let serve = answer_with(
        listener,
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
    );
    let ask = async {
        let client = client(&network);
        let body = client.send(request()).await.unwrap().into_body();
        assert_eq!(&read_body(body, 5).await.unwrap()[..], b"hello");
        let body = client.send(request()).await.unwrap().into_body();
        assert!(read_body(body, 4).await.unwrap_err().is_too_large());
    };
    tokio::select! { biased; () = ask => {}, () = serve => {} }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_closes_before_the_answer_is_lost_not_refused() {
    let network = MemoryNetwork::default();
    let listener = Listener::Memory(network.listen(node()).unwrap());
    let serve = answer_with(listener, "HTTP/1.1 200 O");
    let ask = async {
        let error = client(&network).send(request()).await.unwrap_err();
        assert!(error.is_connection_lost(), "{error}");
        assert!(!error.is_connection_refused());
    };
    tokio::select! { biased; () = ask => {}, () = serve => {} }
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
