//! Mirrors `src/bitcoin/rpc.rs`.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use bitcoin_controller::bitcoin::RpcClient;
use bitcoin_controller::bitcoin::error::{Error, Kind, MAX_MESSAGE_CHARS};
use bitcoin_controller::bitcoin::rpc::{BLOCK_DEADLINE, DEADLINE, DIAL_DEADLINE};
use bitcoin_controller::http::{Endpoint, MemoryNetwork};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::fake_node::{FakeNode, PASSWORD, Step, credentials, endpoint, http, recorded};

async fn uptime(node: &FakeNode) -> Result<Duration, Error> {
    node.rpc().uptime().await
}

/// What comes of a call that is answered with `bytes`.
async fn answered(bytes: Vec<u8>) -> Error {
    uptime(&FakeNode::new(vec![Step::Answer(bytes)]))
        .await
        .unwrap_err()
}

/// What comes of a call that is answered with a recorded answer.
async fn refused(name: &str) -> Error {
    answered(recorded(name)).await
}

#[tokio::test(start_paused = true)]
async fn a_call_is_one_question_with_credentials() {
    let node = FakeNode::recorded("getpeerinfo-dialling");
    assert_eq!(node.rpc().get_peer_info().await.unwrap().len(), 1);
    let arrived = node.arrived();
    assert_eq!(arrived.len(), 1);
    assert!(arrived[0].head.starts_with("POST / HTTP/1.1\r\n"));
    let head = arrived[0].head.to_lowercase();
    assert!(head.contains("host: 10.0.0.7:18443\r\n"), "{head}");
    // alice:correct-horse
    let authorization = "authorization: basic ywxpy2u6y29ycmvjdc1ob3jzzq==\r\n";
    assert!(head.contains(authorization), "{head}");
    let question: Value = serde_json::from_str(&arrived[0].body).unwrap();
    let expected = json!({"jsonrpc": "2.0", "id": 1, "method": "getpeerinfo", "params": []});
    assert_eq!(question, expected);
}

#[tokio::test(start_paused = true)]
async fn both_dialects_give_the_same_result() {
    for name in ["getblockchaininfo", "getblockchaininfo-1.x"] {
        let info = FakeNode::recorded(name)
            .rpc()
            .get_blockchain_info()
            .await
            .unwrap();
        assert_eq!(
            (info.chain.as_str(), info.blocks, info.headers),
            ("regtest", 2, 2)
        );
        assert_eq!(
            info.best_block_hash.to_string(),
            "275d94d81d0676df4af1b0a916ed5e12a115c1e25a2dada6885389d071ca6601"
        );
        assert_eq!(format!("{:064x}", info.chain_work), format!("{:0>64}", "6"));
    }
}

#[tokio::test(start_paused = true)]
async fn every_method_reads_what_a_real_node_answers() {
    let node = |name| FakeNode::recorded(name);
    let info = node("getnetworkinfo")
        .rpc()
        .get_network_info()
        .await
        .unwrap();
    assert_eq!(info.version, 290403);
    let hash = node("getbestblockhash")
        .rpc()
        .get_best_block_hash()
        .await
        .unwrap();
    assert!(hash.to_string().starts_with("275d94d8"));
    assert!(uptime(&node("uptime")).await.unwrap() > Duration::from_secs(60));
    node("stop").rpc().stop().await.unwrap();
    let peer = Endpoint::new("127.0.7.2", 18444);
    node("addnode-onetry")
        .rpc()
        .addnode_onetry(&peer)
        .await
        .unwrap();
    let miner = node("generatetoaddress");
    assert_eq!(
        miner
            .rpc()
            .generate_to_address(2, "bcrt1q")
            .await
            .unwrap()
            .len(),
        2
    );
    let question: Value = serde_json::from_str(&miner.arrived()[0].body).unwrap();
    assert_eq!(question["params"], json!([2, "bcrt1q"]));
}

#[tokio::test(start_paused = true)]
async fn addresses_of_both_families_are_dialled_as_the_node_reads_them() {
    for (host, text) in [
        ("10.0.0.8", "10.0.0.8:18444"),
        ("fd00::8", "[fd00::8]:18444"),
    ] {
        let node = FakeNode::recorded("addnode-onetry");
        node.rpc()
            .addnode_onetry(&Endpoint::new(host, 18444))
            .await
            .unwrap();
        let question: Value = serde_json::from_str(&node.arrived()[0].body).unwrap();
        assert_eq!(question["params"], json!([text, "onetry"]));
    }
}

