//! What a node says to a miner, pretend or real: templates, and blocks that are good or bad in one point.

use bitcoin_controller::bitcoin::mining::{
    BlockTemplate, Outcome, Search, Submission, assemble, payout_script, solve,
};
use rust_bitcoin::hashes::Hash;
use rust_bitcoin::{
    Amount, Block, BlockHash, CompactTarget, OutPoint, ScriptBuf, Sequence, Txid, Witness,
};
use serde_json::json;

use super::scenarios::ALICE;
use crate::support::nodes::{Node, Nodes, eventually};

fn payout() -> ScriptBuf {
    payout_script(ALICE, "regtest").unwrap()
}

/// A block on the tip, with its work done.
async fn mined(node: &Node, extra_nonce: u64) -> Block {
    let template = node.rpc.block_template().await.unwrap();
    worked(made(&template, extra_nonce))
}

fn made(template: &BlockTemplate, extra_nonce: u64) -> Block {
    assemble(template, &payout(), extra_nonce, template.time()).unwrap()
}

/// Does the work of a block that was changed, and nothing else.
fn worked(mut block: Block) -> Block {
    block.header.nonce = 0;
    match Search::default().run(block, 1) {
        Outcome::Found(block) => block,
        outcome => panic!("{outcome:?}"),
    }
}

/// A block on the tip that is good but for one `change`, its merkle root and work right again.
async fn changed(node: &Node, change: impl Fn(&mut Block)) -> Block {
    let mut block = mined(node, 0).await;
    change(&mut block);
    block.header.merkle_root = block.compute_merkle_root().unwrap();
    worked(block)
}

/// The reason a block is refused for.
async fn refused(node: &Node, block: &Block) -> String {
    match node.rpc.submit_block(block).await.unwrap() {
        Submission::Rejected(reason) => reason,
        other => panic!("{other:?}"),
    }
}

pub async fn a_template_describes_the_next_block(nodes: Nodes) {
    let node = nodes.start(0, &[]).await;
    let ask = json!([{"rules": ["segwit"]}]);
    let mut template = node.call("getblocktemplate", ask).await;
    assert!(template["curtime"].take().as_u64() > Some(1_700_000_000));
    let genesis = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206";
    let expected = json!({
        "capabilities": ["proposal"], "version": 536_870_912, "rules": ["csv", "!segwit", "taproot"],
        "vbavailable": {}, "vbrequired": 0, "previousblockhash": genesis, "transactions": [],
        "coinbaseaux": {}, "coinbasevalue": 5_000_000_000_u64, "longpollid": format!("{genesis}1"),
        "target": format!("7fffff{}", "0".repeat(58)), "mintime": 1_296_688_603,
        "mutable": ["time", "transactions", "prevblock"], "noncerange": "00000000ffffffff",
        "sigoplimit": 80_000, "sizelimit": 4_000_000, "weightlimit": 4_000_000, "curtime": null,
        "bits": "207fffff", "height": 1, "default_witness_commitment":
            "6a24aa21a9ede2f61c3f71d1defd3fa999dfa36953755c690689799962b48bebd836974e8cf9",
    });
    assert_eq!(template, expected);

    let tip = node.mine(150, ALICE).await.pop().unwrap();
    let template = node.rpc.block_template().await.unwrap();
    assert_eq!(template.previous_block_hash.to_string(), tip);
    assert_eq!(
        (template.height, template.coinbase_value_sat),
        (151, 2_500_000_000)
    );
    // Blocks come faster than one in six seconds here, so the median is ahead of the clock.
    let median = node.call("getblockchaininfo", json!([])).await["mediantime"].as_u64();
    assert_eq!(Some(u64::from(template.min_time) - 1), median);
    assert!(template.current_time >= template.min_time);
}

pub async fn a_template_is_asked_for_with_the_segwit_rule(nodes: Nodes) {
    let node = nodes.start(0, &[]).await;
    let cases = [
        (json!([]), -1),
        (json!([{}]), -8),
        (json!([{"rules": []}]), -8),
        (json!([{"rules": ["segwit"], "mode": "sometimes"}]), -8),
        (json!(["segwit"]), -3),
    ];
    for (params, code) in cases {
        let answer = node.try_call("getblocktemplate", params.clone()).await;
        assert_eq!(answer, Err(code), "{params}");
    }
    assert_eq!(node.try_call("submitblock", json!(["zz"])).await, Err(-22));
    assert_eq!(node.try_call("submitblock", json!(["00"])).await, Err(-22));
}

