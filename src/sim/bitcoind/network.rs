//! The network between nodes, as a node uses it and as a test sees it.
//!
//! All simulated nodes of a world sit on one [`PeerNetwork`], each in a [`Seat`] under the address it
//! listens on. A connection has two ends: the one that dialled and knows the address it asked for,
//! and the one that was dialled and sees only an unknown port of the other's address. Nothing tells
//! the second who the first is, except the comment in its version message.
//!
//! ```text
//!    Seat alpha-0 ──dial("10.0.0.7:18444")──> Seat alpha-1
//!      peer 0: addr 10.0.0.7:18444, outbound     peer 0: addr 10.0.0.6:49152, inbound
//! ```
//!
//! # Invariants
//! - No seat dials the same address twice; two connections between the same two nodes, one from each
//!   side, are two connections, and each is counted once at each end.
//! - Whoever leaves, by whatever way, takes all its connections along.
//! - A disk changes only by a flush, by what is done to wallets, and when its node leaves, by the invalid marks.
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! use bitcoin_controller::base::Clock;
//! use bitcoin_controller::http::Endpoint;
//! use bitcoin_controller::sim::bitcoind::{Disk, Member, PeerNetwork};
//! use std::time::Duration;
//!
//! let network = PeerNetwork::new(Clock::system());
//! let join = |name: &str, address: &str| network.join(Member {
//!     name: name.to_owned(),
//!     endpoint: Endpoint::new(address, 18444),
//!     listens: true,
//!     subversion: "/Satoshi:29.4.3/".to_owned(),
//!     max_inbound: 114,
//!     dial_timeout: Duration::from_secs(5),
//!     disk: Disk::default(),
//! });
//! let (one, two) = (join("one", "10.0.0.1").unwrap(), join("two", "10.0.0.2").unwrap());
//! one.dial("10.0.0.2").await;
//! assert_eq!(one.peers()[0].address, "10.0.0.2");
//! assert!(two.peers()[0].is_inbound);
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # What differs
//! Blocks arrive at once, in the order of the connections' ages: nothing here takes time except
//! dialling an address that drops packets. There are no transactions, no bans, no address gossip
//! (regtest nodes on private addresses have none either) and no names: addresses are numeric.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::base::Clock;
use crate::http::Endpoint;
use crate::sim::bitcoind::chain::Chain;
use crate::sim::bitcoind::faults::Faults;
use crate::sim::bitcoind::links::{Attempt, Link, Node, SeatId, State};
use crate::sim::bitcoind::wallets::WalletFiles;

/// The network all simulated nodes of a world are on. Clones are the same network.
#[derive(Clone, Debug)]
pub struct PeerNetwork {
    state: Arc<Mutex<State>>,
    faults_changed: Arc<Notify>,
    clock: Clock,
}

/// What a node brings when it takes its seat.
#[derive(Clone, Debug)]
pub struct Member {
    /// Who it is, for tests and faults: `namespace/pod`.
    pub name: String,
    /// Where it listens for peers.
    pub endpoint: Endpoint,
    /// Whether it does listen; it may dial either way.
    pub listens: bool,
    /// What it calls itself: `/Satoshi:29.4.3(comment)/`.
    pub subversion: String,
    /// How many may dial it.
    pub max_inbound: usize,
    /// How long it tries an address that drops packets.
    pub dial_timeout: Duration,
    /// The blocks it has on disk.
    pub disk: Disk,
}

/// What a node wrote to disk: its chain when it was flushed last, its wallets. That is what is left when it is
/// killed. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    chain: Arc<Mutex<Arc<Chain>>>,
    wallets: WalletFiles,
}

/// One end of a connection, as `getpeerinfo` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The connection's number at this node.
    pub id: u64,
    /// The string that was dialled, or the address and unknown port of the one that dialled.
    pub address: String,
    /// The other dialled this node.
    pub is_inbound: bool,
    /// What the other calls itself; empty until it has answered.
    pub subversion: String,
    /// The handshake is over: only then is the peer of any use.
    pub is_established: bool,
    /// When it was connected, in Unix seconds.
    pub connected_at: i64,
    /// The endpoint of the other that listens: what an outbound address resolves to.
    pub endpoint: Endpoint,
    /// The height of the other's tip when it introduced itself; `None` until it has.
    pub starting_height: Option<usize>,
    /// The height of the best block the other has told of; `None` if it has told of none.
    pub synced_height: Option<usize>,
}

