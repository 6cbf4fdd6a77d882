//! Our blocks with transactions in them, on a real node: the only one that can say whether they are right.
//!
//! Money here lies at an address that anybody can spend from (the script is `OP_TRUE`, behind a witness), so
//! that no wallet is needed.

use std::collections::BTreeSet;
use std::time::Duration;

use bitcoin_controller::bitcoin::mining::{
    BlockTemplate, Miner, Outcome, Search, Submission, assemble, solve,
};
use rust_bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use rust_bitcoin::{
    Address, Amount, Block, Network, OutPoint, Script, ScriptBuf, Transaction, Txid, Witness,
    opcodes,
};
use serde_json::json;

use super::{payout, spending};
use crate::support::nodes::{Node, Nodes, on_real_nodes};

/// What spends from the anybody's address.
fn anybody() -> ScriptBuf {
    ScriptBuf::builder()
        .push_opcode(opcodes::OP_TRUE)
        .into_script()
}

fn address() -> String {
    Address::p2wsh(&anybody(), Network::Regtest).to_string()
}

/// A transaction that moves `coin` of `value_sat` back to the same address, `fee_sat` less.
fn moving(coin: OutPoint, value_sat: u64, fee_sat: u64) -> Transaction {
    let mut transaction = spending(coin, value_sat - fee_sat);
    transaction.input[0].witness = Witness::from_slice(&[anybody()]);
    transaction.output[0].script_pubkey = anybody().to_p2wsh();
    transaction
}

/// Sends `n_transactions` to the node; every third spends from the one before it.
async fn fill_mempool(node: &Node, n_transactions: usize) -> Vec<Txid> {
    let mut sent: Vec<Transaction> = Vec::new();
    for index in 0..n_transactions {
        let transaction = match sent.last() {
            Some(last) if index % 3 == 2 => {
                let coin = OutPoint::new(last.compute_txid(), 0);
                moving(coin, last.output[0].value.to_sat(), 2_000)
            }
            _ => {
                let hash = node.call("getblockhash", json!([index + 1])).await;
                let block = node.call("getblock", json!([hash, 0])).await;
                let block: Block = deserialize_hex(block.as_str().unwrap()).unwrap();
                let coin = OutPoint::new(block.txdata[0].compute_txid(), 0);
                moving(coin, 5_000_000_000, 1_000 + index as u64)
            }
        };
        node.call("sendrawtransaction", json!([serialize_hex(&transaction)]))
            .await;
        sent.push(transaction);
    }
    sent.iter().map(Transaction::compute_txid).collect()
}

/// A node with 150 blocks, the first 50 of which can be spent.
async fn rich(nodes: &Nodes) -> Node {
    let node = nodes.start(0, &[]).await;
    node.mine(150, &address()).await;
    node
}

/// A template that shows these transactions: the node makes one at most every five seconds.
async fn template_with(node: &Node, n_transactions: usize) -> BlockTemplate {
    loop {
        let template = node.rpc.block_template().await.unwrap();
        if template.transactions.len() == n_transactions {
            return template;
        }
        assert!(template.transactions.len() < n_transactions);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn submitted(node: &Node, template: &BlockTemplate, payout: &Script) -> Block {
    let block = assemble(template, payout, 0, template.time()).unwrap();
    let Outcome::Found(block) = solve(block, &Search::default()).await else {
        panic!("regtest is easy")
    };
    let said = node.rpc.submit_block(&block).await.unwrap();
    assert_eq!(said, Submission::Accepted, "{said}");
    block
}

async fn mempool(node: &Node) -> BTreeSet<Txid> {
    let ids = node.call("getrawmempool", json!([])).await;
    let ids: Vec<String> = serde_json::from_value(ids).unwrap();
    ids.iter().map(|id| id.parse().unwrap()).collect()
}

#[test]
fn ten_blocks_take_fifty_transactions_along() {
    on_real_nodes(async |nodes| {
        let node = rich(&nodes).await;
        let waiting = fill_mempool(&node, 50).await;
        let first = template_with(&node, 50).await;
        assert_eq!(first.coinbase_value_sat, 2_500_000_000 + first.fees_sat());
        let mut mined = Vec::new();
        for n_blocks in 0..10 {
            let template = node.rpc.block_template().await.unwrap();
            assert_eq!(
                template.transactions.len(),
                if n_blocks == 0 { 50 } else { 0 }
            );
            let block = submitted(&node, &template, &payout()).await;
            mined.extend(block.txdata[1..].iter().map(Transaction::compute_txid));
        }
        assert_eq!(node.height().await, 160);
        assert_eq!(mempool(&node).await, BTreeSet::new());
        mined.sort();
        let mut waiting = waiting;
        waiting.sort();
        assert_eq!(mined, waiting, "every one, and once");
    });
}

#[test]
fn transactions_can_be_left_out_with_all_that_spend_from_them() {
    on_real_nodes(async |nodes| {
        let node = rich(&nodes).await;
        let sent = fill_mempool(&node, 6).await;
        let all = template_with(&node, 6).await;
        assert_eq!(all.transactions.len(), 6);
        // The third spends from the second.
        let mut miner = Miner::new(node.rpc.clone(), payout(), 0).excluding([sent[1]]);
        let mined = miner
            .mine(&Search::default(), |_| {})
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (mined.block.txdata.len(), mined.submission),
            (5, Submission::Accepted)
        );
        assert_eq!(mined.paid_sat, 2_500_000_000 + mined.fees_sat);
        assert_eq!(mempool(&node).await, BTreeSet::from([sent[1], sent[2]]));
        // What was left out is in the next one.
        let next = node.rpc.block_template().await.unwrap();
        submitted(&node, &next, &payout()).await;
        assert_eq!(mempool(&node).await, BTreeSet::new());
        // And a block with none of them is as good.
        fill_mempool_again(&node, &next).await;
        let full = template_with(&node, 1).await;
        let none = full.without(&full.transactions.iter().map(|entry| entry.txid).collect());
        assert_eq!(none.fees_sat(), 0);
        submitted(&node, &none, &payout()).await;
        assert_eq!(mempool(&node).await.len(), 1);
    });
}

/// One more: spends what the last transaction of `mined` moved.
async fn fill_mempool_again(node: &Node, mined: &BlockTemplate) {
    let last = &mined.transactions.last().unwrap().data;
    let coin = OutPoint::new(last.compute_txid(), 0);
    let transaction = moving(coin, last.output[0].value.to_sat(), 500);
    node.call("sendrawtransaction", json!([serialize_hex(&transaction)]))
        .await;
}

/// Regtest halves the subsidy every 150 blocks, so after 33 halvings there is not a satoshi left.
#[test]
fn where_the_subsidy_is_gone_a_block_pays_nothing_and_is_taken() {
    on_real_nodes(async |nodes| {
        let node = nodes.start(0, &[]).await;
        for _ in 0..33 {
            node.mine(150, &address()).await;
        }
        let template = node.rpc.block_template().await.unwrap();
        assert_eq!((template.height, template.coinbase_value_sat), (4_951, 0));
        let block = submitted(&node, &template, &payout()).await;
        assert_eq!(block.txdata[0].output[0].value, Amount::ZERO);
    });
}
