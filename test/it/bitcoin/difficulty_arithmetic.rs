//! The numbers of `src/bitcoin/difficulty.rs` against rust-bitcoin's, and both against arithmetic done by hand:
//! random bits and times, seeded.

use bitcoin_controller::base::Random;
use bitcoin_controller::bitcoin::difficulty::{Chain, INTERVAL, expected_hashes, target};
use rust_bitcoin::block::{Header, Version};
use rust_bitcoin::consensus::params::Params;
use rust_bitcoin::hashes::Hash;
use rust_bitcoin::{BlockHash, CompactTarget, Target, TxMerkleNode};

/// What a period should take, in seconds.
const TWO_WEEKS: u32 = 14 * 24 * 60 * 60;

fn header(time: u32, bits: CompactTarget) -> Header {
    Header {
        version: Version::TWO,
        prev_blockhash: BlockHash::all_zeros(),
        merkle_root: TxMerkleNode::all_zeros(),
        time,
        bits,
        nonce: 0,
    }
}

/// Bits of targets of every size a chain can have, in the one form a node writes.
fn random_bits(random: &Random) -> CompactTarget {
    let exponent = 3 + random.below(27) as u32;
    let coefficient = 0x8000 + random.below(0x7f_8000) as u32;
    CompactTarget::from_consensus(exponent << 24 | coefficient)
}

#[test]
fn bits_and_targets_are_exactly_those_of_rust_bitcoin() {
    let random = Random::seeded(11);
    for _ in 0..50_000 {
        let bits = random_bits(&random);
        let ours = target(bits).unwrap();
        assert_eq!(ours, Target::from_compact(bits));
        assert_eq!(ours.to_compact_lossy(), bits, "{bits:?}");
    }
}

#[test]
fn difficulty_and_hashes_are_those_of_the_formula() {
    let random = Random::seeded(12);
    for _ in 0..20_000 {
        let bits = random_bits(&random);
        let (exponent, coefficient) = (bits.to_consensus() >> 24, bits.to_consensus() & 0x7f_ffff);
        // The post's: 256^(29 - exponent) × 65535 / coefficient.
        let by_hand = 256_f64.powi(29 - exponent as i32) * 65_535.0 / f64::from(coefficient);
        let found = target(bits).unwrap();
        assert!(
            (found.difficulty_float() / by_hand - 1.0).abs() < 1e-12,
            "{bits:?}"
        );
        let hashes = by_hand * 2_f64.powi(48) / 65_535.0;
        // The one that is between the target and the number of hashes: of the smallest here, one in 2^15.
        let error = (expected_hashes(found) / hashes - 1.0).abs();
        assert!(error < 2_f64.powi(-14), "{bits:?}");
    }
}

#[test]
fn every_retarget_is_that_of_rust_bitcoin_and_that_of_arithmetic() {
    let random = Random::seeded(13);
    let (mut n_clamped, mut n_at_limit) = (0, 0);
    let mut period = vec![header(0, CompactTarget::from_consensus(0)); INTERVAL as usize];
    for _ in 0..20_000 {
        let bits = random_bits(&random);
        let first = 1_000_000_000 + random.below(1 << 20) as u32;
        // From backwards to ten times as slow.
        let span = random.below(u64::from(TWO_WEEKS) * 10) as u32;
        let last = (first + span).saturating_sub(random.below(4) as u32 * 100_000);
        let counted = last.saturating_sub(first);
        for (chain, params) in [
            (Chain::Main, Params::MAINNET),
            (Chain::Signet, Params::SIGNET),
        ] {
            period[0] = header(first, bits);
            period[INTERVAL as usize - 1] = header(last, bits);
            let next = chain.next_bits(INTERVAL, &period, last).unwrap();
            let theirs = CompactTarget::from_next_work_required(bits, u64::from(counted), &params);
            assert_eq!(next, theirs, "{bits:?} after {counted} s");
            let limit = chain.rules().limit;
            let by_hand = by_hand(bits, counted, limit);
            assert_eq!(next, by_hand, "{bits:?} after {counted} s");
            n_clamped += usize::from(!(TWO_WEEKS / 4..=TWO_WEEKS * 4).contains(&counted));
            n_at_limit += usize::from(next == limit);
        }
    }
    assert!(
        n_clamped > 1_000 && n_at_limit > 1_000,
        "{n_clamped} {n_at_limit}"
    );
}

/// The old target times the time, at most four times or a quarter of what it should be, over two weeks.
fn by_hand(bits: CompactTarget, span: u32, limit: CompactTarget) -> CompactTarget {
    let span = span.clamp(TWO_WEEKS / 4, TWO_WEEKS * 4);
    let limit = target(limit).unwrap();
    // Five bytes more than a target has: the product needs them.
    let mut number = [0_u8; 37];
    let mut carry = 0_u64;
    for (digit, byte) in number.iter_mut().zip(
        target(bits)
            .unwrap()
            .to_le_bytes()
            .into_iter()
            .chain([0; 5]),
    ) {
        carry += u64::from(byte) * u64::from(span);
        *digit = carry as u8;
        carry >>= 8;
    }
    let mut rest = 0_u64;
    for digit in number.iter_mut().rev() {
        let all = rest << 8 | u64::from(*digit);
        *digit = (all / u64::from(TWO_WEEKS)) as u8;
        rest = all % u64::from(TWO_WEEKS);
    }
    let mut low = [0; 32];
    low.copy_from_slice(&number[..32]);
    let is_large = number[32..].iter().any(|digit| *digit > 0);
    let product = if is_large {
        limit
    } else {
        Target::from_le_bytes(low)
    };
    product.min(limit).to_compact_lossy()
}

#[test]
fn block_516463_met_the_target_of_its_bits() {
    // 391129783, the bytes b72a5017 in its header.
    let bits = CompactTarget::from_consensus(391_129_783);
    assert_eq!(bits.to_consensus().to_le_bytes(), [0xb7, 0x2a, 0x50, 0x17]);
    let hash = "0000000000000000000595a828f927ec02763d9d24220e9767fe723b4876b91e";
    let hash: BlockHash = hash.parse().unwrap();
    let found = target(bits).unwrap();
    assert!(found.is_met_by(hash));
    assert_eq!(found.difficulty_float(), 3_511_060_552_899.719_7);
    // It would not have, had it been sixteen times as hard.
    assert!(
        !target(CompactTarget::from_consensus(0x1705_02ab))
            .unwrap()
            .is_met_by(hash)
    );
}
