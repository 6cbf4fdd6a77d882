//! Mirrors `src/bitcoin/mining/coinbase.rs`.

use bitcoin_controller::base::Random;
use bitcoin_controller::bitcoin::mining::coinbase::{
    MAX_SCRIPT_BYTES, TAG, coinbase, commitment_script, height_push,
};
use rust_bitcoin::block::{Header, Version};
use rust_bitcoin::consensus::encode::{deserialize, serialize};
use rust_bitcoin::hashes::Hash;
use rust_bitcoin::{
    Amount, Block, BlockHash, CompactTarget, OutPoint, ScriptBuf, Transaction, Txid,
};

use super::{payout, spending};

fn at(height: u32) -> Transaction {
    let commitment = Some(commitment_script([]));
    coinbase(
        height,
        Amount::from_sat(5_000_000_000),
        &payout(),
        1,
        commitment,
    )
}

#[test]
fn a_height_is_pushed_in_the_shortest_way() {
    // Up to 16 an instruction; from 128 on a byte more than the number has, since the highest bit is a sign.
    let cases = [
        (1, "51"),
        (16, "60"),
        (17, "0111"),
        (127, "017f"),
        (128, "028000"),
        (255, "02ff00"),
        (256, "020001"),
        (32_767, "02ff7f"),
        (32_768, "03008000"),
        (400_020, "03941a06"),
        (u32::MAX, "05ffffffff00"),
    ];
    for (height, push) in cases {
        assert_eq!(height_push(height).to_hex_string(), push, "{height}");
        let script = &at(height).input[0].script_sig;
        assert!(
            script
                .as_bytes()
                .starts_with(height_push(height).as_bytes())
        );
        assert!((2..=MAX_SCRIPT_BYTES).contains(&script.len()), "{height}");
        // rust-bitcoin reads pushes of numbers only, and none of five bytes.
        if (17..1 << 31).contains(&height) {
            assert_eq!(of(at(height)).bip34_block_height(), Ok(u64::from(height)));
        }
    }
}

/// A block with nothing but this coinbase.
fn of(coinbase: Transaction) -> Block {
    Block {
        header: Header {
            version: Version::TWO,
            prev_blockhash: BlockHash::all_zeros(),
            merkle_root: coinbase.compute_txid().to_raw_hash().into(),
            time: 0,
            bits: CompactTarget::from_consensus(0x207f_ffff),
            nonce: 0,
        },
        txdata: vec![coinbase],
    }
}

#[test]
fn the_coinbase_of_block_400020_is_made_like_ours() {
    // As the post on mining takes it apart: height, seconds, nanoseconds, extra nonce, and the pool's names.
    let script = "03941a0604c75ccf5604a070c007089dcd1424000202660a636b706f6f6c102f426974667572792f4249503130302f";
    let script = ScriptBuf::from_hex(script).unwrap();
    assert!(
        script
            .as_bytes()
            .starts_with(height_push(400_020).as_bytes())
    );
    assert!(script.len() <= MAX_SCRIPT_BYTES);
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .rev()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let pushes = script.instructions().take(4);
    let numbers: Vec<u64> = pushes
        .map(|push| number(push.unwrap().push_bytes().unwrap().as_bytes()))
        .collect();
    assert_eq!(
        numbers,
        [
            400_020,
            1_456_430_279,
            130_052_256,
            7_350_439_741_450_669_469
        ]
    );
    // The same height and extra nonce in ours.
    let ours = coinbase(400_020, Amount::ZERO, &payout(), numbers[3], None);
    let ours = ours.input[0].script_sig.to_hex_string();
    assert!(ours.starts_with("03941a06089dcd142400020266"), "{ours}");
}

#[test]
fn it_spends_nothing_and_pays_once() {
    let transaction = at(109);
    assert!(transaction.is_coinbase());
    assert_eq!(transaction.input.len(), 1);
    assert_eq!(transaction.input[0].previous_output, OutPoint::null());
    assert_eq!(transaction.input[0].witness.to_vec(), [[0; 32]]);
    let values: Vec<u64> = transaction
        .output
        .iter()
        .map(|output| output.value.to_sat())
        .collect();
    assert_eq!(values, [5_000_000_000, 0]);
    assert_eq!(transaction.output[0].script_pubkey, payout());
    assert!(transaction.input[0].script_sig.as_bytes().ends_with(TAG));
    let again: Transaction = deserialize(&serialize(&transaction)).unwrap();
    assert_eq!(again, transaction);
}

#[test]
fn without_a_commitment_there_is_no_witness() {
    let transaction = coinbase(1, Amount::ZERO, &payout(), 1, None);
    assert!(transaction.input[0].witness.is_empty());
    assert_eq!(transaction.output.len(), 1);
    assert_eq!(
        transaction.compute_txid().to_raw_hash(),
        transaction.compute_wtxid().to_raw_hash()
    );
}

#[test]
fn every_extra_nonce_gives_another_transaction_of_the_same_size() {
    let with = |extra_nonce| coinbase(300, Amount::ZERO, &payout(), extra_nonce, None);
    let mut ids: Vec<Txid> = [0, 1, 127, 128, 0x6602_0002_2414_cd9d, u64::MAX]
        .map(|extra_nonce| with(extra_nonce).compute_txid())
        .to_vec();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 6);
    assert_eq!(with(0).total_size(), with(u64::MAX).total_size());
}

#[test]
fn a_commitment_is_to_the_witnesses_of_all_transactions() {
    // As a node gives it for a block with nothing but its coinbase.
    assert_eq!(
        commitment_script([]).to_hex_string(),
        "6a24aa21a9ede2f61c3f71d1defd3fa999dfa36953755c690689799962b48bebd836974e8cf9"
    );
    // Goal: rust-bitcoin, which checks blocks, agrees. Method: blocks of up to 40 transactions.
    let random = Random::seeded(5);
    for n_transactions in 0..40 {
        let coin = |_| {
            let mut id = [0; 32];
            random.fill(&mut id);
            OutPoint::new(Txid::from_byte_array(id), 0)
        };
        let others: Vec<Transaction> = (0..n_transactions)
            .map(coin)
            .map(|coin| spending(coin, 1))
            .collect();
        let commitment = Some(commitment_script(&others));
        let mut block = of(coinbase(7, Amount::ZERO, &payout(), 1, commitment));
        block.txdata.extend(others);
        assert!(block.check_witness_commitment(), "{n_transactions}");
        if let Some(last) = block.txdata.get_mut(1) {
            last.input[0].witness.push([1]);
            assert!(!block.check_witness_commitment(), "{n_transactions}");
        }
    }
}
