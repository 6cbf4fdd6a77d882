//! Wanted links against present links: what to dial and what to cut, as a function of values.
//!
//! Nothing is remembered. On every pass each node that answers tells its peers, and [`plan`] compares
//! them with the links that are wanted. A node that came back empty, a link that broke, one that a user made or
//! cut by hand: all are the same difference, and the next pass plans nothing if this one worked.
//!
//! Only nodes that answered *in this pass, with our credentials, as who they should be* are dialled
//! or told to dial. Every regtest has the same genesis block and the same magic, and addresses are
//! reused: one link to a node of another network, and the longer chain of the two replaces the other.
//!
//! | a connection to | is |
//! |---|---|
//! | a node of ours, wanted | kept, if it is the only one of its pair |
//! | a node of ours, wanted, but there is another one | cut: blocks need one, the second is only load |
//! | a node of ours, wanted, but neither has blocks for the other and one waits for them in vain | cut: it asks nobody else meanwhile |
//! | a node of ours, not wanted | cut, whoever made it |
//! | a node of ours that does not know of it, for [`HALF_OPEN_AGE`] | cut: its other end is gone |
//! | one with our mark and another name | cut: scaled away |
//! | one with the mark of a network that is a friend | left alone: [`external`](crate::bitcoin::external) judges it |
//! | one with another network's mark | cut at once and reported |
//! | anybody else | the user's, left alone |
//! | somebody who has not introduced itself | waited for: not present, not dialled again |
//!
//! A node that was deleted and made again under its name has the same identity; nothing tells the
//! two apart but that the new one does not know of the old one's connections (fifth line). A
//! network that was deleted and made again has another mark: a stranger (seventh line).
//!
//! A wanted link that is missing is dialled at once, unless both its nodes are behind and blocks can
//! reach them over other links: then it stays missing until one of them has caught up, because each
//! would ask the other for blocks and nobody else ([`progress`](crate::bitcoin::progress)).
//!
//! # Invariants
//! - A pair is dialled from one side, the one that the wanted links name.
//! - Only nodes in the input are acted upon; no action touches a connection to a user's node.
//! - A link is not cut as stuck and dialled in one pass.
//! - Actions are sorted, cuts first. With the network as wanted there are none.
//!
//! # Example
//! ```
//! use bitcoin_controller::bitcoin::peers::{Action, Node, plan};
//! use bitcoin_controller::bitcoin::progress::Progress;
//! use bitcoin_controller::bitcoin::{Members, Topology};
//! use bitcoin_controller::http::Endpoint;
//!
//! let members = Members::new("1f2e3d4c", "my-network-sts-", 2).expect("a sound name");
//! let node = |ordinal| Node {
//!     ordinal,
//!     subversion: format!("/Satoshi:29.4.3(1f2e3d4c.my-network-sts-{ordinal})/"),
//!     address: Endpoint::new(format!("10.0.0.{ordinal}"), 18444),
//!     progress: Progress::default(),
//!     peers: vec![],
//! };
//! let wanted = Topology::Automatic.links(&members);
//! let plan = plan(&members, &wanted, &[node(0), node(1)], 1_795_000_000);
//! assert_eq!((plan.wanted.len(), plan.present.len()), (1, 0));
//! let dial = Action::Dial { from: 0, to: 1, address: Endpoint::new("10.0.0.1", 18444) };
//! assert_eq!(plan.actions, [dial]);
//! ```
//!
//! # Source
//! Behaviour of `addnode … onetry`, `disconnectnode` and `getpeerinfo` as measured on a real node.

use std::collections::{BTreeMap, BTreeSet};

use crate::bitcoin::answers::Peer;
use crate::bitcoin::identity::Identity;
use crate::bitcoin::members::{Members, Membership};
use crate::bitcoin::progress::Progress;
use crate::bitcoin::survey::{Direction, Pair, Survey};
use crate::bitcoin::topology::Link;
use crate::http::Endpoint;