#[tokio::test(start_paused = true)]
async fn cutting_what_is_gone_already_is_done() {
    let node = FakeNode::recorded("disconnectnode-unknown");
    node.rpc().disconnect_node(99).await.unwrap();
    let question: Value = serde_json::from_str(&node.arrived()[0].body).unwrap();
    assert_eq!(question["params"], json!(["", 99]));
    assert!(
        FakeNode::recorded("method-error")
            .rpc()
            .disconnect_node(99)
            .await
            .is_err()
    );
}

/// The table of statuses: what a real node answered, and what is made of it.
#[tokio::test(start_paused = true)]
async fn a_no_of_the_node_has_its_code_in_both_dialects() {
    let codes = [
        ("method-error", -8),
        ("method-error-1.x", -8),
        ("unknown-method", -32601),
        ("unknown-method-1.x", -32601),
        ("bad-request", -32600),
        ("parse-error", -32700),
        ("help-text", -1),
        ("warming-up", -28),
        ("warming-up-1.x", -28),
    ];
    for (name, code) in codes {
        let error = refused(name).await;
        assert_eq!(error.rpc_code(), Some(code), "{name}: {error}");
        assert_eq!(error.is_warming_up(), code == -28, "{name}");
        assert!(!error.is_busy() && !error.is_unauthorized() && !error.is_unreachable());
    }
}

