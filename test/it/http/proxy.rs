//! Servers reached through somebody on the way.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bitcoin_controller::http::proxy::{HANDSHAKE_TIMEOUT, ProxyUrl};
use bitcoin_controller::http::{
    BoxStream, Endpoint, MemoryListener, MemoryNetwork, Proxy, Transport,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::time::Instant;

fn server() -> Endpoint {
    Endpoint::new("kube.test", 6443)
}

/// A network with a proxy at `proxy.test:3128`, and what connects through it.
fn network(url: &str) -> (MemoryNetwork, MemoryListener, Proxy) {
    let network = MemoryNetwork::default();
    let listener = network.listen(Endpoint::new("proxy.test", 3128)).unwrap();
    let url = ProxyUrl::parse(url).unwrap();
    let proxy = Proxy::new(url, Arc::new(network.clone()), None);
    (network, listener, proxy)
}

async fn accept(listener: &mut MemoryListener) -> BoxStream {
    listener.accept().await.unwrap().0
}

async fn read_head(stream: &mut BoxStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// What connecting says if the proxy takes `length` bytes of request and answers `answer`.
async fn answered(url: &str, length: usize, answer: &[u8]) -> io::Result<BoxStream> {
    let (_network, mut listener, proxy) = network(url);
    let endpoint = server();
    let (outcome, ()) = tokio::join!(proxy.connect(&endpoint), async {
        let mut stream = accept(&mut listener).await;
        let mut request = vec![0; length];
        stream.read_exact(&mut request).await.unwrap();
        stream.write_all(answer).await.unwrap();
        stream.shutdown().await.unwrap();
        let _ = stream.read_to_end(&mut request).await;
    });
    outcome
}

fn text(outcome: io::Result<BoxStream>) -> (io::ErrorKind, String) {
    let error = outcome.err().unwrap();
    (error.kind(), error.to_string())
}

#[tokio::test(start_paused = true)]
async fn http_connect_names_the_server_and_leaves_its_first_bytes_alone() {
    let (network, mut listener, proxy) = network("http://me:hunter%402@proxy.test:3128");
    let mut far = network.listen(server()).unwrap();
    let mut proxy_at_work = tokio::task::JoinSet::new();
    proxy_at_work.spawn(async move {
        let mut near = accept(&mut listener).await;
        let head = read_head(&mut near).await;
        let mut far = network.connect(&server()).await.unwrap();
        // The server speaks first, and the proxy sends both in one go.
        let mut bytes = b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n".to_vec();
        bytes.push(far.read_u8().await.unwrap());
        near.write_all(&bytes).await.unwrap();
        let _ = copy_bidirectional(&mut near, &mut far).await;
        head
    });
    let endpoint = server();
    let (near, far) = tokio::join!(proxy.connect(&endpoint), async {
        let mut far = far.accept().await.unwrap().0;
        far.write_all(b"hi").await.unwrap();
        far
    });
    let (mut near, mut far) = (near.unwrap(), far);
    let mut bytes = [0; 2];
    near.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"hi");
    near.write_all(b"ho").await.unwrap();
    far.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"ho");
    drop((near, far));
    let head = proxy_at_work.join_next().await.unwrap().unwrap();
    assert_eq!(
        head,
        // base64 of `me:hunter@2`.
        "CONNECT kube.test:6443 HTTP/1.1\r\nHost: kube.test:6443\r\n\
         Proxy-Authorization: Basic bWU6aHVudGVyQDI=\r\n\r\n"
    );
}

#[tokio::test(start_paused = true)]
async fn socks_leaves_looking_up_the_name_to_the_proxy() {
    let table: [(&str, &[u8]); 3] = [
        ("kube.test", b"\x05\x01\x00\x03\x09kube.test\x19\x2b"),
        ("10.0.0.1", b"\x05\x01\x00\x01\x0a\x00\x00\x01\x19\x2b"),
        (
            "fd00::7",
            b"\x05\x01\x00\x04\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07\x19\x2b",
        ),
    ];
    // Where we are at the proxy: an address, another, a name.
    let answers: [&[u8]; 3] = [
        b"\x05\x00\x00\x01\x01\x02\x03\x04\x00\x50",
        b"\x05\x00\x00\x04aaaaaaaaaaaaaaaa\x00\x50",
        b"\x05\x00\x00\x03\x03abc\x00\x50",
    ];
    for ((host, request), answer) in table.into_iter().zip(answers) {
        let (_network, mut listener, proxy) = network("socks5://proxy.test:3128");
        let endpoint = Endpoint::new(host, 6443);
        let (near, ()) = tokio::join!(proxy.connect(&endpoint), async {
            let mut stream = accept(&mut listener).await;
            let mut greeting = [0; 3];
            stream.read_exact(&mut greeting).await.unwrap();
            assert_eq!(greeting, [5, 1, 0]);
            stream.write_all(&[5, 0]).await.unwrap();
            let mut asked = vec![0; request.len()];
            stream.read_exact(&mut asked).await.unwrap();
            assert_eq!(asked, request, "{host}");
            stream.write_all(answer).await.unwrap();
            stream.write_all(b"server").await.unwrap();
        });
        let mut bytes = Vec::new();
        near.unwrap().read_to_end(&mut bytes).await.unwrap();
        assert_eq!(bytes, b"server", "{host}");
    }
}

