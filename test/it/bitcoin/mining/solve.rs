//! Mirrors `src/bitcoin/mining/solve.rs`.

use std::time::Duration;

use bitcoin_controller::bitcoin::mining::solve::ALONE;
use bitcoin_controller::bitcoin::mining::{Outcome, Search, assemble, solve};
use rust_bitcoin::block::{Header, Version};
use rust_bitcoin::{Block, CompactTarget};
use tokio_util::sync::CancellationToken;

use super::{payout, template};

/// A block whose work is to be done for these bits.
fn block(bits: u32, extra_nonce: u64) -> Block {
    let mut block = assemble(&template(), &payout(), extra_nonce, 2_000).unwrap();
    block.header.bits = CompactTarget::from_consensus(bits);
    block
}

/// The smallest nonce, found the slow way.
fn smallest(block: &Block) -> u32 {
    let met = |nonce: &u32| {
        let header = Header {
            nonce: *nonce,
            ..block.header
        };
        header.validate_pow(header.target()).is_ok()
    };
    (0..).find(met).unwrap()
}

fn nonce(outcome: Outcome) -> u32 {
    match outcome {
        Outcome::Found(block) => {
            assert!(block.header.validate_pow(block.header.target()).is_ok());
            block.header.nonce
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn block_109_of_the_post_has_done_its_work() {
    let header = Header {
        version: Version::from_consensus(0x2000_0000),
        prev_blockhash: "2277e40bf4c0ebde3fb5f38fcbd384e39df3471ad192cc46f66ea8d8d96327e7"
            .parse()
            .unwrap(),
        merkle_root: "8769987458af75adc80d6792848e5cd5cb8178a9584157bb4be79b77cda95909"
            .parse()
            .unwrap(),
        time: 1_522_952_768,
        bits: CompactTarget::from_consensus(0x207f_ffff),
        nonce: 1,
    };
    let hash = "07849d5c8ddcdc609d7acc3090bc48bbe4403c36008d46b5a291185334efe1bf";
    assert_eq!(header.block_hash().to_string(), hash);
    assert_eq!(header.difficulty_float(), 4.656_542_373_906_924_7e-10);
    // The post begins with nonce 1, this miner with 0.
    let block = Block {
        header,
        txdata: Vec::new(),
    };
    let search = Search::default();
    assert_eq!(nonce(search.run(block.clone(), 1)), smallest(&block));
}

#[test]
fn the_smallest_nonce_wins_on_any_number_of_cores() {
    // One in 16,384 hashes will do: most need more than is tried alone.
    let mut n_together = 0;
    for extra_nonce in 0..12 {
        let block = block(0x1f03_ffff, extra_nonce);
        let expected = smallest(&block);
        n_together += usize::from(u64::from(expected) >= ALONE);
        for threads in [1, 2, 7] {
            let search = Search::default();
            assert_eq!(nonce(search.run(block.clone(), threads)), expected);
            assert!(search.attempts() > u64::from(expected));
        }
    }
    assert!(n_together > 6, "{n_together}");
}

#[test]
fn an_easy_block_costs_its_attempts_and_no_more() {
    let block = block(0x207f_ffff, 3);
    let search = Search::default();
    let found = nonce(search.run(block.clone(), 8));
    assert_eq!(search.attempts(), u64::from(found) + 1);
    // Attempts of several runs add up.
    search.run(block, 8);
    assert_eq!(search.attempts(), 2 * (u64::from(found) + 1));
}

#[test]
fn a_cancelled_search_ends_and_says_so() {
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    let search = Search::new(cancelled);
    assert_eq!(search.run(block(0x207f_ffff, 0), 2), Outcome::Cancelled);
    assert_eq!(search.attempts(), 0);
}

#[tokio::test]
async fn a_search_that_is_hopeless_is_watched_and_cancelled() {
    // As hard as the main chain: it would take this machine longer than there is time.
    let (search, block) = (Search::default(), block(0x1702_0000, 0));
    let watch = async {
        while search.attempts() < 4 * ALONE {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        search.cancel();
    };
    let (outcome, ()) = tokio::join!(solve(block, &search), watch);
    assert_eq!(outcome, Outcome::Cancelled);
}

#[tokio::test]
async fn a_search_that_nobody_waits_for_ends() {
    let search = Search::default();
    let solving = solve(block(0x1702_0000, 0), &search);
    let _ = tokio::time::timeout(Duration::from_millis(1), solving).await;
    // Quiet for long enough that every core would have counted a stride.
    loop {
        let before = search.attempts();
        tokio::time::sleep(Duration::from_secs(1)).await;
        if search.attempts() == before {
            break;
        }
    }
    // The search itself was not cancelled: it can go on with the next block.
    nonce(solve(block(0x207f_ffff, 0), &search).await);
}
