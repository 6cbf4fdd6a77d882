//! One block after the other: ask, make, work, hand in; and start over when somebody else was quicker.
//!
//! A template is good for one block. It is also worthless as soon as the tip it builds on is not the tip any
//! more, so while a hard block is being worked on the node is asked for its tip now and then.
//!
//! ```text
//!   template ──> assemble ──> solve ── found ────> submit ──> Mined
//!      ^                        │
//!      └── next extra nonce <───┴── nonces used up, or the tip moved
//! ```
//!
//! # Invariants
//! - Every template is used for one block with an extra nonce of its own.
//! - Work on a block that can no longer be the tip ends within [`TIP_POLL`] and a [`STRIDE`](super::solve::STRIDE).
//! - Nothing is handed in twice, except that a node that did not answer is handed the same block again.
//!
//! # Example
//! ```no_run
//! # async fn example(node: bitcoin_controller::bitcoin::RpcClient) -> Result<(), Box<dyn std::error::Error>> {
//! use bitcoin_controller::bitcoin::mining::{Miner, Search, payout_script};
//! let payout = payout_script("bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", "regtest")?;
//! let mut miner = Miner::new(node, payout, 0);
//! if let Some(mined) = miner.mine(&Search::default(), |template| println!("at {}", template.height)).await? {
//!     println!("{}: {}", mined.block.block_hash(), mined.submission);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What differs
//! From the miner of the post: a new template when the tip moves, an extra nonce that is used, `curtime`
//! instead of `mintime`, so no pause between blocks is needed.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use rust_bitcoin::{Block, ScriptBuf, Target, Txid};
use tokio::time::{Instant, sleep};

use crate::bitcoin::mining::assemble::{AssembleError, assemble};
use crate::bitcoin::mining::solve::{Outcome, Search, solve};
use crate::bitcoin::mining::submission::Submission;
use crate::bitcoin::mining::template::BlockTemplate;
use crate::bitcoin::{BlockHash, Error, RpcClient};

/// How often the tip is asked for while a block is being worked on.
pub const TIP_POLL: Duration = Duration::from_secs(1);

/// How often a block is handed in to a node that does not answer.
pub const SUBMIT_ATTEMPTS: usize = 3;

/// Mines on one node, for one payout.
#[derive(Debug)]
pub struct Miner {
    node: RpcClient,
    payout: ScriptBuf,
    extra_nonce: u64,
    excluded: BTreeSet<Txid>,
}

/// A block that was handed in, and what it took.
#[derive(Clone, Debug)]
pub struct Mined {
    /// The block.
    pub block: Block,
    /// Its height.
    pub height: u32,
    /// What its hash had to meet.
    pub target: Target,
    /// What its transactions pay, in satoshi.
    pub fees_sat: u64,
    /// What its coinbase pays, in satoshi: fees and subsidy.
    pub paid_sat: u64,
    /// How many hashes were tried, those on templates that were given up included.
    pub attempts: u64,
    /// How long that took.
    pub elapsed: Duration,
    /// What the node said.
    pub submission: Submission,
    /// Whether it is in the node's active chain.
    pub is_in_chain: bool,
}

impl Mined {
    /// Hashes a second.
    pub fn hash_rate(&self) -> f64 {
        self.attempts as f64 / self.elapsed.as_secs_f64().max(f64::EPSILON)
    }
}

impl Miner {
    /// Mines on `node` for `payout`; `extra_nonce` is the first to use. Miners that may work on one template
    /// need different ones (random ones will do), or they make the same block.
    pub fn new(node: RpcClient, payout: ScriptBuf, extra_nonce: u64) -> Self {
        Miner {
            node,
            payout,
            extra_nonce,
            excluded: BTreeSet::new(),
        }
    }

    /// Leaves these transactions out of its blocks, and those that spend from them.
    #[must_use]
    pub fn excluding(mut self, transactions: impl IntoIterator<Item = Txid>) -> Self {
        self.excluded.extend(transactions);
        self
    }

    /// Works until a block has been handed in, whatever the node says to it; `None` if `search` was
    /// cancelled. `begun` is told of each template it begins with.
    ///
    /// # Errors
    /// The node does not answer or has no template; or its template contradicts itself.
    ///
    /// # Cancel safety
    /// The work is lost; a block that is being handed in may be taken.
    pub async fn mine(
        &mut self,
        search: &Search,
        mut begun: impl FnMut(&BlockTemplate),
    ) -> Result<Option<Mined>, MineError> {
        let (start, before) = (Instant::now(), search.attempts());
        loop {
            let template = self.node.block_template().await?;
            let template = template.without(&self.excluded);
            begun(&template);
            let block = assemble(&template, &self.payout, self.extra_nonce, template.time())?;
            self.extra_nonce = self.extra_nonce.wrapping_add(1);
            let outcome = tokio::select! {
                biased;
                outcome = solve(block, search) => outcome,
                () = self.tip_leaves(template.previous_block_hash) => continue,
            };
            let block = match outcome {
                Outcome::Found(block) => block,
                Outcome::Exhausted => continue,
                Outcome::Cancelled => return Ok(None),
            };
            let (attempts, elapsed) = (search.attempts() - before, start.elapsed());
            let submission = self.submit(&block).await?;
            let is_in_chain = match submission {
                Submission::Accepted => true,
                Submission::Duplicate => self.node.is_in_active_chain(&block.block_hash()).await?,
                _ => false,
            };
            return Ok(Some(Mined {
                height: template.height,
                target: template.target,
                fees_sat: template.fees_sat(),
                paid_sat: template.coinbase_value_sat,
                block,
                attempts,
                elapsed,
                submission,
                is_in_chain,
            }));
        }
    }

    /// Hands `block` in; again, if it is not known whether the node got it.
    async fn submit(&self, block: &Block) -> Result<Submission, Error> {
        let mut attempt = 1;
        loop {
            match self.node.submit_block(block).await {
                Err(error)
                    if attempt < SUBMIT_ATTEMPTS
                        && (error.is_timeout() || error.is_unreachable() || error.is_busy()) =>
                {
                    attempt += 1;
                    sleep(TIP_POLL).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// Waits until the node has another tip than `tip`. A node that does not answer has not said so.
    async fn tip_leaves(&self, tip: BlockHash) {
        loop {
            sleep(TIP_POLL).await;
            if self
                .node
                .get_best_block_hash()
                .await
                .is_ok_and(|now| now != tip)
            {
                return;
            }
        }
    }
}

/// Why no block was handed in.
#[derive(Debug)]
pub enum MineError {
    /// The node did not do its part.
    Node(Error),
    /// Its template is not sound.
    Template(AssembleError),
}

impl From<Error> for MineError {
    fn from(error: Error) -> Self {
        MineError::Node(error)
    }
}

impl From<AssembleError> for MineError {
    fn from(error: AssembleError) -> Self {
        MineError::Template(error)
    }
}

impl fmt::Display for MineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MineError::Node(_) => f.write_str("the node does not help to mine"),
            MineError::Template(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for MineError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            MineError::Node(error) => Some(error),
            MineError::Template(_) => None,
        }
    }
}
