//! How hard a block is to find, and how hard the next one must be.
//!
//! A block's hash, read as a number, must not exceed a *target*. The header has no room for 32 bytes of
//! it, so it carries *bits*: an exponent in the top byte and a coefficient of 23 bits, a floating-point number
//! of base 256. *Difficulty* says the same for people: how many times smaller the target is than the one of
//! the first block ever.
//!
//! ```text
//!   bits 0x17502ab7       exponent 0x17, coefficient 0x502ab7
//!   target                0x502ab7 × 256^(0x17 - 3)
//!   difficulty            0xffff × 256^(0x1d - 3) / target = 3 511 060 552 899.72
//!   hashes to expect      2^256 / (target + 1)
//! ```
//!
//! Every 2016 blocks the target is multiplied by the time they took over two weeks, by four at most, so that
//! a block takes ten minutes whoever mines. Each chain has its own exceptions: [`Rules`].
//!
//! # Invariants
//! - A target is above zero and fits into 256 bits: [`target`] refuses bits that say otherwise.
//! - What is expected of a block depends on the headers before it and on its time, and on nothing else.
//!
//! # Example
//! ```
//! use bitcoin_controller::bitcoin::difficulty::{parse_bits, target};
//! let target = target(parse_bits("391129783")?)?;
//! assert_eq!(format!("{:.2}", target.difficulty_float()), "3511060552899.72");
//! # Ok::<(), bitcoin_controller::bitcoin::difficulty::Error>(())
//! ```
//!
//! # Source
//! Bitcoin Core `src/pow.cpp`, `src/kernel/chainparams.cpp`; BIP 94. The 256-bit arithmetic is
//! rust-bitcoin's.

use std::fmt;

use rust_bitcoin::block::Header;
use rust_bitcoin::consensus::params::Params;
use rust_bitcoin::{CompactTarget, Target};

/// How many blocks have the same target.
pub const INTERVAL: u32 = 2016;

/// How many seconds a block should take.
pub const SPACING: u32 = 600;

/// A chain, as far as its difficulty is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// The one with the money.
    Main,
    /// The third test chain.
    Testnet3,
    /// The fourth, with BIP 94.
    Testnet4,
    /// Blocks are signed; the difficulty is adjusted as on the main chain.
    Signet,
    /// Nothing is ever adjusted, and every second hash will do.
    Regtest,
}

/// What differs between chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The easiest bits there are.
    pub limit: CompactTarget,
    /// Whether a block that comes more than 20 minutes after the one before may be as easy as can be.
    pub allows_easy_blocks: bool,
    /// Whether the target is ever adjusted.
    pub adjusts: bool,
    /// Whether an adjustment begins with the target of the period's first block (BIP 94). Otherwise it
    /// begins with that of the last, which one easy block makes the easiest.
    pub adjusts_first: bool,
}

impl Chain {
    /// The chain that `getblockchaininfo` calls so: `main`, `test`, `testnet4`, `signet` or `regtest`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "main" => Some(Chain::Main),
            "test" => Some(Chain::Testnet3),
            "testnet4" => Some(Chain::Testnet4),
            "signet" => Some(Chain::Signet),
            "regtest" => Some(Chain::Regtest),
            _ => None,
        }
    }

    /// Its rules.
    pub fn rules(self) -> Rules {
        let limit = self.params().max_attainable_target.to_compact_lossy();
        Rules {
            limit,
            allows_easy_blocks: !matches!(self, Chain::Main | Chain::Signet),
            adjusts: self != Chain::Regtest,
            adjusts_first: self == Chain::Testnet4,
        }
    }

    fn params(self) -> &'static Params {
        match self {
            Chain::Main => &Params::MAINNET,
            Chain::Testnet3 => &Params::TESTNET3,
            Chain::Testnet4 => &Params::TESTNET4,
            Chain::Signet => &Params::SIGNET,
            Chain::Regtest => &Params::REGTEST,
        }
    }

    /// The bits a block at `height` must carry if it says that it was mined at `time`.
    ///
    /// `period` holds the headers from the beginning of the period of the block before, to that block.
    ///
    /// # Errors
    /// [`Error::Period`]: those are not as many as there must be; or one of them carries bad bits.
    pub fn next_bits(
        self,
        height: u32,
        period: &[Header],
        time: u32,
    ) -> Result<CompactTarget, Error> {
        let wanted = (height.max(1) - 1) % INTERVAL + 1;
        let (Some(first), Some(last), true) = (
            period.first(),
            period.last(),
            period.len() == wanted as usize,
        ) else {
            return Err(Error::Period { height, wanted });
        };
        let rules = self.rules();
        if height.is_multiple_of(INTERVAL) {
            return self.adjusted(&rules, first, last);
        }
        if !rules.allows_easy_blocks {
            return Ok(last.bits);
        }
        if i64::from(time) > i64::from(last.time) + 2 * i64::from(SPACING) {
            return Ok(rules.limit);
        }
        // The difficulty before the easy blocks, back to the beginning of the period at most.
        let hard = period
            .iter()
            .rev()
            .find(|header| header.bits != rules.limit);
        Ok(hard.unwrap_or(first).bits)
    }

    /// The bits after a whole period.
    fn adjusted(
        self,
        rules: &Rules,
        first: &Header,
        last: &Header,
    ) -> Result<CompactTarget, Error> {
        if !rules.adjusts {
            return Ok(last.bits);
        }
        let before = if rules.adjusts_first { first } else { last };
        // From the first block to the last there are 2015 steps and not 2016: so it has been from
        // the beginning, and so it stays. Times may go backwards; a negative span counts as the shortest.
        self.bits_after(before.bits, last.time.saturating_sub(first.time))
    }

    /// The bits of a period after one with `bits`, if that took `span` seconds from its first block to its
    /// last. Where nothing is adjusted they are the same.
    ///
    /// # Errors
    /// Those bits stand for no target.
    pub fn bits_after(self, bits: CompactTarget, span: u32) -> Result<CompactTarget, Error> {
        target(bits)?;
        // Two weeks, and a quarter and four times that as bounds, are in there.
        let (span, params) = (u64::from(span), self.params());
        Ok(CompactTarget::from_next_work_required(bits, span, params))
    }

    /// Whether `header` has done the work its bits ask for, and they are bits this chain can ask for.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check_work(self, header: &Header) -> Result<(), Error> {
        let target = target(header.bits)?;
        let limit = self.params().max_attainable_target;
        if target > limit {
            return Err(Error::TooEasy(header.bits));
        }
        if !target.is_met_by(header.block_hash()) {
            return Err(Error::NotMet);
        }
        Ok(())
    }
}

