//! What the nodes have, as far as mining goes: one tip each, side by side.
//!
//! # Invariants
//! - Only nodes that answered with our credentials are in it: only they can be given a block.
//! - A side's height is that of its best block; the side of a node is the plan's.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::bitcoin::{BlockHash, BlockchainInfo, Work};
use crate::controller::mining::Plan;
use crate::controller::nodes::Answer;
use crate::controller::status::Sight;

/// The end of a node's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Its height.
    pub height: i64,
    /// Its hash.
    pub hash: BlockHash,
    /// The work of the chain.
    pub work: Work,
    /// The time in its header, in seconds since 1970, if the node says it.
    pub time: Option<i64>,
    /// Whether the node believes to be far behind.
    pub is_downloading: bool,
}

impl From<&BlockchainInfo> for Tip {
    fn from(chain: &BlockchainInfo) -> Self {
        Tip {
            height: chain.blocks,
            hash: chain.best_block_hash,
            work: chain.chain_work,
            time: chain.time,
            is_downloading: chain.initial_block_download,
        }
    }
}

/// What the nodes have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The nodes that answered.
    pub tips: BTreeMap<i32, Tip>,
    /// Whether all wanted links are there.
    pub is_connected: bool,
}

impl View {
    /// What a pass has seen.
    pub fn of(sight: &Sight) -> Self {
        let wanted = sight.wanted.unwrap_or_default();
        let full = |(ordinal, answer): (&i32, &Answer)| match answer {
            Answer::Full { chain, .. } => Some((*ordinal, chain.into())),
            _ => None,
        };
        View {
            tips: sight
                .answers
                .range(0..wanted.max(0))
                .filter_map(full)
                .collect(),
            is_connected: sight.is_connected(),
        }
    }

    /// The best tip on the side of a node; `None` if nobody there answers.
    pub fn best_beside(&self, plan: &Plan, ordinal: i32) -> Option<&Tip> {
        self.best_of_side(plan, plan.side_of(ordinal))
    }

    fn best_of_side(&self, plan: &Plan, side: Option<usize>) -> Option<&Tip> {
        let tips = self.tips.iter();
        tips.filter(|(ordinal, _)| plan.side_of(**ordinal) == side)
            .map(|(_, tip)| tip)
            .max_by_key(|tip| tip.work)
    }

    /// The best tips of all sides.
    pub fn bests<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = &'a Tip> {
        let sides = 0..plan.sides.all().len();
        sides.filter_map(|side| self.best_of_side(plan, Some(side)))
    }

    /// The best tip of all.
    pub fn best(&self) -> Option<&Tip> {
        self.tips.values().max_by_key(|tip| tip.work)
    }

    /// The number of the block that is mined next, whoever mines it: one more than there are, all sides
    /// together. Without sides it is the height.
    pub fn turn(&self, plan: &Plan) -> u64 {
        let blocks = self.bests(plan).map(|tip| tip.height.unsigned_abs());
        1 + blocks.sum::<u64>()
    }

    /// The same when the side of `ordinal` has come to `height`.
    #[must_use]
    pub fn grown(&self, plan: &Plan, ordinal: i32, height: i64) -> Self {
        let mut view = self.clone();
        for (other, tip) in &mut view.tips {
            if plan.side_of(*other) == plan.side_of(ordinal) {
                tip.height = height;
            }
        }
        view
    }

    /// Whether the nodes of each side agree on its best block.
    pub fn is_of_one_mind(&self, plan: &Plan) -> bool {
        let tips: BTreeSet<(Option<usize>, BlockHash)> = self
            .tips
            .iter()
            .map(|(ordinal, tip)| (plan.side_of(*ordinal), tip.hash))
            .collect();
        tips.len() == self.bests(plan).count()
    }
}

/// How a tip's age is told, if it is worth telling; coarsely, so that it is not written again and again.
pub fn age_words(tip_time: i64, now: i64) -> Option<&'static str> {
    let age = Duration::from_secs(u64::try_from(now.saturating_sub(tip_time)).unwrap_or(0));
    match () {
        () if age > DAY => Some("the last block is more than a day old"),
        () if age > OLD => Some("the last block is more than an hour old"),
        () => None,
    }
}

/// From this age on a tip is old: Lightning nodes and wallets take the chain for one that is not there yet.
pub const OLD: Duration = Duration::from_secs(3_600);

/// From this age on a node that starts stays in initial block download.
const DAY: Duration = Duration::from_secs(24 * 3_600);
