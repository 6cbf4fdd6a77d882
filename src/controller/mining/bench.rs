//! What is kept about mining between passes: nothing that cannot be lost.
//!
//! # Invariants
//! - Without it the same blocks are mined: a pass only waits a little before it goes on with a reservation
//!   of which it does not know that it is its own.
//! - The block in hand belongs to one reservation, and is handed in again as it is.

use std::time::Duration;

use rust_bitcoin::Block;
use tokio::time::Instant;

use crate::api::network::{MinedBlock, MiningStatus, NextBlock};
use crate::bitcoin::BlockHash;
use crate::controller::mining::PATIENCE;

/// What is kept.
#[derive(Debug, Default)]
pub struct Bench {
    /// The reservation this process made, or took over.
    ours: Option<NextBlock>,
    /// A reservation that is done with, though the status may still show it.
    closed: Option<NextBlock>,
    /// The block that is being handed in, for this reservation.
    block: Option<(NextBlock, Block)>,
    /// The last block, though the status may not show it yet.
    last: Option<MinedBlock>,
    /// Somebody else's reservation, at which height of its node it was seen, and since when.
    theirs: Option<(NextBlock, Option<i64>, Instant)>,
    /// The best tip of each side, and since when they have been these.
    tips: Option<(Vec<BlockHash>, Instant)>,
    /// What the node had against the last block, and when.
    refusal: Option<(String, Instant)>,
}

impl Bench {
    /// The record as `status` has it, with what has happened since it was written.
    pub fn over(&self, status: Option<&MiningStatus>) -> MiningStatus {
        let mut record = status.cloned().unwrap_or_default();
        record.next = record
            .next
            .filter(|next| self.closed.as_ref() != Some(next));
        let time = |last: &MinedBlock| last.time;
        if self.last.as_ref().map(time) > record.last.as_ref().map(time) {
            record.last.clone_from(&self.last);
        }
        record
    }

    /// How much longer the reservation is to be left to whoever made it, whose node is at `height`; `None`:
    /// it is ours by now.
    pub fn patience(&mut self, next: &NextBlock, height: Option<i64>) -> Option<Duration> {
        if self.ours.as_ref() == Some(next) {
            return None;
        }
        let since = match &self.theirs {
            Some((seen, at, since)) if seen == next && *at == height => *since,
            _ => {
                let now = Instant::now();
                self.theirs = Some((next.clone(), height, now));
                now
            }
        };
        let left = PATIENCE.saturating_sub(since.elapsed());
        if left.is_zero() {
            self.take(next);
            return None;
        }
        Some(left)
    }

    /// The reservation is ours.
    pub fn take(&mut self, next: &NextBlock) {
        self.ours = Some(next.clone());
        self.theirs = None;
    }

    /// The reservation is done with; `last` is what came of it, if that is known.
    pub fn close(&mut self, next: &NextBlock, last: Option<MinedBlock>) {
        self.closed = Some(next.clone());
        self.ours = None;
        self.theirs = None;
        self.block = None;
        self.last = last.or_else(|| self.last.take());
    }

    /// The block in hand, if it was made for `next` and builds on `previous`.
    pub fn block(&self, next: &NextBlock, previous: &BlockHash) -> Option<&Block> {
        let (of, block) = self.block.as_ref()?;
        (of == next && block.header.prev_blockhash == *previous).then_some(block)
    }

    /// Takes the block in hand.
    pub fn hold(&mut self, next: &NextBlock, block: &Block) {
        self.block = Some((next.clone(), block.clone()));
    }

    /// How long the sides' best tips have been these.
    pub fn tips_seen_for(&mut self, tips: Vec<BlockHash>) -> Duration {
        match &self.tips {
            Some((seen, since)) if *seen == tips => since.elapsed(),
            _ => {
                self.tips = Some((tips, Instant::now()));
                Duration::ZERO
            }
        }
    }

    /// Notes what the node had against a block, or that it had nothing.
    pub fn refused(&mut self, why: Option<String>) {
        self.refusal = why.map(|why| (why, Instant::now()));
    }

    /// What the node had against the last block, if it is too early to try again, and for how long.
    pub fn refusal(&self) -> Option<(&str, Duration)> {
        let (why, at) = self.refusal.as_ref()?;
        let left = REFUSED_REST.saturating_sub(at.elapsed());
        (!left.is_zero()).then_some((why.as_str(), left))
    }
}

/// How long mining rests after a node has refused a block: the next would hardly fare better.
const REFUSED_REST: Duration = Duration::from_secs(5);
