//! One node's block chain: which blocks it knows, and which branch it believes.
//!
//! A node believes the branch with the most work; of two equally good ones, the one it saw first.
//! That one rule makes separated nodes agree as soon as they meet, and it is also what makes a stray
//! link dangerous: every regtest starts from the same genesis block, so the longer chain replaces
//! the shorter one, whoever mined it.
//!
//! ```text
//!   genesis ── a1 ── a2 ── a3     active: the most work
//!           └─ b1 ── b2           valid-fork: known, valid, less work
//! ```
//!
//! The blocks are real: real headers, real coinbase transactions, real proof of work (on regtest
//! every second hash will do). A real bitcoind takes them.
//!
//! # Invariants
//! - The active branch starts at genesis, has no gap and no invalid block, and no other valid branch
//!   has more work.
//! - Of branches with equal work the active one is the one whose last block came first.
//! - A block's parent is known before the block is.
//! - Two blocks of the same height, parent, address and second are the same block.
//!
//! # Example
//! ```
//! use bitcoin_controller::sim::bitcoind::chain::{self, Chain};
//! let script = chain::script_of("bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080").unwrap();
//!
//! let (mut here, mut there) = (Chain::default(), Chain::default());
//! here.mine(&script, 1_800_000_000);
//! here.mine(&script, 1_800_000_000);
//! there.mine(&script, 1_900_000_000);
//! assert!(there.take_from(&here));
//! assert_eq!((there.height(), there.tip()), (2, here.tip()));
//! ```
//!
//! # What differs
//! Blocks hold nothing but their coinbase: there is no mempool and nothing is validated but what
//! this page says. Difficulty never changes, as on a real regtest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rust_bitcoin::absolute::LockTime;
use rust_bitcoin::block::{Header, Version};
use rust_bitcoin::constants::genesis_block;
use rust_bitcoin::{
    Address, Amount, Block, BlockHash, Network, OutPoint, ScriptBuf, Sequence, Transaction, TxIn,
    TxOut, Witness, Work, script, transaction,
};

/// What one node knows about blocks. Cloning is cheap: the blocks themselves are shared.
#[derive(Clone, Debug)]
pub struct Chain {
    entries: BTreeMap<BlockHash, Entry>,
    /// The active branch; the block of height `h` is at index `h`.
    active: Vec<BlockHash>,
    /// What `invalidateblock` named, until `reconsiderblock` does. Descendants are not listed.
    invalid: BTreeSet<BlockHash>,
}

/// One block and where it stands.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The block itself.
    pub block: Arc<Block>,
    /// Its distance from genesis.
    pub block_height: usize,
    /// The work of its branch from genesis up to and including it.
    pub work: Work,
    /// The how-manieth block of this node it was: the older one wins a tie.
    arrival: usize,
}

/// The end of a branch, as `getchaintips` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainTip {
    /// The last block of the branch.
    pub hash: BlockHash,
    /// Its height.
    pub block_height: usize,
    /// How many of the branch's blocks are not in the active one; 0 for the active one.
    pub branch_length: usize,
    /// `active`, `valid-fork` or `invalid`.
    pub status: &'static str,
}

impl Default for Chain {
    fn default() -> Self {
        let block = genesis_block(Network::Regtest);
        let (hash, work) = (block.block_hash(), block.header.work());
        let genesis = Entry {
            block: Arc::new(block),
            block_height: 0,
            work,
            arrival: 0,
        };
        Chain {
            entries: BTreeMap::from([(hash, genesis)]),
            active: vec![hash],
            invalid: BTreeSet::new(),
        }
    }
}

impl Chain {
    /// Mines one block on the active tip, paying `script`, dated `now` (Unix seconds) or just after
    /// the median of the blocks before it, whichever is later. `None` if that very block is known
    /// already and did not become the tip, as after `invalidateblock`.
    pub fn mine(&mut self, script: &ScriptBuf, now: u32) -> Option<BlockHash> {
        let parent = self.tip();
        let time = now.max(self.median_time(&parent) + 1);
        let block = Arc::new(new_block(parent, self.height() + 1, time, script));
        let hash = block.block_hash();
        self.accept(block);
        (self.tip() == hash).then_some(hash)
    }

    /// Takes one block in; false if it was known, or its parent is not.
    pub fn accept(&mut self, block: Arc<Block>) -> bool {
        let hash = block.block_hash();
        if self.entries.contains_key(&hash) {
            return false;
        }
        let Some(parent) = self.entries.get(&block.header.prev_blockhash) else {
            return false;
        };
        let entry = Entry {
            block_height: parent.block_height + 1,
            work: parent.work + block.header.work(),
            arrival: self.entries.len(),
            block,
        };
        let better = entry.work > self.work();
        self.entries.insert(hash, entry);
        if better && self.is_valid(&hash) {
            self.activate(hash);
        }
        true
    }

