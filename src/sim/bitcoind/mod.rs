//! A pretend bitcoind: the parts of a regtest node that a controller can see, in a few kilobytes.
//!
//! A node is one future, [`run`]: it reads a command line as bitcoind does, takes its time to start,
//! warms up, serves JSON-RPC and REST over real HTTP, keeps a little chain of real blocks, is linked
//! with other nodes, and ends. How it ends matters, because chains live in memory until they are
//! flushed:
//!
//! ```text
//!   terminate.cancel()   SIGTERM or the RPC `stop`: the chain is flushed, exit code 0
//!   drop(future)         SIGKILL: what is left is what was flushed last, on a young node genesis
//! ```
//!
//! | page | what |
//! |---|---|
//! | [`chain`] | blocks, branches, the most work wins |
//! | [`network`] | connections between nodes, and blocks over them |
//! | [`jsonrpc`], [`params`] | two dialects of JSON-RPC, arguments |
//! | [`options`], [`release`] | the command line, the version |
//! | [`wallets`] | wallets with descriptors, and the coins that were mined for them |
//! | [`sockets`] | how nodes are reached |
//! | [`faults`] | what can be wrong with a node, on request |
//!
//! It models: RPC and REST with the codes and bodies of bitcoind 29, credentials, warm-up, `addnode`
//! in all its forms, links, whom a node asks for blocks, reorganisations, `invalidateblock`, templates
//! without transactions, `submitblock`, flushing, wallets, faults.
//! It does not model: transactions and the mempool, bans, ZMQ, the queue of RPC workers, names instead of
//! addresses, any chain but regtest.
//!
//! # Invariants
//! - Nothing of a node is left when its future is gone: no listener, no connection, no link.
//! - Before it has warmed up every RPC answers -28 and REST answers 503.
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
//! use bitcoin_controller::base::Clock;
//! use bitcoin_controller::sim::bitcoind::{self, Disk, Exit, PeerNetwork, PodNetwork, Setup};
//! use tokio_util::sync::CancellationToken;
//!
//! let pods = PodNetwork::in_memory(PeerNetwork::new(Clock::system()));
//! let setup = Setup {
//!     name: "default/alpha-sts-0".to_owned(),
//!     address: "10.244.0.5".to_owned(),
//!     image: "localhost/bitcoind".to_owned(),
//!     arguments: vec!["-regtest".to_owned(), "-rset".to_owned()],
//!     disk: Disk::default(),
//! };
//! let exit = bitcoind::run(setup, &pods, Clock::system(), CancellationToken::new()).await;
//! let message = "Error: Error parsing command line arguments: Invalid parameter -rset";
//! assert_eq!(exit, Exit { code: 1, message: message.to_owned() });
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Source
//! Every behaviour was measured on Bitcoin Knots 29.4.3; `test/it/sim/bitcoind.rs` holds a real one
//! and this one to the same assertions.

mod blocks;
pub mod chain;
pub mod faults;
pub mod jsonrpc;
mod links;
mod methods;
mod mining;
pub mod network;
mod node;
pub mod options;
pub mod params;
pub mod release;
mod server;
pub mod sockets;
mod wallet_methods;
pub mod wallets;

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::base::Clock;
use crate::http::{Endpoint, Listener};
use crate::sim::bitcoind::node::{AddedNodes, Node};
use crate::sim::bitcoind::options::{NO_HTTP_SERVER, Options};
use crate::sim::bitcoind::release::Release;
use crate::sim::bitcoind::server::Side;
use crate::sim::bitcoind::wallets::Wallets;

pub use faults::Faults;
pub use network::{Disk, Member, NodeView, Peer, PeerNetwork, Seat};
pub use sockets::PodNetwork;

/// What a node is started with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// `namespace/pod`: how tests and [`Faults`] call it.
    pub name: String,
    /// The pod's address.
    pub address: String,
    /// The container's image; its tag says the version.
    pub image: String,
    /// The arguments after `bitcoind`.
    pub arguments: Vec<String>,
    /// What earlier runs on the same volume left.
    pub disk: Disk,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// 0 after a clean stop, 1 when it would not start, 137 when it was killed.
    pub code: i32,
    /// What it wrote to stderr; empty if it had nothing to say.
    pub message: String,
}

/// Runs a node until it ends by itself (`stop`, a failed start) or `terminate` is cancelled.
///
/// # Cancel safety
/// Dropping the future is a `kill -9`.
pub async fn run(
    setup: Setup,
    pods: &PodNetwork,
    clock: Clock,
    terminate: CancellationToken,
) -> Exit {
    let failed = |message: String| Exit { code: 1, message };
    let options = match Options::read(&setup.arguments) {
        Ok(options) => options,
        Err(message) => return failed(message),
    };
    if pods.peers().faults(&setup.name).fails_to_start {
        return failed("Error: Failed to start, as was asked for".to_owned());
    }
    tokio::time::sleep(UNTIL_PORTS_OPEN).await;
    let running = match Running::open(setup, options, pods, clock, terminate).await {
        Ok(running) => running,
        Err(message) => return failed(message),
    };
    running.serve().await;
    let message = String::new();
    Exit { code: 0, message }
}

