//! Mirrors `src/bitcoin/mining/submission.rs`.

use bitcoin_controller::bitcoin::mining::Submission;
use rust_bitcoin::Network;
use rust_bitcoin::constants::genesis_block;
use serde_json::json;

use crate::bitcoin::fake_node::{FakeNode, Step, http};

#[test]
fn every_answer_is_explained() {
    let cases = [
        (None, true, "accepted, it is the new tip"),
        (
            Some("duplicate"),
            true,
            "duplicate: the node has this very block already",
        ),
        (
            Some("inconclusive"),
            true,
            "inconclusive: nothing is wrong with it, but",
        ),
        (
            Some("duplicate-invalid"),
            false,
            "duplicate-invalid: the node has it already and holds",
        ),
        (
            Some("high-hash"),
            false,
            "rejected, `high-hash`: the work is not done",
        ),
        (
            Some("bad-cb-height"),
            false,
            "rejected, `bad-cb-height`: its coinbase does not begin",
        ),
        (
            Some("time-too-new"),
            false,
            "rejected, `time-too-new`: its time is more than two hours",
        ),
        (
            Some("some-new-rule"),
            false,
            "rejected, `some-new-rule`: a rule of the chain is broken",
        ),
    ];
    for (reason, is_known, text) in cases {
        let said = Submission::from_reason(reason);
        assert_eq!(said.is_known_block(), is_known, "{reason:?}");
        assert!(said.to_string().starts_with(text), "{said}");
    }
}

#[test]
fn what_can_be_brought_about_has_an_explanation_of_its_own() {
    let general = "a rule of the chain is broken";
    for reason in [
        "bad-diffbits",
        "prev-blk-not-found",
        "bad-prevblk",
        "time-too-old",
        "bad-txnmrklroot",
        "bad-cb-missing",
        "bad-cb-multiple",
        "bad-cb-length",
        "bad-cb-amount",
        "unexpected-witness",
        "bad-witness-nonce-size",
        "bad-witness-merkle-match",
        "bad-txns-inputs-missingorspent",
        "bad-blk-weight",
        "bad-blk-sigops",
        "bad-txns-nonfinal",
        "bad-txns-duplicate",
        "rejected",
        "bad-version(0x00000001)",
    ] {
        let said = Submission::from_reason(Some(reason)).to_string();
        assert!(!said.ends_with(general), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_block_is_handed_in_as_hexadecimal_and_once() {
    let block = genesis_block(Network::Regtest);
    let answer = http(
        "200 OK",
        r#"{"jsonrpc":"2.0","result":"high-hash\n","id":1}"#,
    );
    let node = FakeNode::new(vec![Step::Answer(answer)]);
    let said = node.rpc().submit_block(&block).await.unwrap();
    assert_eq!(said, Submission::Rejected("high-hash".to_owned()));
    let arrived = node.arrived();
    let question: serde_json::Value = serde_json::from_str(&arrived[0].body).unwrap();
    let hex = rust_bitcoin::consensus::encode::serialize_hex(&block);
    assert_eq!((arrived.len(), &question["params"]), (1, &json!([hex])));
}
