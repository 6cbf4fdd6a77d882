//! A pod's port through a server that forwards, refuses, or breaks.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::client::{Client, Config};
use bitcoin_controller::http::{BoxStream, Endpoint, HttpClient, MemoryNetwork, read_body};
use futures_util::{SinkExt, StreamExt};
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;

use super::chain;
use super::server::{Reply, Server};

const PORT: u16 = 18443;

type Socket = WebSocketStream<BoxStream>;

/// An API server that forwards a port to `pod`, a few lines that play the pod.
fn forwarding<F, P>(pod: P) -> (Client, JoinSet<()>)
where
    F: Future<Output = ()> + Send + 'static,
    P: Fn(Socket) -> F + Send + 'static,
{
    let network = MemoryNetwork::default();
    let mut listener = network.listen(Endpoint::new("api", 80)).unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut pods = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let socket = tokio_tungstenite::accept_hdr_async(stream, agree)
                .await
                .unwrap();
            pods.spawn(pod(socket));
        }
    });
    let client = Client::new(Config::plain("http://api").unwrap(), Arc::new(network)).unwrap();
    (client, tasks)
}

#[allow(clippy::result_large_err, reason = "the signature is tungstenite's")]
fn agree(
    request: &Request,
    mut response: Response,
) -> Result<Response, tokio_tungstenite::tungstenite::handshake::server::ErrorResponse> {
    let uri = request.uri().to_string();
    assert_eq!(uri, "/api/v1/namespaces/x/pods/a/portforward?ports=18443");
    let protocol = "v4.channel.k8s.io";
    assert_eq!(request.headers()["sec-websocket-protocol"], protocol);
    let protocol = HeaderValue::from_static(protocol);
    response
        .headers_mut()
        .insert("sec-websocket-protocol", protocol);
    Ok(response)
}

async fn send(socket: &mut Socket, channel: u8, bytes: &[u8]) {
    let message = [&[channel], bytes].concat();
    socket.send(Message::binary(message)).await.unwrap();
}

/// What the server says first: each channel's port.
async fn open(socket: &mut Socket) {
    for channel in [0, 1] {
        send(socket, channel, &PORT.to_le_bytes()).await;
    }
}

/// The next data the client sends; `None`: it has closed.
async fn receive(socket: &mut Socket) -> Option<Vec<u8>> {
    loop {
        match socket.next().await?.ok()? {
            Message::Binary(message) => {
                assert_eq!(message[0], 0);
                return Some(message[1..].to_vec());
            }
            Message::Close(_) => return None,
            _ => {}
        }
    }
}

async fn forward(client: &Client) -> BoxStream {
    let stream = client.port_forward(&ObjectKey::new("x", "a"), PORT).await;
    stream.map_err(|error| chain(&error)).unwrap()
}

/// What reading brings until the end, or the error.
async fn read_all(mut stream: BoxStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    Ok(bytes)
}