/// A node with its ports open. Dropping it takes the node off the network at once.
struct Running {
    node: Arc<Node>,
    listeners: Vec<(Side, Listener)>,
}

impl Running {
    async fn open(
        setup: Setup,
        options: Options,
        pods: &PodNetwork,
        clock: Clock,
        stopping: CancellationToken,
    ) -> Result<Running, String> {
        let listeners = listen(&options, &setup.address, pods)?;
        let release = Release::of_image(&setup.image);
        let endpoint = Endpoint::new(setup.address.clone(), options.port);
        let in_use = format!("Error: Unable to bind to {endpoint} on this computer.");
        let member = Member {
            name: setup.name.clone(),
            endpoint,
            listens: options.listens,
            subversion: release.subversion(&options.comments),
            max_inbound: options.max_connections.saturating_sub(RESERVED_CONNECTIONS),
            dial_timeout: options.dial_timeout,
            disk: setup.disk,
        };
        let seat = pods.peers().join(member).map_err(|_| in_use)?;
        let added = AddedNodes::default();
        for address in &options.added_nodes {
            added.add(address);
        }
        let node = Arc::new(Node {
            name: setup.name,
            address: setup.address,
            release,
            options,
            wallets: Wallets::open(seat.wallet_files()),
            seat,
            peers: pods.peers().clone(),
            clock,
            started: Instant::now(),
            warming_up: Mutex::new(Some(WARM_UP_STEPS[0])),
            stopping,
            added,
        });
        Ok(Running { node, listeners })
    }

    /// Serves until the node is told to stop, then stops as cleanly as bitcoind does.
    async fn serve(mut self) {
        let node = Arc::clone(&self.node);
        let mut serving = JoinSet::new();
        for (side, listener) in std::mem::take(&mut self.listeners) {
            serving.spawn(server::serve(listener, side, Arc::clone(&node)));
        }
        tokio::select! {
            biased;
            () = node.stopping.cancelled() => {}
            () = node.warm_up_and_dial() => {}
        }
        // A process that stands still does not see the signal before it goes on.
        node.peers
            .faults_until(&node.name, |faults| !faults.hung)
            .await;
        // The answer to `stop` is on its way while the rest is being closed.
        tokio::time::sleep(UNTIL_STOPPED).await;
        serving.shutdown().await;
        node.seat.flush();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Connections that are being aborted may hold the node a moment longer.
        self.node.seat.leave();
    }
}

/// Opens the RPC ports as `-rpcbind` and `-rpcallowip` say: both are needed to be heard outside.
fn listen(
    options: &Options,
    address: &str,
    pods: &PodNetwork,
) -> Result<Vec<(Side, Listener)>, String> {
    let loopback = vec!["127.0.0.1".to_owned()];
    let heard_outside = !options.rpc_binds.is_empty() && !options.rpc_allowed.is_empty();
    let binds = if heard_outside {
        &options.rpc_binds
    } else {
        &loopback
    };
    let mut listeners = Vec::new();
    for bind in binds {
        for (side, endpoint) in endpoints(bind, options.rpc_port, address, pods) {
            let listener = pods.listen(&endpoint).map_err(explain)?;
            listeners.push((side, listener));
        }
    }
    Ok(listeners)
}

/// Where one `-rpcbind` listens. A wildcard takes both families, so a second one is in its way.
fn endpoints(
    bind: &str,
    default_port: u16,
    address: &str,
    pods: &PodNetwork,
) -> Vec<(Side, Endpoint)> {
    let (host, port) = match network::resolve(bind) {
        Some(resolved) if bind.contains(&format!(":{}", resolved.port)) => {
            (resolved.host, resolved.port)
        }
        Some(resolved) => (resolved.host, default_port),
        None => (bind.to_owned(), default_port),
    };
    let inside = (Side::Loopback, pods.loopback_of(address, port));
    let outside = (Side::Outside, Endpoint::new(address, port));
    match host.as_str() {
        "127.0.0.1" | "::1" | "localhost" => vec![inside],
        "0.0.0.0" | "::" => vec![inside, outside],
        other => vec![(Side::Outside, Endpoint::new(other, port))],
    }
}

fn explain(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "Error: Unable to bind all endpoints for RPC server".to_owned(),
        _ => NO_HTTP_SERVER.to_owned(),
    }
}

/// What a node says it is doing until it answers, and what `-28` carries as its message.
const WARM_UP_STEPS: [&str; 4] = [
    "RPC server started",
    "Loading block index…",
    "Verifying blocks…",
    "Starting network threads…",
];

/// From the start of the process until its ports take connections.
const UNTIL_PORTS_OPEN: Duration = Duration::from_millis(120);

/// How long each step of warm-up takes on an empty chain.
const WARM_UP_STEP: Duration = Duration::from_millis(10);

/// From the signal until the process is gone.
const UNTIL_STOPPED: Duration = Duration::from_millis(110);

/// Of `-maxconnections`, those that are kept for connections the node itself makes.
const RESERVED_CONNECTIONS: usize = 11;
