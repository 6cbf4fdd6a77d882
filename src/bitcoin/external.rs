//! Nodes outside the network that it is to be connected with.
//!
//! Two kinds of them. At an **address** is a person's own node, or an application's: whoever answers
//! there will do, as long as it carries no network's mark. The nodes of another **network** are friends if that
//! network has asked for ours likewise; each is known by its name, wherever it is.
//!
//! | seen | then |
//! |---|---|
//! | a connection that we dialled to the address, and no mark | connected |
//! | the same, with the mark of a network that is no friend | refused: it is cut as any stranger is |
//! | a friend's node, dialled where it is now or dialling us | connected |
//! | nothing | dialled, if it is ours to dial and our node is not behind |
//! | a connection of a node that is barred | cut |
//!
//! A link outside is a way for blocks. So while a network is split, each of these belongs to one side, and
//! the nodes of the others are barred from it.
//!
//! A node that is behind the others of its network would ask the new peer for blocks and nobody else
//! ([`progress`](crate::bitcoin::progress)): it does not dial.
//!
//! # Invariants
//! - Only nodes that answered in this pass as who they should be dial or are told to cut.
//! - Nobody dials an address to which it has a connection, or where a handshake is under way.
//!
//! # Example
//! ```
//! use std::collections::BTreeSet;
//! use bitcoin_controller::bitcoin::external::{External, Who, look_out};
//! use bitcoin_controller::bitcoin::{Members, peers, progress::Progress};
//! use bitcoin_controller::http::Endpoint;
//!
//! let members = Members::new("1f2e3d4c", "my-network-sts-", 1).expect("a sound name");
//! let node = peers::Node {
//!     ordinal: 0,
//!     subversion: "/Satoshi:29.4.3(1f2e3d4c.my-network-sts-0)/".to_owned(),
//!     address: Endpoint::new("10.0.0.7", 18444),
//!     progress: Progress::default(),
//!     peers: vec![],
//! };
//! let laptop = External {
//!     nodes: BTreeSet::from([0]),
//!     barred: BTreeSet::new(),
//!     who: Who::Address(Endpoint::new("laptop.example", 18444)),
//! };
//! let outlook = look_out(&members, &[laptop], &[node], 1_795_000_000);
//! assert_eq!((outlook.seen[0].wanted, outlook.seen[0].present), (1, 0));
//! assert_eq!(outlook.dials[0].address.to_string(), "laptop.example:18444");
//! ```
//!
//! # What differs
//! Whom a friend dials, we do not decide: a node of ours that is behind may be dialled.

use std::collections::{BTreeMap, BTreeSet};

use crate::bitcoin::answers::Peer;
use crate::bitcoin::identity::Identity;
use crate::bitcoin::members::{Members, Membership};
use crate::bitcoin::peers::{self, Action, HANDSHAKE_AGE, Node, Why};
use crate::http::Endpoint;

/// Somebody outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// Our nodes that are to be connected with it.
    pub nodes: BTreeSet<u32>,
    /// Our nodes that must not be.
    pub barred: BTreeSet<u32>,
    /// Who it is.
    pub who: Who,
}

/// Who is outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Whoever answers here.
    Address(Endpoint),
    /// Nodes of a network that has asked for ours.
    Friend {
        /// Its mark.
        network: String,
        /// The names of its nodes, each with where it is, if that is known.
        nodes: BTreeMap<String, Option<Endpoint>>,
        /// Whether it is ours to dial, and not theirs.
        is_ours_to_dial: bool,
    },
}

/// What there is outside, and what to do about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// What was seen of each, in the order in which they were given.
    pub seen: Vec<Seen>,
    /// What to dial.
    pub dials: Vec<DialOut>,
    /// What to cut.
    pub cuts: Vec<Action>,
}

/// What was seen of somebody outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How many connections there should be.
    pub wanted: usize,
    /// How many of them there are.
    pub present: usize,
    /// Who answered, if it is one of another network or of ours.
    pub refused: Option<Identity>,
}

/// A node of ours that is to dial outside, once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DialOut {
    /// Its ordinal.
    pub from: u32,
    /// Where to.
    pub address: Endpoint,
}

