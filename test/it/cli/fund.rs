//! Mirrors `src/cli/fund.rs`: what is asked of the server and of the node, and what is said when it goes wrong.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::base::Random;
use bitcoin_controller::bitcoin::Amount;
use bitcoin_controller::cli::fund::{Payment, pay};
use bitcoin_controller::cli::network::Network;
use bitcoin_controller::controller::Reach;
use serde_json::{Value, json};

use crate::bitcoin::fake_node::{FakeNode, Step, http};
use crate::client::server::{Reply, Server};

const ADDRESS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
const PAYOUT: &str = "bcrt1qqypqxpq9qcrsszg2pvxq6rs0zqg3yyc5phstwt";
const TXID: &str = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b";

/// A network that is ready, with a wallet on node 1, which is where the fake node is.
fn ready(mining: Value) -> Value {
    json!({
        "metadata": {"name": "alpha", "namespace": "default", "uid": "u", "generation": 3},
        "spec": {"nodes": 2, "wallet": {"ordinal": 1}, "mining": mining},
        "status": {
            "observedGeneration": 3,
            "height": 101,
            "wallet": {"node": 1, "name": "network", "address": PAYOUT},
            "nodes": [{"ordinal": 1, "ip": "10.0.0.7"}],
            "conditions": [condition("True", "NetworkReady", "all is well")],
        },
    })
}

fn unready(reason: &str) -> Value {
    let mut network = ready(Value::Null);
    network["status"]["conditions"] = json!([condition("False", reason, "not yet")]);
    network
}

fn condition(status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": "Ready", "status": status, "reason": reason, "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    })
}

fn secret() -> Value {
    let data =
        json!({"user": STANDARD.encode("alice"), "password": STANDARD.encode("correct-horse")});
    json!({"metadata": {"name": "alpha-rpc", "namespace": "default"}, "data": data})
}

/// The answers of a node, in order.
fn results(results: impl IntoIterator<Item = Value>) -> Vec<Step> {
    let answers = results.into_iter().zip(1..);
    answers
        .map(|(result, id)| answer(id, "result", &result))
        .collect()
}

fn answer(id: u32, kind: &str, value: &Value) -> Step {
    let body = json!({"jsonrpc": "2.0", kind: value, "id": id});
    Step::Answer(http("200 OK", &body.to_string()))
}

fn refusal(code: i64) -> Value {
    json!({"code": code, "message": "no"})
}

/// Breaks the connection instead of answering.
fn lost() -> Step {
    Step::AnswerAndClose(Vec::new())
}

struct Paid {
    outcome: Result<String, String>,
    told: Vec<String>,
    asked: Vec<Value>,
}

/// Pays 0.3 BTC from a network that the server shows so, one after the other, by a node that answers so.
async fn paid(networks: Vec<Value>, steps: Vec<Step>, confirm: bool) -> Paid {
    let replies = networks.into_iter().chain([secret()]);
    let server = Server::start(replies.map(|reply| Reply::ok(&reply.to_string())));
    let node = FakeNode::new(steps);
    let key = ObjectKey::new("default", "alpha");
    let network = Network::new(server.client(), Reach::Direct(node.transport()), key);
    let payment = Payment {
        address: ADDRESS.to_owned(),
        amount: Amount::from_sat(30_000_000),
        confirm,
        patience: Duration::from_secs(3),
    };
    let mut told = Vec::new();
    let mut tell = |line: &str| told.push(line.to_owned());
    let outcome = pay(&network, &payment, &Random::seeded(1), &mut tell).await;
    let question =
        |arrived: &crate::bitcoin::fake_node::Arrived| serde_json::from_str(&arrived.body).unwrap();
    Paid {
        outcome: outcome
            .map(|txid| txid.to_string())
            .map_err(|error| error.to_string()),
        told,
        asked: node.arrived().iter().map(question).collect(),
    }
}

fn mark() -> String {
    format!("fund {:016x}", Random::seeded(1).next_u64())
}

#[tokio::test(start_paused = true)]
async fn a_payment_is_sent_once_with_the_exact_amount_and_a_mark() {
    let paid = paid(vec![ready(Value::Null)], results([json!(TXID)]), false).await;
    assert_eq!(paid.outcome.unwrap(), TXID);
    assert_eq!(paid.asked.len(), 1);
    assert_eq!(paid.asked[0]["method"], "sendtoaddress");
    assert_eq!(paid.asked[0]["params"], json!([ADDRESS, "0.3", mark()]));
}

#[tokio::test(start_paused = true)]
async fn it_waits_for_the_network_and_says_each_reason_once() {
    let mut outdated = ready(Value::Null);
    outdated["metadata"]["generation"] = json!(4);
    let networks = vec![
        unready("PodsStarting"),
        unready("PodsStarting"),
        outdated,
        ready(Value::Null),
    ];
    let paid = paid(networks, results([json!(TXID)]), false).await;
    assert_eq!(paid.outcome.unwrap(), TXID);
    let expected = [
        "waiting: PodsStarting: not yet",
        "waiting: the controller has not looked at it",
    ];
    assert_eq!(paid.told, expected);
}

