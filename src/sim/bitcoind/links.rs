//! The rules of the network: who may be connected with whom, for how long, and which blocks cross.
//!
//! Blocks need no messages here. Before and after every look or change one function,
//! [`State::settle`], brings the whole network to where it belongs: connections that were silent for
//! too long end, handshakes complete, and over each connection that carries data blocks cross, until
//! nothing moves. So there is no task, no queue and no order of messages to get wrong, and the same
//! calls give the same world.
//!
//! A node with less work than its peer does not learn of it by being connected, but in two ways:
//!
//! | | who | to whom |
//! |---|---|---|
//! | it asks | a node whose tip is younger than a day | every peer, once |
//! | it asks | any other node | **one** peer, once, and no other before that one is gone |
//! | it is told | a node not in initial block download, when its tip has changed | every peer |
//!
//! So two fresh nodes that were linked first have asked each other, and a third that is ahead is not
//! asked by either until it has a new block, or the link between the two is cut.
//!
//! # Invariants
//! - A connection joins two different nodes that are both there.
//! - After `settle` every node has what it was told and what it could ask for, except branches it
//!   declared invalid.
//!
//! # Source
//! The times after which silent connections end, and who is asked when, are measured (bitcoind 29;
//! `nSyncStarted` in its `net_processing.cpp`).
//!
//! # What differs
//! Of several peers a real node asks one at random, this one that of the oldest connection. A real
//! one gives up a peer that knew nothing after half an hour, if it has dialled another one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rust_bitcoin::BlockHash;
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
    /// Initial block download: from the start until its tip has been young once.
    pub(super) is_downloading: bool,
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
    /// What the dialler has heard from the listener, and the listener from the dialler.
    hearings: [Hearing; 2],
}

/// What one end of a connection knows of the other's chain.
#[derive(Debug, Default)]
struct Hearing {
    /// It has asked for headers.
    has_asked: bool,
    /// The other's tip when it was last heard of; a tip that differs is news.
    tip: Option<BlockHash>,
    /// The height that the other named in the handshake.
    starting_height: Option<usize>,
    /// The best block the other has said it has; genesis is not worth saying.
    synced: Option<BlockHash>,
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
            hearings: Default::default(),
        };
        self.links.insert(self.n_links, link);
        self.n_links += 1;
    }

    pub(super) fn cut_all(&mut self, id: SeatId) {
        self.links
            .retain(|_, link| link.dialler != id && link.listener != id);
    }

    /// Brings connections and chains to where they belong at `now`, also given in Unix seconds.
    pub(super) fn settle(&mut self, now: Instant, unix_seconds: i64) {
        let mut links = std::mem::take(&mut self.links);
        links.retain(|_, link| {
            if self.carries(link) {
                link.silent_since = None;
                if !link.is_established && !self.is_mute(link) {
                    self.establish(link);
                }
            } else {
                link.silent_since.get_or_insert(now);
            }
            let silent = link.silent_since.map(|since| now - since);
            let handshaking = (!link.is_established).then(|| now - link.since);
            silent.is_none_or(|time| time < INACTIVITY_LIMIT)
                && handshaking.is_none_or(|time| time < HANDSHAKE_LIMIT)
        });
        self.links = links;
        for node in self.nodes.values_mut() {
            node.is_downloading &= !node.is_young(unix_seconds);
        }
        while self.spread_blocks(unix_seconds) {}
    }

    /// The handshake is over. It tells heights, but no blocks: what either end has is no news.
    fn establish(&self, link: &mut Link) {
        link.is_established = true;
        for (hearing, giver) in link.hearings.iter_mut().zip([link.listener, link.dialler]) {
            let chain = self.chain(giver);
            hearing.tip = Some(chain.tip());
            hearing.starting_height = Some(chain.height());
        }
    }

    /// One round over all connections; true if anybody has heard anything.
    fn spread_blocks(&mut self, unix_seconds: i64) -> bool {
        let asked = |link: &Link| {
            let ends = [link.dialler, link.listener].into_iter();
            let asked = ends.zip(&link.hearings).filter(|(_, end)| end.has_asked);
            asked.map(|(id, _)| id).collect::<Vec<_>>()
        };
        let mut asking: BTreeSet<SeatId> = self.links.values().flat_map(asked).collect();
        let live = self.links.iter().filter(|(_, link)| link.is_established);
        let live = live.filter(|(_, link)| self.carries(link));
        let live: Vec<u64> = live.map(|(number, _)| *number).collect();
        let mut moved = false;
        for number in live {
            for end in [0, 1] {
                moved |= self.hear(number, end, &mut asking, unix_seconds);
            }
        }
        moved
    }

    /// Lets one end of a connection be told what is new at the other, or ask; true if it did hear.
    /// Who is `asking` one of its peers asks no second one, unless its own tip is young.
    fn hear(
        &mut self,
        number: u64,
        end: usize,
        asking: &mut BTreeSet<SeatId>,
        unix_seconds: i64,
    ) -> bool {
        let Some(link) = self.links.get_mut(&number) else {
            return false;
        };
        let mut ends = [link.dialler, link.listener];
        ends.rotate_left(end);
        let [taker, giver] = ends;
        let (theirs, tells) = match self.nodes.get(&giver) {
            Some(giver) => (Arc::clone(&giver.chain), !giver.is_downloading),
            None => return false,
        };
        let Some(node) = self.nodes.get_mut(&taker) else {
            return false;
        };
        // Nobody is told what he has said himself.
        let is_known = link.hearings[1 - end].synced == Some(theirs.tip());
        let hearing = &mut link.hearings[end];
        let asks = !hearing.has_asked && (node.is_young(unix_seconds) || asking.insert(taker));
        let is_told = tells && !is_known && hearing.tip != Some(theirs.tip());
        if !asks && !is_told {
            return false;
        }
        hearing.has_asked |= asks;
        let has_more = theirs.work() > node.chain.work();
        let takes = has_more && Arc::make_mut(&mut node.chain).take_from(&theirs);
        node.is_downloading &= !node.is_young(unix_seconds);
        // What was refused stays news: somebody may reconsider.
        let is_refused = has_more && !takes;
        hearing.tip = (!is_refused).then(|| theirs.tip());
        if theirs.height() > 0 {
            hearing.synced = Some(theirs.tip());
        }
        asks || !is_refused
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
        let hearing = &link.hearings[usize::from(is_inbound)];
        let starting_height = hearing.starting_height;
        let synced = hearing.synced;
        let synced = synced.and_then(|hash| Some(self.nodes[&id].chain.entry(&hash)?.block_height));
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
            starting_height,
            synced_height: synced,
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

impl Node {
    fn is_young(&self, unix_seconds: i64) -> bool {
        unix_seconds - self.chain.tip_time() <= TIP_AGE_OF_DOWNLOAD_SECONDS
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

/// A node whose tip is older than a day believes that it is still catching up.
const TIP_AGE_OF_DOWNLOAD_SECONDS: i64 = 24 * 60 * 60;

const FIRST_SOURCE_PORT: u16 = 49_152;
const SOURCE_PORTS: u64 = 16_000;