/// The target that `bits` stand for.
///
/// # Errors
/// They stand for a number that is negative, zero, or larger than 256 bits.
pub fn target(bits: CompactTarget) -> Result<Target, Error> {
    let (exponent, coefficient) = (bits.to_consensus() >> 24, bits.to_consensus() & 0x7f_ffff);
    let n_bytes = (u32::BITS - coefficient.leading_zeros()).div_ceil(8);
    // The lowest three bytes are the coefficient's; each step of the exponent moves them up by one.
    let is_zero = coefficient
        .checked_shr(8 * 3_u32.saturating_sub(exponent))
        .unwrap_or(0)
        == 0;
    if is_zero {
        Err(Error::Zero(bits))
    } else if bits.to_consensus() & 0x80_0000 != 0 {
        Err(Error::Negative(bits))
    } else if exponent + n_bytes > 32 + 3 {
        Err(Error::TooLarge(bits))
    } else {
        Ok(Target::from_compact(bits))
    }
}

/// Reads bits as a person writes them: `0x17502ab7`, or `391129783` as JSON-RPC used to give them.
///
/// # Errors
/// [`Error::Text`]: it is neither.
pub fn parse_bits(text: &str) -> Result<CompactTarget, Error> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    match number {
        Ok(bits) if !text.contains('+') => Ok(CompactTarget::from_consensus(bits)),
        _ => Err(Error::Text(text.to_owned())),
    }
}

/// How many hashes must be tried until one meets `target`, on average.
pub fn expected_hashes(target: Target) -> f64 {
    target.to_work().log2().exp2()
}

/// Why bits, a header or its place in the chain are not as they must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// No bits.
    Text(String),
    /// The sign is set.
    Negative(CompactTarget),
    /// No hash can meet it.
    Zero(CompactTarget),
    /// It does not fit into 256 bits.
    TooLarge(CompactTarget),
    /// Easier than the chain's easiest.
    TooEasy(CompactTarget),
    /// The hash is larger than the target.
    NotMet,
    /// Not the headers that are needed to judge the block at this height.
    Period {
        /// The height of the block that is to be judged.
        height: u32,
        /// How many headers are needed, up to the one before it.
        wanted: u32,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = |bits: &CompactTarget| format!("bits 0x{:08x}", bits.to_consensus());
        match self {
            Error::Text(text) => write!(
                f,
                "`{text}` is neither bits in hex (0x1d00ffff) nor in decimal (486604799)"
            ),
            Error::Negative(which) => write!(f, "{} stand for a negative target", bits(which)),
            Error::Zero(which) => {
                write!(f, "{} stand for target 0, which no hash meets", bits(which))
            }
            Error::TooLarge(which) => write!(f, "{} stand for more than 256 bits", bits(which)),
            Error::TooEasy(which) => write!(f, "{} are easier than the chain allows", bits(which)),
            Error::NotMet => f.write_str("the hash is larger than the target"),
            Error::Period { height, wanted } => write!(
                f,
                "to judge block {height}, the {wanted} headers before it are needed"
            ),
        }
    }
}

impl std::error::Error for Error {}
