//! Mirrors `src/bitcoin/difficulty.rs`. Numbers are those of real blocks and of Bitcoin Core's own tests.

use bitcoin_controller::base::Random;
use bitcoin_controller::bitcoin::difficulty::{
    Chain, Error, INTERVAL, expected_hashes, parse_bits, target,
};
use rust_bitcoin::block::{Header, Version};
use rust_bitcoin::consensus::encode::deserialize_hex;
use rust_bitcoin::hashes::Hash;
use rust_bitcoin::{BlockHash, CompactTarget, Target, TxMerkleNode};

const CHAINS: [Chain; 5] = [
    Chain::Main,
    Chain::Testnet3,
    Chain::Testnet4,
    Chain::Signet,
    Chain::Regtest,
];

fn bits(number: u32) -> CompactTarget {
    CompactTarget::from_consensus(number)
}

fn header(time: u32, number: u32) -> Header {
    Header {
        version: Version::TWO,
        prev_blockhash: BlockHash::all_zeros(),
        merkle_root: TxMerkleNode::all_zeros(),
        time,
        bits: bits(number),
        nonce: 0,
    }
}

/// Headers of a whole period, the first and the last with these times.
fn period(first: u32, last: u32, number: u32) -> Vec<Header> {
    let mut headers = vec![header(first, number); INTERVAL as usize];
    headers[INTERVAL as usize - 1].time = last;
    headers
}

#[test]
fn the_numbers_of_known_blocks() {
    let cases = [
        ("0x1d00ffff", "1.00"),
        ("391129783", "3511060552899.72"),
        ("0x17502ab7", "3511060552899.72"),
        ("0x1b0404cb", "16307.42"),
    ];
    for (text, difficulty) in cases {
        let target = target(parse_bits(text).unwrap()).unwrap();
        assert_eq!(
            format!("{:.2}", target.difficulty_float()),
            difficulty,
            "{text}"
        );
    }
    let regtest = target(bits(0x207f_ffff)).unwrap();
    assert_eq!(regtest.difficulty_float(), 4.656_542_373_906_924_7e-10);
    assert_eq!(format!("{regtest:x}"), format!("7fffff{}", "0".repeat(58)));
    assert_eq!(expected_hashes(regtest).round(), 2.0);
    let first = target(bits(0x1d00_ffff)).unwrap();
    assert_eq!(expected_hashes(first).round(), 4_295_032_833.0);
}

#[test]
fn text_that_is_no_bits_is_refused_by_name() {
    for text in [
        "",
        "0x",
        "1d00ffff",
        "-1",
        "+1",
        "0x+1",
        "0x1d00ffff0",
        "4294967296",
        "1.5",
    ] {
        assert_eq!(parse_bits(text), Err(Error::Text(text.to_owned())));
    }
}

#[test]
fn bits_that_stand_for_no_target_are_refused() {
    let zero = [
        0,
        0x0100_0000,
        0x0100_ffff,
        0x0200_00ff,
        0x2000_0000,
        0x0480_0000,
    ];
    for number in zero {
        assert_eq!(
            target(bits(number)),
            Err(Error::Zero(bits(number))),
            "{number:08x}"
        );
    }
    for number in [0x0492_3456, 0x0181_0000, 0x1d80_ffff] {
        assert_eq!(
            target(bits(number)),
            Err(Error::Negative(bits(number))),
            "{number:08x}"
        );
    }
    for number in [
        0xff12_3456,
        0x2300_0001 + 0x0100_0000,
        0x2200_0100,
        0x2101_0000,
    ] {
        assert_eq!(
            target(bits(number)),
            Err(Error::TooLarge(bits(number))),
            "{number:08x}"
        );
    }
    for number in [0x2200_0001, 0x2100_0100, 0x2001_0000, 0x0101_0000] {
        assert!(target(bits(number)).is_ok(), "{number:08x}");
    }
}

#[test]
fn a_target_is_the_coefficient_moved_up_by_whole_bytes() {
    // Goal: no bits are misread. Method: random bits, against the definition done byte by byte.
    let random = Random::seeded(1);
    let mut n_read = 0;
    for _ in 0..20_000 {
        let number = (random.below(36) as u32) << 24 | random.below(1 << 23) as u32;
        let Ok(target) = target(bits(number)) else {
            continue;
        };
        n_read += 1;
        let mut bytes = [0_u8; 40];
        let exponent = (number >> 24) as usize;
        for (place, byte) in number.to_be_bytes()[1..].iter().enumerate() {
            if let Some(power) = exponent.checked_sub(1 + place) {
                bytes[power] = *byte;
            }
        }
        assert_eq!(target.to_le_bytes(), bytes[..32], "{number:08x}");
    }
    assert!(n_read > 10_000, "{n_read}");
}

