//! One request, one whole answer, one deadline: what JSON-RPC and REST share.
//!
//! A stopped bitcoind still accepts connections, so nothing here waits without an end; and an answer
//! is read up to a bound, so that whoever sits at the other end cannot fill our memory.
//!
//! # Invariants
//! - Every exchange ends within its deadline: connecting, waiting and reading together.
//! - A connection that has idled longer than [`KEEP_ALIVE`] is not used again.
//!
//! # Source
//! Times and statuses as measured on a real node; `-rpcservertimeout` and `-rpcthreads` in Bitcoin
//! Core's `src/httpserver.cpp`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::{Request, StatusCode};

use crate::bitcoin::error::Kind;
use crate::http::{self, Body, HttpClient, Transport};

/// How long a connection may idle and be used again. A node closes it after 30 seconds
/// (`-rpcservertimeout`); a request sent at that moment would be lost.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How long an ordinary call may take. The slowest takes milliseconds; a node that has not answered
/// by then hangs, and the next pass will ask again.
pub(crate) const DEADLINE: Duration = Duration::from_secs(5);

/// The largest answer that is read unless more is expected, in bytes. `getpeerinfo` says about 2 KiB of a peer, so this is
/// 2,000 peers; the default of `-maxconnections` is 125.
pub(crate) const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// A whole answer.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// A client over `transport` that keeps connections as long as a node does.
pub(crate) fn http_client(transport: Arc<dyn Transport>) -> HttpClient {
    HttpClient::plain(transport, KEEP_ALIVE)
}

/// Sends `request` and reads the whole answer, of `max_bytes` at most.
///
/// # Cancel safety
/// Dropping the future closes the connection; whether the node acted on the request is not known.
pub(crate) async fn exchange(
    http: &HttpClient,
    request: Request<Body>,
    deadline: Duration,
    max_bytes: usize,
) -> Result<Reply, Kind> {
    let exchange = async {
        let answer = http.send(request).await.map_err(Kind::Network)?;
        let status = answer.status();
        match http::read_body(answer.into_body(), max_bytes).await {
            Ok(body) => Ok(Reply { status, body }),
            Err(error) if error.is_too_large() => Err(Kind::TooLarge(max_bytes)),
            Err(error) => Err(Kind::Network(error)),
        }
    };
    match tokio::time::timeout(deadline, exchange).await {
        Ok(result) => result,
        Err(_) => Err(Kind::Timeout(deadline)),
    }
}

/// What a status means that never comes with an answer, whatever its body.
pub(crate) fn refusal(status: StatusCode) -> Option<Kind> {
    match status {
        StatusCode::UNAUTHORIZED => Some(Kind::Unauthorized),
        StatusCode::FORBIDDEN => Some(Kind::Forbidden),
        StatusCode::SERVICE_UNAVAILABLE => Some(Kind::Busy),
        _ => None,
    }
}
