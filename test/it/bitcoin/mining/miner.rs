//! Mirrors `src/bitcoin/mining/miner.rs`: a node that says one thing after the other.

use std::error::Error;
use std::time::Duration;

use bitcoin_controller::bitcoin::mining::{MineError, Miner, Search, Submission};
use serde_json::{Value, json};

use super::payout;
use super::template::sent;
use crate::bitcoin::fake_node::{FakeNode, Step, http};

/// The node's answer to our call number `id`.
fn answer(id: u64, result: &Value) -> Step {
    let body = json!({"jsonrpc": "2.0", "result": result, "id": id}).to_string();
    Step::Answer(http("200 OK", &body))
}

/// A template that would keep this machine busy for years.
fn hopeless() -> Value {
    let mut template = sent();
    template["bits"] = json!("17020000");
    template["target"] = json!(format!("{:0>64}", format!("02{}", "0".repeat(44))));
    template
}

fn methods(node: &FakeNode) -> Vec<String> {
    let bodies = node.arrived().into_iter().map(|arrived| arrived.body);
    let questions = bodies.map(|body| serde_json::from_str::<Value>(&body).unwrap());
    questions
        .map(|question| question["method"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn when_the_tip_moves_the_work_begins_anew_on_the_next_template() {
    let node = FakeNode::new(vec![
        answer(1, &hopeless()),
        answer(2, &json!(format!("{:064x}", 0))),
        answer(3, &json!(format!("{:064x}", 7))),
        answer(4, &sent()),
        answer(5, &Value::Null),
    ]);
    let mut begun = Vec::new();
    let mut miner = Miner::new(node.rpc(), payout(), 5);
    let search = Search::default();
    let mined = miner.mine(&search, |template| begun.push(template.bits.to_consensus()));
    let mined = mined.await.unwrap().unwrap();
    assert_eq!(begun, [0x1702_0000, 0x207f_ffff]);
    assert_eq!(
        (&mined.submission, mined.is_in_chain, mined.height),
        (&Submission::Accepted, true, 109)
    );
    assert_eq!((mined.fees_sat, mined.paid_sat), (1_000, 5_000_001_000));
    // The attempts in vain are attempts, too.
    assert!(
        mined.attempts > 4_096 && mined.elapsed >= Duration::from_secs(2),
        "{mined:?}"
    );
    // The second block has the second extra nonce.
    let script = mined.block.txdata[0].input[0].script_sig.to_hex_string();
    assert!(script.starts_with("016d080600000000000000"), "{script}");
    let asked = [
        "getblocktemplate",
        "getbestblockhash",
        "getbestblockhash",
        "getblocktemplate",
        "submitblock",
    ];
    assert_eq!(methods(&node), asked);
}

#[tokio::test(start_paused = true)]
async fn a_block_whose_answer_was_lost_is_handed_in_again_and_found_in_the_chain() {
    let header = json!({
        "confirmations": 1, "height": 109, "version": 2, "merkleroot": format!("{:064x}", 0),
        "time": 1, "mediantime": 1, "bits": "207fffff", "nonce": 0,
    });
    let node = FakeNode::new(vec![
        answer(1, &sent()),
        Step::AnswerAndClose(Vec::new()),
        answer(3, &json!("duplicate")),
        answer(4, &header),
    ]);
    let mut miner = Miner::new(node.rpc(), payout(), 5);
    let mined = miner
        .mine(&Search::default(), |_| {})
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (mined.submission, mined.is_in_chain),
        (Submission::Duplicate, true)
    );
    let arrived = node.arrived();
    let block =
        |at: usize| serde_json::from_str::<Value>(&arrived[at].body).unwrap()["params"].take();
    assert_eq!(block(1), block(2), "the same block");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_never_answers_is_given_up_and_named() {
    let node = FakeNode::new(vec![answer(1, &sent()), Step::AnswerAndClose(Vec::new())]);
    let mut miner = Miner::new(node.rpc(), payout(), 5);
    let error = miner.mine(&Search::default(), |_| {}).await.unwrap_err();
    assert_eq!(
        methods(&node),
        [
            "getblocktemplate",
            "submitblock",
            "submitblock",
            "submitblock"
        ]
    );
    assert_eq!(error.to_string(), "the node does not help to mine");
    let cause = error.source().unwrap().to_string();
    assert!(
        cause.starts_with("failed to call `submitblock` on 10.0.0.7:18443"),
        "{cause}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_template_that_contradicts_itself_is_not_worked_on() {
    let mut template = sent();
    template["coinbasevalue"] = json!(1);
    let node = FakeNode::new(vec![answer(1, &template)]);
    let mut miner = Miner::new(node.rpc(), payout(), 5);
    let search = Search::default();
    let error = miner.mine(&search, |_| {}).await.unwrap_err();
    assert!(matches!(&error, MineError::Template(error) if error.field() == "coinbasevalue"));
    assert_eq!(search.attempts(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_miner_hands_nothing_in() {
    let node = FakeNode::new(vec![answer(1, &sent())]);
    let search = Search::default();
    search.cancel();
    let mut miner = Miner::new(node.rpc(), payout(), 5);
    assert!(miner.mine(&search, |_| {}).await.unwrap().is_none());
    assert_eq!(methods(&node), ["getblocktemplate"]);
}