pub async fn our_blocks_are_accepted_however_their_height_is_pushed(nodes: Nodes) {
    let node = nodes.start(0, &[]).await;
    for height in (1..=18).chain(126..=129).chain(254..=257) {
        let missing = height - 1 - node.height().await;
        node.mine(missing, ALICE).await;
        let block = mined(&node, height).await;
        assert_eq!(
            node.rpc.submit_block(&block).await.unwrap(),
            Submission::Accepted,
            "{height}"
        );
        assert_eq!(
            (node.height().await, node.tip().await),
            (height, block.block_hash().to_string())
        );
    }
}

pub async fn a_block_of_ours_goes_to_the_peers(nodes: Nodes) {
    let (one, two) = (nodes.start(0, &[]).await, nodes.start(1, &[]).await);
    one.dial(&two).await;
    eventually("they are linked", async || !two.peers().await.is_empty()).await;
    let block = mined(&one, 0).await;
    assert_eq!(
        one.rpc.submit_block(&block).await.unwrap(),
        Submission::Accepted
    );
    let hash = block.block_hash().to_string();
    eventually("the other has it", async || two.tip().await == hash).await;
    let info = two.rpc.get_block_header(&block.block_hash()).await.unwrap();
    assert_eq!(
        (info.header(), info.height, info.confirmations),
        (block.header, 1, 1)
    );
}

pub async fn the_same_block_again_is_a_duplicate_in_the_chain(nodes: Nodes) {
    let node = nodes.start(0, &[]).await;
    let template = node.rpc.block_template().await.unwrap();
    let search = Search::default();
    // Made twice from the same template: the same bytes.
    for answer in [Submission::Accepted, Submission::Duplicate] {
        let Outcome::Found(block) = solve(made(&template, 7), &search).await else {
            panic!("regtest is easy")
        };
        assert_eq!(node.rpc.submit_block(&block).await.unwrap(), answer);
        assert!(
            node.rpc
                .is_in_active_chain(&block.block_hash())
                .await
                .unwrap()
        );
    }
    assert_eq!(node.height().await, 1);
    let unknown = BlockHash::all_zeros();
    assert!(!node.rpc.is_in_active_chain(&unknown).await.unwrap());
}

pub async fn a_lost_race_is_inconclusive_and_may_be_won_later(nodes: Nodes) {
    let node = nodes.start(0, &[]).await;
    let template = node.rpc.block_template().await.unwrap();
    let (winner, loser) = (worked(made(&template, 1)), worked(made(&template, 2)));
    assert_eq!(
        node.rpc.submit_block(&winner).await.unwrap(),
        Submission::Accepted
    );
    assert_eq!(
        node.rpc.submit_block(&loser).await.unwrap(),
        Submission::Inconclusive
    );
    assert_eq!(
        node.rpc.submit_block(&loser).await.unwrap(),
        Submission::Duplicate
    );
    assert!(
        !node
            .rpc
            .is_in_active_chain(&loser.block_hash())
            .await
            .unwrap()
    );
    // One more on top of the loser, and it is the winner that is out.
    let next = BlockTemplate {
        previous_block_hash: loser.block_hash(),
        height: 2,
        min_time: loser.header.time + 1,
        ..template
    };
    let next = worked(made(&next, 0));
    assert_eq!(
        node.rpc.submit_block(&next).await.unwrap(),
        Submission::Accepted
    );
    assert!(
        node.rpc
            .is_in_active_chain(&loser.block_hash())
            .await
            .unwrap()
    );
    assert!(
        !node
            .rpc
            .is_in_active_chain(&winner.block_hash())
            .await
            .unwrap()
    );
}

/// Where the subsidy has been halved away and there are no fees, this is all that a coinbase can pay.
pub async fn a_coinbase_may_pay_nothing(nodes: Nodes) {
    let node = nodes.start(0, &[]).await;
    let template = BlockTemplate {
        coinbase_value_sat: 0,
        ..node.rpc.block_template().await.unwrap()
    };
    let block = worked(made(&template, 0));
    assert_eq!(block.txdata[0].output[0].value, Amount::ZERO);
    assert_eq!(
        node.rpc.submit_block(&block).await.unwrap(),
        Submission::Accepted
    );
}

