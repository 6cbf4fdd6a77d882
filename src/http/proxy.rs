//! Reaching a server through somebody on the way: HTTP CONNECT, and SOCKS 5.
//!
//! Both say the same in two languages: "connect me to this host and port, and then get out of the way".
//! After that the stream is as good as one to the server itself; TLS to the server runs inside it, so
//! the proxy sees where we go and not what we say. A proxy is therefore a [`Transport`] over another
//! one. An `https` proxy is spoken to over TLS, too.
//!
//! ```text
//!   we ──TCP──> proxy:  CONNECT kube.test:6443 HTTP/1.1        or   05 01 00  05 01 00 03 09 kube.test 19 2b
//!              proxy ──TCP──> kube.test:6443
//!   we <─────────────── bytes of the connection, as they are ───────────────> kube.test:6443
//! ```
//!
//! # Invariants
//! - Names are looked up by the proxy: behind it there may be names that we cannot see.
//! - Not one byte beyond the proxy's own answer is read: the rest is the server's.
//! - Errors name the proxy's host and the step; login and password appear nowhere, not in `Debug` either.
//! - The handshake has a deadline ([`HANDSHAKE_TIMEOUT`]).
//!
//! # Example
//! ```
//! use bitcoin_controller::http::proxy::ProxyUrl;
//! let url = ProxyUrl::parse("http://me:hunter2@proxy.test:3128").unwrap();
//! assert_eq!(url.to_string(), "http://proxy.test:3128");
//! assert!(!format!("{url:?}").contains("hunter2"));
//! assert!(ProxyUrl::parse("ftp://proxy.test").is_err());
//! ```
//!
//! # Source
//! RFC 9110 9.3.6 (CONNECT), RFC 1928 and 1929 (SOCKS 5 and its password); Go `net/http/transport.go`
//! (`dialConn`). What differs: a server with a plain `http` address is reached by CONNECT, too (Go sends
//! the request itself to the proxy), so there is one way through and not two.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::Uri;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use crate::http::transport::{BoxFuture, BoxStream, Endpoint, Transport};

/// How long a proxy may take to connect us, once it is reached itself.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest head of an answer to CONNECT, in bytes.
const MAX_HEAD: usize = 8 << 10;

/// Where a proxy is, which language it speaks, and who we are to it.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl {
    scheme: Scheme,
    endpoint: Endpoint,
    login: Option<Login>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
    Socks5,
}

#[derive(Clone, PartialEq, Eq)]
struct Login {
    user: String,
    password: String,
}

impl ProxyUrl {
    /// Reads `scheme://[user[:password]@]host[:port]`; the scheme is `http`, `https` or `socks5`.
    ///
    /// # Errors
    /// What is wrong with it. The text never quotes the URL, which may hold a password.
    pub fn parse(url: &str) -> Result<Self, &'static str> {
        let uri: Uri = url.parse().map_err(|_| "the proxy's address is no URL")?;
        let scheme = uri.scheme_str().map(str::to_ascii_lowercase);
        let (scheme, port) = match scheme.as_deref() {
            Some("http") => (Scheme::Http, 80),
            Some("https") => (Scheme::Https, 443),
            // With an h, as in curl: names are looked up there. Here they always are.
            Some("socks5" | "socks5h") => (Scheme::Socks5, 1080),
            _ => return Err("the proxy's address begins with none of http, https, socks5"),
        };
        let authority = uri.authority().ok_or("the proxy's address has no host")?;
        let login = authority.as_str().rsplit_once('@').map(|(login, _)| {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            Login {
                user: percent_decoded(user),
                password: percent_decoded(password),
            }
        });
        Ok(ProxyUrl {
            scheme,
            endpoint: Endpoint::new(authority.host(), authority.port_u16().unwrap_or(port)),
            login,
        })
    }

    /// Whether the proxy itself is spoken to over TLS.
    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::Https
    }
}

/// Without login and password.
impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::Socks5 => "socks5",
        };
        write!(f, "{scheme}://{}", self.endpoint)
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let login = self.login.as_ref().map(|_| "(hidden)");
        write!(f, "ProxyUrl({self}, login: {login:?})")
    }
}

