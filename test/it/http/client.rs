//! HTTP over byte streams.

use std::sync::Arc;
use std::time::Duration;

use bitcoin_controller::http::{Body, HttpClient, Listener, MemoryNetwork, read_body};
use hyper::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::node;

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

#[tokio::test(start_paused = true)]
async fn nobody_listening_is_refused_not_lost() {
    let error = client(&MemoryNetwork::default()).send(request()).await;
    let error = error.unwrap_err();
    assert!(error.is_connection_refused() && !error.is_connection_lost());
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
