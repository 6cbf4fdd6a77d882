//! How many watches share a connection: a few dozen, and then there is another one.
//!
//! Watches over HTTP/2 share one connection until the server says that it carries enough; the next one
//! then waits, unsent, for another to end, and watches do not end. Servers allow 100 at once, or 250, or a
//! thousand, and what stands in front of them has limits of its own. So we count, and open another
//! connection well before: a controller for thirty namespaces has a hundred watches.
//!
//! # Invariants
//! - A lane is one client with a pool of its own, so one connection by HTTP/2; at most
//!   [`WATCHES_PER_CONNECTION`] are on it.
//! - Whoever holds a `Lane` has a place on it, from before the request until the body is dropped.
//!
//! # Source
//! Go `golang.org/x/net/http2` (`Transport.StrictMaxConcurrentStreams`), which opens another connection
//! when the server's limit is reached. What differs: we do not wait for that limit.

use std::sync::Arc;

use crate::http::HttpClient;

/// How many watches go on one connection. The lowest limit that is in common use is 100.
pub const WATCHES_PER_CONNECTION: usize = 64;

/// A client, and a place on its connections.
#[derive(Clone)]
pub(crate) struct Lane {
    pub(crate) http: HttpClient,
    /// As many of these as there are places taken, and one more that is not.
    place: Arc<()>,
}

impl Lane {
    pub(crate) fn new(http: HttpClient) -> Self {
        Lane {
            http,
            place: Arc::default(),
        }
    }

    fn has_room(&self) -> bool {
        Arc::strong_count(&self.place) - 1 < WATCHES_PER_CONNECTION
    }
}

/// As many lanes as are needed.
pub(crate) struct Lanes {
    open: Box<dyn Fn() -> HttpClient + Send>,
    lanes: Vec<Lane>,
}

impl Lanes {
    /// Lanes whose clients `open` makes.
    pub(crate) fn new(open: impl Fn() -> HttpClient + Send + 'static) -> Self {
        Lanes {
            open: Box::new(open),
            lanes: Vec::new(),
        }
    }

    /// A place on the first lane that has one. Those that nobody is on, beyond it, are given up.
    pub(crate) fn place(&mut self) -> Lane {
        let first = self.lanes.iter().position(Lane::has_room);
        let first = first.unwrap_or_else(|| {
            self.lanes.push(Lane::new((self.open)()));
            self.lanes.len() - 1
        });
        let place = self.lanes[first].clone();
        self.lanes.retain(|lane| Arc::strong_count(&lane.place) > 1);
        place
    }
}