/// `%40` is `@`; what is no such pair stays as it is.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let pair = after
            .get(..2)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        let byte = pair
            // Of a sign, which the next line would take, a pair has none.
            .filter(|pair| first == b'%' && !pair.starts_with('+'))
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Connects through a proxy.
#[derive(Clone)]
pub struct Proxy {
    url: ProxyUrl,
    transport: Arc<dyn Transport>,
    tls: Option<TlsConnector>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Proxy").field(&self.url).finish()
    }
}

impl Proxy {
    /// The proxy at `url`, reached by `transport`.
    ///
    /// `tls` says whom an `https` proxy must be certified by; the others do not use it, and without it
    /// an `https` proxy cannot be connected to.
    pub fn new(
        url: ProxyUrl,
        transport: Arc<dyn Transport>,
        tls: Option<rustls::ClientConfig>,
    ) -> Self {
        Proxy {
            url,
            transport,
            tls: tls.map(|config| TlsConnector::from(Arc::new(config))),
        }
    }

    /// A stream to the proxy itself.
    async fn reach(&self) -> io::Result<BoxStream> {
        let stream = self.transport.connect(&self.url.endpoint).await;
        stream.map_err(|error| self.failed("connect to it", &error))
    }

    async fn tunnel(&self, mut stream: BoxStream, endpoint: &Endpoint) -> io::Result<BoxStream> {
        let login = self.url.login.as_ref();
        if self.url.scheme == Scheme::Socks5 {
            let asking = socks5(&mut stream, endpoint, login).await;
            asking.map_err(|error| self.failed(&format!("SOCKS to {endpoint}"), &error))?;
            return Ok(stream);
        }
        if self.url.is_https() {
            let encrypting = self.encrypt(stream).await;
            stream = encrypting.map_err(|error| self.failed("TLS with it", &error))?;
        }
        let asking = http_connect(&mut stream, endpoint, login).await;
        asking.map_err(|error| self.failed(&format!("CONNECT {endpoint}"), &error))?;
        Ok(stream)
    }

    async fn encrypt(&self, stream: BoxStream) -> io::Result<BoxStream> {
        let tls = self
            .tls
            .as_ref()
            .ok_or_else(|| other("nobody is trusted"))?;
        let name = ServerName::try_from(self.url.endpoint.host.clone());
        let name = name.map_err(|_| other("its host is neither a DNS name nor an address"))?;
        Ok(Box::new(tls.connect(name, stream).await?))
    }

    fn failed(&self, step: &str, error: &io::Error) -> io::Error {
        let text = format!("proxy {}, {step}: {error}", self.url);
        io::Error::new(error.kind(), text)
    }
}

impl Transport for Proxy {
    fn connect<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, io::Result<BoxStream>> {
        Box::pin(async move {
            let is_clean = |character: char| character.is_ascii_graphic();
            if endpoint.host.is_empty() || !endpoint.host.chars().all(is_clean) {
                return Err(io::Error::from(io::ErrorKind::InvalidInput));
            }
            let stream = self.reach().await?;
            let tunnelling = self.tunnel(stream, endpoint);
            match tokio::time::timeout(HANDSHAKE_TIMEOUT, tunnelling).await {
                Ok(outcome) => outcome,
                Err(_) => {
                    let late = io::Error::from(io::ErrorKind::TimedOut);
                    Err(self.failed(&format!("a connection to {endpoint}"), &late))
                }
            }
        })
    }
}

