//! Which pairs of nodes should be linked, and which of the two dials.
//!
//! A [`Topology`] is a shape; with the [`Members`] of a network it gives the links. There is one that
//! needs no thought, and those a person may ask for:
//!
//! | shape | links | who dials | a node more |
//! |---|---|---|---|
//! | `Automatic` | everybody with everybody up to [`CORE_SIZE`] nodes; each further one with [`CHORDS`] before it | half of the core; later nodes | moves no link |
//! | `FullMesh` | everybody with everybody | half | moves no link |
//! | `Random` | each with `degree` of those before it | half of the first `degree + 1`; later nodes | moves no link |
//! | `Ring` | each with the next, the last with the first | the one before | opens the ring at one place |
//! | `Line` | each with the next | the one before | moves no link |
//! | `Star` | everybody with node 0 | everybody but node 0 | moves no link |
//! | `Manual` | as listed | each about half of its own | moves no link |
//!
//! A full mesh of a hundred would be 4,950 links and gain nothing, so from 17 nodes on `Automatic`
//! chooses by chance. The chance is seeded with the network's mark and the node's ordinal: the same
//! network has the same links in every process, and **a node that joins or leaves at the end brings or
//! takes its own links and moves no other**. Nothing is rewired, not even between 17 nodes and 18.
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
//! - Where the shape leaves a choice nobody dials more than half of its links, rounded up; in a core,
//!   the numbers of dialled links differ by at most one.
//! - All shapes but `Manual` are connected. `Manual` is what was asked for, in however many pieces.
//!
//! # Example
//! ```
//! use bitcoin_controller::bitcoin::{Link, Members, Topology};
//! let members = Members::new("1f2e3d4c", "my-network-sts-", 17).expect("a sound name");
//! let links = Topology::Automatic.links(&members);
//! assert_eq!(links.len(), 17 * 16 / 2);
//! assert_eq!(links.values().filter(|dialler| **dialler == 3).count(), 8);
//!
//! let ring = Topology::Ring.links(&members);
//! assert_eq!(ring.len(), 17);
//! assert_eq!(ring[&Link::new(16, 0)], 16);
//! ```
//!
//! # Source
//! Circulant tournament for the core; a random recursive graph after it; R. W. Floyd's sampling
//! (CACM 30, 1987); trails of Euler for links that were listed. 8 is what Bitcoin Core dials by itself:
//! `MAX_OUTBOUND_FULL_RELAY_CONNECTIONS`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::base::Random;
use crate::bitcoin::members::Members;

/// How many nodes are linked each with each, unless it is asked for more: the largest full mesh in
/// which nobody dials more than 8.
pub const CORE_SIZE: u32 = 17;

/// How many of its predecessors a later node dials.
pub const CHORDS: u32 = 8;

/// The most nodes of a full mesh: 4,950 links, and 99 for each node to keep alive.
pub const LARGEST_FULL_MESH: u32 = 100;

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

/// How the nodes of a network are linked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Topology {
    /// A full mesh of the first [`CORE_SIZE`]; each further node dials [`CHORDS`] before it.
    #[default]
    Automatic,
    /// Everybody with everybody, however many: whoever asks sees to [`LARGEST_FULL_MESH`].
    FullMesh,
    /// Each node with `degree` of those before it, or all if there are not so many.
    Random {
        /// How many; at least 1, or there are no links.
        degree: u32,
        /// The same seed gives the same links in every network; `None`: the network's mark is the seed.
        seed: Option<u64>,
    },
    /// Each with the next, the last with the first.
    Ring,
    /// Each with the next.
    Line,
    /// Everybody with node 0.
    Star,
    /// These, without those of nodes that there are not (now).
    Manual(BTreeSet<Link>),
}

