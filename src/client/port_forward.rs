//! A pod's port through the API server, as a byte stream.
//!
//! From outside the cluster a pod's address leads nowhere, but the API server can reach it. A
//! port-forward is a WebSocket to the server whose messages carry the bytes: the first byte of each is
//! the channel, 0 for data and 1 for the words of whoever could not connect. Over such a stream HTTP
//! works as over any other; so [`PodPort`] is a [`Transport`], and nobody above knows the difference.
//!
//! ```text
//!   HttpClient ──> PodPort ──WebSocket──> API server ──> kubelet ──> 127.0.0.1:port in the pod
//!
//!   message:  [channel] [bytes…]     the first one on each channel is the port, two bytes, low one first
//! ```
//!
//! # Invariants
//! - Data comes out in order and whole, however the messages cut it.
//! - What the server says on the error channel becomes an IO error with its text; a port that nobody
//!   listens on is [`io::ErrorKind::ConnectionRefused`], as over TCP.
//! - Shutting the stream down closes the WebSocket; nothing is half closed.
//! - No frame is logged. tungstenite would, at level trace; the feature `max_level_debug` of `log`
//!   (see Cargo.toml) takes those lines out when the program is built.
//!
//! # Example
//! ```no_run
//! # async fn example(client: bitcoin_controller::client::Client) -> Result<(), Box<dyn std::error::Error>> {
//! use bitcoin_controller::api::ObjectKey;
//! use bitcoin_controller::http::HttpClient;
//! use std::time::Duration;
//!
//! let pod = client.pod_transport(&ObjectKey::new("default", "alpha-sts-0"));
//! let http = HttpClient::plain(pod, Duration::from_secs(20));
//! # Ok(()) }
//! ```
//!
//! # Source
//! client-go `tools/portforward/portforward.go`; the frames are those of apimachinery
//! `pkg/util/httpstream/wsstream`, subprotocol `v4.channel.k8s.io`, measured on 1.34. What differs: no
//! SPDY, one port a connection, and no listening socket in between.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Sink, Stream};
use hyper::header::{
    ACCEPT, CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::upgrade::Upgraded;
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout_at;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as WebSocketError, Message};

use crate::api::ObjectKey;
use crate::api::core::Pod;
use crate::client::error::Error;
use crate::client::exchange::{Call, Exchange};
use crate::client::path::{self, Query};
use crate::http::{BoxFuture, BoxStream, Endpoint, Transport};

const SUBPROTOCOL: &str = "v4.channel.k8s.io";

/// The largest message that is accepted, in bytes; the server sends at most 32 KiB in one.
const MAX_MESSAGE: usize = 1 << 20;

/// How many bytes are sent in one message; as much as the server sends.
const PART: usize = 32 << 10;

/// How much of the server's words is kept, in characters.
const TEXT_LENGTH: usize = 512;

/// The ports of one pod, through the API server.
///
/// The host of an endpoint is ignored: a pod has no other.
#[derive(Clone)]
pub struct PodPort {
    exchange: Exchange,
    pod: ObjectKey,
}

impl PodPort {
    pub(crate) fn new(exchange: Exchange, pod: ObjectKey) -> Self {
        PodPort { exchange, pod }
    }
}

impl fmt::Debug for PodPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PodPort").field(&self.pod).finish()
    }
}

impl Transport for PodPort {
    fn connect<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, io::Result<BoxStream>> {
        Box::pin(async move {
            let opening = open(&self.exchange, &self.pod, endpoint.port);
            opening.await.map_err(|error| {
                let kind = if error.is_connection_refused() {
                    io::ErrorKind::ConnectionRefused
                } else if error.is_not_found() {
                    io::ErrorKind::NotFound
                } else if error.is_forbidden() {
                    io::ErrorKind::PermissionDenied
                } else if error.is_timeout() {
                    io::ErrorKind::TimedOut
                } else {
                    io::ErrorKind::Other
                };
                io::Error::new(kind, error)
            })
        })
    }
}

/// Opens a stream to `port` of `pod`. Whether somebody listens there shows when it is used.
pub(crate) async fn open(
    exchange: &Exchange,
    pod: &ObjectKey,
    port: u16,
) -> Result<BoxStream, Error> {
    let operation = format!("forward port {port} of pod `{pod}`");
    let key = generate_key();
    let call = call(operation.clone(), pod, port, &key)?;
    let answer = exchange.send(&call).await?;
    let refuse = |what: &str| Error::Protocol {
        operation: operation.clone(),
        what: what.to_owned(),
    };
    if answer.response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(refuse("the server does not switch to WebSocket"));
    }
    let headers = answer.response.headers();
    if text(headers, SEC_WEBSOCKET_ACCEPT) != Some(&derive_accept_key(key.as_bytes())) {
        return Err(refuse(
            "the server's WebSocket handshake is not for this request",
        ));
    }
    if text(headers, SEC_WEBSOCKET_PROTOCOL) != Some(SUBPROTOCOL) {
        return Err(refuse("the server does not speak v4.channel.k8s.io"));
    }
    let deadline = answer.deadline;
    let upgraded = timeout_at(deadline, hyper::upgrade::on(answer.response))
        .await
        .map_err(|_| refuse("the connection was not handed over in time"))?
        .map_err(|source| Error::Connection {
            operation: operation.clone(),
            source: source.into(),
        })?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    let socket =
        WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, Some(config));
    Ok(Box::new(Forwarded {
        socket: socket.await,
        channels_open: [false; 2],
        port,
        data: Bytes::new(),
        has_ended: false,
    }))
}