async fn http_connect(
    stream: &mut BoxStream,
    endpoint: &Endpoint,
    login: Option<&Login>,
) -> io::Result<()> {
    let mut request = format!("CONNECT {endpoint} HTTP/1.1\r\nHost: {endpoint}\r\n");
    if let Some(Login { user, password }) = login {
        let code = STANDARD.encode(format!("{user}:{password}"));
        request += &format!("Proxy-Authorization: Basic {code}\r\n");
    }
    request += "\r\n";
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut head = Vec::new();
    // Byte by byte: what comes after the head is not for us.
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == MAX_HEAD {
            return Err(other("its answer has no end"));
        }
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head);
    let line = head.lines().next().unwrap_or_default();
    let (version, code) = line.split_once(' ').unwrap_or_default();
    if version.starts_with("HTTP/1.") && code.starts_with('2') {
        return Ok(());
    }
    let code: String = code
        .chars()
        .filter(|letter| !letter.is_control())
        .take(64)
        .collect();
    Err(other(&format!("it answered {code}")))
}

async fn socks5(
    stream: &mut BoxStream,
    endpoint: &Endpoint,
    login: Option<&Login>,
) -> io::Result<()> {
    // Version 5, one way to say who we are: not at all, or by password.
    let method = if login.is_some() { 2 } else { 0 };
    stream.write_all(&[5, 1, method]).await?;
    stream.flush().await?;
    let mut chosen = [0; 2];
    stream.read_exact(&mut chosen).await?;
    if chosen != [5, method] {
        return Err(other(match chosen {
            [5, _] => "it wants another kind of login",
            _ => "it does not speak SOCKS 5",
        }));
    }
    if let Some(login) = login {
        socks5_login(stream, login).await?;
    }
    // Version 5, connect, reserved, where to.
    let mut request = vec![5, 1, 0];
    match endpoint.host.parse() {
        Ok(IpAddr::V4(address)) => {
            request.push(1);
            request.extend_from_slice(&address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            request.push(4);
            request.extend_from_slice(&address.octets());
        }
        Err(_) => {
            request.push(3);
            push_short(&mut request, &endpoint.host)?;
        }
    }
    request.extend_from_slice(&endpoint.port.to_be_bytes());
    stream.write_all(&request).await?;
    stream.flush().await?;
    socks5_reply(stream).await
}

async fn socks5_login(stream: &mut BoxStream, login: &Login) -> io::Result<()> {
    let mut request = vec![1];
    push_short(&mut request, &login.user)?;
    push_short(&mut request, &login.password)?;
    stream.write_all(&request).await?;
    stream.flush().await?;
    let mut answer = [0; 2];
    stream.read_exact(&mut answer).await?;
    if answer[1] == 0 {
        Ok(())
    } else {
        Err(other("it refused the login"))
    }
}

/// The answer, and the address we have at the proxy, which nobody needs.
async fn socks5_reply(stream: &mut BoxStream) -> io::Result<()> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let [version, reply, _, kind] = head;
    if version != 5 {
        return Err(other("it does not speak SOCKS 5"));
    }
    if reply != 0 {
        return Err(socks5_refusal(reply));
    }
    let length = match kind {
        1 => 4,
        4 => 16,
        3 => usize::from(stream.read_u8().await?),
        _ => return Err(other("its answer has no address")),
    };
    let mut address_and_port = vec![0; length + 2];
    stream.read_exact(&mut address_and_port).await?;
    Ok(())
}

fn socks5_refusal(reply: u8) -> io::Error {
    let (kind, text) = match reply {
        2 => (io::ErrorKind::PermissionDenied, "its rules do not allow it"),
        3 => (io::ErrorKind::NetworkUnreachable, "network unreachable"),
        4 => (io::ErrorKind::HostUnreachable, "host unreachable"),
        5 => (io::ErrorKind::ConnectionRefused, "connection refused"),
        6 => (io::ErrorKind::TimedOut, "it gave up"),
        _ => (io::ErrorKind::Other, "it failed"),
    };
    io::Error::new(kind, text)
}

/// A text of at most 255 bytes, with its length before it.
fn push_short(request: &mut Vec<u8>, text: &str) -> io::Result<()> {
    let length = u8::try_from(text.len()).map_err(|_| other("a name is too long for SOCKS"))?;
    request.push(length);
    request.extend_from_slice(text.as_bytes());
    Ok(())
}

fn other(text: &str) -> io::Error {
    io::Error::other(text.to_owned())
}
