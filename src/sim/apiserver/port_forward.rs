//! Port-forwards over WebSocket: a pod's port as a stream of messages.
//!
//! Each message begins with the number of its channel: for the nth port that was asked for, 2n carries
//! bytes and 2n + 1 says what went wrong. The first message on each channel is the port's number, low
//! byte first.
//!
//! # Invariants
//! - When one end closes, the other is closed.
//!
//! # Source
//! kubelet `pkg/kubelet/cri/streaming/portforward/websocket.go`. What differs: one port a connection;
//! no SPDY, so not `kubectl port-forward`.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Sink, Stream};
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    UPGRADE,
};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::http::BoxStream;
use crate::sim::apiserver::PodPorts;
use crate::sim::apiserver::answer::{self, Answer};
use crate::sim::apiserver::target::Target;
use crate::sim::refusal::Refusal;
use crate::sim::request::Key;

const SUBPROTOCOL: &str = "v4.channel.k8s.io";
const DATA: u8 = 0;
const ERROR: u8 = 1;

/// The most bytes in one message.
const PART: usize = 32 << 10;

/// Says yes, and returns what is to be done once the client has heard it.
///
/// # Errors
/// It is not a WebSocket of ours, or there is no port.
pub(super) fn accept(
    ports: Arc<dyn PodPorts>,
    target: &Target,
    request: Request<Incoming>,
) -> Result<(Answer, impl Future<Output = ()> + use<>), Refusal> {
    let port = target
        .query
        .number("ports")?
        .and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or_else(|| Refusal::bad_request("query parameter \"ports\" is required"))?;
    let headers = request.headers();
    let offers = |name, wanted: &str| {
        let value = headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok());
        value.is_some_and(|value| {
            value
                .split(',')
                .any(|one| one.trim().eq_ignore_ascii_case(wanted))
        })
    };
    let key = headers.get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes);
    let (Some(key), true, true) = (
        key,
        offers(UPGRADE, "websocket"),
        offers(SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL),
    ) else {
        let message = format!("a WebSocket with the subprotocol {SUBPROTOCOL} is needed");
        return Err(Refusal::bad_request(message));
    };
    let accepted = HeaderValue::from_str(&derive_accept_key(key))
        .map_err(|_| Refusal::bad_request("the WebSocket key is none"))?;
    let mut answer = answer::typed(101, "text/plain", String::new());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.clear();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accepted);
    headers.insert(
        SEC_WEBSOCKET_PROTOCOL,
        HeaderValue::from_static(SUBPROTOCOL),
    );
    let pod = target.key();
    let upgrade = hyper::upgrade::on(request);
    Ok((answer, async move {
        // A client that left is no concern of ours.
        let _ = forward(ports, pod, port, upgrade).await;
    }))
}

async fn forward(
    ports: Arc<dyn PodPorts>,
    pod: Key,
    port: u16,
    upgrade: OnUpgrade,
) -> Result<(), Error> {
    let upgraded = upgrade
        .await
        .map_err(|error| Error::Io(io::Error::other(error)))?;
    let mut socket =
        WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    for channel in [DATA, ERROR] {
        send(&mut socket, channel, &port.to_le_bytes()).await?;
    }
    match ports.connect(&pod, port).await {
        Ok(stream) => exchange(&mut socket, stream).await?,
        Err(error) => {
            let words = format!(
                "error forwarding port {port} to pod {pod}: failed to connect to localhost:{port}: {}",
                if error.kind() == io::ErrorKind::ConnectionRefused {
                    "connection refused".to_owned()
                } else {
                    error.to_string()
                }
            );
            send(&mut socket, ERROR, words.as_bytes()).await?;
        }
    }
    close(&mut socket).await
}

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Carries bytes both ways until one side closes.
async fn exchange(socket: &mut Socket, stream: BoxStream) -> Result<(), Error> {
    let (mut reader, mut writer): (ReadHalf<BoxStream>, WriteHalf<BoxStream>) =
        tokio::io::split(stream);
    let mut part = vec![0; PART];
    loop {
        tokio::select! {
            biased;
            message = receive(socket) => match message {
                Some(Ok(Message::Binary(bytes))) if bytes.first() == Some(&DATA) => {
                    writer.write_all(&bytes[1..]).await.map_err(Error::Io)?;
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
                // Pings are answered by the WebSocket itself.
                Some(Ok(_)) => {}
            },
            read = reader.read(&mut part) => match read {
                Ok(0) | Err(_) => return Ok(()),
                Ok(length) => send(socket, DATA, &part[..length]).await?,
            },
        }
    }
}

async fn receive(socket: &mut Socket) -> Option<Result<Message, Error>> {
    std::future::poll_fn(|context| std::pin::Pin::new(&mut *socket).poll_next(context)).await
}

async fn send(socket: &mut Socket, channel: u8, bytes: &[u8]) -> Result<(), Error> {
    let mut message = Vec::with_capacity(bytes.len() + 1);
    message.push(channel);
    message.extend_from_slice(bytes);
    std::future::poll_fn(|context| std::pin::Pin::new(&mut *socket).poll_ready(context)).await?;
    std::pin::Pin::new(&mut *socket).start_send(Message::Binary(Bytes::from(message)))?;
    std::future::poll_fn(|context| std::pin::Pin::new(&mut *socket).poll_flush(context)).await
}

async fn close(socket: &mut Socket) -> Result<(), Error> {
    std::future::poll_fn(|context| std::pin::Pin::new(&mut *socket).poll_close(context)).await
}
