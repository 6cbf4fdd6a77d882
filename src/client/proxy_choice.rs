//! Which proxy stands between us and the server, if any.
//!
//! A kubeconfig may name one (`proxy-url`), and then it is used, whatever the address. Otherwise the
//! process's variables decide, in the way every Go program reads them: `HTTPS_PROXY` or `HTTP_PROXY` by
//! the scheme of the server, and `NO_PROXY` with what is reached directly. Nothing here connects; the
//! outcome is an address.
//!
//! | entry of `NO_PROXY` | covers |
//! |---|---|
//! | `*` | everything |
//! | `example.com`, `example.com:6443` | this host and those below it; with a port, on that port only |
//! | `.example.com`, `*.example.com` | hosts below it only |
//! | `10.96.0.1`, `10.96.0.1:443`, `[fd00::1]:443` | this address |
//! | `10.96.0.0/12`, `fd00::/8` | addresses of this range |
//!
//! # Invariants
//! - The variables never send us through a proxy to this machine itself.
//! - No text of a proxy's address is in an error: it may hold a password.
//!
//! # Example
//! ```
//! use bitcoin_controller::client::proxy_choice::{Bypass, proxy_of_variables};
//! let variable = |name: &str| match name {
//!     "HTTPS_PROXY" => Some("proxy.test:3128".to_owned()),
//!     "NO_PROXY" => Some("10.96.0.0/12".to_owned()),
//!     _ => None,
//! };
//! let chosen = |server| proxy_of_variables(server, variable);
//! assert_eq!(chosen("https://kube.test:6443").unwrap().unwrap(), "http://proxy.test:3128");
//! assert_eq!(chosen("https://10.96.0.1:443").unwrap(), None);
//! assert!(Bypass::parse(".test").covers("kube.test", 6443));
//! ```
//!
//! # Source
//! `golang.org/x/net/http/httpproxy/proxy.go`. What differs: an address that makes no sense is an
//! error, not ignored; names are compared as they are written (no punycode); a proxy is never refused
//! for looking like CGI, which a controller is not.

use std::net::IpAddr;

use hyper::Uri;

use crate::http::proxy::ProxyUrl;

/// The proxy for `server` that the variables name, if they do and `NO_PROXY` does not cover the server.
///
/// # Errors
/// The name of the variable whose value is no address of a proxy.
pub fn proxy_of_variables(
    server: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<String>, &'static str> {
    let Some((scheme, host, port)) = parts(server) else {
        return Ok(None);
    };
    let names = match scheme {
        Scheme::Https => ["HTTPS_PROXY", "https_proxy"],
        Scheme::Http => ["HTTP_PROXY", "http_proxy"],
    };
    let given = |name| variable(name).filter(|value| !value.is_empty());
    let found = names
        .into_iter()
        .find_map(|name| Some((name, given(name)?)));
    let Some((name, proxy)) = found else {
        return Ok(None);
    };
    let bypass = given("NO_PROXY").or_else(|| given("no_proxy"));
    let bypass = Bypass::parse(&bypass.unwrap_or_default());
    if is_this_machine(&host) || bypass.covers(&host, port) {
        return Ok(None);
    }
    // `proxy.test:3128` is what many people write.
    let with_scheme = if proxy.contains("://") {
        proxy
    } else {
        format!("http://{proxy}")
    };
    match ProxyUrl::parse(&with_scheme) {
        Ok(_) => Ok(Some(with_scheme)),
        Err(_) => Err(name),
    }
}

enum Scheme {
    Https,
    Http,
}

/// Scheme, host (an IPv6 address without brackets) and port of a server.
fn parts(server: &str) -> Option<(Scheme, String, u16)> {
    let uri: Uri = server.parse().ok()?;
    let (scheme, default_port) = match uri.scheme_str()? {
        "https" => (Scheme::Https, 443),
        _ => (Scheme::Http, 80),
    };
    let host = without_brackets(uri.host()?).to_ascii_lowercase();
    Some((scheme, host, uri.port_u16().unwrap_or(default_port)))
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || address(host).is_some_and(|address| address.is_loopback())
}

