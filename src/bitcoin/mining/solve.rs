//! The nonce: the header's last four bytes, tried one after the other until its hash meets the target.
//!
//! Nothing cleverer is known than trying. Cores share the work by taking the next few thousand nonces each
//! time they are through with theirs. Whoever finds one tells the others, who finish what lies below it:
//!
//! ```text
//!   nonces     0 ──── 4096 ──── 20480 ──── 36864 ──── …          2^32: used up
//!               alone     core 1     core 2     core 1
//!
//!   core 2 finds 21000 ──> core 1 goes on to 20479, nobody takes more
//! ```
//!
//! A header's first 64 bytes are the same for all nonces, and so is what SHA-256 makes of them: it is worked
//! out once.
//!
//! # Invariants
//! - The smallest nonce that meets the target is found, however many cores look for it: the same block is
//!   solved to the same block.
//! - An easy block ([`ALONE`] attempts) is solved where it is asked for; no thread is started.
//! - No thread is left when [`Search::run`] returns. Cancelled, it returns after [`STRIDE`] attempts at most.
//!
//! # Example
//! ```
//! use bitcoin_controller::bitcoin::mining::{Outcome, Search};
//! let mut block = rust_bitcoin::constants::genesis_block(rust_bitcoin::Network::Regtest);
//! block.header.nonce = 0;
//! let search = Search::default();
//! let Outcome::Found(block) = search.run(block, 2) else { unreachable!("regtest is easy") };
//! assert_eq!(search.attempts(), u64::from(block.header.nonce) + 1);
//! ```
//!
//! # Source
//! Bitcoin Core `src/rpc/mining.cpp` (`GenerateBlock`). **What differs**: it tries on one core.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use rust_bitcoin::consensus::encode::serialize;
use rust_bitcoin::hashes::{Hash, HashEngine, sha256};
use rust_bitcoin::{Block, BlockHash, Target};
use tokio_util::sync::CancellationToken;

/// How many nonces are tried before other cores are asked to help: more than a thousand regtest blocks take,
/// and a matter of milliseconds.
pub const ALONE: u64 = 4096;

/// How many nonces a core takes at a time: enough that taking costs nothing, few enough (some milliseconds) that
/// a cancelled search ends at once.
pub const STRIDE: u64 = 16_384;

/// How many nonces there are.
const NONCES: u64 = 1 << 32;

/// What came of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The block with its nonce.
    Found(Block),
    /// No nonce will do: assemble it with the next extra nonce, or from a new template.
    Exhausted,
    /// Somebody cancelled.
    Cancelled,
}

/// A search that can be watched and ended from outside. Clones are the same search.
#[derive(Clone, Debug, Default)]
pub struct Search {
    attempts: Arc<AtomicU64>,
    cancelled: CancellationToken,
}

impl Search {
    /// A search that ends when `cancelled` is.
    pub fn new(cancelled: CancellationToken) -> Self {
        Search {
            attempts: Arc::default(),
            cancelled,
        }
    }

    /// How many hashes have been tried, by all runs of this search together.
    pub fn attempts(&self) -> u64 {
        self.attempts.load(Ordering::Relaxed)
    }

    /// Ends the search soon.
    pub fn cancel(&self) {
        self.cancelled.cancel();
    }

    /// Looks for the smallest nonce of `block` on `threads` cores, and returns when it is found, when there
    /// is none, or when the search is cancelled. It blocks: see [`solve`] for asynchronous callers.
    pub fn run(&self, block: Block, threads: usize) -> Outcome {
        match self.alone(block) {
            Ok(outcome) => outcome,
            Err(block) => self.together(block, ALONE, threads),
        }
    }

    /// The first nonces; gives the block back if others are needed.
    fn alone(&self, block: Block) -> Result<Outcome, Block> {
        if self.cancelled.is_cancelled() {
            return Ok(Outcome::Cancelled);
        }
        match self.find(&Attempt::at(&block), 0..ALONE) {
            Some(nonce) => Ok(found(block, nonce)),
            None => Err(block),
        }
    }

