//! What the controller does on the wire, counted where it leaves the controller.
//!
//! API requests are counted by the client's observer, passes by the workers', RPCs here: a connection to a node
//! goes through a [`Wire`], and each HTTP request begins with its method, at the beginning of a write.
//!
//! Nodes are reached through pipes in memory, whose buffers would be the controller's memory if the controller's
//! thread made or dropped them: a socket's buffers are the kernel's. So the world makes and drops them, and what
//! crosses between the threads is a request to connect, some hundred bytes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bitcoin_controller::client::RequestRecord;
use bitcoin_controller::http::{BoxFuture, BoxStream, Endpoint, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

/// How often the controller did something since it was started.
#[derive(Debug, Default)]
pub struct Counters {
    pub lists: AtomicU64,
    pub watches: AtomicU64,
    pub reads: AtomicU64,
    pub writes: AtomicU64,
    /// Writes of Events, which are in none of the others.
    pub events: AtomicU64,
    pub rpcs: AtomicU64,
    pub passes: AtomicU64,
    /// Connections to nodes that were made, and those that have ended.
    pub opened: AtomicU64,
    pub closed: AtomicU64,
}

/// The counters at a moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub lists: u64,
    pub watches: u64,
    pub reads: u64,
    pub writes: u64,
    pub events: u64,
    pub rpcs: u64,
    pub passes: u64,
    /// Connections to nodes that are open: a state, not a count.
    pub connections: u64,
}

impl Counters {
    /// Counts a request to the API server.
    pub fn request(&self, request: &RequestRecord) {
        let is_event = request.path.contains("/events");
        let counter = match request.verb {
            "list" => &self.lists,
            "watch" => &self.watches,
            "get" => &self.reads,
            _ if is_event => &self.events,
            _ => &self.writes,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a look at a network.
    pub fn pass(&self) {
        self.passes.fetch_add(1, Ordering::Relaxed);
    }

    pub fn now(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            lists: read(&self.lists),
            watches: read(&self.watches),
            reads: read(&self.reads),
            writes: read(&self.writes),
            events: read(&self.events),
            rpcs: read(&self.rpcs),
            passes: read(&self.passes),
            connections: read(&self.opened) - read(&self.closed),
        }
    }
}

impl Counts {
    pub fn since(&self, before: &Counts) -> Counts {
        Counts {
            lists: self.lists - before.lists,
            watches: self.watches - before.watches,
            reads: self.reads - before.reads,
            writes: self.writes - before.writes,
            events: self.events - before.events,
            rpcs: self.rpcs - before.rpcs,
            passes: self.passes - before.passes,
            connections: self.connections,
        }
    }

    /// All requests to the API server.
    pub fn requests(&self) -> u64 {
        self.lists + self.watches + self.reads + self.writes + self.events
    }
}

/// Somebody wants to be connected to a node, or has a connection less.
enum Order {
    Connect(Endpoint, oneshot::Sender<io::Result<BoxStream>>),
    Drop(BoxStream),
}

/// The way to the nodes.
#[derive(Clone)]
pub struct Wire {
    orders: mpsc::UnboundedSender<Order>,
    counters: Arc<Counters>,
}

impl Wire {
    /// A way that counts, and the future that must run in the world for it to lead there.
    pub fn to(
        nodes: Arc<dyn Transport>,
        counters: Arc<Counters>,
    ) -> (Wire, impl Future<Output = ()> + Send) {
        let (orders, mut ordered) = mpsc::unbounded_channel();
        let serve = async move {
            let connecting = TaskTracker::new();
            while let Some(order) = ordered.recv().await {
                match order {
                    Order::Connect(endpoint, answer) => {
                        let nodes = Arc::clone(&nodes);
                        connecting.spawn(async move {
                            // Whoever does not wait any more needs no connection.
                            let _ = answer.send(nodes.connect(&endpoint).await);
                        });
                    }
                    Order::Drop(stream) => drop(stream),
                }
            }
        };
        (Wire { orders, counters }, serve)
    }
}

impl Transport for Wire {
    fn connect<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, io::Result<BoxStream>> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            let order = Order::Connect(endpoint.clone(), answer);
            let gone = || io::Error::from(io::ErrorKind::ConnectionRefused);
            self.orders.send(order).map_err(|_| gone())?;
            let stream = answered.await.map_err(|_| gone())??;
            self.counters.opened.fetch_add(1, Ordering::Relaxed);
            let counted = Counted {
                stream: Some(stream),
                wire: self.clone(),
            };
            Ok(Box::new(counted) as BoxStream)
        })
    }
}

/// A connection that counts the requests that go out.
struct Counted {
    /// There until it is dropped.
    stream: Option<BoxStream>,
    wire: Wire,
}

impl Counted {
    fn stream(&mut self) -> Pin<&mut BoxStream> {
        Pin::new(
            self.stream
                .as_mut()
                .expect("it is there until it is dropped"),
        )
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_read(context, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream().poll_write(context, bytes);
        let is_request = bytes.starts_with(b"POST ") || bytes.starts_with(b"GET ");
        if is_request && matches!(written, Poll::Ready(Ok(_))) {
            self.wire.counters.rpcs.fetch_add(1, Ordering::Relaxed);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take() {
            self.wire.counters.closed.fetch_add(1, Ordering::Relaxed);
            // A world that has ended drops it with the order.
            let _ = self.wire.orders.send(Order::Drop(stream));
        }
    }
}
