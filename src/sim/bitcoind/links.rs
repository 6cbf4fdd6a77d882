//! The rules of the network: who may be connected with whom, for how long, and which blocks cross.
//!
//! Blocks need no messages here. Before and after every look or change one function,
//! [`State::settle`], brings the whole network to where it belongs: connections that were silent for
//! too long end, handshakes complete, and over each connection that carries data the end with less
//! work takes the branch of the other, until nothing moves. So there is no task, no queue and no
//! order of messages to get wrong, and the same calls give the same world.
//!
//! # Invariants
//! - A connection joins two different nodes that are both there.
//! - After `settle` no live connection has more work at one end than at the other, unless that end
//!   declared the branch invalid.
//!
//! # Source
//! The times after which silent connections end are the measured ones (bitcoind 29).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::http::Endpoint;
use crate::sim::bitcoind::chain::Chain;
use crate::sim::bitcoind::faults::Faults;
use crate::sim::bitcoind::network::{Member, NodeView, Peer, resolve};

pub(super) type SeatId = u64;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) nodes: BTreeMap<SeatId, Node>,
    /// By age: the number is how many were made before.
    pub(super) links: BTreeMap<u64, Link>,
    pub(super) faults: BTreeMap<String, Faults>,
    pub(super) n_seats: u64,
    n_links: u64,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) member: Member,
    pub(super) chain: Arc<Chain>,
    pub(super) network_active: bool,
    pub(super) n_peers_ever: u64,
}

#[derive(Debug)]
pub(super) struct Link {
    dialler: SeatId,
    listener: SeatId,
    /// The number of this connection at the dialler and at the listener.
    peer_ids: [u64; 2],
    /// The string the dialler was given.
    address: String,
    source_port: u16,
    since: Instant,
    connected_at: i64,
    is_established: bool,
    /// Since when nothing has come through.
    silent_since: Option<Instant>,
}

pub(super) enum Attempt {
    Over,
    /// Nothing comes back: no connection, no refusal.
    NoAnswer,
}

impl State {
    pub(super) fn chain(&self, id: SeatId) -> Arc<Chain> {
        let node = self.nodes.get(&id);
        node.map(|node| Arc::clone(&node.chain)).unwrap_or_default()
    }

    pub(super) fn dial(&mut self, dialler: SeatId, address: &str, connected_at: i64) -> Attempt {
        let (Some(endpoint), Some(node)) = (resolve(address), self.nodes.get(&dialler)) else {
            return Attempt::Over;
        };
        let already = |link: &Link| link.dialler == dialler && self.endpoint(link) == &endpoint;
        if !node.network_active || self.links.values().any(already) {
            return Attempt::Over;
        }
        let found = self.nodes.iter().find(|(_, node)| {
            (node.member.listens && node.member.endpoint == endpoint)
                || (self.faults_of(node).cut && node.member.endpoint.host == endpoint.host)
        });
        if self.faults_of(node).cut || found.is_some_and(|(_, node)| self.faults_of(node).cut) {
            return Attempt::NoAnswer;
        }
        match found {
            Some((&listener, node)) if listener != dialler && self.has_room(listener, node) => {
                self.link(dialler, listener, address, connected_at);
            }
            _ => {}
        }
        Attempt::Over
    }

    fn has_room(&self, listener: SeatId, node: &Node) -> bool {
        let inbound = self.links.values().filter(|link| link.listener == listener);
        node.network_active && inbound.count() < node.member.max_inbound
    }

    fn link(&mut self, dialler: SeatId, listener: SeatId, address: &str, connected_at: i64) {
        let peer_ids = [dialler, listener].map(|id| {
            let node = self.nodes.get_mut(&id);
            let node = node.expect("both ends were looked up by the caller");
            node.n_peers_ever += 1;
            node.n_peers_ever - 1
        });
        let link = Link {
            dialler,
            listener,
            peer_ids,
            address: address.to_owned(),
            source_port: FIRST_SOURCE_PORT + (self.n_links % SOURCE_PORTS) as u16,
            since: Instant::now(),
            connected_at,
            is_established: false,
            silent_since: None,
        };
        self.links.insert(self.n_links, link);
        self.n_links += 1;
    }

    pub(super) fn cut_all(&mut self, id: SeatId) {
        self.links
            .retain(|_, link| link.dialler != id && link.listener != id);
    }

