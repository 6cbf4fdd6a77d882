//! The fake: a network with one machine on it, which asks its reactors before it asks its server.
//!
//! ```text
//!   Client ──HTTP──> Fake: record ──> reactor ──> reactor ──> … ──HTTP──> sim::ApiServer ──> Store
//!                                        └ the first that handles the action answers
//! ```
//!
//! It is a proxy, and that is why it is small: it knows no client and no kind, has no store, and whatever
//! no reactor handles is a real exchange with the pretend server, byte for byte.
//!
//! # Invariants
//! - Every request about objects is recorded once, as it was sent, before anybody reacts to it; one
//!   that the client sends again is there again.
//! - Reactors are asked in order, and no lock of the fake is held meanwhile: a reactor may add others,
//!   read the actions, or write to the store. (It may not wait: it is not async.)
//! - Nothing runs after the last clone of the fake, and the last client over it, is gone.
//!
//! # Example
//! See the [room](crate::testing).
//!
//! # Source
//! client-go `testing/fake.go`.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinSet;

use crate::base::{Clock, Random};
use crate::http::{BoxFuture, BoxStream, Endpoint, Transport};
use crate::sim::{ApiServer, Store};
use crate::testing::relay::Relay;
use crate::testing::{Action, FakeWatcher, Reaction};

/// An API server whose answers a test may choose. Clones are the same fake.
#[derive(Clone)]
pub struct Fake {
    server: ApiServer,
    chain: Chain,
    /// One task for each connection; they go with the last clone.
    connections: Arc<Mutex<JoinSet<()>>>,
}

impl Default for Fake {
    fn default() -> Self {
        Fake::new()
    }
}

impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.chain.lock();
        f.debug_struct("Fake")
            .field("reactors", &state.reactors.len())
            .field("actions", &state.actions.len())
            .finish_non_exhaustive()
    }
}

impl Fake {
    /// A fake with an empty server of its own behind it, which knows the built-in kinds.
    pub fn new() -> Self {
        let store = Store::new(Clock::system(), Random::seeded(1));
        Fake::with_server(ApiServer::new(store))
    }

    /// A fake in front of `server`, which may have objects, kinds and faults already, and other clients.
    pub fn with_server(server: ApiServer) -> Self {
        Fake {
            server,
            chain: Chain::default(),
            connections: Arc::default(),
        }
    }

    /// The way to it, for a client: every address with `http://` leads here.
    pub fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(self.clone())
    }

    /// The server that answers what no reactor does: its store, its faults, its log.
    pub fn server(&self) -> &ApiServer {
        &self.server
    }

    /// Adds a reactor before all others. It is asked about actions of `verb` on `resource`; each may be
    /// `*`, `pods` stands for its subresources, too, and `pods/status` for that one only.
    ///
    /// A reactor that panics breaks the connection, which looks like an error of the network to the
    /// client: compare in the test, with [`actions`](Self::actions), and not in a reactor.
    pub fn prepend_reactor(
        &self,
        verb: &str,
        resource: &str,
        react: impl FnMut(&mut Action) -> Reaction + Send + 'static,
    ) {
        let reactor = Reactor::new(verb, resource, react);
        self.chain.lock().reactors.push_front(reactor);
    }

    /// As [`prepend_reactor`](Self::prepend_reactor), behind all others; only the server comes later.
    pub fn append_reactor(
        &self,
        verb: &str,
        resource: &str,
        react: impl FnMut(&mut Action) -> Reaction + Send + 'static,
    ) {
        let reactor = Reactor::new(verb, resource, react);
        self.chain.lock().reactors.push_back(reactor);
    }

    /// The next watch of `resource` tells what the [`FakeWatcher`] is told; later ones are passed on.
    pub fn prepend_watch(&self, resource: &str) -> FakeWatcher {
        let (watcher, events) = FakeWatcher::new();
        let mut events = Some(events);
        self.prepend_reactor("watch", resource, move |_| {
            events.take().map_or(Reaction::Pass, Reaction::Watch)
        });
        watcher
    }

    /// A copy of what was sent so far, oldest first.
    pub fn actions(&self) -> Vec<Action> {
        self.chain.lock().actions.iter().cloned().collect()
    }

    /// Forgets what was sent so far.
    pub fn clear_actions(&self) {
        self.chain.lock().actions.clear();
    }
}

/// Never fails: what is wrong with the network is a reactor's to say.
impl Transport for Fake {
    fn connect<'a>(&'a self, _: &'a Endpoint) -> BoxFuture<'a, io::Result<BoxStream>> {
        Box::pin(async move {
            let (near, far) = tokio::io::duplex(PIPE_BYTES);
            let relay = Relay::new(self.server.clone(), self.chain.clone());
            let connections = self.connections.lock();
            let mut connections = connections.expect("no holder of the connections panics");
            while connections.try_join_next().is_some() {}
            connections.spawn(relay.serve(Box::new(far)));
            Ok(Box::new(near) as BoxStream)
        })
    }
}

/// What a pipe holds before its writer has to wait; about a socket's buffer.
const PIPE_BYTES: usize = 64 * 1024;

/// The reactors, and what was sent. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Chain(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    reactors: VecDeque<Arc<Reactor>>,
    actions: VecDeque<Action>,
}

/// How many actions are kept; a test that sends more wants a [`RequestLog`](crate::sim::RequestLog).
const MAX_ACTIONS: usize = 10_000;

impl Chain {
    pub(super) fn record(&self, action: &Action) {
        let mut state = self.lock();
        if state.actions.len() == MAX_ACTIONS {
            state.actions.pop_front();
        }
        state.actions.push_back(action.clone());
    }

    /// The reactors as they are now: one that is added meanwhile is asked from the next action on.
    pub(super) fn reactors(&self) -> Vec<Arc<Reactor>> {
        self.lock().reactors.iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no holder of the chain panics")
    }
}

type React = dyn FnMut(&mut Action) -> Reaction + Send;

/// One link of the chain.
pub(super) struct Reactor {
    verb: String,
    resource: String,
    react: Mutex<Box<React>>,
}

impl Reactor {
    fn new(
        verb: &str,
        resource: &str,
        react: impl FnMut(&mut Action) -> Reaction + Send + 'static,
    ) -> Arc<Self> {
        Arc::new(Reactor {
            verb: verb.to_owned(),
            resource: resource.to_owned(),
            react: Mutex::new(Box::new(react)),
        })
    }

    /// What it does about `action`, which may be none of its business.
    pub(super) fn react(&self, action: &mut Action) -> Reaction {
        if !action.is_covered_by(&self.verb, &self.resource) {
            return Reaction::Pass;
        }
        // One that has panicked once may be asked again: its state is its author's.
        let react = self.react.lock();
        let mut react = react.unwrap_or_else(PoisonError::into_inner);
        (*react)(action)
    }
}