/// Compares what the `nodes` that answered show with what is to be outside; `now` is in seconds since 1970.
pub fn look_out(members: &Members, externals: &[External], nodes: &[Node], now: i64) -> Outlook {
    let ours: BTreeMap<u32, &Node> = nodes
        .iter()
        .filter(|node| peers::is_who_it_should_be(members, node))
        .map(|node| (node.ordinal, node))
        .collect();
    let mut outlook = Outlook::default();
    for external in externals {
        for barred in &external.barred {
            let shown = ours.get(barred).into_iter().flat_map(|node| &node.peers);
            for peer in shown.filter(|peer| external.who.is(peer)) {
                outlook.cuts.push(Action::Disconnect {
                    node: *barred,
                    peer_id: peer.id,
                    why: Why::Apart,
                });
            }
        }
        let seen = match &external.who {
            Who::Address(address) => {
                let mut seen = Seen::default();
                for from in &external.nodes {
                    seen.wanted += 1;
                    let own = ours.get(from).copied();
                    let found = own.map(|node| at_address(members, node, address, now));
                    match found {
                        Some(Found::Usable) => seen.present += 1,
                        Some(Found::Refused(identity)) => seen.refused = Some(identity),
                        Some(Found::Nobody) if !is_behind(&ours, external, *from) => {
                            let (from, address) = (*from, address.clone());
                            outlook.dials.push(DialOut { from, address });
                        }
                        Some(Found::Nobody | Found::Introducing) | None => {}
                    }
                }
                seen
            }
            Who::Friend { .. } => outlook.see_friend(&ours, external, now),
        };
        outlook.seen.push(seen);
    }
    outlook.dials.sort();
    outlook.dials.dedup();
    outlook
}

/// Whom a node of ours has at the other end.
enum Found {
    Usable,
    Refused(Identity),
    Introducing,
    Nobody,
}

fn at_address(members: &Members, node: &Node, address: &Endpoint, now: i64) -> Found {
    let address = address.to_string();
    let there = node
        .peers
        .iter()
        .filter(|peer| !peer.inbound && peer.addr == address);
    let mut found = Found::Nobody;
    for peer in there {
        if !peer.is_usable() {
            if peers::age(peer, now) < HANDSHAKE_AGE {
                found = Found::Introducing;
            }
            continue;
        }
        return match Identity::from_subver(&peer.subver) {
            Some(identity) if members.membership(&identity) != Membership::Friend => {
                Found::Refused(identity)
            }
            _ => Found::Usable,
        };
    }
    found
}

impl Outlook {
    /// Pairs each of our nodes with each of the friend's.
    fn see_friend(&mut self, ours: &BTreeMap<u32, &Node>, external: &External, now: i64) -> Seen {
        let Who::Friend {
            network,
            nodes: theirs,
            is_ours_to_dial,
        } = &external.who
        else {
            return Seen::default();
        };
        let mut seen = Seen::default();
        for (from, (name, endpoint)) in external
            .nodes
            .iter()
            .flat_map(|from| theirs.iter().map(move |their| (from, their)))
        {
            seen.wanted += 1;
            let Some(node) = ours.get(from) else {
                continue;
            };
            let identity = Identity::new(network, name);
            let address = endpoint.as_ref().map(Endpoint::to_string);
            // Whom we dialled is who is there now; a node that was lost without a word has moved.
            let is_there = |peer: &&Peer| peer.inbound || Some(&peer.addr) == address.as_ref();
            let mut shown = node.peers.iter().filter(is_there);
            if shown.any(|peer| peer.is_usable() && Identity::from_subver(&peer.subver) == identity)
            {
                seen.present += 1;
                continue;
            }
            let is_dialled = |peer: &Peer| {
                !peer.inbound
                    && Some(&peer.addr) == address.as_ref()
                    && (peer.is_usable() || peers::age(peer, now) < HANDSHAKE_AGE)
            };
            if let Some(address) = endpoint
                && *is_ours_to_dial
                && !node.peers.iter().any(is_dialled)
                && !is_behind(ours, external, *from)
            {
                let (from, address) = (*from, address.clone());
                self.dials.push(DialOut { from, address });
            }
        }
        seen
    }
}

impl Who {
    /// Whether `peer` is this, as far as can be told.
    fn is(&self, peer: &Peer) -> bool {
        match self {
            Who::Address(address) => !peer.inbound && peer.addr == address.to_string(),
            Who::Friend { network, .. } => Identity::from_subver(&peer.subver)
                .is_some_and(|identity| identity.network() == network),
        }
    }
}

/// Whether `node` is in initial block download and another on its side has more blocks.
fn is_behind(ours: &BTreeMap<u32, &Node>, external: &External, node: u32) -> bool {
    let own = ours.get(&node).map(|node| node.progress);
    let same_side = ours
        .iter()
        .filter(|(ordinal, _)| !external.barred.contains(ordinal));
    let most = same_side.map(|(_, node)| node.progress.blocks).max();
    own.is_none_or(|own| own.is_downloading && Some(own.blocks) < most)
}
