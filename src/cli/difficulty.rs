//! `bitcoin-controller difficulty`: how hard a block is to find, from its bits, its header, or its height.
//!
//! # Invariants
//! - What is printed is a function of the flags and, with a height, of what the node says: one fact a line, its
//!   name first.
//! - A header that has not done its work is an error: the facts are printed, the exit code is 1.
//!
//! # Example
//! ```text
//! $ bitcoin-controller difficulty 391129783
//! bits        0x17502ab7 (391129783)
//! target      000000000000000000502ab70000000000000000000000000000000000000000
//! difficulty  3511060552899.72
//! hashes      1.508e22 on average
//! rate        2.513e19 hashes a second find a block in ten minutes
//! ```

use std::fmt::Write;

use clap::{Args, ValueEnum};
use rust_bitcoin::CompactTarget;
use rust_bitcoin::block::Header;
use rust_bitcoin::consensus::encode::deserialize_hex;

use crate::base::Report;
use crate::bitcoin::difficulty::{self, SPACING, expected_hashes, parse_bits, target};
use crate::cli::rpc_flags::RpcFlags;

mod at_height;

const EXAMPLES: &str = "\
Examples:
  bitcoin-controller difficulty 391129783
  bitcoin-controller difficulty 0x1d00ffff --hash-rate 5e6
  bitcoin-controller difficulty --height tip --cookie ~/.bitcoin/regtest/.cookie
  bitcoin-controller difficulty --height next --rpc http://127.0.0.1:48332 --user me --password-file FILE

docs/difficulty.md tells what the numbers mean.";

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Flags {
    /// Bits in hex (0x17502ab7) or decimal (391129783), or the 160 hex digits of a block's header
    #[arg(required_unless_present = "height", conflicts_with = "height")]
    value: Option<String>,

    /// The chain whose limit a header is held to
    #[arg(long, value_enum, default_value = "main", conflicts_with = "height")]
    chain: Chain,

    /// How many hashes a second are tried; then it is said how long a block takes
    #[arg(long, value_name = "HASHES", value_parser = positive)]
    hash_rate: Option<f64>,

    /// Ask a node for the block at this height, or for `tip` or `next`, the one that is still to be mined
    #[arg(long, value_name = "HEIGHT")]
    height: Option<at_height::Height>,

    #[command(flatten)]
    node: RpcFlags,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Chain {
    Main,
    Testnet3,
    Testnet4,
    Signet,
    Regtest,
}

impl From<Chain> for difficulty::Chain {
    fn from(chain: Chain) -> Self {
        match chain {
            Chain::Main => difficulty::Chain::Main,
            Chain::Testnet3 => difficulty::Chain::Testnet3,
            Chain::Testnet4 => difficulty::Chain::Testnet4,
            Chain::Signet => difficulty::Chain::Signet,
            Chain::Regtest => difficulty::Chain::Regtest,
        }
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && f64::is_finite(number) => Ok(number),
        _ => Err("a number above zero is needed".to_owned()),
    }
}

/// What there is to say, and how it was judged.
pub(super) fn explain(flags: &Flags) -> (String, Result<(), Report>) {
    let mut text = String::new();
    let outcome = match (&flags.height, &flags.value) {
        (Some(height), _) => at_height::explain(&mut text, *height, flags),
        (None, value) => explain_value(&mut text, value.as_deref().unwrap_or_default(), flags),
    };
    (text, outcome)
}

fn explain_value(text: &mut String, value: &str, flags: &Flags) -> Result<(), Report> {
    match header(value) {
        Some(header) => {
            say_all(text, header.bits, flags.hash_rate)?;
            say(text, "hash", &header.block_hash());
            say_work(text, flags.chain.into(), &header)
        }
        None => Ok(say_all(text, parse_bits(value)?, flags.hash_rate)?),
    }
}

fn say_work(text: &mut String, chain: difficulty::Chain, header: &Header) -> Result<(), Report> {
    let checked = chain.check_work(header);
    let done = checked.as_ref().map_or("not done", |()| "done");
    say(text, "work", &done);
    Ok(checked?)
}

/// Eighty bytes in hex are a header; whatever else is given is meant as bits.
fn header(text: &str) -> Option<Header> {
    deserialize_hex(text).ok()
}

fn say_all(
    text: &mut String,
    bits: CompactTarget,
    hash_rate: Option<f64>,
) -> Result<(), difficulty::Error> {
    let target = target(bits)?;
    let (number, hashes) = (bits.to_consensus(), expected_hashes(target));
    say(text, "bits", &format_args!("0x{number:08x} ({number})"));
    say(text, "target", &format_args!("{target:x}"));
    // Digits that are there in any case, and enough of them where a block is easy.
    let difficulty = target.difficulty_float();
    match difficulty < 1.0 {
        true => say(text, "difficulty", &format_args!("{difficulty:e}")),
        false => say(text, "difficulty", &format_args!("{difficulty:.2}")),
    }
    say(text, "hashes", &format_args!("{hashes:.3e} on average"));
    match hash_rate {
        Some(rate) => say(
            text,
            "time",
            &format_args!("{:.3e} s on average", hashes / rate),
        ),
        None => {
            let rate = hashes / f64::from(SPACING);
            say(
                text,
                "rate",
                &format_args!("{rate:.3e} hashes a second find a block in ten minutes"),
            );
        }
    }
    Ok(())
}

fn say(text: &mut String, name: &str, what: &dyn std::fmt::Display) {
    writeln!(text, "{name:<11} {what}").expect("writing into a text does not fail");
}