#[test]
fn two_weeks_of_work_set_the_next_two() {
    // Bitcoin Core's pow_tests.cpp: blocks 32255, 2015, 68543 and 46367 of the main chain.
    let cases = [
        (1_261_130_161, 1_262_152_739, 0x1d00_ffff, 0x1d00_d86a),
        (1_231_006_505, 1_233_061_996, 0x1d00_ffff, 0x1d00_ffff),
        (1_279_008_237, 1_279_297_671, 0x1c05_a3f4, 0x1c01_68fd),
        (1_263_163_443, 1_269_211_443, 0x1c38_7f6f, 0x1d00_e1fd),
    ];
    for (first, last, before, after) in cases {
        let period = period(first, last, before);
        let next = Chain::Main.next_bits(INTERVAL * 3, &period, last).unwrap();
        assert_eq!(next, bits(after), "{:08x}", next.to_consensus());
    }
}

#[test]
fn a_period_counts_2015_steps_and_a_clock_that_goes_backwards_counts_as_the_shortest() {
    let exact = period(0, 2015 * 600, 0x1b04_04cb);
    let next = Chain::Main.next_bits(INTERVAL, &exact, 0).unwrap();
    // A little harder each time, since two weeks are 2016 steps.
    assert!(target(next).unwrap() < target(bits(0x1b04_04cb)).unwrap());
    let backwards = period(2_000_000, 1_000_000, 0x1c05_a3f4);
    let next = Chain::Main.next_bits(INTERVAL, &backwards, 0).unwrap();
    assert_eq!(next, bits(0x1c01_68fd));
}

#[test]
fn within_a_period_nothing_changes_but_where_easy_blocks_are_allowed() {
    let headers = [header(1_000, 0x1b04_04cb), header(2_000, 0x1d00_ffff)];
    let next = |chain: Chain, headers: &[Header], time| {
        let height = headers.len() as u32;
        chain
            .next_bits(height, headers, time)
            .unwrap()
            .to_consensus()
    };
    // 20 minutes later to the second is not later than 20 minutes.
    for (time, testnet) in [(3_200, 0x1b04_04cb), (3_201, 0x1d00_ffff)] {
        for chain in [Chain::Testnet3, Chain::Testnet4] {
            assert_eq!(next(chain, &headers, time), testnet, "{chain:?} at {time}");
        }
        assert_eq!(next(Chain::Main, &headers[..1], time), 0x1b04_04cb);
    }
    // When the whole period so far was easy, it is its first block that counts.
    let easy = [header(0, 0x1d00_ffff), header(10, 0x1d00_ffff)];
    assert_eq!(next(Chain::Testnet4, &easy, 20), 0x1d00_ffff);
}

#[test]
fn after_an_easy_last_block_testnet3_stays_easy_and_testnet4_does_not() {
    let mut headers = period(0, 1_209_600, 0x1b04_04cb);
    headers[INTERVAL as usize - 1].bits = bits(0x1d00_ffff);
    let next = |chain: Chain| chain.next_bits(INTERVAL, &headers, 1_209_700).unwrap();
    assert_eq!(next(Chain::Testnet3), bits(0x1d00_ffff));
    assert_eq!(next(Chain::Testnet4), bits(0x1b04_04cb));
}

#[test]
fn regtest_never_adjusts_and_signet_has_a_limit_of_its_own() {
    let fast = period(0, 10, 0x207f_ffff);
    let next = Chain::Regtest.next_bits(INTERVAL, &fast, 11).unwrap();
    assert_eq!(next, bits(0x207f_ffff));
    let slow = period(0, 100_000_000, 0x1e03_77ae);
    let next = Chain::Signet
        .next_bits(INTERVAL, &slow, 100_000_000)
        .unwrap();
    assert_eq!(next, bits(0x1e03_77ae));
    let limits = CHAINS.map(|chain| chain.rules().limit.to_consensus());
    assert_eq!(
        limits,
        [
            0x1d00_ffff,
            0x1d00_ffff,
            0x1d00_ffff,
            0x1e03_77ae,
            0x207f_ffff
        ]
    );
}

#[test]
fn headers_that_are_not_the_period_are_refused() {
    let headers = period(0, 0, 0x1d00_ffff);
    for (height, length) in [(0, 0), (1, 2), (INTERVAL, 2015), (INTERVAL + 1, 2)] {
        let outcome = Chain::Main.next_bits(height, &headers[..length], 0);
        assert!(
            matches!(outcome, Err(Error::Period { .. })),
            "{height}: {outcome:?}"
        );
    }
    let broken = period(0, 1_209_600, 0x1d80_ffff);
    assert!(matches!(
        Chain::Main.next_bits(INTERVAL, &broken, 0),
        Err(Error::Negative(_))
    ));
}

#[test]
fn work_is_checked_against_the_bits_and_the_bits_against_the_chain() {
    let genesis = "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c";
    let genesis: Header = deserialize_hex(genesis).unwrap();
    assert_eq!(Chain::Main.check_work(&genesis), Ok(()));
    let other = Header {
        nonce: 1,
        ..genesis
    };
    assert_eq!(Chain::Main.check_work(&other), Err(Error::NotMet));
    let regtest = "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4adae5494dffff7f2002000000";
    let regtest: Header = deserialize_hex(regtest).unwrap();
    assert_eq!(Chain::Regtest.check_work(&regtest), Ok(()));
    assert_eq!(
        Chain::Main.check_work(&regtest),
        Err(Error::TooEasy(bits(0x207f_ffff)))
    );
    assert!(Target::from_compact(regtest.bits).is_met_by(regtest.block_hash()));
}
