//! `bitcoin-controller mine`: blocks of our own making, on any node that gives templates.
//!
//! # Invariants
//! - What is known goes to standard output, a line for each block; what is only progress goes to standard
//!   error: one line that is written over on a terminal, one every ten seconds anywhere else.
//! - The exit code is 0 only if all the blocks that were asked for are in the node's chain.
//!
//! # Example
//! ```text
//! $ bitcoin-controller mine --cookie ~/.bitcoin/regtest/.cookie --address bcrt1q… --blocks 2
//! before      regtest at height 108, tip 2277e40b…
//! work        bits 0x207fffff, target 7fffff00…, difficulty 4.6565423739069247e-10, 2 hashes a block
//! mined       height 109, 07849d5c…, 2 transactions, fees 0.00000226 BTC, paid 50.00000226 BTC, 3 attempts, 2.1 MH/s
//! mined       height 110, 5ae1f0c2…, 1 transaction, fees 0 BTC, paid 50 BTC, 1 attempt, 1.4 MH/s
//! after       height 110, tip 5ae1f0c2…
//! ```

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::time::Duration;

use clap::Args;
use rust_bitcoin::{Amount, Txid};
use tokio::time::{Instant, interval};
use tokio_util::sync::CancellationToken;

use crate::base::{Random, Report};
use crate::bitcoin::RpcClient;
use crate::bitcoin::difficulty::expected_hashes;
use crate::bitcoin::mining::{BlockTemplate, Mined, Miner, Search, payout_script};
use crate::cli::rpc_flags::RpcFlags;
use crate::cli::{btc, print};

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Flags {
    /// Who is paid: an address of the node's chain
    #[arg(long, value_name = "ADDRESS")]
    address: String,

    /// How many blocks to mine
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    blocks: u32,

    /// Leave this transaction out, and those that spend from it; may be given more than once
    #[arg(long, value_name = "TXID")]
    exclude: Vec<Txid>,

    #[command(flatten)]
    node: RpcFlags,
}

const EXAMPLES: &str = "\
Examples:
  A regtest node of your own, which writes its password to a cookie file:
    bitcoin-controller mine --cookie ~/.bitcoin/regtest/.cookie --address bcrt1q... --blocks 101

  A node of a network in a cluster:
    kubectl port-forward my-network-sts-0 18443 &
    export BC_RPC_USER=$(kubectl get secret my-network-rpc --template='{{.data.user | base64decode}}')
    export BC_RPC_PASSWORD=$(kubectl get secret my-network-rpc --template='{{.data.password | base64decode}}')
    bitcoin-controller mine --address bcrt1q...

docs/mining.md tells what happens in between.";

/// Mines until all blocks are in the node's chain or `shutdown` is cancelled.
///
/// # Cancel safety
/// A block that is being handed in may be taken.
pub(super) async fn run(flags: Flags, shutdown: CancellationToken) -> Result<(), Report> {
    let node = flags.node.client()?;
    let info = node.get_blockchain_info().await?;
    let payout = payout_script(&flags.address, &info.chain)?;
    print(&format!(
        "before      {} at height {}, tip {}\n",
        info.chain, info.blocks, info.best_block_hash
    ))?;
    // A random one, so that two who are paid at one address do not make the same block.
    let extra_nonce = Random::os().next_u64();
    let mut miner = Miner::new(node.clone(), payout, extra_nonce).excluding(flags.exclude);
    let search = Search::new(shutdown);
    let mut work = Work::default();
    let mut n_left = flags.blocks;
    while n_left > 0 {
        let Some(mined) = mine_one(&mut miner, &search, &mut work).await? else {
            break;
        };
        print(&describe(&mined))?;
        if mined.is_in_chain {
            n_left -= 1;
        } else if !mined.submission.is_known_block() {
            let why = mined.submission;
            return Err(Report::new(format!(
                "the node does not take the block: {why}"
            )));
        }
    }
    print_tip(&node).await?;
    match n_left {
        0 => Ok(()),
        n_left => {
            let (n_mined, all) = (flags.blocks - n_left, flags.blocks);
            Err(Report::new(format!(
                "stopped after {n_mined} of {all} blocks"
            )))
        }
    }
}

