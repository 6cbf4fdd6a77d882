//! A network that is split on purpose: which side each node is on.
//!
//! A researcher names the sides; who is named nowhere is on a side with the others of that kind. The
//! links that are wanted are those of the topology that do not leave a side. A link between two
//! sides is then one that is not wanted, and [`peers`](crate::bitcoin::peers) cuts those, whoever made
//! them. Nothing is put in the place of what was cut: a ring that is split is two lines, and a side
//! that the topology does not hold together is in as many pieces as it is in.
//!
//! ```text
//!   named: [0 1 2]          0 ─ 1        3 ─ 4
//!   nodes: 0 ... 5          │ ╱     ╳     ╲ │
//!                           2             5
//! ```
//!
//! # Invariants
//! - Each node below `size` is on exactly one side, and no side is empty.
//! - Sides are in the order in which they were named; the one of the unnamed comes last.
//!
//! # Example
//! ```
//! use bitcoin_controller::bitcoin::sides::{self, Sides};
//! use bitcoin_controller::bitcoin::{Link, Members, Topology};
//!
//! let sides = Sides::split(&[vec![0, 1, 2]], 6).expect("no node is on two sides");
//! assert_eq!(sides.to_string(), "nodes 0-2 | nodes 3-5");
//! let members = Members::new("1f2e3d4c", "my-network-sts-", 6).expect("a sound name");
//! let mut ring = Topology::Ring.links(&members);
//! ring.retain(|link, _| sides.holds(*link));
//! assert!(!ring.contains_key(&Link::new(2, 3)) && !ring.contains_key(&Link::new(5, 0)));
//! assert_eq!(sides::pieces(sides.all()[0].iter().copied(), ring.keys().copied()), 1);
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::bitcoin::topology::Link;

/// The sides of a network; one, if it is whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sides(Vec<BTreeSet<u32>>);

/// A node that was named on more than one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnTwoSides(pub u32);

impl Sides {
    /// All nodes of a network of `size` on one side; no side at all, if there is none.
    pub fn whole(size: u32) -> Self {
        let everybody: BTreeSet<u32> = (0..size).collect();
        Sides(
            Some(everybody)
                .filter(|all| !all.is_empty())
                .into_iter()
                .collect(),
        )
    }

    /// The sides that are `named`, and that of the nodes below `size` which are not. Ordinals from
    /// `size` on are left out.
    ///
    /// # Errors
    /// A node is named on two sides, whether or not it is there.
    pub fn split(named: &[Vec<u32>], size: u32) -> Result<Self, OnTwoSides> {
        let mut seen = BTreeSet::<u32>::new();
        let mut sides = Vec::new();
        for named in named {
            let side: BTreeSet<u32> = named.iter().copied().collect();
            if let Some(twice) = side.iter().find(|node| seen.contains(*node)) {
                return Err(OnTwoSides(*twice));
            }
            seen.extend(&side);
            sides.push(side.into_iter().filter(|node| *node < size).collect());
        }
        sides.push((0..size).filter(|node| !seen.contains(node)).collect());
        sides.retain(|side: &BTreeSet<u32>| !side.is_empty());
        Ok(Sides(sides))
    }

    /// Each side's nodes.
    pub fn all(&self) -> &[BTreeSet<u32>] {
        &self.0
    }

    /// Whether there is more than one.
    pub fn is_split(&self) -> bool {
        self.0.len() > 1
    }

    /// The place of `node`'s side among [`all`](Self::all); `None` if there is no such node.
    pub fn of(&self, node: u32) -> Option<usize> {
        self.0.iter().position(|side| side.contains(&node))
    }

    /// Whether both ends of `link` are on one side.
    pub fn holds(&self, link: Link) -> bool {
        let (low, high) = link.ends();
        self.of(low)
            .is_some_and(|side| self.0[side].contains(&high))
    }
}

/// The sides as a person reads them: `nodes 0-2 | nodes 3-5`.
impl fmt::Display for Sides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sides: Vec<String> = self
            .0
            .iter()
            .map(|side| name(side.iter().copied()))
            .collect();
        f.write_str(&sides.join(" | "))
    }
}

/// Some nodes in few words, given in their order: `node 3`, `nodes 0-2, 5`.
pub fn name(nodes: impl IntoIterator<Item = u32>) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for node in nodes {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(node) => *last = node,
            _ => runs.push((node, node)),
        }
    }
    let word = match runs[..] {
        [(first, last)] if first == last => "node",
        _ => "nodes",
    };
    let runs: Vec<String> = runs
        .into_iter()
        .map(|(first, last)| match last - first {
            0 => first.to_string(),
            1 => format!("{first}, {last}"),
            _ => format!("{first}-{last}"),
        })
        .collect();
    format!("{word} {}", runs.join(", "))
}

/// In how many pieces `links` hold these nodes together: more than one, and blocks do not get everywhere.
pub fn pieces(
    nodes: impl IntoIterator<Item = u32>,
    links: impl IntoIterator<Item = Link>,
) -> usize {
    // Each node points towards the smallest of its piece.
    let mut towards: BTreeMap<u32, u32> = nodes.into_iter().map(|node| (node, node)).collect();
    let smallest = |towards: &BTreeMap<u32, u32>, node: u32| {
        let mut at = node;
        while towards[&at] != at {
            at = towards[&at];
        }
        at
    };
    for (low, high) in links.into_iter().map(Link::ends) {
        if towards.contains_key(&low) && towards.contains_key(&high) {
            let (one, other) = (smallest(&towards, low), smallest(&towards, high));
            towards.insert(one.max(other), one.min(other));
        }
    }
    towards.iter().filter(|(node, to)| node == to).count()
}
