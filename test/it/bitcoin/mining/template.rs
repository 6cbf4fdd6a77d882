//! Mirrors `src/bitcoin/mining/template.rs`.

use std::collections::BTreeSet;

use bitcoin_controller::bitcoin::mining::coinbase::commitment_script;
use bitcoin_controller::bitcoin::mining::template::MAX_TEMPLATE_BYTES;
use bitcoin_controller::bitcoin::mining::{BlockTemplate, assemble};
use rust_bitcoin::Txid;
use rust_bitcoin::consensus::encode::serialize_hex;
use serde_json::{Value, json};

use super::{entry, payout, template};
use crate::bitcoin::fake_node::{FakeNode, Step, http};

/// A template as a node sends it.
pub(super) fn sent() -> Value {
    let transaction = template().transactions.remove(0);
    json!({
        "capabilities": ["proposal"], "version": 536_870_912, "rules": ["csv", "!segwit", "taproot"],
        "vbavailable": {}, "vbrequired": 0, "previousblockhash": format!("{:064x}", 0),
        "transactions": [{
            "data": serialize_hex(&transaction.data), "txid": transaction.txid.to_string(),
            "hash": transaction.hash.to_string(), "depends": [], "fee": 1_000, "sigops": 1,
            "weight": transaction.weight, "priority": 0.5,
        }],
        "coinbaseaux": {}, "coinbasevalue": 5_000_001_000_u64, "longpollid": "1",
        "target": format!("7fffff{}", "0".repeat(58)), "mintime": 1_000, "mutable": ["time"],
        "noncerange": "00000000ffffffff", "sigoplimit": 80_000, "sizelimit": 4_000_000,
        "weightlimit": 4_000_000, "curtime": 2_000, "bits": "207fffff", "height": 109,
        "default_witness_commitment": commitment_script([&transaction.data]).to_hex_string(),
    })
}

fn answer(template: &Value) -> FakeNode {
    let body = json!({"jsonrpc": "2.0", "result": template, "id": 1}).to_string();
    FakeNode::new(vec![Step::Answer(http("200 OK", &body))])
}

#[tokio::test(start_paused = true)]
async fn a_template_is_read_with_its_transactions() {
    let node = answer(&sent());
    let read = node.rpc().block_template().await.unwrap();
    let question: Value = serde_json::from_str(&node.arrived()[0].body).unwrap();
    assert_eq!(question["params"], json!([{"rules": ["segwit"]}]));
    let mut expected = template();
    expected.transactions.truncate(1);
    expected.coinbase_value_sat = 5_000_001_000;
    let left = expected.transactions.iter().map(|entry| &entry.data);
    expected.witness_commitment = Some(commitment_script(left));
    assert_eq!(read, expected);
    assert_eq!((read.fees_sat(), read.time()), (1_000, 2_000));
}

#[tokio::test(start_paused = true)]
async fn a_full_block_is_read_and_what_no_block_can_be_is_not() {
    // Four million bytes of transactions are eight million digits.
    for (n_digits, is_read) in [(8_000_000, true), (MAX_TEMPLATE_BYTES, false)] {
        let mut template = sent();
        template["padding"] = json!("0".repeat(n_digits));
        let read = answer(&template).rpc().block_template().await;
        assert_eq!(read.is_ok(), is_read, "{n_digits}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_field_that_does_not_decode_is_named() {
    let cases = [
        ("/transactions/0/data", json!("00"), "transactions[0].data"),
        ("/transactions/0/txid", json!("zz"), "transactions[0].txid"),
        ("/transactions/0/fee", json!(-1), "transactions[0].fee"),
        ("/bits", json!("zz"), "bits"),
        ("/target", json!("0x1"), "target"),
        ("/height", json!(-1), "height"),
        (
            "/default_witness_commitment",
            json!("6"),
            "default_witness_commitment",
        ),
    ];
    for (path, value, name) in cases {
        let mut template = sent();
        *template.pointer_mut(path).unwrap() = value;
        let error = answer(&template).rpc().block_template().await;
        let error = bitcoin_controller::base::Report::from(error.unwrap_err()).to_string();
        assert!(error.contains(&format!("at `{name}`")), "{path}: {error}");
    }
}

#[test]
fn a_block_has_the_nodes_time_unless_the_chain_is_ahead() {
    let ahead = BlockTemplate {
        min_time: 3_000,
        ..template()
    };
    assert_eq!((template().time(), ahead.time()), (2_000, 3_000));
}

#[test]
fn what_is_dropped_takes_along_what_spends_from_it() {
    let all = template();
    let txid = |index: usize| all.transactions[index].txid;
    let cases: [(&[usize], &[usize], u64); 5] = [
        (&[], &[0, 1, 2, 3], 5_000_001_234),
        (&[1], &[0, 2, 3], 5_000_001_034),
        (&[3], &[0, 1, 2], 5_000_001_230),
        (&[2], &[0, 1], 5_000_001_200),
        (&[0], &[1], 5_000_000_200),
    ];
    for (dropped, left, value) in cases {
        let ids: BTreeSet<Txid> = dropped.iter().map(|index| txid(*index)).collect();
        let template = all.without(&ids);
        let found: Vec<Txid> = template
            .transactions
            .iter()
            .map(|entry| entry.txid)
            .collect();
        let expected: Vec<Txid> = left.iter().map(|index| txid(*index)).collect();
        assert_eq!(
            (found, template.coinbase_value_sat),
            (expected, value),
            "{dropped:?}"
        );
        // It is whole: places, fees and commitment agree again.
        let block = assemble(&template, &payout(), 0, 0).unwrap();
        assert!(block.check_witness_commitment() && block.check_merkle_root());
    }
    let places = all.without(&BTreeSet::from([txid(1)]));
    let places: Vec<Vec<usize>> = places
        .transactions
        .into_iter()
        .map(|entry| entry.depends)
        .collect();
    assert_eq!(places, [vec![], vec![1], vec![2]]);
}

#[test]
fn a_place_that_does_not_exist_is_no_parent() {
    let mut odd = template();
    let last = odd.transactions.pop().unwrap();
    odd.transactions.push(entry(last.data, 4, vec![99]));
    assert_eq!(odd.without(&BTreeSet::new()).transactions.len(), 3);
}
