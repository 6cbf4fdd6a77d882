//! Byte streams: who listens, who connects, and what a socket is told before it is used.
//!
//! A connection whose other end has vanished without a word (a node that lost its power, a firewall
//! that forgot) looks like one on which nothing happens. A client that only reads, as a watch does,
//! would wait for the kernel's patience, which is hours. So a TCP connection is asked to look after
//! itself: an idle one is probed, and bytes that nobody acknowledges end it.
//!
//! # Invariants
//! - Connecting over TCP has a deadline; nothing else here has.
//! - A TCP connection whose other end has vanished fails within [`UNACKNOWLEDGED`], used or idle.
//!
//! # Example
//! ```
//! use bitcoin_controller::http::Endpoint;
//! assert_eq!(Endpoint::new("fd00::7", 18443).to_string(), "[fd00::7]:18443");
//! assert_eq!(Endpoint::new("[fd00::7]", 18443), Endpoint::new("fd00::7", 18443));
//! ```
//!
//! # Source
//! client-go `rest/transport.go`, `transport/cache.go` (its dialer: timeout and keep-alive 30 s). What
//! differs: Go sets no limit to unacknowledged bytes.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use crate::http::memory::MemoryListener;

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
            if let Err(error) = notice_a_dead_peer(&SockRef::from(&stream)) {
                // A system without one of these is no reason not to connect.
                tracing::debug!(%error, "socket not told to look after itself");
            }
            Ok(Box::new(stream) as BoxStream)
        })
    }
}

/// A connection on which nothing is heard is probed after this time…
const IDLE: Duration = Duration::from_secs(30);

/// …this often…
const PROBE_INTERVAL: Duration = Duration::from_secs(5);

/// …and this many times.
const PROBES: u32 = 3;

/// How long bytes, or probes, may go unacknowledged: as long as an idle connection has with all its
/// probes. client-go's HTTP/2 pings take as long.
pub const UNACKNOWLEDGED: Duration = Duration::from_secs(45);

fn notice_a_dead_peer(socket: &SockRef<'_>) -> io::Result<()> {
    let probes = TcpKeepalive::new()
        .with_time(IDLE)
        .with_interval(PROBE_INTERVAL)
        .with_retries(PROBES);
    socket.set_tcp_keepalive(&probes)?;
    // Probes are for a silent connection only: on one with bytes on the way the kernel would send
    // those again for a quarter of an hour. Other systems have no such setting.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
    Ok(())
}

/// Something that accepts connections: a TCP socket or an endpoint in memory.
#[derive(Debug)]
pub enum Listener {
    /// A TCP socket.
    Tcp(TcpListener),
    /// An endpoint of a [`MemoryNetwork`](crate::http::MemoryNetwork).
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