pub async fn what_is_wrong_with_a_block_is_said(nodes: Nodes) {
    let node = nodes.start(0, &[]).await;
    node.mine(1, ALICE).await;
    // Each is a block of its own, since one that was refused late is remembered.
    type Change = fn(&mut Block);
    let cases: [(&str, Change); 9] = [
        ("bad-cb-amount", |block| {
            block.txdata[0].output[0].value += Amount::ONE_SAT;
        }),
        ("bad-cb-height", |block| {
            let script = ScriptBuf::builder().push_int(3).push_int(7).into_script();
            block.txdata[0].input[0].script_sig = script;
        }),
        ("bad-cb-length", |block| {
            block.txdata[0].input[0].script_sig = ScriptBuf::from(vec![0x52]);
        }),
        ("bad-cb-missing", |block| {
            block.txdata[0].input[0].previous_output.vout = 0;
        }),
        ("bad-cb-multiple", |block| {
            let mut other = block.txdata[0].clone();
            other.input[0].sequence = Sequence::ZERO;
            block.txdata.push(other);
        }),
        ("unexpected-witness", |block| {
            block.txdata[0].output.pop();
        }),
        ("bad-witness-nonce-size", |block| {
            block.txdata[0].input[0].witness = Witness::from_slice(&[[0; 31]]);
        }),
        ("bad-witness-merkle-match", |block| {
            block.txdata[0].input[0].witness = Witness::from_slice(&[[1; 32]]);
        }),
        ("bad-txns-inputs-missingorspent", |block| {
            let mut other = block.txdata[0].clone();
            other.input[0].witness.clear();
            other.input[0].previous_output = OutPoint::new(Txid::all_zeros(), 0);
            other.input[0].script_sig = ScriptBuf::new();
            other.output.pop();
            block.txdata.push(other);
            // The other hash of a coinbase, and the new one's, for which the commitment must be another.
            let root = block.witness_root().unwrap();
            let commitment = Block::compute_witness_commitment(&root, &[0; 32]);
            let mut script = vec![0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];
            script.extend_from_slice(commitment.as_ref());
            block.txdata[0].output[1].script_pubkey = ScriptBuf::from(script);
        }),
    ];
    for (reason, change) in cases {
        let block = changed(&node, change).await;
        assert_eq!(refused(&node, &block).await, reason);
    }
    assert_eq!(node.height().await, 1);
    // Without a witness no commitment is needed.
    let plain = changed(&node, |block| {
        block.txdata[0].output.pop();
        block.txdata[0].input[0].witness.clear();
    });
    let plain = plain.await;
    assert_eq!(
        node.rpc.submit_block(&plain).await.unwrap(),
        Submission::Accepted
    );
}

pub async fn what_is_wrong_with_a_header_is_said(nodes: Nodes) {
    let node = nodes.start(0, &[]).await;
    node.mine(1, ALICE).await;
    let template = node.rpc.block_template().await.unwrap();
    let good = made(&template, 0);
    type Change = fn(&mut Block);
    let cases: [(&str, Change); 5] = [
        ("bad-txnmrklroot", |block| {
            block.txdata[0].output[0].value = Amount::ZERO;
        }),
        ("prev-blk-not-found", |block| {
            block.header.prev_blockhash = BlockHash::all_zeros();
        }),
        ("bad-diffbits", |block| {
            block.header.bits = CompactTarget::from_consensus(0x207f_fffe);
        }),
        ("time-too-old", |block| block.header.time = 1_296_688_602),
        ("time-too-new", |block| {
            block.header.time += 2 * 60 * 60 + 60
        }),
    ];
    for (reason, change) in cases {
        let mut block = good.clone();
        change(&mut block);
        assert_eq!(refused(&node, &worked(block)).await, reason);
    }
    let mut unworked = worked(good);
    while unworked.header.target().is_met_by(unworked.block_hash()) {
        unworked.header.nonce += 1;
    }
    assert_eq!(refused(&node, &unworked).await, "high-hash");
    // Nothing of it was remembered: the good one is still good.
    let good = worked(unworked);
    assert_eq!(
        node.rpc.submit_block(&good).await.unwrap(),
        Submission::Accepted
    );
}

pub async fn an_invalid_block_is_remembered(nodes: Nodes) {
    let node = nodes.start(0, &[]).await;
    let template = node.rpc.block_template().await.unwrap();
    let greedy = changed(&node, |block| {
        block.txdata[0].output[0].value += Amount::ONE_SAT;
    });
    let greedy = greedy.await;
    assert_eq!(refused(&node, &greedy).await, "bad-cb-amount");
    let again = node.rpc.submit_block(&greedy).await.unwrap();
    assert_eq!(again, Submission::DuplicateInvalid);
    let on_it = BlockTemplate {
        previous_block_hash: greedy.block_hash(),
        height: 2,
        min_time: greedy.header.time + 1,
        ..template
    };
    let on_it = worked(made(&on_it, 0));
    assert_eq!(refused(&node, &on_it).await, "bad-prevblk");
    assert_eq!(node.height().await, 0);
}
