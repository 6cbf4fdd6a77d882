//! A network inside the process: what tests, and the pretend cluster, use instead of sockets.
//!
//! Both ends live in one runtime, so that time can be paused: a clock that waits for nobody outside.
//!
//! # Invariants
//! - An endpoint is listened on once at a time; one that nobody listens on refuses, as TCP does.
//! - A pipe holds [`PIPE_BYTES`] in each direction; its writer then waits, as at a socket.
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
use std::io;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;

use crate::http::transport::{BoxFuture, BoxStream, Endpoint, Transport};

/// A network inside the process: endpoints that listen, and pipes between them.
///
/// An endpoint nobody listens on refuses the connection, as TCP does. Clones are the same network.
#[derive(Clone, Debug, Default)]
pub struct MemoryNetwork {
    listening: Arc<Mutex<HashMap<Endpoint, mpsc::Sender<Pipe>>>>,
}

type Pipe = tokio::io::DuplexStream;

/// What one pipe holds before its writer has to wait, in bytes; about a socket's buffer.
pub const PIPE_BYTES: usize = 64 * 1024;

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