/// A node that answered in this pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its place in the network.
    pub ordinal: u32,
    /// Its own user agent, from `getnetworkinfo`: who it is, not who should be at its address.
    pub subversion: String,
    /// Where others dial it.
    pub address: Endpoint,
    /// From its `getblockchaininfo`.
    pub progress: Progress,
    /// Its `getpeerinfo`.
    pub peers: Vec<Peer>,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Have `node` cut the connection it calls `peer_id`.
    Disconnect {
        /// The ordinal of the node to call.
        node: u32,
        /// The number `node` has given to the connection.
        peer_id: i64,
        /// Why.
        why: Why,
    },
    /// Have `from` dial `to`, once.
    Dial {
        /// The ordinal of the node to call.
        from: u32,
        /// The ordinal of the node to be dialled.
        to: u32,
        /// Where that is.
        address: Endpoint,
    },
}

/// Why a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The peer carries another network's mark.
    Stranger,
    /// The peer carries our mark, but we have no node of that name.
    Former,
    /// The two are not to be linked.
    NotWanted,
    /// The two are linked already.
    Doubled,
    /// The peer does not know of the connection.
    HalfOpen,
    /// One of the two waits for headers from a peer that has none.
    Stalled,
    /// The peer is outside the network, and the node on a side that is not to know it.
    Apart,
}

/// A connection into another network, found in this pass.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stranger {
    /// The ordinal of our node.
    pub node: u32,
    /// Who is at the other end.
    pub identity: Identity,
}

/// What there should be, what there is, and what to do about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Every wanted link, whether or not its nodes answered.
    pub wanted: BTreeSet<Link>,
    /// Those of them that are there.
    pub present: BTreeSet<Link>,
    /// Pairs of our nodes that are connected and are not to be; among the actions they are cut.
    pub unwanted: BTreeSet<Link>,
    /// What to do: cuts first, then dials, each sorted.
    pub actions: Vec<Action>,
    /// Connections into other networks; among the actions they are cut.
    pub strangers: Vec<Stranger>,
    /// The ordinals at whose address somebody else answered; nothing is done with those nodes.
    pub misplaced: Vec<u32>,
}

impl Plan {
    /// The wanted links that are not there.
    pub fn missing(&self) -> impl Iterator<Item = Link> {
        self.wanted.difference(&self.present).copied()
    }
}

/// How long, in seconds, one end may know of a connection and the other not. The two were asked a
/// moment apart, so a fresh one may be in one list only; after this time its other end has gone
/// without a word, and bitcoind would find out only after 20 minutes.
pub const HALF_OPEN_AGE: i64 = 30;

/// How long, in seconds, a peer has to introduce itself. Meanwhile dialling its address again would
/// be ignored; afterwards bitcoind drops it (`-peertimeout`).
pub const HANDSHAKE_AGE: i64 = 60;

/// Compares the peers of the `nodes` that answered with the wanted `links` of the `members`, each given
/// with the end that dials it; `now` is in seconds since 1970.
///
/// A node whose user agent is not that of its ordinal is reported and left out. One with an ordinal
/// beyond the size is on its way out and left out, too. Of two with one ordinal the later counts.
pub fn plan(members: &Members, links: &BTreeMap<Link, u32>, nodes: &[Node], now: i64) -> Plan {
    let mut plan = Plan {
        wanted: links.keys().copied().collect(),
        ..Plan::default()
    };
    let nodes = plan.admit(members, nodes);
    let mut survey = Survey::of(members, &nodes, now);
    plan.strangers = std::mem::take(&mut survey.strangers);
    for (node, peer, why) in std::mem::take(&mut survey.cuts) {
        plan.cut(node, peer, why);
    }
    let standing = survey.standing(&nodes, &plan.wanted, now);
    let stalled = survey.stalled(&standing, now);
    let mut not_yet = survey.introducing;
    not_yet.extend(links.keys().filter(|link| standing.is_useless(**link)));
    for (link, pair) in survey.pairs {
        let dialler = links.get(&link).copied();
        if dialler.is_none() {
            plan.unwanted.insert(link);
        }
        let Some((node, peer)) = plan.judge(link, pair, dialler, now) else {
            continue;
        };
        let (low, high) = link.ends();
        if standing.is_useless(link) && (stalled.contains(&low) || stalled.contains(&high)) {
            plan.cut(node, peer, Why::Stalled);
        } else {
            plan.present.insert(link);
        }
    }
    plan.dial_missing(links, &nodes, &not_yet);
    plan.actions.sort();
    plan
}