    /// Keeps `block`, whose parent is known, as one that is invalid: it and what builds on it will never be active.
    pub fn remember_invalid(&mut self, block: Arc<Block>) {
        self.invalid.insert(block.block_hash());
        self.accept(block);
    }

    /// Takes the blocks of `other`'s active branch, if it has more work than ours and nothing of it
    /// was declared invalid here. True if our tip changed.
    pub fn take_from(&mut self, other: &Chain) -> bool {
        if other.work() <= self.work() {
            return false;
        }
        let missing = |hash: &&BlockHash| !self.entries.contains_key(*hash);
        let first_known =
            other.active.len() - other.active.iter().rev().take_while(missing).count();
        if !self.is_valid(&other.active[first_known - 1]) {
            return false;
        }
        for hash in &other.active[first_known..] {
            self.accept(Arc::clone(&other.entries[hash].block));
        }
        self.tip() == other.tip()
    }

    /// Declares a block invalid, and with it all that stands on it. False if it is not known.
    pub fn invalidate(&mut self, hash: &BlockHash) -> bool {
        if !self.entries.contains_key(hash) {
            return false;
        }
        self.invalid.insert(*hash);
        if let Some(at) = self.active.iter().position(|active| active == hash) {
            self.active.truncate(at.max(1));
        }
        self.choose_again();
        true
    }

    /// Takes back what [`invalidate`](Self::invalidate) said about a block, its ancestors and its
    /// descendants. False if it is not known.
    pub fn reconsider(&mut self, hash: &BlockHash) -> bool {
        if !self.entries.contains_key(hash) {
            return false;
        }
        let related: Vec<BlockHash> = self
            .invalid
            .iter()
            .filter(|marked| self.descends(marked, hash) || self.descends(hash, marked))
            .copied()
            .collect();
        for marked in related {
            self.invalid.remove(&marked);
        }
        self.choose_again();
        true
    }

    /// What remains of `self` in a node that was killed and whose disk holds `flushed`: the blocks
    /// of the last flush, and the invalid marks, which are written at once.
    pub fn rewound_to(&self, flushed: &Chain) -> Chain {
        let mut chain = flushed.clone();
        for hash in &self.invalid {
            chain.invalidate(hash);
        }
        chain
    }

    /// The last block of the active branch.
    pub fn tip(&self) -> BlockHash {
        self.active[self.height()]
    }

    /// The height of the tip; 0 with nothing but genesis.
    pub fn height(&self) -> usize {
        self.active.len() - 1
    }

    /// When the tip was mined, in Unix seconds.
    pub fn tip_time(&self) -> i64 {
        i64::from(self.entries[&self.tip()].block.header.time)
    }

    /// The work of the active branch: what chains are compared by.
    pub fn work(&self) -> Work {
        self.entries[&self.tip()].work
    }

    /// The active block at `block_height`.
    pub fn hash_at(&self, block_height: usize) -> Option<BlockHash> {
        self.active.get(block_height).copied()
    }

    /// A block this node knows, on whatever branch.
    pub fn entry(&self, hash: &BlockHash) -> Option<&Entry> {
        self.entries.get(hash)
    }

    /// The median time of the block `hash` and the ten before it, in Unix seconds.
    pub fn median_time(&self, hash: &BlockHash) -> u32 {
        let mut times: Vec<u32> = self
            .branch(hash)
            .take(11)
            .map(|(_, entry)| entry.block.header.time)
            .collect();
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or_default()
    }

    /// The ends of all branches, highest first.
    pub fn tips(&self) -> Vec<ChainTip> {
        let parents: BTreeSet<BlockHash> = self
            .entries
            .values()
            .map(|entry| entry.block.header.prev_blockhash)
            .collect();
        let ends = self.entries.keys().filter(|hash| !parents.contains(*hash));
        let mut tips: Vec<ChainTip> = ends.map(|hash| self.describe_tip(*hash)).collect();
        // After `invalidateblock` the active tip is the end of no branch.
        if parents.contains(&self.tip()) {
            tips.push(self.describe_tip(self.tip()));
        }
        tips.sort_by_key(|tip| (std::cmp::Reverse(tip.block_height), tip.hash));
        tips
    }

