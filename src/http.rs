//! Byte streams and HTTP/1.1 over them: the one seam that tests swap.
//!
//! Everything that talks to the outside asks a [`Transport`] for a byte stream to an [`Endpoint`].
//! Production hands in [`Tcp`]; a test hands in a [`MemoryNetwork`], where both ends live in one
//! runtime and time can be paused; the client room adds one more, a pod's port through the API
//! server. HTTP is then the same code over each of them.
//!
//! ```text
//!   HttpClient ──> rustls (if a TLS configuration is given) ──> Transport ──> Tcp | MemoryNetwork | a pod's port
//!   Listener   <── Tcp | MemoryNetwork                          (the other end, for `sim`)
//! ```
//!
//! # Invariants
//! - A client with a TLS configuration speaks `https` only with it; nothing falls back to plain text.
//! - Every connection is HTTP/1.1, so a long watch never shares a flow-control window with a request.
//! - Nothing here has a deadline except connecting: callers know how long an answer may take.
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! use bitcoin_controller::http::{Endpoint, MemoryNetwork, Transport};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! let network = MemoryNetwork::default();
//! let mut listener = network.listen(Endpoint::new("node-0", 18443))?;
//! let mut near = network.connect(&Endpoint::new("node-0", 18443)).await?;
//! let (mut far, _peer) = listener.accept().await?;
//! near.write_all(b"ping").await?;
//! let mut bytes = [0; 4];
//! far.read_exact(&mut bytes).await?;
//! assert_eq!(&bytes, b"ping");
//! # Ok::<(), std::io::Error>(())
//! # })?;
//! # Ok::<(), std::io::Error>(())
//! ```

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::{Request, Response, Uri};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// A two-way stream of bytes: a socket, a pipe in memory, a forwarded port.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> ByteStream for T {}

/// Any byte stream.
pub type BoxStream = Box<dyn ByteStream>;

/// A boxed future, for traits that are used as objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where to connect to: a host name or bare address, and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// A name, an IPv4 address, or an IPv6 address without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl Endpoint {
    /// `host` may be an IPv6 address, with or without brackets.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        let host = host.into();
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        Endpoint {
            host: bare.map(str::to_owned).unwrap_or(host),
            port,
        }
    }
}

/// `host:port`, with brackets around an IPv6 address: the form of a URL's authority and of `addnode`.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Opens byte streams.
pub trait Transport: Send + Sync + 'static {
    /// Connects to `endpoint`.
    ///
    /// # Errors
    /// Whatever the network says; `ConnectionRefused` means that nothing listens there.
    ///
    /// # Cancel safety
    /// Dropping the future abandons the attempt; nothing is left open.
    fn connect<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, io::Result<BoxStream>>;
}

/// TCP to the machine's own network.
#[derive(Clone, Debug)]
pub struct Tcp {
    connect_timeout: Duration,
}

impl Tcp {
    /// Gives up connecting after `connect_timeout`.
    pub fn new(connect_timeout: Duration) -> Self {
        Tcp { connect_timeout }
    }
}

impl Transport for Tcp {
    fn connect<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, io::Result<BoxStream>> {
        Box::pin(async move {
            let connecting = TcpStream::connect((endpoint.host.as_str(), endpoint.port));
            let stream = tokio::time::timeout(self.connect_timeout, connecting)
                .await
                .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as BoxStream)
        })
    }
}

/// A network inside the process: endpoints that listen, and pipes between them.
///
/// An endpoint nobody listens on refuses the connection, as TCP does. Clones are the same network.
#[derive(Clone, Debug, Default)]
pub struct MemoryNetwork {
    listening: Arc<Mutex<HashMap<Endpoint, mpsc::Sender<Pipe>>>>,
}

type Pipe = tokio::io::DuplexStream;

/// What one pipe holds before its writer has to wait, in bytes; about a socket's buffer.
const PIPE_BYTES: usize = 64 * 1024;

/// How many connections may wait to be accepted; about a socket's backlog.
const BACKLOG: usize = 128;

impl MemoryNetwork {
    /// Starts listening on `endpoint`, until the listener is dropped.
    ///
    /// # Errors
    /// `AddrInUse` if somebody listens there already.
    pub fn listen(&self, endpoint: Endpoint) -> io::Result<MemoryListener> {
        let mut listening = self
            .listening
            .lock()
            .expect("no holder of the endpoints panics");
        if listening
            .get(&endpoint)
            .is_some_and(|sender| !sender.is_closed())
        {
            return Err(io::Error::from(io::ErrorKind::AddrInUse));
        }
        let (sender, receiver) = mpsc::channel(BACKLOG);
        listening.insert(endpoint, sender);
        Ok(MemoryListener { receiver })
    }
}

impl Transport for MemoryNetwork {
    fn connect<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, io::Result<BoxStream>> {
        Box::pin(async move {
            let listener = {
                let listening = self
                    .listening
                    .lock()
                    .expect("no holder of the endpoints panics");
                listening.get(endpoint).cloned()
            };
            let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
            let listener = listener.ok_or_else(refused)?;
            let (near, far) = tokio::io::duplex(PIPE_BYTES);
            listener.send(far).await.map_err(|_| refused())?;
            Ok(Box::new(near) as BoxStream)
        })
    }
}

