//! Mirrors `src/bitcoin/rest.rs`.

use bitcoin_controller::bitcoin::error::Kind;

use super::fake_node::{FakeNode, Step, http};

#[tokio::test(start_paused = true)]
async fn chain_facts_are_read_without_credentials() {
    let node = FakeNode::recorded("rest-chaininfo");
    let info = node.rest().chain_info().await.unwrap();
    assert_eq!((info.chain.as_str(), info.blocks), ("regtest", 4));
    assert!(!info.initial_block_download);
    let head = node.arrived()[0].head.to_lowercase();
    assert!(
        head.starts_with("get /rest/chaininfo.json http/1.1\r\n"),
        "{head}"
    );
    assert!(!head.contains("authorization"), "{head}");
}

#[tokio::test(start_paused = true)]
async fn a_client_with_a_password_asks_without_it() {
    let node = FakeNode::recorded("rest-chaininfo");
    assert!(node.rpc().rest().chain_info().await.is_ok());
    let head = node.arrived()[0].head.to_lowercase();
    assert!(!head.contains("authorization"), "{head}");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_starts_is_told_from_one_that_is_busy() {
    let error = FakeNode::recorded("rest-warming-up")
        .rest()
        .chain_info()
        .await
        .unwrap_err();
    assert!(error.is_warming_up() && !error.is_busy(), "{error}");
    let error = FakeNode::recorded("rest-work-queue-exceeded")
        .rest()
        .chain_info()
        .await;
    let error = error.unwrap_err();
    assert!(error.is_busy() && !error.is_warming_up(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_node_without_rest_answers_404() {
    let error = FakeNode::recorded("not-found")
        .rest()
        .chain_info()
        .await
        .unwrap_err();
    assert!(matches!(error.kind(), Kind::Status(404)), "{error:?}");
    assert_eq!(
        error.to_string(),
        "failed to call `/rest/chaininfo.json` on 10.0.0.7:18443: unexpected HTTP status 404"
    );
    assert!(
        FakeNode::recorded("forbidden")
            .rest()
            .chain_info()
            .await
            .unwrap_err()
            .is_forbidden()
    );
}

#[tokio::test(start_paused = true)]
async fn garbage_is_malformed() {
    let node = FakeNode::new(vec![Step::Answer(http("200 OK", "<html>"))]);
    let error = node.rest().chain_info().await.unwrap_err();
    assert!(matches!(error.kind(), Kind::Malformed(_)), "{error:?}");
}