    /// The nonces from `first` on, on `threads` cores.
    fn together(&self, block: Block, first: u64, threads: usize) -> Outcome {
        let attempt = Attempt::at(&block);
        let (next, best) = (AtomicU64::new(first), AtomicU64::new(NONCES));
        let work = || {
            while !self.cancelled.is_cancelled() {
                let start = next.fetch_add(STRIDE, Ordering::Relaxed);
                // Whoever holds nonces below the best is still at them; nobody needs those above.
                if start >= best.load(Ordering::Acquire) {
                    return;
                }
                let stride = start..(start + STRIDE).min(NONCES);
                if let Some(nonce) = self.find(&attempt, stride) {
                    best.fetch_min(nonce, Ordering::AcqRel);
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..threads.max(1) {
                scope.spawn(work);
            }
            work();
        });
        match best.into_inner() {
            // A core may have left nonces below it untried.
            _ if self.cancelled.is_cancelled() => Outcome::Cancelled,
            NONCES => Outcome::Exhausted,
            nonce => found(block, nonce),
        }
    }

    fn find(&self, attempt: &Attempt, nonces: std::ops::Range<u64>) -> Option<u64> {
        let start = nonces.start;
        let found = nonces.clone().find(|nonce| attempt.is_met_with(*nonce));
        let tried = found.map_or(nonces.end, |nonce| nonce + 1) - start;
        self.attempts.fetch_add(tried, Ordering::Relaxed);
        found
    }
}

/// [`Search::run`] on all cores for asynchronous callers: an easy block is solved here and now, a hard one on
/// threads that block nobody.
///
/// # Cancel safety
/// Dropping the future cancels the search, which takes some milliseconds more to end.
pub async fn solve(block: Block, search: &Search) -> Outcome {
    let block = match search.alone(block) {
        Ok(outcome) => return outcome,
        Err(block) => block,
    };
    let inner = Search {
        attempts: Arc::clone(&search.attempts),
        cancelled: search.cancelled.child_token(),
    };
    let _ends_with_us = inner.cancelled.clone().drop_guard();
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    tokio::task::spawn_blocking(move || inner.together(block, ALONE, threads))
        .await
        .unwrap_or(Outcome::Cancelled)
}

fn found(mut block: Block, nonce: u64) -> Outcome {
    block.header.nonce = u32::try_from(nonce).expect("a nonce is below 2^32");
    Outcome::Found(block)
}

/// A header whose nonce is open.
struct Attempt {
    /// SHA-256 after the first 64 bytes.
    midstate: sha256::HashEngine,
    /// The twelve bytes between those and the nonce.
    rest: [u8; 12],
    target: Target,
}

impl Attempt {
    fn at(block: &Block) -> Self {
        let bytes = serialize(&block.header);
        let mut midstate = sha256::HashEngine::default();
        midstate.input(&bytes[..64]);
        let mut rest = [0; 12];
        rest.copy_from_slice(&bytes[64..76]);
        Attempt {
            midstate,
            rest,
            target: block.header.target(),
        }
    }

    fn is_met_with(&self, nonce: u64) -> bool {
        let mut engine = self.midstate.clone();
        engine.input(&self.rest);
        engine.input(&nonce.to_le_bytes()[..4]);
        let hash = sha256::Hash::from_engine(engine).hash_again();
        self.target.is_met_by(BlockHash::from_raw_hash(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_all_nonces_are_used_up_that_is_said() {
        // The last of four billion, of a block that is as hard as one of the main chain.
        let mut block = rust_bitcoin::constants::genesis_block(rust_bitcoin::Network::Bitcoin);
        block.header.bits = rust_bitcoin::CompactTarget::from_consensus(0x1702_0000);
        for threads in [1, 3] {
            let (search, n_left) = (Search::default(), STRIDE + 1_000);
            let outcome = search.together(block.clone(), NONCES - n_left, threads);
            assert_eq!((outcome, search.attempts()), (Outcome::Exhausted, n_left));
        }
    }
}
