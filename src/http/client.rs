//! HTTP over byte streams: a pool of connections to be asked, and one connection to be listened to.
//!
//! Requests and watches want different things of a connection, so there are two kinds of client.
//!
//! *Requests* speak HTTP/1.1, one at a time on each connection. An answer of a hundred megabytes then
//! never stands in the way of a small write; a connection that dies takes one request with it, which has
//! a deadline anyway; and a connection can be upgraded, which a port-forward needs and HTTP/2 cannot.
//!
//! *Watches* say nothing for minutes, and a dead connection looks just the same. So where TLS lets the
//! two ends agree on it they speak HTTP/2, which has pings: what has been silent for [`PING_AFTER`] is
//! asked for a sign of life and ends if there is none within [`PONG_WITHIN`]. All watches share one
//! connection. That must not make them wait for each other: each stream has a window of its own
//! ([`STREAM_WINDOW`]), and the one they share is as large as there can be, so it never closes.
//! A server without HTTP/2 gets HTTP/1.1 by the same agreement, and the socket's own probes
//! ([transport](crate::http::transport)) stand in for pings.
//!
//! # Invariants
//! - A client with a TLS configuration speaks `https` only with it; nothing falls back to plain text.
//! - A stream that nobody reads holds up to [`STREAM_WINDOW`] bytes, and no other stream.
//! - Nothing here has a deadline but pings: callers know how long an answer may take.
//!
//! # Example
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use bitcoin_controller::http::{Body, HttpClient, Tcp, read_body};
//! use std::{sync::Arc, time::Duration};
//!
//! let tcp = Arc::new(Tcp::new(Duration::from_secs(10)));
//! let client = HttpClient::plain(tcp, Duration::from_secs(90));
//! let request = hyper::Request::get("http://127.0.0.1:8001/version").body(Body::default())?;
//! let answer = client.send(request).await?;
//! println!("{:?}", read_body(answer.into_body(), 4_096).await?);
//! # Ok(()) }
//! ```
//!
//! # Source
//! client-go `transport/cache.go`, apimachinery `pkg/util/net/http.go` (`readIdleTimeoutSeconds`,
//! `pingTimeoutSeconds`). What differs: client-go speaks HTTP/2 for everything, so all a program does
//! shares one connection's fate and windows.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::{Request, Response, Uri};
use hyper_rustls::builderstates::WantsProtocols1;
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;

use crate::http::error::Error;
use crate::http::transport::{BoxFuture, BoxStream, Endpoint, Transport};

/// A request's body: bytes that are there already, so that it can be sent again.
pub type Body = Full<Bytes>;

/// A client with a pool of connections, over any [`Transport`]. Clones share the pool.
#[derive(Clone)]
pub struct HttpClient {
    client: legacy::Client<HttpsConnector<Connector>, Body>,
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpClient")
    }
}

impl HttpClient {
    /// A client for `http` addresses, by HTTP/1.1.
    pub fn plain(transport: Arc<dyn Transport>, idle_timeout: Duration) -> Self {
        let roots = rustls::RootCertStore::empty();
        let trusts_nobody = tls_versions()
            .with_root_certificates(roots)
            .with_no_client_auth();
        HttpClient::tls(transport, trusts_nobody, None, idle_timeout)
    }

    /// A client for `https` addresses, by HTTP/1.1; `server_name` overrides the name that is asked for
    /// and verified.
    pub fn tls(
        transport: Arc<dyn Transport>,
        tls: rustls::ClientConfig,
        server_name: Option<ServerName<'static>>,
        idle_timeout: Duration,
    ) -> Self {
        let connector = connector(tls, server_name)
            .enable_http1()
            .wrap_connector(Connector(transport));
        HttpClient::over(connector, idle_timeout)
    }

    /// As [`tls`](Self::tls), by HTTP/2 if the server has it: for long answers on a connection that
    /// looks after itself.
    pub fn listening(
        transport: Arc<dyn Transport>,
        tls: rustls::ClientConfig,
        server_name: Option<ServerName<'static>>,
        idle_timeout: Duration,
    ) -> Self {
        let connector = connector(tls, server_name)
            .enable_http1()
            .enable_http2()
            .wrap_connector(Connector(transport));
        HttpClient::over(connector, idle_timeout)
    }

    fn over(connector: HttpsConnector<Connector>, idle_timeout: Duration) -> Self {
        let client = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(idle_timeout)
            .http1_max_buf_size(READ_BUFFER)
            .http2_initial_stream_window_size(STREAM_WINDOW)
            .http2_initial_connection_window_size(LARGEST_WINDOW)
            .http2_keep_alive_interval(PING_AFTER)
            .http2_keep_alive_timeout(PONG_WITHIN)
            .http2_keep_alive_while_idle(true)
            .build(connector);
        HttpClient { client }
    }

    /// Sends `request` and waits for the head of the answer.
    ///
    /// # Errors
    /// The connection could not be made, or broke before an answer came.
    ///
    /// # Cancel safety
    /// Dropping the future closes the connection; whether the server acted on the request is not known.
    pub async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>, Error> {
        self.client
            .request(request)
            .await
            .map_err(|error| Error(Box::new(error)))
    }
}

/// How long an HTTP/2 connection may be silent before it is asked for a sign of life; as in client-go.
pub const PING_AFTER: Duration = Duration::from_secs(30);

/// How long it has to give one; as in client-go.
pub const PONG_WITHIN: Duration = Duration::from_secs(15);

/// How many bytes of one HTTP/2 stream may wait for their reader: an ordinary object, many times.
pub const STREAM_WINDOW: u32 = 1 << 20;

/// How many bytes of an HTTP/1.1 answer are read ahead of whoever reads it, its head included. hyper's own
/// 400 KiB are, twice over, a measurable part of a small cache.
pub const READ_BUFFER: usize = 128 << 10;

/// The largest window of HTTP/2 (RFC 9113, 6.9.1).
const LARGEST_WINDOW: u32 = (1 << 31) - 1;

fn connector(
    tls: rustls::ClientConfig,
    server_name: Option<ServerName<'static>>,
) -> HttpsConnectorBuilder<WantsProtocols1> {
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http();
    match server_name {
        Some(name) => connector.with_server_name_resolver(FixedServerNameResolver::new(name)),
        None => connector,
    }
}

/// Starts a TLS client configuration with the one cryptography provider this crate uses.
pub fn tls_versions() -> rustls::ConfigBuilder<rustls::ClientConfig, rustls::WantsVerifier> {
    rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports TLS 1.2 and 1.3")
}

/// Reads a whole body of at most `limit` bytes.
///
/// # Errors
/// The connection broke, or the body is larger ([`Error::is_too_large`]).
///
/// # Cancel safety
/// What has been read is lost with the future, and so is the rest of the body.
pub async fn read_body(body: Incoming, limit: usize) -> Result<Bytes, Error> {
    match Limited::new(body, limit).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) => Err(Error(error)),
    }
}

/// hyper's connector over a [`Transport`].
#[derive(Clone)]
struct Connector(Arc<dyn Transport>);

impl tower_service::Service<Uri> for Connector {
    type Response = Stream;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Stream>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let transport = Arc::clone(&self.0);
        Box::pin(async move {
            let host = uri
                .host()
                .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
            let default_port = if uri.scheme_str() == Some("https") {
                443
            } else {
                80
            };
            let endpoint = Endpoint::new(host, uri.port_u16().unwrap_or(default_port));
            Ok(Stream(TokioIo::new(transport.connect(&endpoint).await?)))
        })
    }
}

/// A byte stream in hyper's clothes.
struct Stream(TokioIo<BoxStream>);

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
