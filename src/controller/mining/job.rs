//! Blocks for one node: take its template, make the block of the reservation, hand it in.
//!
//! # Invariants
//! - The block stands on the bench before it is handed in; whatever becomes of the answer, the next attempt
//!   hands in the same.
//! - A job mines for [`STRETCH`] at most, so that other networks have their turn.

use std::time::Duration;

use rust_bitcoin::{Block, ScriptBuf};
use tokio::time::{Instant, timeout};

use crate::api::network::NextBlock;
use crate::bitcoin::mining::{self as miner, BlockTemplate, Search, Submission, assemble, solve};
use crate::bitcoin::{self, BlockHash, RpcClient};
use crate::controller::mining::{Bench, plan};

/// How long a pass mines.
pub const STRETCH: Duration = Duration::from_secs(2);

/// How many blocks a pass mines at most.
pub const BLOCKS_A_PASS: usize = 200;

/// How long one block may take, from template to answer: two calls that take milliseconds.
const BLOCK_DEADLINE: Duration = Duration::from_secs(8);

/// What came of mining.
pub(crate) enum Outcome {
    /// All of the reservation is in the chain; the last block is this.
    Finished(BlockHash),
    /// The pass has mined enough; the chain has come to this height.
    Partly(i64),
    /// The chain is not as it was when the reservation was made.
    Void(&'static str),
    /// The node will not have the block.
    Refused(String),
    /// What became of the block is not known.
    Unanswered(String),
}

impl From<bitcoin::Error> for Outcome {
    fn from(error: bitcoin::Error) -> Self {
        Outcome::Unanswered(error.to_string())
    }
}

/// Blocks for one node.
pub(crate) struct Job<'a> {
    /// The node.
    pub(crate) rpc: &'a RpcClient,
    /// The network's UID.
    pub(crate) uid: &'a str,
    /// Who is paid.
    pub(crate) payout: ScriptBuf,
    /// What is reserved.
    pub(crate) next: &'a NextBlock,
}

impl Job<'_> {
    /// Mines.
    pub(crate) async fn run(&self, bench: &mut Bench) -> Outcome {
        let end = Instant::now() + STRETCH;
        let mut height = 0;
        for count in 0..BLOCKS_A_PASS {
            let attempt = timeout(BLOCK_DEADLINE, self.one_block(bench, count == 0)).await;
            let hash = match attempt {
                Ok(Ok(block)) => {
                    height = block.0;
                    block.1
                }
                Ok(Err(outcome)) => return outcome,
                Err(_) => return Outcome::Unanswered("it does not answer in time".to_owned()),
            };
            if height == self.next.height {
                return Outcome::Finished(hash);
            }
            if Instant::now() >= end {
                break;
            }
        }
        Outcome::Partly(height)
    }

    /// Makes the next block of the reservation and hands it in.
    async fn one_block(
        &self,
        bench: &mut Bench,
        is_first: bool,
    ) -> Result<(i64, BlockHash), Outcome> {
        let template = self.rpc.block_template().await?;
        let (height, previous) = (i64::from(template.height), template.previous_block_hash);
        if height > self.next.height {
            return Err(Outcome::Void("the chain has reached it already"));
        }
        if is_first && previous.to_string() != self.next.previous {
            let parent = self.next.previous.parse();
            let parent = parent.map_err(|_| Outcome::Void("it builds on no block"))?;
            if !self.rpc.is_in_active_chain(&parent).await? {
                return Err(Outcome::Void("the block it builds on is not in the chain"));
            }
        }
        let block = match bench.block(self.next, &previous) {
            Some(block) => block.clone(),
            None => self.make(&template, height).await?,
        };
        bench.hold(self.next, &block);
        let hash = block.block_hash();
        match self.rpc.submit_block(&block).await? {
            Submission::Accepted => Ok((height, hash)),
            Submission::Duplicate if self.rpc.is_in_active_chain(&hash).await? => {
                Ok((height, hash))
            }
            Submission::Duplicate | Submission::Inconclusive => {
                Err(Outcome::Void("another block was there first"))
            }
            Submission::DuplicateInvalid => Err(Outcome::Void("somebody has declared it invalid")),
            refused @ Submission::Rejected(_) => Err(Outcome::Refused(refused.to_string())),
        }
    }

    async fn make(&self, template: &BlockTemplate, height: i64) -> Result<Block, Outcome> {
        let seconds = self.next.time.to_second().unix_seconds();
        let time = u32::try_from(seconds).unwrap_or(u32::MAX);
        let extra_nonce = plan::extra_nonce(self.uid, self.next, height);
        let block = assemble(template, &self.payout, extra_nonce, time)
            .map_err(|error| Outcome::Refused(error.to_string()))?;
        match solve(block, &Search::default()).await {
            miner::Outcome::Found(block) => Ok(block),
            miner::Outcome::Exhausted | miner::Outcome::Cancelled => {
                Err(Outcome::Refused("no nonce meets its target".to_owned()))
            }
        }
    }
}

/// The hash of the block at the height of `next`, if it was made for it.
pub(crate) async fn ours(rpc: &RpcClient, uid: &str, next: &NextBlock) -> Option<BlockHash> {
    let height = u32::try_from(next.height).ok()?;
    let hash = rpc.get_block_hash(height).await.ok()?;
    let block = rpc.get_block(&hash).await.ok()?;
    let made_for = miner::coinbase::extra_nonce(block.coinbase()?);
    (made_for == Some(plan::extra_nonce(uid, next, next.height))).then_some(hash)
}