/// A running node, as a test sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeView {
    /// `namespace/pod`.
    pub name: String,
    /// Where it listens for peers.
    pub endpoint: Endpoint,
    /// The height of its tip.
    pub block_height: usize,
    /// The hash of its tip, in hex.
    pub tip: String,
    /// The names of the nodes it is connected with, one per connection, sorted.
    pub peers: Vec<String>,
}

/// A node's place on the network. Dropping it is a `kill -9`: its connections end, and its disk is
/// left with what was flushed last.
#[derive(Debug)]
pub struct Seat {
    network: PeerNetwork,
    id: SeatId,
    dial_timeout: Duration,
    disk: Disk,
}

impl Disk {
    fn lock(&self) -> MutexGuard<'_, Arc<Chain>> {
        self.chain.lock().expect("no holder of a disk panics")
    }
}

impl PeerNetwork {
    /// An empty network; `clock` dates the connections.
    pub fn new(clock: Clock) -> Self {
        PeerNetwork {
            state: Arc::default(),
            faults_changed: Arc::default(),
            clock,
        }
    }

    /// Takes a seat, with the chain that is on the member's disk and no connections.
    ///
    /// # Errors
    /// Another node listens on that address.
    pub fn join(&self, member: Member) -> Result<Seat, AddressInUse> {
        self.with(|state| {
            let taken =
                |node: &Node| node.member.listens && node.member.endpoint == member.endpoint;
            if member.listens && state.nodes.values().any(taken) {
                return Err(AddressInUse);
            }
            let (id, disk) = (state.n_seats, member.disk.clone());
            state.n_seats += 1;
            let (dial_timeout, chain) = (member.dial_timeout, Arc::clone(&disk.lock()));
            let node = Node {
                member,
                chain,
                network_active: true,
                n_peers_ever: 0,
                is_downloading: true,
            };
            state.nodes.insert(id, node);
            Ok(Seat {
                network: self.clone(),
                id,
                dial_timeout,
                disk,
            })
        })
    }

    /// All running nodes, by name.
    pub fn nodes(&self) -> Vec<NodeView> {
        self.with(|state| {
            let mut views: Vec<NodeView> = state.nodes.keys().map(|id| state.view(*id)).collect();
            views.sort_by(|a, b| a.name.cmp(&b.name));
            views
        })
    }

    /// The running node called `name` (`namespace/pod`).
    pub fn node(&self, name: &str) -> Option<NodeView> {
        self.nodes().into_iter().find(|node| node.name == name)
    }

    /// The running node at the address `host`.
    pub fn name_at(&self, host: &str) -> Option<String> {
        let state = self.lock();
        let mut nodes = state.nodes.values();
        let found = nodes.find(|node| node.member.endpoint.host == host)?;
        Some(found.member.name.clone())
    }

    /// What is wrong with the node `name`; it need not run.
    pub fn faults(&self, name: &str) -> Faults {
        self.lock().faults.get(name).cloned().unwrap_or_default()
    }

    /// Changes what is wrong with the node `name`, now and after its restarts.
    pub fn set_faults(&self, name: &str, change: impl FnOnce(&mut Faults)) {
        self.with(|state| change(state.faults.entry(name.to_owned()).or_default()));
        self.faults_changed.notify_waiters();
    }

    /// Waits until `holds` of what is wrong with `name`.
    ///
    /// # Cancel safety
    /// Safe: it only looks.
    pub async fn faults_until(&self, name: &str, holds: impl Fn(&Faults) -> bool) {
        loop {
            let mut changed = pin!(self.faults_changed.notified());
            // Register before looking, or a change in between is missed.
            changed.as_mut().enable();
            if holds(&self.faults(name)) {
                return;
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of the network panics")
    }

    /// Looks at or changes the state, settled before and after.
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let (now, unix_seconds) = (Instant::now(), self.clock.unix_seconds());
        state.settle(now, unix_seconds);
        let result = act(&mut state);
        state.settle(now, unix_seconds);
        result
    }
}

/// Another node listens on that address already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressInUse;

impl Seat {
    /// Dials `address` once (`HOST`, `HOST:PORT`, `[HOST]:PORT`), as `addnode onetry` does. Nothing
    /// is said about the outcome: look at [`peers`](Self::peers).
    ///
    /// # Cancel safety
    /// Safe: a connection is made in one step or not at all.
    pub async fn dial(&self, address: &str) {
        let attempt = self.network.with(|state| {
            let connected_at = self.network.clock.unix_seconds();
            state.dial(self.id, address, connected_at)
        });
        if matches!(attempt, Attempt::NoAnswer) {
            tokio::time::sleep(self.dial_timeout).await;
        }
    }

