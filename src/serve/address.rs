//! Where to listen: `[HOST]:PORT`, and what no host means.
//!
//! `:8080` is every address of the machine. On a cluster with two families of addresses a probe may come
//! over either, so one socket takes both: an IPv6 socket that is told not to mind IPv4. A kernel without
//! IPv6 says so, and then IPv4 is all there is.
//!
//! # Invariants
//! - A text that is no address is refused by what is wrong with it, before anything is bound.
//!
//! # Example
//! ```
//! use bitcoin_controller::serve::ListenAddress;
//!
//! for good in [":8080", "127.0.0.1:8080", "[::1]:0", "localhost:9"] {
//!     assert_eq!(good.parse::<ListenAddress>()?.to_string(), good);
//! }
//! assert!("8080".parse::<ListenAddress>().is_err());
//! assert!("::1:8080".parse::<ListenAddress>().is_err());
//! # Ok::<(), String>(())
//! ```
//!
//! # Source
//! Go `net/dial.go` and `net/ipsock_posix.go` (`favoriteAddrFamily`), whose `:8080` this is.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::TcpListener;

/// A host, or all addresses, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    /// A name or a bare address; `None`: all addresses.
    host: Option<String>,
    /// 0: whichever is free.
    port: u16,
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, port) = text
            .rsplit_once(':')
            .ok_or("it is [HOST]:PORT, such as :8080 or 127.0.0.1:8080")?;
        let port = port
            .parse()
            .map_err(|_| format!("`{port}` is no port: a number up to 65535"))?;
        let in_brackets = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let host = match in_brackets {
            Some(address) if address.parse::<Ipv6Addr>().is_ok() => Some(address),
            Some(address) => return Err(format!("`{address}` is no IPv6 address")),
            None if host.is_empty() => None,
            None if host.contains([':', '[', ']']) => {
                return Err("an IPv6 address is in brackets, such as [::1]:8080".to_owned());
            }
            None if host.contains(|letter: char| letter.is_whitespace() || letter == '/') => {
                return Err(format!("`{host}` is no host"));
            }
            None => Some(host),
        };
        Ok(ListenAddress {
            host: host.map(str::to_owned),
            port,
        })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Some(host) if host.contains(':') => write!(f, "[{host}]:{}", self.port),
            Some(host) => write!(f, "{host}:{}", self.port),
            None => write!(f, ":{}", self.port),
        }
    }
}

impl ListenAddress {
    /// Begins to listen.
    ///
    /// # Errors
    /// The port is taken, the host is not ours, or its name leads nowhere.
    ///
    /// # Cancel safety
    /// Safe: nothing is left open.
    pub async fn bind(&self) -> Result<TcpListener, BindError> {
        let bound = match &self.host {
            Some(host) => TcpListener::bind((host.as_str(), self.port)).await,
            None => self.bind_everywhere(),
        };
        bound.map_err(|source| BindError {
            address: self.clone(),
            source,
        })
    }

    fn bind_everywhere(&self) -> io::Result<TcpListener> {
        let everywhere = |ip: IpAddr| SocketAddr::new(ip, self.port);
        // Only making an IPv6 socket fails for want of IPv6; binding it may fail for that, or for good.
        match listen(everywhere(Ipv6Addr::UNSPECIFIED.into())) {
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                listen(everywhere(Ipv4Addr::UNSPECIFIED.into()))
            }
            bound => bound,
        }
    }
}

/// Listens on an address, and on its IPv4 likeness if it is the one of all.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // A process that has just ended must not stand in the way of the next.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// How many connections the kernel keeps until they are accepted.
const BACKLOG: i32 = 128;

/// Nobody can be listened to at an address.
#[derive(Debug)]
pub struct BindError {
    address: ListenAddress,
    source: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on `{}`", self.address)
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