    /// Brings connections and chains to where they belong at `now`.
    pub(super) fn settle(&mut self, now: Instant) {
        let mut links = std::mem::take(&mut self.links);
        links.retain(|_, link| {
            if self.carries(link) {
                link.silent_since = None;
                link.is_established |= !self.is_mute(link);
            } else {
                link.silent_since.get_or_insert(now);
            }
            let silent = link.silent_since.map(|since| now - since);
            let handshaking = (!link.is_established).then(|| now - link.since);
            silent.is_none_or(|time| time < INACTIVITY_LIMIT)
                && handshaking.is_none_or(|time| time < HANDSHAKE_LIMIT)
        });
        self.links = links;
        while self.spread_blocks() {}
    }

    /// One round over all connections; true if a chain changed.
    fn spread_blocks(&mut self) -> bool {
        let live = self.links.values().filter(|link| link.is_established);
        let live = live.filter(|link| self.carries(link));
        let ends: Vec<[SeatId; 2]> = live.map(|link| [link.dialler, link.listener]).collect();
        let mut moved = false;
        for [a, b] in ends {
            for (taker, giver) in [(a, b), (b, a)] {
                let theirs = self.chain(giver);
                if let Some(node) = self.nodes.get_mut(&taker)
                    && node.chain.work() < theirs.work()
                {
                    moved |= Arc::make_mut(&mut node.chain).take_from(&theirs);
                }
            }
        }
        moved
    }

    fn carries(&self, link: &Link) -> bool {
        let ends = [link.dialler, link.listener];
        ends.iter().all(|id| {
            let faults = self.nodes.get(id).map(|node| self.faults_of(node));
            faults.is_some_and(|faults| !faults.hung && !faults.cut)
        })
    }

    fn is_mute(&self, link: &Link) -> bool {
        let ends = [link.dialler, link.listener];
        ends.iter().any(|id| {
            let faults = self.nodes.get(id).map(|node| self.faults_of(node));
            faults.is_some_and(|faults| faults.no_handshake)
        })
    }

    pub(super) fn faults_of(&self, node: &Node) -> Faults {
        let faults = self.faults.get(&node.member.name);
        faults.cloned().unwrap_or_default()
    }

    fn endpoint(&self, link: &Link) -> &Endpoint {
        &self.nodes[&link.listener].member.endpoint
    }

    pub(super) fn peers(&self, id: SeatId) -> Vec<Peer> {
        let links = self.links.values();
        links.filter_map(|link| self.peer(id, link)).collect()
    }

    /// The connection as the node `id` sees it; `None` if it is none of its own.
    fn peer(&self, id: SeatId, link: &Link) -> Option<Peer> {
        let peer_id = link.peer_id_at(id)?;
        let is_inbound = id == link.listener;
        let other = &self.nodes[if is_inbound {
            &link.dialler
        } else {
            &link.listener
        }]
        .member;
        let source = Endpoint::new(other.endpoint.host.clone(), link.source_port);
        let subversion = link.is_established.then(|| other.subversion.clone());
        Some(Peer {
            id: peer_id,
            address: match is_inbound {
                true => source.to_string(),
                false => link.address.clone(),
            },
            is_inbound,
            subversion: subversion.unwrap_or_default(),
            is_established: link.is_established,
            connected_at: link.connected_at,
            endpoint: other.endpoint.clone(),
        })
    }

    pub(super) fn view(&self, id: SeatId) -> NodeView {
        let node = &self.nodes[&id];
        let mut peers: Vec<String> = self
            .links
            .values()
            .filter_map(|link| match (link.dialler == id, link.listener == id) {
                (true, _) => Some(link.listener),
                (_, true) => Some(link.dialler),
                _ => None,
            })
            .map(|other| self.nodes[&other].member.name.clone())
            .collect();
        peers.sort();
        NodeView {
            name: node.member.name.clone(),
            endpoint: node.member.endpoint.clone(),
            block_height: node.chain.height(),
            tip: node.chain.tip().to_string(),
            peers,
        }
    }
}

impl Link {
    pub(super) fn peer_id_at(&self, id: SeatId) -> Option<u64> {
        match id {
            id if id == self.dialler => Some(self.peer_ids[0]),
            id if id == self.listener => Some(self.peer_ids[1]),
            _ => None,
        }
    }
}

/// A peer that does not complete the handshake is dropped after this time.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(60);

/// A peer from which nothing comes is dropped after this time.
const INACTIVITY_LIMIT: Duration = Duration::from_secs(20 * 60);

const FIRST_SOURCE_PORT: u16 = 49_152;
const SOURCE_PORTS: u64 = 16_000;