impl Plan {
    /// Lets those nodes in that are who they should be.
    fn admit<'a>(&mut self, members: &Members, nodes: &'a [Node]) -> BTreeMap<u32, &'a Node> {
        let mut admitted = BTreeMap::new();
        for node in nodes.iter().filter(|node| node.ordinal < members.size()) {
            if is_who_it_should_be(members, node) {
                admitted.insert(node.ordinal, node);
            } else {
                self.misplaced.push(node.ordinal);
            }
        }
        self.misplaced.sort_unstable();
        self.misplaced.dedup();
        admitted
    }

    /// Of a pair that is wanted (`dialler` is the side that should have made it) leaves one connection
    /// and returns it, with the node that can cut it; of one that is not, none.
    fn judge<'a>(
        &mut self,
        link: Link,
        pair: Pair<'a>,
        dialler: Option<u32>,
        now: i64,
    ) -> Option<(u32, &'a Peer)> {
        let (low, high) = link.ends();
        let mut alive = self.drop_half_open(low, high, pair.from_low, now);
        let from_high = self.drop_half_open(high, low, pair.from_high, now);
        // The one to keep comes last: dialled by whom it should be, and of those the newest, which
        // both ends know if any.
        if dialler == Some(high) {
            alive.extend(from_high);
        } else {
            alive.splice(0..0, from_high);
        }
        let (kept, why) = match dialler {
            Some(_) => (alive.pop(), Why::Doubled),
            None => (None, Why::NotWanted),
        };
        for (node, peer) in alive {
            self.cut(node, peer, why);
        }
        kept
    }

    /// Cuts the connections of one direction whose other end is gone, and returns the others, oldest
    /// first, each with the node that can cut it.
    fn drop_half_open<'a>(
        &mut self,
        dialler: u32,
        receiver: u32,
        direction: Direction<'a>,
        now: i64,
    ) -> Vec<(u32, &'a Peer)> {
        let (sent, received) = (direction.dialler, direction.receiver);
        let both_answered = sent.is_some() && received.is_some();
        let (sent, received) = (sent.unwrap_or_default(), received.unwrap_or_default());
        let known_to_both = sent.len().min(received.len());
        let (node, mut shown) = if sent.len() >= received.len() {
            (dialler, sent)
        } else {
            (receiver, received)
        };
        // Numbers grow with time: what only one end knows is what was there before the other end
        // started anew.
        shown.sort_by_key(|peer| peer.id);
        let one_sided = if both_answered {
            shown.len() - known_to_both
        } else {
            0
        };
        let mut alive = Vec::new();
        for (place, peer) in shown.into_iter().enumerate() {
            if place < one_sided && age(peer, now) >= HALF_OPEN_AGE {
                self.cut(node, peer, Why::HalfOpen);
            } else {
                alive.push((node, peer));
            }
        }
        alive
    }

    /// Dials what is neither present nor to be waited for, if both ends answered.
    fn dial_missing(
        &mut self,
        links: &BTreeMap<Link, u32>,
        nodes: &BTreeMap<u32, &Node>,
        not_yet: &BTreeSet<Link>,
    ) {
        for (&link, &from) in links {
            let to = link.other(from);
            let is_due = !self.present.contains(&link) && !not_yet.contains(&link);
            if let Some(node) = nodes.get(&to)
                && nodes.contains_key(&from)
                && is_due
            {
                let address = node.address.clone();
                self.actions.push(Action::Dial { from, to, address });
            }
        }
    }

    fn cut(&mut self, node: u32, peer: &Peer, why: Why) {
        let peer_id = peer.id;
        self.actions.push(Action::Disconnect { node, peer_id, why });
    }
}

/// Whether `node` calls itself what the node with its ordinal is called.
pub(crate) fn is_who_it_should_be(members: &Members, node: &Node) -> bool {
    let identity = Identity::from_subver(&node.subversion);
    identity.is_some_and(|it| members.membership(&it) == Membership::Member(node.ordinal))
}

/// How long a connection has been there, in seconds; less than nothing if its node's clock is ahead.
pub(crate) fn age(peer: &Peer, now: i64) -> i64 {
    now.saturating_sub(peer.connected_at)
}