    fn describe_tip(&self, hash: BlockHash) -> ChainTip {
        let beside = |(hash, entry): &(BlockHash, &Entry)| !self.is_active(hash, entry);
        ChainTip {
            hash,
            block_height: self.entries[&hash].block_height,
            branch_length: self.branch(&hash).take_while(beside).count(),
            status: match hash {
                hash if hash == self.tip() => "active",
                hash if self.is_valid(&hash) => "valid-fork",
                _ => "invalid",
            },
        }
    }

    /// The block `hash` and its ancestors, down to genesis.
    fn branch(&self, hash: &BlockHash) -> impl Iterator<Item = (BlockHash, &Entry)> {
        let with_hash = |hash: BlockHash| self.entries.get(&hash).map(|entry| (hash, entry));
        std::iter::successors(with_hash(*hash), move |(_, entry)| {
            with_hash(entry.block.header.prev_blockhash)
        })
    }

    fn is_active(&self, hash: &BlockHash, entry: &Entry) -> bool {
        self.active.get(entry.block_height) == Some(hash)
    }

    /// Whether neither the block `hash` nor one before it is known to be invalid.
    pub fn is_valid(&self, hash: &BlockHash) -> bool {
        self.branch(hash)
            .take_while(|(hash, entry)| !self.is_active(hash, entry))
            .all(|(hash, _)| !self.invalid.contains(&hash))
    }

    fn descends(&self, hash: &BlockHash, ancestor: &BlockHash) -> bool {
        self.branch(hash).any(|(hash, _)| hash == *ancestor)
    }

    /// Finds the best valid branch among all that are known. What is active is valid at this point.
    fn choose_again(&mut self) {
        let mut by_merit: Vec<(&BlockHash, &Entry)> = self.entries.iter().collect();
        by_merit.sort_by(|(_, a), (_, b)| b.work.cmp(&a.work).then(a.arrival.cmp(&b.arrival)));
        let best = by_merit.into_iter().map(|(hash, _)| *hash);
        if let Some(best) = best.into_iter().find(|hash| self.is_valid(hash)) {
            self.activate(best);
        }
    }

    fn activate(&mut self, tip: BlockHash) {
        let mut branch: Vec<BlockHash> = self
            .branch(&tip)
            .take_while(|(hash, entry)| !self.is_active(hash, entry))
            .map(|(hash, _)| hash)
            .collect();
        self.active
            .truncate(self.entries[&tip].block_height + 1 - branch.len());
        branch.reverse();
        self.active.append(&mut branch);
    }
}

/// The output script of a regtest address; `None` if it is not one.
pub fn script_of(address: &str) -> Option<ScriptBuf> {
    let address: Address<_> = address.parse().ok()?;
    let address = address.require_network(Network::Regtest).ok()?;
    Some(address.script_pubkey())
}

fn new_block(parent: BlockHash, block_height: usize, time: u32, script: &ScriptBuf) -> Block {
    let coinbase = coinbase(block_height, script);
    let mut header = Header {
        version: Version::from_consensus(0x2000_0000),
        prev_blockhash: parent,
        merkle_root: coinbase.compute_txid().to_raw_hash().into(),
        time,
        bits: genesis_block(Network::Regtest).header.bits,
        nonce: 0,
    };
    while header.validate_pow(header.target()).is_err() {
        header.nonce += 1;
    }
    Block {
        header,
        txdata: vec![coinbase],
    }
}

fn coinbase(block_height: usize, script: &ScriptBuf) -> Transaction {
    let height = i64::try_from(block_height).expect("no chain has 2^63 blocks");
    let input = TxIn {
        previous_output: OutPoint::null(),
        // The zero after the height: a coinbase script has at least two bytes.
        script_sig: script::Builder::new()
            .push_int(height)
            .push_int(0)
            .into_script(),
        sequence: Sequence::MAX,
        witness: Witness::new(),
    };
    let output = TxOut {
        value: Amount::from_sat(subsidy_sat(block_height)),
        script_pubkey: script.clone(),
    };
    Transaction {
        version: transaction::Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![input],
        output: vec![output],
    }
}

/// What the block at `block_height` creates, in satoshi.
pub fn subsidy_sat(block_height: usize) -> u64 {
    let halvings = u32::try_from(block_height / BLOCKS_PER_HALVING).unwrap_or(u32::MAX);
    FIRST_SUBSIDY_SAT.checked_shr(halvings).unwrap_or(0)
}

const FIRST_SUBSIDY_SAT: u64 = 50 * 100_000_000;

/// On regtest; 210,000 elsewhere.
const BLOCKS_PER_HALVING: usize = 150;