#[tokio::test(start_paused = true)]
async fn bytes_come_out_in_order_and_whole_however_the_messages_cut_them() {
    let (client, _tasks) = forwarding(async |mut socket: Socket| {
        open(&mut socket).await;
        for part in [&b"one "[..], b"", b"t", b"wo ", &[b'x'; 40_000]] {
            send(&mut socket, 0, part).await;
            socket.send(Message::Ping("hello".into())).await.unwrap();
        }
        socket.close(None).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    });
    let expected = [&b"one two "[..], &[b'x'; 40_000]].concat();
    assert_eq!(read_all(forward(&client).await).await.unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn large_writes_arrive_whole_and_shutting_down_closes_cleanly() {
    let (sender, received) = tokio::sync::oneshot::channel();
    let sender = Arc::new(std::sync::Mutex::new(Some(sender)));
    let (client, _tasks) = forwarding(move |mut socket: Socket| {
        let sender = sender.lock().unwrap().take().unwrap();
        async move {
            open(&mut socket).await;
            let mut all = Vec::new();
            while let Some(part) = receive(&mut socket).await {
                assert!(part.len() <= 32 << 10);
                all.extend_from_slice(&part);
            }
            sender.send(all).unwrap();
        }
    });
    let sent: Vec<u8> = (0..1_000_000_u32)
        .map(|number| (number % 251) as u8)
        .collect();
    let mut stream = forward(&client).await;
    stream.write_all(&sent).await.unwrap();
    stream.flush().await.unwrap();
    stream.shutdown().await.unwrap();
    assert!(received.await.unwrap() == sent);
}

/// Two requests on one connection through the API server, as a node's RPC is used.
#[tokio::test(start_paused = true)]
async fn http_works_over_a_pods_port() {
    let (client, _tasks) = forwarding(async |mut socket: Socket| {
        open(&mut socket).await;
        for number in ["1", "2"] {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.extend(receive(&mut socket).await.unwrap());
            }
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{number}");
            send(&mut socket, 0, answer.as_bytes()).await;
        }
        std::future::pending::<()>().await;
    });
    let pod = client.pod_transport(&ObjectKey::new("x", "a"));
    let http = HttpClient::plain(pod, Duration::from_secs(20));
    for number in ["1", "2"] {
        let request = hyper::Request::get("http://whatever:18443/")
            .body(Full::default())
            .unwrap();
        let response = http.send(request).await.unwrap();
        let body = read_body(response.into_body(), 10).await.unwrap();
        assert_eq!(body, number);
    }
}

/// The bytes of an RPC hold its password, and tungstenite logs frames at level trace.
#[test]
fn frames_cannot_be_logged() {
    assert_eq!(log::STATIC_MAX_LEVEL, log::LevelFilter::Debug);
}

#[tokio::test(start_paused = true)]
async fn what_the_far_end_says_becomes_the_error() {
    let cases = [
        (
            "error forwarding port 18443 to pod a: dial tcp4 127.0.0.1:18443: connect: connection refused\n",
            io::ErrorKind::ConnectionRefused,
        ),
        ("pod is\x07 gone", io::ErrorKind::Other),
    ];
    for (text, kind) in cases {
        let (client, _tasks) = forwarding(async move |mut socket: Socket| {
            open(&mut socket).await;
            send(&mut socket, 1, b"").await;
            send(&mut socket, 1, text.as_bytes()).await;
        });
        let error = read_all(forward(&client).await).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        let said = text.trim().replace('\x07', " ");
        assert_eq!(
            error.to_string(),
            format!("port-forward failed, the server says: {said}")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn messages_out_of_order_are_errors_and_never_data() {
    let first: [&[&[u8]]; 6] = [
        &[b""],
        &[&[0, 1, 2]],
        &[&[0], &[0, b'x']],
        &[&[2, 0x0b, 0x48]],
        &[&[0, 0x0b, 0x48], &[7, b'x']],
        &[b"\x00\x0b\x48x"],
    ];
    for messages in first {
        let owned: Vec<Vec<u8>> = messages.iter().map(|message| message.to_vec()).collect();
        let (client, _tasks) = forwarding(move |mut socket: Socket| {
            let owned = owned.clone();
            async move {
                for message in owned {
                    socket.send(Message::binary(message)).await.unwrap();
                }
                std::future::pending::<()>().await;
            }
        });
        let error = read_all(forward(&client).await).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{messages:?}");
    }
    let (client, _tasks) = forwarding(async |mut socket: Socket| {
        socket.send(Message::text("hello")).await.unwrap();
    });
    let error = read_all(forward(&client).await).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_is_an_error_and_not_an_end() {
    let (client, _tasks) = forwarding(async |mut socket: Socket| {
        open(&mut socket).await;
        send(&mut socket, 0, b"half").await;
    });
    let error = read_all(forward(&client).await).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_or_does_not_switch_is_an_error() {
    let status =
        r#"{"kind":"Status","status":"Failure","reason":"Forbidden","message":"no","code":403}"#;
    let odd = Reply::new(101, "upgrade: websocket\r\nconnection: upgrade\r\n", "");
    let server = Server::start([Reply::new(403, "", status), Reply::ok("{}"), odd]);
    let client = server.client();
    let pod = ObjectKey::new("x", "a");
    let forward = async || client.port_forward(&pod, PORT).await.err().unwrap();
    let error = forward().await;
    assert!(error.is_forbidden());
    assert_eq!(
        error.to_string(),
        "failed to forward port 18443 of pod `x/a`: the server answered 403 Forbidden: no"
    );
    for text in ["does not switch", "is not for this request"] {
        let error = forward().await.to_string();
        assert!(error.contains(text), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_not_there_keeps_its_kind_of_error() {
    let cases = [
        (404, io::ErrorKind::NotFound),
        (403, io::ErrorKind::PermissionDenied),
        (504, io::ErrorKind::TimedOut),
        (500, io::ErrorKind::Other),
    ];
    for (code, kind) in cases {
        let server = Server::start([Reply::new(code, "", "")]);
        let pod = server.client().pod_transport(&ObjectKey::new("x", "a"));
        let error = pod
            .connect(&Endpoint::new("ignored", PORT))
            .await
            .err()
            .unwrap();
        assert_eq!(error.kind(), kind);
    }
}