fn call(operation: String, pod: &ObjectKey, port: u16, key: &str) -> Result<Call, Error> {
    let path = path::object::<Pod>(pod, Some("portforward")).map_err(|what| Error::Request {
        operation: operation.clone(),
        what,
    })?;
    let query = Query::default().with("ports", &port.to_string());
    let path = format!("{path}{}", query.as_str());
    let mut call = Call::new(operation, "portforward", Method::GET, path);
    let key = HeaderValue::from_str(key).expect("base64 may stand in a header");
    call.headers = vec![
        // The kubelet has no JSON to give here, and answers 406 to who asks for nothing else.
        (ACCEPT, HeaderValue::from_static("*/*")),
        (CONNECTION, HeaderValue::from_static("Upgrade")),
        (UPGRADE, HeaderValue::from_static("websocket")),
        (SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")),
        (
            SEC_WEBSOCKET_PROTOCOL,
            HeaderValue::from_static(SUBPROTOCOL),
        ),
        (SEC_WEBSOCKET_KEY, key),
    ];
    call.max_retries = 0;
    Ok(call)
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// The bytes of one forwarded port.
struct Forwarded {
    socket: WebSocketStream<TokioIo<Upgraded>>,
    /// For data and for errors: whether the message with the port has come.
    channels_open: [bool; 2],
    port: u16,
    /// What has arrived and was not read yet.
    data: Bytes,
    has_ended: bool,
}

impl Forwarded {
    fn take(&mut self, message: Message) -> io::Result<()> {
        match message {
            Message::Binary(message) => self.take_bytes(message),
            Message::Close(_) => {
                self.has_ended = true;
                Ok(())
            }
            Message::Text(_) => Err(broken("a text message")),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(()),
        }
    }

    fn take_bytes(&mut self, mut message: Bytes) -> io::Result<()> {
        let number = message
            .try_get_u8()
            .map_err(|_| broken("an empty message"))?;
        let is_open = self
            .channels_open
            .get_mut(usize::from(number))
            .ok_or_else(|| broken("a message on a channel that does not exist"))?;
        if !std::mem::replace(is_open, true) {
            let is_port = *message == self.port.to_le_bytes();
            return if is_port {
                Ok(())
            } else {
                Err(broken("another port"))
            };
        }
        if message.is_empty() {
            return Ok(());
        }
        if number == 0 {
            self.data = message;
            return Ok(());
        }
        Err(far_error(&message))
    }
}

fn broken(what: &str) -> io::Error {
    let text = format!("port-forward broken: the server sent {what}");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// The server's words about why it does not reach the port.
fn far_error(message: &[u8]) -> io::Error {
    let spaced = |character: char| {
        if character.is_control() {
            ' '
        } else {
            character
        }
    };
    let text = String::from_utf8_lossy(message);
    let text: String = text.trim().chars().map(spaced).take(TEXT_LENGTH).collect();
    let kind = if text.contains("connection refused") {
        io::ErrorKind::ConnectionRefused
    } else {
        io::ErrorKind::Other
    };
    io::Error::new(
        kind,
        format!("port-forward failed, the server says: {text}"),
    )
}

fn io_error(error: WebSocketError) -> io::Error {
    match error {
        WebSocketError::Io(error) => error,
        WebSocketError::ConnectionClosed | WebSocketError::AlreadyClosed => {
            io::Error::from(io::ErrorKind::BrokenPipe)
        }
        WebSocketError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            io::Error::from(io::ErrorKind::UnexpectedEof)
        }
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    }
}

impl AsyncRead for Forwarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if !self.data.is_empty() {
                let length = self.data.len().min(buffer.remaining());
                buffer.put_slice(&self.data.split_to(length));
                return Poll::Ready(Ok(()));
            }
            if self.has_ended {
                return Poll::Ready(Ok(()));
            }
            match ready!(Pin::new(&mut self.socket).poll_next(context)) {
                Some(Ok(message)) => self.take(message)?,
                Some(Err(error)) => return Poll::Ready(Err(io_error(error))),
                None => self.has_ended = true,
            }
        }
    }
}

impl AsyncWrite for Forwarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut socket = Pin::new(&mut self.socket);
        ready!(socket.as_mut().poll_ready(context)).map_err(io_error)?;
        let part = &bytes[..bytes.len().min(PART)];
        let mut message = BytesMut::with_capacity(1 + part.len());
        message.extend_from_slice(&[0]);
        message.extend_from_slice(part);
        let message = Message::Binary(message.freeze());
        Poll::Ready(
            socket
                .start_send(message)
                .map(|()| part.len())
                .map_err(io_error),
        )
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket)
            .poll_flush(context)
            .map_err(io_error)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.socket).poll_close(context)) {
            // Closed already is as closed as it gets.
            Ok(()) | Err(WebSocketError::ConnectionClosed | WebSocketError::AlreadyClosed) => {
                Poll::Ready(Ok(()))
            }
            Err(error) => Poll::Ready(Err(io_error(error))),
        }
    }
}