    /// The connections of this node, oldest first.
    pub fn peers(&self) -> Vec<Peer> {
        self.network.with(|state| state.peers(self.id))
    }

    /// Cuts the connections that `chosen` picks; false if there are none.
    pub fn disconnect(&self, chosen: impl Fn(&Peer) -> bool) -> bool {
        self.network.with(|state| {
            let peers = state.peers(self.id).into_iter();
            let ids: Vec<u64> = peers
                .filter(|peer| chosen(peer))
                .map(|peer| peer.id)
                .collect();
            let own = |link: &Link| link.peer_id_at(self.id).is_some_and(|id| ids.contains(&id));
            state.links.retain(|_, link| !own(link));
            !ids.is_empty()
        })
    }

    /// Switches all networking off (every connection ends) or on again.
    pub fn set_network_active(&self, active: bool) {
        self.network.with(|state| {
            if let Some(node) = state.nodes.get_mut(&self.id) {
                node.network_active = active;
            }
            if !active {
                state.cut_all(self.id);
            }
        });
    }

    /// Whether networking is on.
    pub fn is_network_active(&self) -> bool {
        let state = self.network.lock();
        state
            .nodes
            .get(&self.id)
            .is_some_and(|node| node.network_active)
    }

    /// The node's chain as it is now.
    pub fn chain(&self) -> Arc<Chain> {
        self.network.with(|state| state.chain(self.id))
    }

    /// Whether it is in initial block download: its tip has been older than a day since it started.
    pub fn is_downloading(&self) -> bool {
        self.network.with(|state| {
            let node = state.nodes.get(&self.id);
            node.is_none_or(|node| node.is_downloading)
        })
    }

    /// Changes the chain; what that means for the peers has happened when this returns.
    pub fn change_chain<T>(&self, change: impl FnOnce(&mut Chain) -> T) -> T {
        self.network
            .with(|state| match state.nodes.get_mut(&self.id) {
                Some(node) => change(Arc::make_mut(&mut node.chain)),
                None => change(&mut Chain::default()),
            })
    }

    /// The wallets on the node's disk.
    pub fn wallet_files(&self) -> WalletFiles {
        self.disk.wallets.clone()
    }

    /// Writes the chain to disk.
    pub fn flush(&self) {
        *self.disk.lock() = self.chain();
    }
}

impl Seat {
    /// Leaves the network: all connections end, and the disk keeps what was flushed last. After
    /// that the seat shows a node with nothing but genesis and no peers. Leaving twice does nothing.
    pub fn leave(&self) {
        // A test that panicked under the lock must not panic again here.
        let Ok(mut state) = self.network.state.lock() else {
            return;
        };
        state.cut_all(self.id);
        if let Some(node) = state.nodes.remove(&self.id) {
            let mut disk = self.disk.lock();
            *disk = Arc::new(node.chain.rewound_to(&disk));
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Reads `HOST`, `HOST:PORT`, `[HOST]:PORT` or a bare IPv6 address; the port is 18444 if none is given.
pub fn resolve(address: &str) -> Option<Endpoint> {
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if host.starts_with('[') == host.ends_with(']') && !port.is_empty() => {
            match host.starts_with('[') || !host.contains(':') {
                true => (host, port.parse().ok()?),
                false => (address, P2P_PORT),
            }
        }
        _ => (address, P2P_PORT),
    };
    let endpoint = Endpoint::new(host, port);
    endpoint.host.parse::<std::net::IpAddr>().ok()?;
    Some(endpoint)
}

/// Where regtest nodes listen for peers.
pub const P2P_PORT: u16 = 18_444;
