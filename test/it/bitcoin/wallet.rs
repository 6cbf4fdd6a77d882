//! Mirrors `src/bitcoin/wallet.rs`: what is sent and how answers are read. What a node makes of it is in
//! `sim/wallet_scenarios.rs`, for a pretend and a real one.

use bitcoin_controller::bitcoin::wallet::WalletState;
use bitcoin_controller::bitcoin::{Amount, WalletClient, WalletKeys};
use serde_json::{Value, json};

use super::fake_node::{FakeNode, Step, http};

/// A node that answers one call with `result`, or with an error.
fn node(answer: Value) -> FakeNode {
    let mut answer = answer;
    answer["id"] = json!(1);
    FakeNode::new(vec![Step::Answer(http("200 OK", &answer.to_string()))])
}

fn wallet(node: &FakeNode) -> WalletClient {
    node.rpc().wallet("network")
}

fn question(node: &FakeNode) -> Value {
    serde_json::from_str(&node.arrived()[0].body).unwrap()
}

#[tokio::test(start_paused = true)]
async fn calls_go_to_the_path_of_the_wallet() {
    let node = node(json!({"result": {"scanning": false}}));
    assert_eq!(wallet(&node).state().await.unwrap(), WalletState::Idle);
    let head = &node.arrived()[0].head;
    assert!(
        head.starts_with("POST /wallet/network HTTP/1.1\r\n"),
        "{head}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_scan_says_how_far_it_is() {
    let scanning = json!({"duration": 3, "progress": 0.25});
    let node = node(json!({"result": {"scanning": scanning}}));
    assert_eq!(
        wallet(&node).state().await.unwrap(),
        WalletState::Scanning(0.25)
    );
}

/// Floating point has no exact tenth; a payment of one must be one.
#[tokio::test(start_paused = true)]
async fn amounts_are_exact_in_both_directions() {
    let id = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b";
    let paying = node(json!({"result": id}));
    let amount = Amount::from_sat(2_099_999_999_999_999);
    let sent = wallet(&paying)
        .send_to_address("bcrt1…", amount, "mark")
        .await;
    assert_eq!(sent.unwrap().to_string(), id);
    let params = json!(["bcrt1…", "20999999.99999999", "mark"]);
    assert_eq!(question(&paying)["params"], params);

    let text = r#"{"id":1,"result":{"mine":{"trusted":20999999.99999999,"untrusted_pending":0.00000001,"immature":5000.10000000}}}"#;
    let rich = FakeNode::new(vec![Step::Answer(http("200 OK", text))]);
    let balances = wallet(&rich).balances().await.unwrap();
    assert_eq!(balances.trusted, amount);
    assert_eq!(balances.pending, Amount::from_sat(1));
    assert_eq!(balances.immature, Amount::from_sat(500_010_000_000));
}

/// A node quotes what it does not like, and what it is sent here is the key to all the money.
#[tokio::test(start_paused = true)]
async fn no_word_about_a_private_descriptor_is_passed_on() {
    let keys = WalletKeys::of_seed(&"5".repeat(64)).unwrap();
    let quoted = keys.descriptors()[0].clone();
    let error = json!({"code": -5, "message": format!("'{quoted}' is not valid")});
    for answer in [
        json!({"id": 3, "error": error}),
        json!({"id": 3, "result": [{"success": true}, {"success": false, "error": error}]}),
    ] {
        let lacks = |id: u32| json!({"id": id, "result": {"ismine": false}});
        let steps =
            [lacks(1), lacks(2), answer].map(|it| Step::Answer(http("200 OK", &it.to_string())));
        let node = FakeNode::new(steps.to_vec());
        let refused = wallet(&node).import(&keys).await.unwrap_err();
        let told = format!("{refused} {refused:?}");
        assert!(!told.contains("tprv"), "{told}");
        assert_eq!(refused.rpc_code(), Some(-5));
    }
}

#[tokio::test(start_paused = true)]
async fn errors_answer_what_a_caller_asks() {
    let refused = async |code: i64| {
        let node = node(json!({"error": {"code": code, "message": "no"}}));
        wallet(&node).state().await.unwrap_err()
    };
    assert!(refused(-18).await.is_wallet_missing());
    assert!(refused(-32601).await.is_unknown_method());
    assert!(refused(-6).await.is_insufficient_funds());
}
