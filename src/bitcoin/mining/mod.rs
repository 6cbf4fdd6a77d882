//! Making blocks: what a miner does between asking a node for work and handing in the result.
//!
//! A node knows what the next block must look like, and which transactions are worth having in it; that is
//! the *template*. The miner adds the one transaction only it can write, the *coinbase*, which pays the
//! miner; puts a header above it all; and tries numbers in that header until its hash is small enough.
//!
//! ```text
//!   RpcClient::block_template ──> BlockTemplate          the node's proposal
//!                                      │  + payout, extra nonce, time
//!                                 assemble::assemble ──> Block, no work done yet
//!                                      │
//!              next extra nonce <── solve::solve ──────> the same Block, its nonce found
//!                                                           │
//!   Submission, explained  <── RpcClient::submit_block  <───┘
//! ```
//!
//! Everything between the two calls is a function of its arguments: the same template, payout, extra nonce
//! and time give the same bytes, and the smallest nonce wins however many cores look for it. Whoever must
//! not mine a block twice makes it again and hands it in again: the node says `duplicate`.
//!
//! | chapter | one idea |
//! |---|---|
//! | [`template`] | what the node proposes, typed; transactions can be dropped |
//! | [`payout`] | who is paid: an address of this chain |
//! | [`coinbase`] | the first transaction: height, extra nonce, witness commitment |
//! | [`assemble`](mod@assemble) | template to block, every claim of the template checked |
//! | [`solve`](mod@solve) | the nonce, on all cores, always the smallest |
//! | [`miner`] | one block after the other |
//! | [`submission`] | what the node says to a block, and what it means |
//!
//! # Example
//! ```no_run
//! # async fn example(node: bitcoin_controller::bitcoin::RpcClient) -> Result<(), Box<dyn std::error::Error>> {
//! use bitcoin_controller::bitcoin::mining::{Outcome, Search, assemble, payout_script, solve};
//!
//! let chain = node.get_blockchain_info().await?.chain;
//! let payout = payout_script("bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", &chain)?;
//! let template = node.block_template().await?;
//! let block = assemble(&template, &payout, 0, template.time())?;
//! if let Outcome::Found(block) = solve(block, &Search::default()).await {
//!     println!("{}: {}", block.block_hash(), node.submit_block(&block).await?);
//! }
//! # Ok(())
//! # }
//! ```

pub mod assemble;
pub mod coinbase;
pub mod miner;
pub mod payout;
pub mod solve;
pub mod submission;
pub mod template;

pub use assemble::{AssembleError, assemble};
pub use miner::{MineError, Mined, Miner};
pub use payout::{PayoutError, payout_script};
pub use solve::{Outcome, Search, solve};
pub use submission::Submission;
pub use template::{BlockTemplate, TemplateTransaction};
