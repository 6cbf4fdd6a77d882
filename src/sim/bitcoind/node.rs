//! A running node between its start and its end: what the RPC methods work on.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::base::Clock;
use crate::sim::bitcoind::faults::Faults;
use crate::sim::bitcoind::network::{Peer, PeerNetwork, Seat, resolve};
use crate::sim::bitcoind::options::Options;
use crate::sim::bitcoind::release::Release;
use crate::sim::bitcoind::server::Side;
use crate::sim::bitcoind::wallets::Wallets;
use crate::sim::bitcoind::{WARM_UP_STEP, WARM_UP_STEPS};

/// A running node.
#[derive(Debug)]
pub(super) struct Node {
    /// `namespace/pod`, for faults.
    pub(super) name: String,
    pub(super) address: String,
    pub(super) release: Release,
    pub(super) options: Options,
    pub(super) seat: Seat,
    pub(super) peers: PeerNetwork,
    pub(super) clock: Clock,
    pub(super) started: Instant,
    /// The step of warm-up it is in; `None` once it answers.
    pub(super) warming_up: Mutex<Option<&'static str>>,
    /// Cancelled by the RPC `stop` and by SIGTERM.
    pub(super) stopping: CancellationToken,
    pub(super) added: AddedNodes,
    pub(super) wallets: Wallets,
}

/// The list that `addnode add` keeps. It is in memory only: a restart empties it.
#[derive(Debug, Default)]
pub(super) struct AddedNodes {
    addresses: Mutex<Vec<String>>,
    grown: Notify,
}

impl AddedNodes {
    /// False if the address, or one that means the same, is on the list.
    pub(super) fn add(&self, address: &str) -> bool {
        let mut addresses = self.lock();
        let same = |other: &String| {
            other == address || (resolve(other).is_some() && resolve(other) == resolve(address))
        };
        if addresses.iter().any(same) {
            return false;
        }
        addresses.push(address.to_owned());
        self.grown.notify_one();
        true
    }

    /// False if this very string is not on the list.
    pub(super) fn remove(&self, address: &str) -> bool {
        let mut addresses = self.lock();
        let before = addresses.len();
        addresses.retain(|other| other != address);
        addresses.len() < before
    }

    /// The list, oldest first.
    pub(super) fn all(&self) -> Vec<String> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.addresses.lock().expect("no holder of the list panics")
    }
}

impl Node {
    /// What is wrong with it now.
    pub(super) fn faults(&self) -> Faults {
        self.peers.faults(&self.name)
    }

    /// Waits while the node stands still, or its answers would not reach anybody on that side.
    pub(super) async fn able_to_answer(&self, side: Side) {
        let able = |faults: &Faults| !(faults.hung || faults.cut && side == Side::Outside);
        self.peers.faults_until(&self.name, able).await;
    }

    /// The step of warm-up it is in, if it is not over.
    pub(super) fn warm_up_step(&self) -> Option<&'static str> {
        *self.step()
    }

    fn step(&self) -> MutexGuard<'_, Option<&'static str>> {
        self.warming_up
            .lock()
            .expect("no holder of the step panics")
    }

    /// What a node does by itself: it warms up, then it dials what is on the added list.
    pub(super) async fn warm_up_and_dial(&self) {
        tokio::time::sleep(self.faults().warm_up).await;
        for step in WARM_UP_STEPS {
            *self.step() = Some(step);
            tokio::time::sleep(WARM_UP_STEP).await;
        }
        *self.step() = None;
        self.dial_added_nodes().await;
    }

    /// Dials what is on the added list and not connected, for as long as the node runs.
    ///
    /// The pauses are the measured ones: half a second between two dials, a minute after a pass that
    /// dialled anything. At most eight such connections are kept; the others wait for ever.
    async fn dial_added_nodes(&self) {
        loop {
            let mut dialled = false;
            for address in self.added.all() {
                let peers = self.seat.peers();
                let kept = peers.iter().filter(|peer| self.is_added(peer)).count();
                if kept >= MAX_ADDED_CONNECTIONS {
                    break;
                }
                if connection_to(&peers, &address).is_none() {
                    dialled = true;
                    self.seat.dial(&address).await;
                    tokio::time::sleep(BETWEEN_DIALS).await;
                }
            }
            if dialled {
                tokio::time::sleep(AFTER_A_PASS).await;
            } else if self.added.all().is_empty() {
                // Without a list there is nothing to look at, and a paused clock may stand still.
                self.added.grown.notified().await;
                tokio::time::sleep(BEFORE_THE_FIRST).await;
            } else {
                tokio::time::sleep(BETWEEN_LOOKS).await;
            }
        }
    }

    fn is_added(&self, peer: &Peer) -> bool {
        let addresses = self.added.all();
        !peer.is_inbound && addresses.iter().any(|address| is_at(peer, address))
    }
}

/// The connection this node made to `address`, by whatever string.
pub(super) fn connection_to<'a>(peers: &'a [Peer], address: &str) -> Option<&'a Peer> {
    peers
        .iter()
        .find(|peer| !peer.is_inbound && is_at(peer, address))
}

fn is_at(peer: &Peer, address: &str) -> bool {
    resolve(address).is_some_and(|endpoint| endpoint == peer.endpoint)
}

const MAX_ADDED_CONNECTIONS: usize = 8;
const BEFORE_THE_FIRST: Duration = Duration::from_secs(1);
const BETWEEN_DIALS: Duration = Duration::from_millis(500);
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
const AFTER_A_PASS: Duration = Duration::from_secs(60);
