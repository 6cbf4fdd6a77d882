//! Mirrors `src/bitcoin/mining`. What nodes say to its blocks is in `sim::mining_scenarios`.

mod assemble;
mod coinbase;
mod mempool;
mod miner;
mod payout;
mod solve;
mod submission;
mod template;

use bitcoin_controller::bitcoin::mining::coinbase::commitment_script;
use bitcoin_controller::bitcoin::mining::{BlockTemplate, TemplateTransaction, payout_script};
use rust_bitcoin::absolute::LockTime;
use rust_bitcoin::hashes::Hash;
use rust_bitcoin::transaction::Version;
use rust_bitcoin::{
    Amount, BlockHash, CompactTarget, OutPoint, ScriptBuf, Sequence, Target, Transaction, TxIn,
    TxOut, Txid, Witness,
};

const ALICE: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

fn payout() -> ScriptBuf {
    payout_script(ALICE, "regtest").unwrap()
}

/// A transaction that spends `from` and carries a witness of two bytes.
fn spending(from: OutPoint, value_sat: u64) -> Transaction {
    Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: from,
            script_sig: ScriptBuf::new(),
            sequence: Sequence::MAX,
            witness: Witness::from_slice(&[[7, 7]]),
        }],
        output: vec![TxOut {
            value: Amount::from_sat(value_sat),
            script_pubkey: payout(),
        }],
    }
}

fn entry(data: Transaction, fee_sat: u64, depends: Vec<usize>) -> TemplateTransaction {
    TemplateTransaction {
        txid: data.compute_txid(),
        hash: data.compute_wtxid(),
        weight: data.weight().to_wu(),
        sigops: 1,
        fee_sat,
        depends,
        data,
    }
}

/// A template with four transactions: the third spends from the first, the fourth from the third.
fn template() -> BlockTemplate {
    let coin = |number: u8| OutPoint::new(Txid::from_byte_array([number; 32]), 0);
    let first = spending(coin(1), 900);
    let second = spending(coin(2), 800);
    let third = spending(OutPoint::new(first.compute_txid(), 0), 700);
    let fourth = spending(OutPoint::new(third.compute_txid(), 0), 600);
    let transactions = vec![
        entry(first, 1_000, vec![]),
        entry(second, 200, vec![]),
        entry(third, 30, vec![1]),
        entry(fourth, 4, vec![3]),
    ];
    let bits = CompactTarget::from_consensus(0x207f_ffff);
    BlockTemplate {
        version: 0x2000_0000,
        rules: ["csv", "!segwit", "taproot"].map(str::to_owned).to_vec(),
        required_version_bits: 0,
        previous_block_hash: BlockHash::all_zeros(),
        coinbase_value_sat: 5_000_001_234,
        target: Target::from_compact(bits),
        bits,
        min_time: 1_000,
        current_time: 2_000,
        height: 109,
        sigop_limit: 80_000,
        size_limit: 4_000_000,
        weight_limit: Some(4_000_000),
        witness_commitment: Some(commitment_script(
            transactions.iter().map(|entry| &entry.data),
        )),
        signet_challenge: None,
        transactions,
    }
}
