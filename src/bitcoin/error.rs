//! Why a node did not give the answer, as questions a caller can ask.
//!
//! A node that starts, one that is busy, one that refuses our password and one that is gone need
//! different reactions; a controller asks [`Error`] which it is and never looks at a number or a
//! text. What is told of it names the call and the node, and nothing that was sent.
//!
//! # Invariants
//! - No text of a request, of a header or of a body that is not an RPC error is in an error.
//! - A node's own message is one line of at most [`MAX_MESSAGE_CHARS`] characters.
//!
//! # Example
//! ```
//! use bitcoin_controller::bitcoin::error::{Error, Kind};
//! use bitcoin_controller::http::Endpoint;
//!
//! let warming_up = Kind::Rpc { code: -28, message: "Loading block index…".into() };
//! let error = Error::new("uptime", &Endpoint::new("10.0.0.7", 18443), warming_up);
//! assert!(error.is_warming_up() && !error.is_unreachable());
//! assert_eq!(
//!     error.to_string(),
//!     "failed to call `uptime` on 10.0.0.7:18443: Loading block index… (code -28)",
//! );
//! ```
//!
//! # Source
//! The codes are `RPCErrorCode` in Bitcoin Core's `src/rpc/protocol.h`.

use std::fmt;
use std::time::Duration;

use crate::base::json;
use crate::http::{self, Endpoint};

/// A call that did not end in an answer: what was called, on which node, and what came of it.
#[derive(Debug)]
pub struct Error {
    operation: &'static str,
    endpoint: Endpoint,
    kind: Kind,
}

/// What came of it.
#[derive(Debug)]
pub enum Kind {
    /// No connection, or it ended before the whole answer was there.
    Network(http::Error),
    /// No whole answer within this time. Whether the node acted on the call is not known.
    Timeout(Duration),
    /// The node refuses our user name or password (401).
    Unauthorized,
    /// The node refuses our address, or this method to this user (403).
    Forbidden,
    /// All the node's workers are taken and its queue is full, or it is stopping (503).
    Busy,
    /// The node is still starting, and said so without JSON-RPC.
    WarmingUp,
    /// The node carried out the call and says no.
    Rpc {
        /// The code, as in Bitcoin Core's `protocol.h`.
        code: i64,
        /// One line, cut at [`MAX_MESSAGE_CHARS`].
        message: String,
    },
    /// An HTTP status without an answer we understand: not a bitcoind, or one without this path.
    Status(u16),
    /// The answer is larger than this many bytes.
    TooLarge(usize),
    /// The answer does not have the expected shape.
    Malformed(json::Error),
    /// The answer is JSON, but not one to our question; the text says how.
    NotAnAnswer(&'static str),
    /// The address cannot stand in a URL, so nothing was sent.
    BadAddress,
}

/// A node's message is cut here, in characters: some are kilobytes of help text, and they end up in
/// conditions and events.
pub const MAX_MESSAGE_CHARS: usize = 200;

/// `RPC_IN_WARMUP`: the port is open, the node is not ready.
const IN_WARMUP: i64 = -28;

/// `RPC_WALLET_NOT_FOUND`.
const WALLET_NOT_FOUND: i64 = -18;

/// `RPC_METHOD_NOT_FOUND`.
const METHOD_NOT_FOUND: i64 = -32_601;

/// `RPC_WALLET_INSUFFICIENT_FUNDS`.
const INSUFFICIENT_FUNDS: i64 = -6;

impl Error {
    /// `operation` is the method or the path; never a parameter.
    pub fn new(operation: &'static str, endpoint: &Endpoint, kind: Kind) -> Self {
        Error {
            operation,
            endpoint: endpoint.clone(),
            kind,
        }
    }

    /// What came of the call, for whoever needs more than the questions.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The node knows us not: wrong user name or password. Asking again costs it a quarter of a
    /// second of one of its workers each time.
    pub fn is_unauthorized(&self) -> bool {
        matches!(self.kind, Kind::Unauthorized)
    }

    /// The node knows us and refuses: our address or the method is not on its list.
    pub fn is_forbidden(&self) -> bool {
        matches!(self.kind, Kind::Forbidden)
    }

    /// The node is starting; ask again in a moment.
    pub fn is_warming_up(&self) -> bool {
        matches!(self.kind, Kind::WarmingUp) || self.rpc_code() == Some(IN_WARMUP)
    }

    /// The node has more to do than it accepts, or is stopping; ask again later.
    pub fn is_busy(&self) -> bool {
        matches!(self.kind, Kind::Busy)
    }

    /// There is no connection to the node, or it broke; a connection that could not be made in time
    /// included.
    pub fn is_unreachable(&self) -> bool {
        matches!(self.kind, Kind::Network(_))
    }

    /// The node took the call and gave no whole answer in time; it may hang.
    pub fn is_timeout(&self) -> bool {
        matches!(self.kind, Kind::Timeout(_))
    }

    /// The wallet is not loaded, or there is none of that name.
    pub fn is_wallet_missing(&self) -> bool {
        self.rpc_code() == Some(WALLET_NOT_FOUND)
    }

    /// The node has no such method: it was built without, or has it switched off.
    pub fn is_unknown_method(&self) -> bool {
        self.rpc_code() == Some(METHOD_NOT_FOUND)
    }

    /// The wallet has less money than is to be paid.
    pub fn is_insufficient_funds(&self) -> bool {
        self.rpc_code() == Some(INSUFFICIENT_FUNDS)
    }

    /// The same, without the node's own words: they may quote what was sent.
    #[must_use]
    pub(crate) fn without_words(mut self) -> Self {
        if let Kind::Rpc { message, .. } = &mut self.kind {
            "refused".clone_into(message);
        }
        self
    }

    /// The code of the node's own "no", if that is what it is.
    pub fn rpc_code(&self) -> Option<i64> {
        match self.kind {
            Kind::Rpc { code, .. } => Some(code),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Error {
            operation,
            endpoint,
            kind,
        } = self;
        write!(f, "failed to call `{operation}` on {endpoint}: {kind}")
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            Kind::Network(error) => Some(error),
            Kind::Malformed(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Network(_) => f.write_str("no connection"),
            Kind::Timeout(after) => write!(f, "no answer within {after:?}"),
            Kind::Unauthorized => f.write_str("wrong user name or password (401)"),
            Kind::Forbidden => f.write_str("address or method not allowed (403)"),
            Kind::Busy => f.write_str("the node is busy or stopping (503)"),
            Kind::WarmingUp => f.write_str("the node is starting (503)"),
            Kind::Rpc { code, message } => write!(f, "{message} (code {code})"),
            Kind::Status(status) => write!(f, "unexpected HTTP status {status}"),
            Kind::TooLarge(limit) => write!(f, "the answer is larger than {limit} bytes"),
            Kind::Malformed(_) => f.write_str("the answer cannot be read"),
            Kind::NotAnAnswer(how) => write!(f, "the answer is none: {how}"),
            Kind::BadAddress => f.write_str("the address cannot stand in a URL"),
        }
    }
}

/// Brings a node's message into one line and cuts it at [`MAX_MESSAGE_CHARS`].
pub(crate) fn one_line(message: &str) -> String {
    let words = message.split(|c: char| c.is_whitespace() || c.is_control());
    let line = words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    if line.chars().nth(MAX_MESSAGE_CHARS).is_none() {
        return line;
    }
    line.chars()
        .take(MAX_MESSAGE_CHARS - 1)
        .chain(['…'])
        .collect()
}
