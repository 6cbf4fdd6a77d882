//! What the peers of all nodes come to: each connection in its place.
//!
//! Each node shows its own list. Here the lists are laid over one another: a connection between two of
//! our nodes is shown by both ends, or by one if the other did not answer; who is not ours is to be
//! cut, or counts as somebody who may have blocks.
//!
//! ```text
//!   node 0: sent to 1        ──┐
//!   node 1: received from 0  ──┴─> pair 0-1, dialled by 0, known to both
//!   node 1: sent to a laptop ────> an outsider
//! ```
//!
//! # Invariants
//! - A connection between two of our nodes is in exactly one direction of one pair.

use std::collections::{BTreeMap, BTreeSet};

use crate::bitcoin::answers::Peer;
use crate::bitcoin::identity::Identity;
use crate::bitcoin::members::{Members, Membership};
use crate::bitcoin::peers::{HANDSHAKE_AGE, Node, Stranger, Why, age};
use crate::bitcoin::progress::{Progress, Standing};
use crate::bitcoin::topology::Link;

/// What the peers of all nodes come to.
#[derive(Default)]
pub(super) struct Survey<'a> {
    /// The connections between two of our nodes.
    pub(super) pairs: BTreeMap<Link, Pair<'a>>,
    /// The same by node: each connection it shows, and with whom.
    shown: BTreeMap<u32, Vec<(u32, &'a Peer)>>,
    /// Connections with those who belong to no network, or to one that is a friend, by node.
    outsiders: Vec<(u32, &'a Peer)>,
    /// Links that are being made: dialled, connected, not yet introduced.
    pub(super) introducing: BTreeSet<Link>,
    /// Connections that must not be, whatever is wanted: the node that shows it, and why.
    pub(super) cuts: Vec<(u32, &'a Peer, Why)>,
    /// Those of them that lead into other networks.
    pub(super) strangers: Vec<Stranger>,
}

/// The connections between two nodes, by direction.
#[derive(Default)]
pub(super) struct Pair<'a> {
    /// Dialled by the smaller ordinal.
    pub(super) from_low: Direction<'a>,
    /// Dialled by the larger.
    pub(super) from_high: Direction<'a>,
}

/// The connections of one direction, as each end shows them. `None`: that end did not answer.
#[derive(Default)]
pub(super) struct Direction<'a> {
    pub(super) dialler: Option<Vec<&'a Peer>>,
    pub(super) receiver: Option<Vec<&'a Peer>>,
}

impl<'a> Survey<'a> {
    /// Sorts every connection of every node.
    pub(super) fn of(members: &Members, nodes: &BTreeMap<u32, &'a Node>, now: i64) -> Self {
        let by_address: BTreeMap<String, u32> = nodes
            .values()
            .map(|node| (node.address.to_string(), node.ordinal))
            .collect();
        let mut survey = Survey::default();
        for (&ordinal, node) in nodes {
            for peer in &node.peers {
                if peer.is_usable() {
                    survey.sort_out(members, nodes, ordinal, peer);
                } else if !peer.inbound && age(peer, now) < HANDSHAKE_AGE {
                    let dialled = by_address.get(&peer.addr);
                    let link = dialled.map(|other| Link::new(ordinal, *other));
                    survey.introducing.extend(link);
                }
            }
        }
        survey.strangers.sort();
        survey
    }

    /// Finds the place of one connection of `node`.
    fn sort_out(
        &mut self,
        members: &Members,
        nodes: &BTreeMap<u32, &Node>,
        node: u32,
        peer: &'a Peer,
    ) {
        let Some(identity) = Identity::from_subver(&peer.subver) else {
            self.outsiders.push((node, peer));
            return;
        };
        match members.membership(&identity) {
            Membership::Member(other) if other != node => self.note(nodes, node, other, peer),
            Membership::Member(_) => self.cuts.push((node, peer, Why::NotWanted)),
            Membership::Former => self.cuts.push((node, peer, Why::Former)),
            Membership::Friend => self.outsiders.push((node, peer)),
            Membership::Stranger => {
                self.cuts.push((node, peer, Why::Stranger));
                self.strangers.push(Stranger { node, identity });
            }
        }
    }

    /// How far everybody is, outsiders included: each counts as a node that hangs on ours.
    pub(super) fn standing(
        &mut self,
        nodes: &BTreeMap<u32, &Node>,
        wanted: &BTreeSet<Link>,
        now: i64,
    ) -> Standing {
        let mut progress: BTreeMap<u32, Progress> = nodes
            .iter()
            .map(|(ordinal, node)| (*ordinal, node.progress))
            .collect();
        let mut links: Vec<Link> = wanted.iter().copied().collect();
        // No network is so large that it has nodes with these numbers.
        for (number, (node, peer)) in (0..u32::MAX).rev().zip(&self.outsiders) {
            if let Some(outsider) = Progress::of_outsider(peer, now) {
                progress.insert(number, outsider);
                links.push(Link::new(*node, number));
                self.shown.entry(*node).or_default().push((number, *peer));
            }
        }
        Standing::new(progress, links)
    }

    /// The nodes that wait for a peer that cannot help them.
    pub(super) fn stalled(&self, standing: &Standing, now: i64) -> BTreeSet<u32> {
        let shown = self.shown.iter();
        let stalled = shown.filter(|(node, peers)| standing.is_stalled(**node, peers, now));
        stalled.map(|(node, _)| *node).collect()
    }

    /// Notes that `ordinal` shows a connection with `other`.
    fn note(&mut self, nodes: &BTreeMap<u32, &Node>, ordinal: u32, other: u32, peer: &'a Peer) {
        self.shown.entry(ordinal).or_default().push((other, peer));
        let link = Link::new(ordinal, other);
        let pair = self.pairs.entry(link).or_default();
        let dialler = if peer.inbound { other } else { ordinal };
        let (low, _) = link.ends();
        let direction = if dialler == low {
            &mut pair.from_low
        } else {
            &mut pair.from_high
        };
        let (mine, theirs) = if peer.inbound {
            (&mut direction.receiver, &mut direction.dialler)
        } else {
            (&mut direction.dialler, &mut direction.receiver)
        };
        mine.get_or_insert_default().push(peer);
        // An end that answered and shows nothing is not the same as one that did not answer.
        if nodes.contains_key(&other) {
            theirs.get_or_insert_default();
        }
    }
}
