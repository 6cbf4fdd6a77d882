//! The difficulty at a height, asked from a node, and what comes after it.
//!
//! A node says which bits a block carries. Whether it must carry them follows from the headers before it, up to
//! 2016 of them, so those are asked for, too, and the chain's rules are applied once more.
//!
//! # Example
//! ```text
//! $ bitcoin-controller difficulty --height tip --cookie ~/.bitcoin/regtest/.cookie
//! chain       regtest, tip at height 150
//! height      150
//! hash        4d2a6f0c…
//! mined       2026-11-24T19:40:00Z
//! bits        0x207fffff (545259519)
//! …
//! expected    these bits, by the rules of regtest
//! period      blocks 0 to 2015
//! retarget    never on regtest
//! ```

use std::fmt::Write as _;
use std::str::FromStr;

use rust_bitcoin::CompactTarget;
use rust_bitcoin::block::Header;

use super::{Flags, say, say_all, say_work};
use crate::base::{Clock, Report, calendar};
use crate::bitcoin::difficulty::{Chain, INTERVAL, target};
use crate::bitcoin::{BlockchainInfo, RpcClient};

/// Which block is meant.
#[derive(Clone, Copy, Debug)]
pub(super) enum Height {
    At(u32),
    Tip,
    Next,
}

impl FromStr for Height {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "tip" => Ok(Height::Tip),
            "next" => Ok(Height::Next),
            number => match number.parse() {
                Ok(height) => Ok(Height::At(height)),
                Err(_) => Err("a height is a number from 0, `tip` or `next`"),
            },
        }
    }
}

/// Asks the node, and says into `text` what it has found out, up to what is wrong.
pub(super) fn explain(text: &mut String, height: Height, flags: &Flags) -> Result<(), Report> {
    let node = flags.node.client()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(explain_with(text, height, flags, &node))
}

async fn explain_with(
    text: &mut String,
    height: Height,
    flags: &Flags,
    node: &RpcClient,
) -> Result<(), Report> {
    let sight = Sight::look(node).await?;
    let (chain, tip) = (sight.chain, sight.tip);
    say(
        text,
        "chain",
        &format_args!("{}, tip at height {tip}", sight.info.chain),
    );
    let height = match height {
        Height::At(height) if height > tip + 1 => {
            let why = format!(
                "the chain ends at height {tip}; what block {height} needs is not known yet"
            );
            return Err(Report::new(why));
        }
        Height::At(height) => height,
        Height::Tip => tip,
        Height::Next => tip + 1,
    };
    let period = sight.headers_before(height).await?;
    // All there is to say is said, whatever comes of the checks on the way.
    let verdict = if height > tip {
        say(text, "height", &format_args!("{height}, not mined yet"));
        let now = u32::try_from(Clock::system().unix_seconds()).unwrap_or(u32::MAX);
        let bits = chain.next_bits(height, &period, now)?;
        say_all(text, bits, flags.hash_rate)?;
        say_rules(text, chain);
        Ok(())
    } else {
        let header = sight.header(height).await?;
        say(text, "height", &height);
        say(text, "hash", &header.block_hash());
        let mined = calendar::format_seconds(i64::from(header.time));
        say(text, "mined", &mined);
        say_all(text, header.bits, flags.hash_rate)?;
        let worked = say_work(text, chain, &header);
        worked.and(say_expected(text, &sight, height, &period, &header))
    };
    say_retarget(text, &sight, height).await?;
    verdict
}

/// Whether the block carries what the rules ask for.
fn say_expected(
    text: &mut String,
    sight: &Sight<'_>,
    height: u32,
    period: &[Header],
    header: &Header,
) -> Result<(), Report> {
    // Nothing is before the first block: it is what all agree upon.
    if height == 0 {
        return Ok(());
    }
    let expected = sight.chain.next_bits(height, period, header.time)?;
    if header.bits == expected {
        let name = &sight.info.chain;
        say(
            text,
            "expected",
            &format_args!("these bits, by the rules of {name}"),
        );
        return Ok(());
    }
    let expected = expected.to_consensus();
    say(text, "expected", &format_args!("bits 0x{expected:08x}"));
    Err(Report::new(
        "the block does not carry the bits that the chain's rules ask for",
    ))
}