impl Topology {
    /// Every wanted link, with the end that dials it.
    pub fn links(&self, members: &Members) -> BTreeMap<Link, u32> {
        let size = members.size();
        let own_chance = || Random::seeded(0).fork(members.network());
        match self {
            Topology::Automatic => grown(size, CORE_SIZE, CHORDS, &own_chance()),
            Topology::FullMesh => core(size),
            Topology::Random { degree, seed } => {
                let random = seed.map_or_else(own_chance, Random::seeded);
                grown(size, degree.saturating_add(1), *degree, &random)
            }
            Topology::Line => chain(size),
            Topology::Ring => {
                let mut links = chain(size);
                // Of two nodes the last is the next of the first: one link, not two.
                if size > 2 {
                    links.insert(Link::new(size - 1, 0), size - 1);
                }
                links
            }
            Topology::Star => (1..size).map(|leaf| (Link::new(0, leaf), leaf)).collect(),
            Topology::Manual(listed) => along_trails(
                listed
                    .iter()
                    .copied()
                    .filter(|link| link.low != link.high && link.high < size),
            ),
        }
    }

    /// The most links any node has: what a node's `-maxconnections` must leave room for.
    ///
    /// It grows with the size. Where the answer must not change as a network is scaled, ask for the
    /// largest size there can be.
    pub fn planned_degree(&self, members: &Members) -> u32 {
        let mut degrees = BTreeMap::<u32, u32>::new();
        for link in self.links(members).into_keys() {
            *degrees.entry(link.low).or_default() += 1;
            *degrees.entry(link.high).or_default() += 1;
        }
        degrees.into_values().max().unwrap_or(0)
    }
}

/// A core of at most `core_size`; each later node dials `degree` before it, chosen by `random`.
fn grown(size: u32, core_size: u32, degree: u32, random: &Random) -> BTreeMap<Link, u32> {
    let core_size = size.min(core_size);
    let mut links = core(core_size);
    for node in core_size..size {
        let random = random.fork(&node.to_string());
        for earlier in sample(&random, degree, node) {
            links.insert(Link::new(node, earlier), node);
        }
    }
    links
}

/// Everybody with everybody. On a circle of `size` nodes each dials the half that comes after it; two
/// that are exactly opposite each other leave it to the smaller ordinal.
fn core(size: u32) -> BTreeMap<Link, u32> {
    let pairs = (0..size).flat_map(|low| (low + 1..size).map(move |high| (low, high)));
    pairs
        .map(|(low, high)| {
            let ahead = high - low;
            let dialler = if ahead <= size - ahead { low } else { high };
            (Link::new(low, high), dialler)
        })
        .collect()
}

/// Each with the next.
fn chain(size: u32) -> BTreeMap<Link, u32> {
    (1..size)
        .map(|node| (Link::new(node - 1, node), node - 1))
        .collect()
}

/// `links` walked in trails, each dialled in the direction in which it is walked. A trail that goes
/// through a node enters it as often as it leaves it; and since trails begin at nodes with an odd number
/// of links for as long as there are any, at most one of a node's trails begins or ends there for good.
fn along_trails(links: impl Iterator<Item = Link>) -> BTreeMap<Link, u32> {
    let mut ahead = BTreeMap::<u32, BTreeSet<u32>>::new();
    for Link { low, high } in links {
        ahead.entry(low).or_default().insert(high);
        ahead.entry(high).or_default().insert(low);
    }
    let mut diallers = BTreeMap::new();
    let odd_first = |ahead: &BTreeMap<u32, BTreeSet<u32>>| {
        let open = ahead.iter().filter(|(_, others)| !others.is_empty());
        open.min_by_key(|(node, others)| (others.len() % 2 == 0, **node))
            .map(|(node, _)| *node)
    };
    while let Some(mut at) = odd_first(&ahead) {
        while let Some(next) = ahead.get_mut(&at).and_then(BTreeSet::pop_first) {
            if let Some(back) = ahead.get_mut(&next) {
                back.remove(&at);
            }
            diallers.insert(Link::new(at, next), at);
            at = next;
        }
    }
    diallers
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