/// What `NO_PROXY` covers: servers that are reached directly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bypass(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Everything,
    Range {
        network: IpAddr,
        n_bits: u32,
    },
    Address {
        address: IpAddr,
        port: Option<String>,
    },
    Domain {
        /// With the dot it begins with.
        suffix: String,
        includes_itself: bool,
        port: Option<String>,
    },
}

impl Bypass {
    /// Reads a list with commas in between. An entry that makes no sense covers nothing.
    pub fn parse(list: &str) -> Self {
        Bypass(list.split(',').filter_map(Pattern::parse).collect())
    }

    /// Whether `host` (an IPv6 address without brackets) is reached directly on `port`.
    pub fn covers(&self, host: &str, port: u16) -> bool {
        let host = host.to_ascii_lowercase();
        let port = port.to_string();
        self.0.iter().any(|pattern| pattern.covers(&host, &port))
    }
}

impl Pattern {
    fn parse(entry: &str) -> Option<Self> {
        let entry = entry.trim().to_ascii_lowercase();
        if entry == "*" {
            return Some(Pattern::Everything);
        }
        if let Some(range) = Pattern::range(&entry) {
            return Some(range);
        }
        let (host, port) = split_port(&entry);
        let port = port.map(str::to_owned);
        if let Some(address) = address(host) {
            return Some(Pattern::Address { address, port });
        }
        let host = host
            .strip_prefix('*')
            .filter(|rest| rest.starts_with('.'))
            .unwrap_or(host);
        let includes_itself = !host.starts_with('.');
        let name = host.trim_start_matches('.');
        (!name.is_empty()).then(|| Pattern::Domain {
            suffix: format!(".{name}"),
            includes_itself,
            port,
        })
    }

    fn range(entry: &str) -> Option<Self> {
        let (network, n_bits) = entry.split_once('/')?;
        let network: IpAddr = network.parse().ok()?;
        let n_bits = n_bits.parse().ok()?;
        let width = if network.is_ipv4() { 32 } else { 128 };
        (n_bits <= width).then_some(Pattern::Range { network, n_bits })
    }

    fn covers(&self, host: &str, port: &str) -> bool {
        let fits = |wanted: &Option<String>| wanted.as_deref().is_none_or(|wanted| wanted == port);
        match self {
            Pattern::Everything => true,
            Pattern::Range { network, n_bits } => {
                address(host).is_some_and(|address| is_within(address, *network, *n_bits))
            }
            Pattern::Address { address: own, port } => address(host) == Some(*own) && fits(port),
            Pattern::Domain {
                suffix,
                includes_itself,
                port,
            } => {
                let is_itself = *includes_itself && suffix[1..] == *host;
                (is_itself || host.ends_with(suffix)) && fits(port)
            }
        }
    }
}

/// `host:port` and `[address]:port` in two; a bare IPv6 address has colons and no port.
fn split_port(entry: &str) -> (&str, Option<&str>) {
    match entry.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (
            without_brackets(host),
            Some(port).filter(|port| !port.is_empty()),
        ),
        _ => (without_brackets(entry), None),
    }
}

fn without_brackets(host: &str) -> &str {
    let inner = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    inner.unwrap_or(host)
}

/// An IPv4 address in IPv6 clothes is an IPv4 address.
fn address(host: &str) -> Option<IpAddr> {
    let address: IpAddr = host.parse().ok()?;
    Some(address.to_canonical())
}

fn is_within(address: IpAddr, network: IpAddr, n_bits: u32) -> bool {
    // Shifting by the whole width is no shift in Rust but an overflow: no bits, everything is within.
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let differs = address.to_bits() ^ network.to_bits();
            differs.checked_shr(32 - n_bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let differs = address.to_bits() ^ network.to_bits();
            differs.checked_shr(128 - n_bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}