#[tokio::test(start_paused = true)]
async fn patience_has_an_end_and_the_reason_is_told() {
    let networks = vec![unready("LinksMissing"); 20];
    let paid = paid(networks, Vec::new(), false).await;
    let error = paid.outcome.unwrap_err();
    assert!(
        error.contains("not ready after 3s: LinksMissing: not yet"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_wallet_it_says_how_to_get_one() {
    let mut poor = ready(Value::Null);
    poor["spec"]["wallet"].take();
    let error = paid(vec![poor], Vec::new(), false)
        .await
        .outcome
        .unwrap_err();
    let command = r#"kubectl --namespace default patch bitcoinnetwork alpha --type merge --patch '{"spec":{"wallet":{}}}'"#;
    assert!(error.ends_with(command), "{error}");
}

#[tokio::test(start_paused = true)]
async fn too_little_money_is_told_with_what_there_is() {
    let balances = json!({"mine": {"trusted": 0.25, "untrusted_pending": 0.0, "immature": 50.5}});
    let steps = vec![
        answer(1, "error", &refusal(-6)),
        answer(2, "result", &balances),
    ];
    let paid = paid(vec![ready(Value::Null)], steps, false).await;
    let error = paid.outcome.unwrap_err();
    let there_is = "it has 0.25 BTC to spend; 50.5 BTC more";
    assert!(error.contains(there_is), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_no_of_the_node_is_passed_on() {
    let steps = vec![answer(1, "error", &refusal(-4))];
    let paid = paid(vec![ready(Value::Null)], steps, false).await;
    let error = paid.outcome.unwrap_err();
    assert!(
        error.contains("sendtoaddress") && error.contains("-4"),
        "{error}"
    );
    assert_eq!(paid.asked.len(), 1);
}

/// The node has paid, and its answer did not arrive.
#[tokio::test(start_paused = true)]
async fn a_payment_whose_answer_is_lost_is_found_by_its_mark() {
    let listed = json!([{"txid": TXID, "comment": "another"}, {"txid": TXID, "comment": mark()}]);
    let steps = vec![lost(), answer(2, "result", &listed)];
    let paid = paid(vec![ready(Value::Null)], steps, false).await;
    assert_eq!(paid.outcome.unwrap(), TXID);
    assert_eq!(paid.asked[1]["method"], "listtransactions");
    assert_eq!(paid.asked.len(), 2, "it is not sent again");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_known_is_said_and_nothing_is_sent_again() {
    let silent = (2..50).map(|id| answer(id, "result", &json!([])));
    let steps = [lost()].into_iter().chain(silent).collect();
    for steps in [steps, vec![lost()]] {
        let unknown = paid(vec![ready(Value::Null)], steps, false).await;
        let error = unknown.outcome.unwrap_err();
        assert!(error.starts_with("it is not known whether"), "{error}");
        assert!(error.contains(&mark()), "{error}");
        let sent = |asked: &&Value| asked["method"] == "sendtoaddress";
        assert_eq!(unknown.asked.iter().filter(sent).count(), 1);
    }
}

/// When the answer was lost, the request waited in the node's queue.
#[tokio::test(start_paused = true)]
async fn a_payment_that_is_made_late_is_found() {
    let listed = json!([{"txid": TXID, "comment": mark()}]);
    let nothing = json!([]);
    let steps = vec![
        lost(),
        answer(2, "result", &nothing),
        answer(3, "result", &nothing),
        answer(4, "result", &listed),
    ];
    let paid = paid(vec![ready(Value::Null)], steps, false).await;
    assert_eq!(paid.outcome.unwrap(), TXID);
}

#[tokio::test(start_paused = true)]
async fn a_paused_network_is_paid_from_and_left_at_rest() {
    let paused = json!({"interval": "10s", "paused": true});
    let paid = paid(vec![ready(paused)], results([json!(TXID)]), true).await;
    let error = paid.outcome.unwrap_err();
    assert!(
        error.contains(TXID) && error.contains("`spec.mining.paused`"),
        "{error}"
    );
    assert_eq!(paid.asked.len(), 1, "no block is asked for");
}

#[tokio::test(start_paused = true)]
async fn a_block_is_mined_for_it_unless_the_network_mines_at_its_pace() {
    let hash = "0".repeat(64);
    let confirmed = json!({"confirmations": 1});
    let steps = results([json!(TXID), json!([hash]), confirmed.clone()]);
    let mined = paid(vec![ready(Value::Null)], steps, true).await;
    assert_eq!(mined.outcome.unwrap(), TXID);
    assert_eq!(mined.asked[1]["method"], "generatetoaddress");
    assert_eq!(mined.asked[1]["params"], json!([1, PAYOUT]));
    let over = json!({"interval": "10s", "untilHeight": 101});
    let steps = results([json!(TXID), json!([hash]), confirmed.clone()]);
    let mined = paid(vec![ready(over)], steps, true).await;
    assert_eq!(mined.asked[1]["method"], "generatetoaddress");
    let steps = results([json!(TXID), json!({"confirmations": 0}), confirmed]);
    let waited = paid(vec![ready(json!({"poissonMean": "10s"}))], steps, true).await;
    assert_eq!(waited.outcome.unwrap(), TXID);
    let methods: Vec<&str> = waited
        .asked
        .iter()
        .map(|one| one["method"].as_str().unwrap())
        .collect();
    assert_eq!(
        methods,
        ["sendtoaddress", "gettransaction", "gettransaction"]
    );
}
