//! Ending all connections at once: what they were opened with is no longer true.
//!
//! A TLS connection proves once, at its beginning, who both ends are. If a certificate or an authority
//! has been replaced since then, the connection goes on by what was true before, for as long as it is in
//! use; and a watch is always in use. So the streams of a [`Severable`] have a token in common, and once
//! it is cancelled each of them fails, idle or not.
//!
//! # Invariants
//! - After the token is cancelled no byte comes out of a stream, and none goes in.
//! - The failure is [`io::ErrorKind::ConnectionAborted`]: a lost connection to whoever uses it.
//!
//! # Example
//! ```
//! use bitcoin_controller::http::{Endpoint, MemoryNetwork, Severable, Transport};
//! use std::sync::Arc;
//! use tokio::io::AsyncReadExt;
//! use tokio_util::sync::CancellationToken;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let network = Arc::new(MemoryNetwork::default());
//! let _listener = network.listen(Endpoint::new("api", 443))?;
//! let severed = CancellationToken::new();
//! let transport = Severable::new(network, severed.clone());
//! let mut stream = transport.connect(&Endpoint::new("api", 443)).await?;
//! severed.cancel();
//! let error = stream.read_u8().await.unwrap_err();
//! assert_eq!(error.kind(), std::io::ErrorKind::ConnectionAborted);
//! # Ok::<(), std::io::Error>(())
//! # })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Source
//! client-go `util/connrotation/connrotation.go` (`CloseAll`). What differs: the connections of one
//! generation hold its token, so there is no list of them to keep.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::http::transport::{BoxFuture, BoxStream, Endpoint, Transport};

/// A transport whose streams all end when its token is cancelled.
#[derive(Clone)]
pub struct Severable {
    transport: Arc<dyn Transport>,
    severed: CancellationToken,
}

impl Severable {
    /// Streams of `transport`, until `severed` is cancelled.
    pub fn new(transport: Arc<dyn Transport>, severed: CancellationToken) -> Self {
        Severable { transport, severed }
    }
}

impl fmt::Debug for Severable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Severable")
            .field("is_severed", &self.severed.is_cancelled())
            .finish_non_exhaustive()
    }
}

impl Transport for Severable {
    fn connect<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, io::Result<BoxStream>> {
        Box::pin(async move {
            let stream = self.transport.connect(endpoint).await?;
            let severed = Box::pin(self.severed.clone().cancelled_owned());
            Ok(Box::new(SeverableStream { stream, severed }) as BoxStream)
        })
    }
}

struct SeverableStream {
    stream: BoxStream,
    severed: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl SeverableStream {
    /// Fails once the token is cancelled; until then whoever polls is woken when it is.
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.severed.as_mut().poll(context) {
            Poll::Pending => Ok(()),
            Poll::Ready(()) => Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "connection given up: what it was opened with has been replaced",
            )),
        }
    }
}

impl AsyncRead for SeverableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for SeverableStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// Not checked: whoever has heard of the failure must still be able to close.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
