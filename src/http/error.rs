//! Why a connection, or an exchange on it, failed; and the questions callers ask about it.
//!
//! # Invariants
//! - The text is the innermost cause: the layers around it only say "client error (Connect)".
//! - A question is answered by kinds and types, never by a text.
//!
//! # Example
//! ```
//! use bitcoin_controller::http::{Body, HttpClient, MemoryNetwork};
//! use std::{sync::Arc, time::Duration};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let client = HttpClient::plain(Arc::new(MemoryNetwork::default()), Duration::from_secs(90));
//! let request = hyper::Request::get("http://nobody/").body(Body::default())?;
//! let error = client.send(request).await.unwrap_err();
//! assert!(error.is_connection_refused() && !error.is_connection_lost());
//! assert_eq!(error.to_string(), "connection refused");
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::error::Error as StdError;
use std::fmt;
use std::io;

/// Why a connection or an exchange on it failed. Callers ask questions; the text has the causes.
#[derive(Debug)]
pub struct Error(pub(in crate::http) Box<dyn StdError + Send + Sync>);

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