#[tokio::test(start_paused = true)]
async fn socks_says_the_password_if_it_is_asked_for() {
    let (_network, mut listener, proxy) = network("socks5h://me:hunter2@proxy.test:3128");
    let endpoint = server();
    let (outcome, ()) = tokio::join!(proxy.connect(&endpoint), async {
        let mut stream = accept(&mut listener).await;
        let mut greeting = [0; 3];
        stream.read_exact(&mut greeting).await.unwrap();
        assert_eq!(greeting, [5, 1, 2]);
        stream.write_all(&[5, 2]).await.unwrap();
        let mut login = [0; 12];
        stream.read_exact(&mut login).await.unwrap();
        assert_eq!(&login, b"\x01\x02me\x07hunter2");
        stream.write_all(&[1, 1]).await.unwrap();
    });
    let (_, text) = text(outcome);
    assert_eq!(
        text,
        "proxy socks5://proxy.test:3128, SOCKS to kube.test:6443: it refused the login"
    );
}

/// Each answer that is no connection, and what is said of it: the proxy, the step, the reason.
#[tokio::test(start_paused = true)]
async fn a_refusal_names_the_proxy_and_the_step_and_no_password() {
    const HTTP: &str = "http://me:hunter2@proxy.test:3128";
    const SOCKS: &str = "socks5://proxy.test:3128";
    let no_more = |answer: &'static str| answered(HTTP, 20, answer.as_bytes());
    let http = "proxy http://proxy.test:3128, CONNECT kube.test:6443: ";
    let long = format!("HTTP/1.1 200 OK\r\n{}", "a: b\r\n".repeat(2_000));
    let table = [
        (
            text(no_more("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await),
            io::ErrorKind::Other,
            "it answered 407 Proxy Authentication Required",
        ),
        (
            text(no_more("HTTP/1.1 200").await),
            io::ErrorKind::UnexpectedEof,
            "unexpected end of file",
        ),
        (
            text(no_more("SSH-2.0 200 hello\r\n\r\n").await),
            io::ErrorKind::Other,
            "it answered 200 hello",
        ),
        (
            text(answered(HTTP, 20, long.as_bytes()).await),
            io::ErrorKind::Other,
            "its answer has no end",
        ),
    ];
    for ((kind, text), expected, reason) in table {
        assert_eq!((kind, text), (expected, format!("{http}{reason}")));
    }
    let socks = "proxy socks5://proxy.test:3128, SOCKS to kube.test:6443: ";
    for (answer, expected, reason) in [
        (
            &b"\x05\xff"[..],
            io::ErrorKind::Other,
            "it wants another kind of login",
        ),
        (b"HT", io::ErrorKind::Other, "it does not speak SOCKS 5"),
        (
            b"\x05\x00\x05\x05\x00\x01",
            io::ErrorKind::ConnectionRefused,
            "connection refused",
        ),
    ] {
        let outcome = text(answered(SOCKS, 3, answer).await);
        assert_eq!(outcome, (expected, format!("{socks}{reason}")));
    }
}

#[tokio::test(start_paused = true)]
async fn no_proxy_is_refused_and_a_silent_one_is_given_up() {
    let (_network, mut listener, proxy) = network("http://proxy.test:3128");
    let started = Instant::now();
    let endpoint = server();
    let silence = async {
        let _stream = accept(&mut listener).await;
        std::future::pending::<()>().await;
    };
    let (kind, said) = tokio::select! {
        biased;
        outcome = proxy.connect(&endpoint) => text(outcome),
        () = silence => unreachable!("it never ends"),
    };
    assert_eq!(kind, io::ErrorKind::TimedOut);
    assert!(said.starts_with("proxy http://proxy.test:3128, "), "{said}");
    assert!(started.elapsed() - HANDSHAKE_TIMEOUT < Duration::from_secs(1));

    drop(listener);
    let (kind, said) = text(proxy.connect(&endpoint).await);
    assert_eq!(kind, io::ErrorKind::ConnectionRefused);
    assert!(
        said.starts_with("proxy http://proxy.test:3128, connect to it: "),
        "{said}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_host_that_would_break_out_of_the_request_is_not_sent() {
    let (_network, _listener, proxy) = network("http://proxy.test:3128");
    for host in ["", "a b", "a\r\nX: y"] {
        let (kind, _) = text(proxy.connect(&Endpoint::new(host, 1)).await);
        assert_eq!(kind, io::ErrorKind::InvalidInput);
    }
}

#[test]
fn a_proxys_address_is_read_with_its_defaults_and_shown_without_its_password() {
    let table = [
        ("http://p", "http://p:80"),
        ("https://u:hunter2@p", "https://p:443"),
        ("socks5://u:hunter2@[fd00::7]", "socks5://[fd00::7]:1080"),
        ("SOCKS5://p:9/", "socks5://p:9"),
    ];
    for (url, shown) in table {
        let url = ProxyUrl::parse(url).unwrap();
        assert_eq!(url.to_string(), shown);
        assert!(!format!("{url:?}").contains("hunter2"));
    }
    for url in [
        "",
        "p:3128",
        "ftp://p",
        "http://",
        "http://u:hunter2@",
        "/p",
    ] {
        let error = ProxyUrl::parse(url).unwrap_err();
        assert!(!error.contains("hunter2"), "{url}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_password_keeps_what_is_no_pair_of_digits() {
    let (_network, mut listener, proxy) = network("http://me:50%+5%zz%2B@proxy.test:3128");
    let endpoint = server();
    tokio::select! {
        biased;
        _ = proxy.connect(&endpoint) => panic!("nobody answers"),
        head = async { read_head(&mut accept(&mut listener).await).await } => {
            // base64 of `me:50%+5%zz+`.
            assert!(head.contains("Basic bWU6NTAlKzUlenor\r\n"), "{head}");
        }
    }
}