async fn print_tip(node: &RpcClient) -> Result<(), Report> {
    let info = node.get_blockchain_info().await?;
    let (height, tip) = (info.blocks, info.best_block_hash);
    print(&format!("after       height {height}, tip {tip}\n"))
}

/// Mines one block, and tells how it goes meanwhile.
async fn mine_one(
    miner: &mut Miner,
    search: &Search,
    work: &mut Work,
) -> Result<Option<Mined>, Report> {
    let progress = Progress::start(search);
    let mining = miner.mine(search, |template| work.begin(template));
    tokio::select! {
        biased;
        mined = mining => Ok(mined?),
        () = progress.show() => unreachable!("progress is shown until it is dropped"),
    }
}

/// What was said last about how hard the work is: it is said again when it changes.
#[derive(Default)]
struct Work {
    said: String,
}

impl Work {
    fn begin(&mut self, template: &BlockTemplate) {
        let (bits, target) = (template.bits.to_consensus(), template.target);
        let (difficulty, hashes) = (target.difficulty_float(), expected_hashes(target));
        let now = format!(
            "work        bits 0x{bits:08x}, target {target:x}, difficulty {difficulty:e}, {} a block\n",
            counted(hashes.round(), "hash", "hashes")
        );
        // Who does not read any longer is told so by the next line.
        if now != self.said && print(&now).is_ok() {
            self.said = now;
        }
    }
}

/// One block as a line.
fn describe(mined: &Mined) -> String {
    let mut line = format!(
        "mined       height {}, {}, ",
        mined.height,
        mined.block.block_hash()
    );
    let n_transactions = mined.block.txdata.len();
    let rate = with_unit(mined.hash_rate(), "H/s");
    let _ = write!(
        line,
        "{}, fees {}, paid {}, {}, {rate}",
        counted(n_transactions as f64, "transaction", "transactions"),
        btc(Amount::from_sat(mined.fees_sat)),
        btc(Amount::from_sat(mined.paid_sat)),
        counted(mined.attempts as f64, "attempt", "attempts"),
    );
    if !mined.is_in_chain {
        let _ = write!(line, ": {}", mined.submission);
    }
    line + "\n"
}

fn counted(number: f64, one: &str, many: &str) -> String {
    let number_and_unit = with_unit(number, "");
    let noun = if number == 1.0 { one } else { many };
    format!("{} {noun}", number_and_unit.trim_end())
}

/// `2100000` as `2.10 M`; small whole numbers as they are.
fn with_unit(number: f64, unit: &str) -> String {
    let prefixes = ["", "k", "M", "G", "T", "P", "E", "Z", "Y"];
    let mut scaled = number;
    for prefix in prefixes {
        if scaled < 1_000.0 || prefix == "Y" {
            let digits = if prefix.is_empty() { 0 } else { 2 };
            return format!("{scaled:.digits$} {prefix}{unit}");
        }
        scaled /= 1_000.0;
    }
    unreachable!("the last prefix takes whatever is left")
}

/// Attempts and hash rate while a block takes its time.
struct Progress {
    search: Search,
    start: Instant,
    before: u64,
    is_terminal: bool,
}

impl Progress {
    fn start(search: &Search) -> Self {
        Progress {
            search: search.clone(),
            start: Instant::now(),
            before: search.attempts(),
            is_terminal: std::io::stderr().is_terminal(),
        }
    }

    /// Tells how it goes, for as long as it is polled.
    async fn show(&self) {
        let pause = match self.is_terminal {
            true => Duration::from_millis(500),
            false => Duration::from_secs(10),
        };
        let mut ticks = interval(pause);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            let attempts = (self.search.attempts() - self.before) as f64;
            let rate = attempts / self.start.elapsed().as_secs_f64();
            let (attempts, rate) = (
                counted(attempts, "attempt", "attempts"),
                with_unit(rate, "H/s"),
            );
            let line = format!("searching   {attempts}, {rate}");
            // A terminal whose other end is gone is no reason to stop.
            let _ = match self.is_terminal {
                true => write!(std::io::stderr(), "\r{line}\x1b[K"),
                false => writeln!(std::io::stderr(), "{line}"),
            };
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