/// The listening end of one endpoint of a [`MemoryNetwork`].
#[derive(Debug)]
pub struct MemoryListener {
    receiver: mpsc::Receiver<Pipe>,
}

impl MemoryListener {
    /// Waits for the next connection; the second part names the peer.
    ///
    /// # Errors
    /// None today; the signature is that of TCP.
    ///
    /// # Cancel safety
    /// Safe: a connection that was not returned stays in the backlog.
    pub async fn accept(&mut self) -> io::Result<(BoxStream, String)> {
        match self.receiver.recv().await {
            Some(stream) => Ok((Box::new(stream), "memory".to_owned())),
            // The network holds a sender for as long as it lives.
            None => std::future::pending().await,
        }
    }
}

/// Something that accepts connections: a TCP socket or an endpoint in memory.
#[derive(Debug)]
pub enum Listener {
    /// A TCP socket.
    Tcp(TcpListener),
    /// An endpoint of a [`MemoryNetwork`].
    Memory(MemoryListener),
}

impl Listener {
    /// Waits for the next connection; the second part names the peer.
    ///
    /// # Errors
    /// What the socket says, such as too many open files: wait a little and accept again.
    ///
    /// # Cancel safety
    /// Safe: no connection is lost.
    pub async fn accept(&mut self) -> io::Result<(BoxStream, String)> {
        match self {
            Listener::Memory(listener) => listener.accept().await,
            Listener::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok((Box::new(stream), peer.to_string()))
            }
        }
    }
}

/// A request's body: bytes that are there already, so that it can be sent again.
pub type Body = Full<Bytes>;

/// An HTTP/1.1 client with a pool of connections, over any [`Transport`]. Clones share the pool.
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
    /// A client for `http` addresses.
    pub fn plain(transport: Arc<dyn Transport>, idle_timeout: Duration) -> Self {
        let roots = rustls::RootCertStore::empty();
        let tls = tls_versions()
            .with_root_certificates(roots)
            .with_no_client_auth();
        HttpClient::build(transport, tls, None, idle_timeout)
    }

    /// A client for `https` addresses; `server_name` overrides the name that is asked for and verified.
    pub fn tls(
        transport: Arc<dyn Transport>,
        tls: rustls::ClientConfig,
        server_name: Option<ServerName<'static>>,
        idle_timeout: Duration,
    ) -> Self {
        HttpClient::build(transport, tls, server_name, idle_timeout)
    }

    fn build(
        transport: Arc<dyn Transport>,
        tls: rustls::ClientConfig,
        server_name: Option<ServerName<'static>>,
        idle_timeout: Duration,
    ) -> Self {
        let mut connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http();
        if let Some(name) = server_name {
            connector = connector.with_server_name_resolver(FixedServerNameResolver::new(name));
        }
        let connector = connector
            .enable_http1()
            .wrap_connector(Connector(transport));
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(idle_timeout)
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
pub async fn read_body(body: Incoming, limit: usize) -> Result<Bytes, Error> {
    match Limited::new(body, limit).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) => Err(Error(error)),
    }
}

/// Why a connection or an exchange on it failed. Callers ask questions; the text has the causes.
#[derive(Debug)]
pub struct Error(Box<dyn StdError + Send + Sync>);

impl From<hyper::Error> for Error {
    fn from(error: hyper::Error) -> Self {
        Error(Box::new(error))
    }
}

impl Error {
    /// Nothing listens there: the request was certainly not seen.
    pub fn is_connection_refused(&self) -> bool {
        self.io_kind() == Some(io::ErrorKind::ConnectionRefused)
    }

    /// The connection ended in the middle: reset, broken, or closed before a whole answer.
    pub fn is_connection_lost(&self) -> bool {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        let by_kind = matches!(
            self.io_kind(),
            Some(BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
        );
        by_kind
            || self.sources().any(|source| {
                source
                    .downcast_ref::<hyper::Error>()
                    .is_some_and(hyper::Error::is_incomplete_message)
            })
    }

    /// The body was larger than it may be.
    pub fn is_too_large(&self) -> bool {
        self.sources()
            .any(|source| source.is::<http_body_util::LengthLimitError>())
    }

    fn io_kind(&self) -> Option<io::ErrorKind> {
        self.sources()
            .find_map(|source| source.downcast_ref::<io::Error>())
            .map(io::Error::kind)
    }

    fn sources(&self) -> impl Iterator<Item = &(dyn StdError + 'static)> {
        let first: &(dyn StdError + 'static) = self.0.as_ref();
        std::iter::successors(Some(first), |error| StdError::source(*error))
    }
}

/// The innermost cause: the outer ones only say "client error (Connect)".
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sources().last() {
            Some(innermost) => write!(f, "{innermost}"),
            None => f.write_str("unknown network error"),
        }
    }
}

impl StdError for Error {}

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

/// A byte stream in hyper's clothes; one HTTP/1.1 connection.
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
