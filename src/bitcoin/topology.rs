//! Which pairs of nodes should be linked, and which of the two dials.
//!
//! Up to [`CORE_SIZE`] nodes everybody is linked with everybody. A full mesh of a hundred would be
//! 4,950 links and gain nothing, so from there on each further node dials [`CHORDS`] of the nodes
//! before it, chosen by chance. The chance is seeded with the network's mark and the node's ordinal:
//! the same network has the same links in every process, and **a node that joins or leaves at the
//! end brings or takes its own links and moves no other**. Nothing is rewired, not even between 17
//! nodes and 18.
//!
//! ```text
//!   0 ... 16   everybody with everybody: 8 dialled, 8 received
//!   17         dials 8 of 0..17
//!   18         dials 8 of 0..18
//!   ...
//! ```
//!
//! It is connected by construction: whoever is not in the core hangs on somebody before it, by eight
//! links. The degree of a core node grows with the logarithm of the size (about 50 at 1,000 nodes).
//!
//! # Invariants
//! - A link joins two different nodes below `size` and has exactly one dialler, one of the two.
//! - Nobody dials more than 8 others, except in a [`Topology::FullMesh`] of more than 17. Within the
//!   core the numbers of dialled links differ by at most one.
//! - With [`Topology::Automatic`] the links of `n` nodes are among those of `n + 1`.
//!
//! # Example
//! ```
//! use bitcoin_controller::bitcoin::{Link, Members, Topology};
//! let members = Members::new("1f2e3d4c", "my-network-sts-", 17).expect("a sound name");
//! let links = Topology::Automatic.links(&members);
//! assert_eq!(links.len(), 17 * 16 / 2);
//! assert_eq!(links.values().filter(|dialler| **dialler == 3).count(), 8);
//! assert!(links.contains_key(&Link::new(5, 4)));
//! ```
//!
//! # Source
//! Circulant tournament for the core; a random recursive graph after it; R. W. Floyd's sampling
//! (CACM 30, 1987). 8 is what Bitcoin Core dials by itself: `MAX_OUTBOUND_FULL_RELAY_CONNECTIONS`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::base::Random;
use crate::bitcoin::identity::Identity;

/// How many nodes are linked each with each, unless it is asked for more: the largest full mesh in
/// which nobody dials more than 8.
pub const CORE_SIZE: u32 = 17;

/// How many of its predecessors a later node dials.
pub const CHORDS: u32 = 8;

/// An unordered pair of nodes, by ordinal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    low: u32,
    high: u32,
}

impl Link {
    /// The link of `one` and `other`, in either order.
    pub fn new(one: u32, other: u32) -> Self {
        Link {
            low: one.min(other),
            high: one.max(other),
        }
    }

    /// Its two ends, the smaller ordinal first.
    pub fn ends(self) -> (u32, u32) {
        (self.low, self.high)
    }

    /// The end that is not `end`.
    pub fn other(self, end: u32) -> u32 {
        if end == self.low { self.high } else { self.low }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.low, self.high)
    }
}

/// The nodes a network is meant to have: ordinals 0 to `size - 1`, all under one mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members {
    network: String,
    name_prefix: String,
    size: u32,
}

/// What a network has to say about somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// The node with this ordinal.
    Member(u32),
    /// It carries this network's mark but is none of its nodes: scaled away, or never one.
    Former,
    /// It belongs to another network.
    Stranger,
}

impl Members {
    /// The node with ordinal `i` calls itself `name_prefix` and `i`. `None` if `network` or the names
    /// cannot stand in an [`Identity`].
    pub fn new(network: &str, name_prefix: &str, size: u32) -> Option<Self> {
        let longest = format!("{name_prefix}{size}");
        Identity::new(network, &longest)?;
        Some(Members {
            network: network.to_owned(),
            name_prefix: name_prefix.to_owned(),
            size,
        })
    }

    /// How many nodes there are meant to be.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Who the node with this ordinal says it is.
    pub fn identity(&self, ordinal: u32) -> Option<Identity> {
        Identity::new(&self.network, &format!("{}{ordinal}", self.name_prefix))
    }

    /// Whether, and where, `identity` belongs here.
    pub fn membership(&self, identity: &Identity) -> Membership {
        if identity.network() != self.network {
            return Membership::Stranger;
        }
        let ordinal = identity.node().strip_prefix(self.name_prefix.as_str());
        match ordinal.and_then(|ordinal| ordinal.parse().ok()) {
            // Formed again and compared, because "007" is a number, too.
            Some(ordinal)
                if ordinal < self.size && self.identity(ordinal).as_ref() == Some(identity) =>
            {
                Membership::Member(ordinal)
            }
            _ => Membership::Former,
        }
    }
}

/// How the nodes of a network are linked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Topology {
    /// A full mesh of the first [`CORE_SIZE`]; each further node dials [`CHORDS`] before it.
    #[default]
    Automatic,
    /// Everybody with everybody, however many.
    FullMesh,
}

impl Topology {
    /// Every wanted link, with the end that dials it.
    pub fn links(self, members: &Members) -> BTreeMap<Link, u32> {
        let size = members.size;
        let core = match self {
            Topology::Automatic => size.min(CORE_SIZE),
            Topology::FullMesh => size,
        };
        let mut links = BTreeMap::new();
        for one in 0..core {
            for other in one + 1..core {
                links.insert(Link::new(one, other), core_dialler(core, one, other));
            }
        }
        let random = Random::seeded(0).fork(&members.network);
        for node in core..size {
            let random = random.fork(&node.to_string());
            for earlier in sample(&random, CHORDS, node) {
                links.insert(Link::new(node, earlier), node);
            }
        }
        links
    }

    /// The most links any node has: what a node's `-maxconnections` must leave room for.
    ///
    /// It grows with the size. Where the answer must not change as a network is scaled, ask for the
    /// largest size there can be.
    pub fn planned_degree(self, members: &Members) -> u32 {
        let mut degrees = BTreeMap::<u32, u32>::new();
        for link in self.links(members).into_keys() {
            *degrees.entry(link.low).or_default() += 1;
            *degrees.entry(link.high).or_default() += 1;
        }
        degrees.into_values().max().unwrap_or(0)
    }
}

/// On a circle of `core` nodes each dials the half that comes after it; two that are exactly
/// opposite each other leave it to the smaller ordinal.
fn core_dialler(core: u32, low: u32, high: u32) -> u32 {
    let ahead = high - low;
    if ahead <= core - ahead { low } else { high }
}

/// `count` different numbers below `bound`, each set of them as likely; all, if there are not so many.
fn sample(random: &Random, count: u32, bound: u32) -> BTreeSet<u32> {
    let mut chosen = BTreeSet::new();
    for top in bound.saturating_sub(count)..bound {
        let pick = u32::try_from(random.below(u64::from(top) + 1)).unwrap_or(top);
        if !chosen.insert(pick) {
            chosen.insert(top);
        }
    }
    chosen
}
