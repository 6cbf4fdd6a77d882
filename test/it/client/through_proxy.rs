//! A client behind a proxy: the same requests, one step further.

use std::sync::{Arc, Mutex};

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::api::core::Pod;
use bitcoin_controller::client::{Client, Error};
use bitcoin_controller::http::{BoxStream, Endpoint, MemoryNetwork, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::task::JoinSet;

use super::chain;
use super::server::{Reply, Server};
use super::tls::{CA, OBJECT, acceptor, config};

/// Connects whoever asks; `asked` has the heads of what was asked.
async fn relay(mut near: BoxStream, network: MemoryNetwork, asked: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(near.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let (host, port) = head.split(' ').nth(1).unwrap().rsplit_once(':').unwrap();
    let endpoint = Endpoint::new(host, port.parse().unwrap());
    asked.lock().unwrap().push(head.clone());
    let Ok(mut far) = network.connect(&endpoint).await else {
        near.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            .await
            .unwrap();
        return;
    };
    near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    let _ = copy_bidirectional(&mut near, &mut far).await;
}

/// What comes of one request to `url` through the proxy at `proxy_url`, and what the proxy was asked.
async fn visit(url: &str, proxy_url: &str, tls: bool) -> (Result<Pod, Error>, Vec<String>) {
    let is_https = url.starts_with("https");
    let endpoint = Endpoint::new("kube.test", 6443);
    let server = Server::start_at(
        endpoint,
        is_https.then(|| acceptor(false)),
        [Reply::ok(OBJECT)],
    );
    // The proxy's certificate is for this address.
    let proxy = Endpoint::new("127.0.0.1", 3128);
    let mut listener = server.network.listen(proxy).unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (network, sink) = (server.network.clone(), Arc::clone(&asked));
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut relays = JoinSet::new();
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            if tls {
                near = match acceptor(false).accept(near).await {
                    Ok(near) => Box::new(near),
                    Err(_) => continue,
                };
            }
            relays.spawn(relay(near, network.clone(), Arc::clone(&sink)));
        }
    });
    let cluster = format!("{CA}, proxy-url: '{proxy_url}'");
    let config = config(url, &cluster, "token: hunter2");
    let client = Client::new(config, Arc::new(server.network.clone())).unwrap();
    let outcome = client.get::<Pod>(&ObjectKey::new("x", "a")).await;
    let asked = asked.lock().unwrap().clone();
    (outcome, asked)
}

#[tokio::test(start_paused = true)]
async fn a_server_is_reached_through_an_http_and_an_https_proxy() {
    let table = [
        ("https://kube.test:6443", "http://127.0.0.1:3128", false),
        ("https://kube.test:6443", "https://127.0.0.1:3128", true),
        ("http://kube.test:6443", "http://127.0.0.1:3128", false),
    ];
    for (url, proxy_url, tls) in table {
        let (outcome, asked) = visit(url, proxy_url, tls).await;
        assert!(outcome.is_ok(), "{url} by {proxy_url}: {outcome:?}");
        let head = "CONNECT kube.test:6443 HTTP/1.1\r\nHost: kube.test:6443\r\n\r\n";
        assert_eq!(asked, [head], "and no token");
    }
}

#[tokio::test(start_paused = true)]
async fn a_proxy_without_a_certificate_for_its_name_is_told_nothing() {
    let (outcome, asked) = visit("https://kube.test:6443", "https://127.0.0.1:3128", false).await;
    assert!(outcome.is_err());
    assert_eq!(asked, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_the_proxy_refuses_is_told_with_its_name() {
    let (outcome, _) = visit("https://other.test:1", "http://a:b@127.0.0.1:3128", false).await;
    assert_eq!(
        chain(&outcome.unwrap_err()),
        "failed to get pod `x/a`: proxy http://127.0.0.1:3128, CONNECT other.test:1: it answered 502 Bad Gateway"
    );
}
