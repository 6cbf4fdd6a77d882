//! The sides of a network: what was seen of each, and what turns when a network is split or healed.
//!
//! A network that is whole has one side. Whether nodes agree is asked of each side by itself; between
//! sides nothing is expected.
//!
//! # Invariants
//! - `status.sides` is empty unless there is more than one.
//! - A turn is told by nodes that were there before and after: to scale a split network is none.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::network::{Links, SideStatus};
use crate::bitcoin::{BlockHash, Sides, sides};
use crate::controller::reasons;
use crate::controller::status::Sight;

/// One side of a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// The ordinals of its nodes.
    pub nodes: Vec<i32>,
    /// Links within it, wanted and present; `None` if this pass did not compare them.
    pub links: Option<Links>,
    /// In how many pieces the topology holds it together; 0 if this pass did not compare links.
    pub n_pieces: usize,
}

impl Side {
    /// A side of these nodes, of which nothing has been seen yet.
    pub fn new(nodes: impl IntoIterator<Item = i32>) -> Self {
        Side {
            nodes: nodes.into_iter().collect(),
            ..Side::default()
        }
    }

    /// The sides of a network, of which nothing has been seen yet.
    pub fn all(sides: &Sides) -> Vec<Side> {
        let side =
            |nodes: &BTreeSet<u32>| Side::new(nodes.iter().flat_map(|it| i32::try_from(*it)));
        sides.all().iter().map(side).collect()
    }

    /// `nodes 0-2`.
    pub(super) fn name(&self) -> String {
        name(&self.nodes)
    }
}

/// Some nodes in few words.
pub(in crate::controller) fn name(nodes: &[i32]) -> String {
    sides::name(nodes.iter().flat_map(|node| u32::try_from(*node)))
}

impl Sight {
    /// The sides; one with every wanted node, if it is not known better.
    pub fn sides(&self) -> Vec<Side> {
        if !self.sides.is_empty() {
            return self.sides.clone();
        }
        let everybody = Side::new(0..self.wanted.unwrap_or_default());
        Some(everybody)
            .filter(|side| !side.nodes.is_empty())
            .into_iter()
            .collect()
    }

    /// Whether on each side all nodes have said the same best block.
    pub fn is_synced(&self) -> bool {
        self.wanted.is_some() && self.sides().iter().all(|side| self.agree(&side.nodes))
    }

    /// Whether these nodes have all said the same best block.
    pub(super) fn agree(&self, nodes: &[i32]) -> bool {
        let mut tips = nodes
            .iter()
            .map(|ordinal| self.chain(*ordinal).map(|chain| chain.best_block_hash));
        let first = tips.next().unwrap_or_default();
        tips.all(|tip| tip == first) && (first.is_some() || nodes.is_empty())
    }

    /// The greatest height that any of these nodes has said.
    pub(super) fn height(&self, nodes: &[i32]) -> Option<i64> {
        let heights = nodes.iter().filter_map(|it| Some(self.chain(*it)?.blocks));
        heights.max()
    }

    /// Who has which block, if all these nodes have spoken and differ, though no chain has more work
    /// than another: nothing moves before the next block.
    pub(super) fn rivals(&self, nodes: &[i32]) -> Option<BTreeMap<BlockHash, Vec<i32>>> {
        let mut rivals = BTreeMap::<BlockHash, Vec<i32>>::new();
        let mut works = BTreeSet::new();
        for ordinal in nodes {
            let chain = self.chain(*ordinal)?;
            works.insert(chain.chain_work);
            rivals
                .entry(chain.best_block_hash)
                .or_default()
                .push(*ordinal);
        }
        (works.len() == 1 && rivals.len() > 1).then_some(rivals)
    }

    /// What the status says of the sides of a split network; `before` is what it said.
    pub(super) fn side_statuses(&self, before: &[SideStatus]) -> Vec<SideStatus> {
        if self.sides.len() < 2 {
            return Vec::new();
        }
        let status = |side: &Side| {
            let known = before.iter().find(|old| old.nodes == side.nodes);
            let tip = || {
                Some(
                    self.chain(*side.nodes.first()?)?
                        .best_block_hash
                        .to_string(),
                )
            };
            SideStatus {
                nodes: side.nodes.clone(),
                links: side
                    .links
                    .unwrap_or_else(|| known.map(|old| old.links).unwrap_or_default()),
                height: self.height(&side.nodes),
                tip: self.agree(&side.nodes).then(tip).flatten(),
            }
        };
        self.sides.iter().map(status).collect()
    }
}

/// Reason and message if the network was split, split otherwise, or healed, between two statuses.
pub fn turn(before: &[SideStatus], next: &[SideStatus]) -> Option<(&'static str, String)> {
    let ordinals = |sides: &[SideStatus]| -> BTreeSet<i32> {
        sides.iter().flat_map(|side| side.nodes.clone()).collect()
    };
    let (old, new) = (ordinals(before), ordinals(next));
    match (before, next) {
        ([], []) => None,
        (_, []) => Some((reasons::HEALED, "the network is no longer split".to_owned())),
        ([], _) => Some((reasons::PARTITIONED, split_message(next))),
        _ => {
            let lasting = |sides: &[SideStatus]| -> BTreeSet<Vec<i32>> {
                let stays = |node: &i32| old.contains(node) && new.contains(node);
                let sides = sides
                    .iter()
                    .map(|side| side.nodes.iter().copied().filter(stays).collect());
                sides.filter(|side: &Vec<i32>| !side.is_empty()).collect()
            };
            (lasting(before) != lasting(next)).then(|| (reasons::PARTITIONED, split_message(next)))
        }
    }
}

fn split_message(sides: &[SideStatus]) -> String {
    let names: Vec<String> = sides.iter().map(|side| name(&side.nodes)).collect();
    format!("the network is split: {}", names.join(" | "))
}