#[tokio::test(start_paused = true)]
async fn statuses_without_json_are_told_apart() {
    assert!(refused("unauthorized").await.is_unauthorized());
    assert!(refused("forbidden").await.is_forbidden());
    assert!(refused("work-queue-exceeded").await.is_busy());
    for (name, status) in [
        ("not-found", 404),
        ("method-not-allowed", 405),
        ("notification", 204),
    ] {
        let error = refused(name).await;
        assert!(
            matches!(error.kind(), Kind::Status(got) if *got == status),
            "{error:?}"
        );
        assert_eq!(error.rpc_code(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_help_text_becomes_one_short_line() {
    let error = refused("help-text").await;
    let Kind::Rpc { message, .. } = error.kind() else {
        panic!("{error:?}");
    };
    assert!(
        message.starts_with("getblockhash height Returns hash of block"),
        "{message}"
    );
    assert!(message.ends_with('…') && !message.contains('\n'));
    assert_eq!(message.chars().count(), MAX_MESSAGE_CHARS);
}

#[tokio::test(start_paused = true)]
async fn an_error_page_of_somebody_else_is_a_status_and_stays_unquoted() {
    for status in [
        "500 Internal Server Error",
        "502 Bad Gateway",
        "404 Not Found",
        "302 Found",
    ] {
        let error = answered(http(status, "<html>hunter2</html>")).await;
        let number: u16 = status[..3].parse().unwrap();
        assert!(
            matches!(error.kind(), Kind::Status(got) if *got == number),
            "{error:?}"
        );
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}

#[tokio::test(start_paused = true)]
async fn garbage_is_malformed_and_stays_unquoted() {
    let bodies = [
        "",
        "hunter2",
        "{\"result\":",
        "null",
        r#"{"id":1,"result":"hunter2"}"#,
        r#"{"id":1,"error":"hunter2"}"#,
        r#"{"id":1,"error":{"code":"hunter2"}}"#,
        r#"{"id":1,"result":7} hunter2"#,
    ];
    for body in bodies {
        let error = answered(http("200 OK", body)).await;
        assert!(
            matches!(error.kind(), Kind::Malformed(_)),
            "{body}: {error:?}"
        );
        let source = error.source().unwrap();
        assert!(!format!("{error} {error:?} {source}").contains("hunter2"));
    }
}

#[tokio::test(start_paused = true)]
async fn json_that_answers_another_question_is_no_answer() {
    let bodies = [
        r#"{"jsonrpc":"2.0","id":1}"#,
        r#"{"error":null,"id":1}"#,
        r#"{"result":7,"error":null,"id":2}"#,
        r#"{"result":7,"error":null,"id":"1"}"#,
        r#"{"result":7}"#,
        r#"{"error":{"code":-1,"message":"for somebody else"},"id":2}"#,
        "{}",
        "[]",
    ];
    for body in bodies {
        let error = answered(http("200 OK", body)).await;
        assert!(
            matches!(error.kind(), Kind::NotAnAnswer(_)),
            "{body}: {error:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_hangs_is_given_up_after_the_deadline() {
    // Before the head, after it, and in the middle of the body.
    for sent in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"id",
    ] {
        let node = FakeNode::new(vec![Step::AnswerAndHang(sent.into())]);
        let start = Instant::now();
        let error = uptime(&node).await.unwrap_err();
        assert!(error.is_timeout() && !error.is_unreachable(), "{error:?}");
        assert_eq!(start.elapsed().as_secs(), DEADLINE.as_secs());
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_take_longer_may() {
    let node = FakeNode::new(vec![Step::AnswerAndHang(vec![])]);
    let rpc = node.rpc();
    let start = Instant::now();
    assert!(
        rpc.addnode_onetry(&endpoint())
            .await
            .unwrap_err()
            .is_timeout()
    );
    assert_eq!(start.elapsed().as_secs(), DIAL_DEADLINE.as_secs());
    let start = Instant::now();
    let mined = rpc.generate_to_address(3_000, "bcrt1q").await;
    assert!(mined.unwrap_err().is_timeout());
    let allowed = DEADLINE + 3_000 * BLOCK_DEADLINE;
    assert_eq!(start.elapsed().as_secs(), allowed.as_secs());
    let start = Instant::now();
    let call = rpc.call::<Value>("x", json!({"named": 1}), Duration::from_secs(1));
    assert!(call.await.unwrap_err().is_timeout());
    assert_eq!(start.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_endless_answer_is_not_read_to_its_end() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
    let chunk = format!("100000\r\n{}\r\n", " ".repeat(0x100000));
    let node = FakeNode::new(vec![Step::AnswerAndHang((head + &chunk.repeat(5)).into())]);
    let error = uptime(&node).await.unwrap_err();
    assert!(
        matches!(error.kind(), Kind::TooLarge(limit) if *limit == 4 << 20),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_not_there_is_unreachable() {
    let nowhere = Arc::new(MemoryNetwork::default());
    let error = RpcClient::new(nowhere, endpoint(), &credentials())
        .uptime()
        .await
        .unwrap_err();
    assert!(error.is_unreachable() && !error.is_timeout(), "{error:?}");
    assert_eq!(
        error.to_string(),
        "failed to call `uptime` on 10.0.0.7:18443: no connection"
    );
    assert_eq!(error.source().unwrap().to_string(), "connection refused");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_is_unreachable_and_the_call_is_not_repeated() {
    for sent in [
        "",
        "HTTP/1.1 200 O",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"id",
    ] {
        let node = FakeNode::new(vec![Step::AnswerAndClose(sent.into())]);
        let error = uptime(&node).await.unwrap_err();
        assert!(error.is_unreachable(), "{error:?}");
        assert_eq!(node.arrived().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_that_is_none_is_told_before_anything_is_sent() {
    let network = Arc::new(MemoryNetwork::default());
    let rpc = RpcClient::new(network, Endpoint::new("a b", 1), &credentials());
    let error = rpc.uptime().await.unwrap_err();
    assert!(matches!(error.kind(), Kind::BadAddress), "{error:?}");
}

fn seven(id: usize) -> Vec<u8> {
    http(
        "200 OK",
        &format!(r#"{{"jsonrpc":"2.0","result":7,"id":{id}}}"#),
    )
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_used_again_until_a_node_would_close_it() {
    let node = FakeNode::new((1..=3).map(|id| Step::Answer(seven(id))).collect());
    let rpc = node.rpc();
    assert_eq!(rpc.uptime().await.unwrap(), Duration::from_secs(7));
    tokio::time::sleep(Duration::from_secs(15)).await;
    // A clone shares connections and numbers.
    assert!(rpc.clone().uptime().await.is_ok());
    tokio::time::sleep(Duration::from_secs(29)).await;
    assert!(rpc.uptime().await.is_ok());
    let connections: Vec<usize> = node.arrived().iter().map(|one| one.connection).collect();
    assert_eq!(connections, [0, 0, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_the_node_closed_is_not_used_again() {
    let node = FakeNode::new((1..=2).map(|id| Step::AnswerAndClose(seven(id))).collect());
    let rpc = node.rpc();
    assert!(rpc.uptime().await.is_ok());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(rpc.uptime().await.is_ok());
    assert_eq!(node.arrived().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn nothing_shows_the_password() {
    let node = FakeNode::recorded("unauthorized");
    let error = uptime(&node).await.unwrap_err();
    let encoded = "YWxpY2U6Y29ycmVjdC1ob3JzZQ";
    let shown = format!("{:?} {:?} {error} {error:?}", node.rpc(), node.rest());
    assert!(
        !shown.contains(PASSWORD) && !shown.contains(encoded),
        "{shown}"
    );
    assert!(
        node.arrived()[0].head.contains(encoded),
        "the claim would be empty"
    );
}
