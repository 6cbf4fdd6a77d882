//! A server that costs a bounded amount whoever its clients are.
//!
//! Its clients are a kubelet and a Prometheus, a few requests a minute; it must also survive one that
//! connects and says nothing, one that never reads, and a thousand at once. So a connection carries one
//! request and then ends. That makes one deadline enough for all the ways to be slow, and the number of
//! connections the one bound on memory. Keeping connections would save a handshake every few seconds.
//!
//! # Invariants
//! - At most [`MOST_CONNECTIONS`] connections are open; who comes then waits in the kernel's line.
//! - A head that is not there within [`HEAD_DEADLINE`] ends the connection, and so does
//!   [`CONNECTION_DEADLINE`] whatever has happened by then.
//! - When `serve` returns, nothing of it is left. Answers in hand get [`LAST_ANSWERS`].
//! - A page that panics costs its own connection and nothing else.
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! use bitcoin_controller::http::Listener;
//! use bitcoin_controller::serve::{Answer, ListenAddress, Pages, serve};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use tokio_util::sync::CancellationToken;
//!
//! let listener = "127.0.0.1:0".parse::<ListenAddress>()?.bind().await?;
//! let address = listener.local_addr()?;
//! let pages = Pages::default().with("/healthz", |_| Answer::text(200, "ok"));
//! let shutdown = CancellationToken::new();
//! let ask = async {
//!     let mut stream = tokio::net::TcpStream::connect(address).await?;
//!     stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n").await?;
//!     let mut answer = String::new();
//!     stream.read_to_string(&mut answer).await?; // to the end: there is one answer to a connection
//!     shutdown.cancel();
//!     Ok::<_, std::io::Error>(answer)
//! };
//! let (answer, ()) = tokio::join!(ask, serve(Listener::Tcp(listener), pages, shutdown.clone()));
//! assert!(answer?.ends_with("\r\n\r\nok"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Source
//! controller-runtime `pkg/metrics/server/server.go`, `pkg/internal/httpserver/server.go`. What differs: no
//! TLS and no authentication (who may reach the port is the NetworkPolicy's word); one request each.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::http::{BoxStream, Listener};
use crate::serve::pages::{Answer, Pages};

/// How many connections are served at the same time.
pub const MOST_CONNECTIONS: usize = 32;

/// How long a client may take to say what it wants.
pub const HEAD_DEADLINE: Duration = Duration::from_secs(5);

/// How long a connection may last, the answer read. A page of a megabyte over a slow port-forward fits.
pub const CONNECTION_DEADLINE: Duration = Duration::from_secs(30);

/// How long answers in hand may take at the end.
pub const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Accepting fails when there are no file descriptors left: a little later there may be.
const AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(50);

/// Serves `pages` until `shutdown` is cancelled.
///
/// # Cancel safety
/// Dropping the future ends every connection.
pub async fn serve(mut listener: Listener, pages: Pages, shutdown: CancellationToken) {
    let pages = Arc::new(pages);
    let mut connections = JoinSet::new();
    loop {
        let has_room = connections.len() < MOST_CONNECTIONS;
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if has_room => match accepted {
                Ok((stream, _)) => drop(connections.spawn(serve_connection(stream, Arc::clone(&pages)))),
                Err(_) => sleep(AFTER_FAILED_ACCEPT).await,
            },
        }
    }
    drop(listener);
    let all_answered = async { while connections.join_next().await.is_some() {} };
    if timeout(LAST_ANSWERS, all_answered).await.is_err() {
        connections.shutdown().await;
    }
}

async fn serve_connection(stream: BoxStream, pages: Arc<Pages>) {
    let service = service_fn(|request| {
        let answer = answer(&request, &pages);
        async move { Ok::<_, Infallible>(answer) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .max_buf_size(LARGEST_HEAD)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // How a connection ends is the client's business.
    let _ = timeout(CONNECTION_DEADLINE, connection).await;
}

/// How large a request's head may be, in bytes: hyper's least.
const LARGEST_HEAD: usize = 8 * 1024;

fn answer(request: &Request<Incoming>, pages: &Pages) -> Response<Full<Bytes>> {
    let (path, query) = (request.uri().path(), request.uri().query());
    let Answer {
        status,
        content_type,
        body,
    } = pages.answer(request.method(), path, query.unwrap_or_default());
    let mut response = Response::new(Full::new(Bytes::from(body)));
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let no_guessing = HeaderValue::from_static("nosniff");
    headers.insert(X_CONTENT_TYPE_OPTIONS, no_guessing);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}