fn say_rules(text: &mut String, chain: Chain) {
    let rules = chain.rules();
    if rules.adjusts && rules.allows_easy_blocks {
        let limit = rules.limit.to_consensus();
        let what =
            format!("bits 0x{limit:08x} will do more than 20 minutes after the block before");
        say(text, "exception", &what);
    }
}

/// The period the block is in, and what comes of it.
async fn say_retarget(text: &mut String, sight: &Sight<'_>, height: u32) -> Result<(), Report> {
    let start = height - height % INTERVAL;
    let (end, next) = (start + INTERVAL - 1, start + INTERVAL);
    say(text, "period", &format_args!("blocks {start} to {end}"));
    if !sight.chain.rules().adjusts {
        say(
            text,
            "retarget",
            &format_args!("never on {}", sight.info.chain),
        );
        return Ok(());
    }
    if next <= sight.tip {
        let (last, first) = (sight.header(end).await?, sight.header(next).await?);
        let change = change(last.bits, first.bits)?;
        say(
            text,
            "retarget",
            &format_args!("at height {next}: {change}"),
        );
        return Ok(());
    }
    let mut what = format!("at height {next}, in {} blocks", next - sight.tip);
    // A pace needs two blocks.
    if sight.tip > start {
        let (first, last) = (sight.header(start).await?, sight.header(sight.tip).await?);
        let span = u64::from(last.time.saturating_sub(first.time));
        let n_steps = u64::from(sight.tip - start);
        let whole = span * u64::from(INTERVAL - 1) / n_steps;
        let before = match sight.chain.rules().adjusts_first {
            true => first.bits,
            false => last.bits,
        };
        let after = sight
            .chain
            .bits_after(before, u32::try_from(whole).unwrap_or(u32::MAX))?;
        let pace = span as f64 / n_steps as f64;
        let change = change(before, after)?;
        write!(what, "; at {pace:.0} s a block, as so far: {change}")?;
    }
    say(text, "retarget", &what);
    Ok(())
}

/// From one difficulty to another, for people.
fn change(before: CompactTarget, after: CompactTarget) -> Result<String, Report> {
    let (old, new) = (target(before)?, target(after)?);
    let factor = new.difficulty_float() / old.difficulty_float();
    let (before, after) = (before.to_consensus(), after.to_consensus());
    Ok(format!(
        "bits 0x{before:08x} to 0x{after:08x}, {factor:.3} times as hard"
    ))
}

/// A node, and what it said about its chain.
struct Sight<'a> {
    node: &'a RpcClient,
    info: BlockchainInfo,
    chain: Chain,
    tip: u32,
}

impl Sight<'_> {
    async fn look(node: &RpcClient) -> Result<Sight<'_>, Report> {
        let info = node.get_blockchain_info().await?;
        let chain = Chain::named(&info.chain).ok_or_else(|| {
            let name = &info.chain;
            Report::new(format!(
                "the node is on chain `{name}`, whose rules are unknown here"
            ))
        })?;
        let tip = u32::try_from(info.blocks)
            .map_err(|_| Report::new("the node says that its chain has no blocks"))?;
        Ok(Sight {
            node,
            info,
            chain,
            tip,
        })
    }

    async fn header(&self, height: u32) -> Result<Header, Report> {
        let hash = self.node.get_block_hash(height).await?;
        Ok(self.node.get_block_header(&hash).await?.header())
    }

    /// The headers that decide what the block at `height` must carry: from the beginning of the period of
    /// the block before, to that block. Empty for the first block.
    async fn headers_before(&self, height: u32) -> Result<Vec<Header>, Report> {
        let Some(last) = height.checked_sub(1) else {
            return Ok(Vec::new());
        };
        let mut headers = vec![self.header(last).await?];
        // Back from hash to hash, so that it is one branch whatever the node does meanwhile.
        for _ in 0..last % INTERVAL {
            let before = headers[headers.len() - 1].prev_blockhash;
            headers.push(self.node.get_block_header(&before).await?.header());
        }
        headers.reverse();
        Ok(headers)
    }
}
