//! How a node answers RPC, pretend or real: dialects, bad requests, who is let in.

use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::nodes::Nodes;

/// HMAC-SHA256 of `pä:ss` with the salt `5a17`, by another implementation.
const HASH_OF_PASSWORD: &str = "1259ca1db71dce0ff4ffd77d63e30f09177faca3fd7f64f8089dba32dfc8b071";

pub async fn the_dialects_differ_in_codes_and_keys(nodes: Nodes) {
    let node = nodes.start(0, &[]).await;
    let out_of_range = r#"{"code":-8,"message":"Block height out of range"}"#;
    let not_found = r#"{"code":-32601,"message":"Method not found"}"#;
    let cases = [
        (
            r#"{"method":"getblockcount","id":1}"#,
            200,
            r#"{"result":0,"error":null,"id":1}"#,
        ),
        (
            r#"{"method":"getblockcount"}"#,
            200,
            r#"{"result":0,"error":null}"#,
        ),
        (
            r#"{"method":"getblockhash","params":[5],"id":1}"#,
            500,
            &format!(r#"{{"result":null,"error":{out_of_range},"id":1}}"#),
        ),
        (
            r#"{"method":"foo","id":"x"}"#,
            404,
            &format!(r#"{{"result":null,"error":{not_found},"id":"x"}}"#),
        ),
        (
            r#"{"jsonrpc":"2.0","method":"getblockcount","id":"x"}"#,
            200,
            r#"{"jsonrpc":"2.0","result":0,"id":"x"}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","method":"getblockhash","params":[5],"id":1}"#,
            200,
            &format!(r#"{{"jsonrpc":"2.0","error":{out_of_range},"id":1}}"#),
        ),
        (
            r#"{"jsonrpc":"2.0","method":"foo","id":"x"}"#,
            200,
            &format!(r#"{{"jsonrpc":"2.0","error":{not_found},"id":"x"}}"#),
        ),
        (
            r#"[{"method":"getblockcount","id":1},{"method":"foo","id":2}]"#,
            200,
            &format!(
                r#"[{{"result":0,"error":null,"id":1}},{{"result":null,"error":{not_found},"id":2}}]"#
            ),
        ),
        ("[]", 200, "[]"),
    ];
    for (request, status, body) in cases {
        assert_eq!(
            node.post(request).await,
            (status, format!("{body}\n")),
            "{request}"
        );
    }
    for notification in [
        r#"{"jsonrpc":"2.0","method":"getblockcount"}"#,
        r#"[{"jsonrpc":"2.0","method":"getblockcount"}]"#,
    ] {
        assert_eq!(node.post(notification).await, (204, String::new()));
    }
}

pub async fn malformed_requests_are_told_apart(nodes: Nodes) {
    let node = nodes.start(0, &[]).await;
    let cases = [
        (
            "",
            500,
            r#"{"result":null,"error":{"code":-32700,"message":"Parse error"},"id":null}"#,
        ),
        (
            "5",
            500,
            r#"{"result":null,"error":{"code":-32700,"message":"Top-level object parse error"},"id":null}"#,
        ),
        (
            r#"{"id":1}"#,
            400,
            r#"{"result":null,"error":{"code":-32600,"message":"Missing method"},"id":1}"#,
        ),
        (
            r#"{"method":5}"#,
            400,
            r#"{"result":null,"error":{"code":-32600,"message":"Method must be a string"}}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","method":"uptime","params":5,"id":1}"#,
            400,
            r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Params must be an array or object"},"id":1}"#,
        ),
        (
            "[5]",
            200,
            r#"[{"result":null,"error":{"code":-32600,"message":"Invalid Request object"},"id":null}]"#,
        ),
    ];
    for (request, status, body) in cases {
        assert_eq!(
            node.post(request).await,
            (status, format!("{body}\n")),
            "{request}"
        );
    }
}

pub async fn arguments_are_checked(nodes: Nodes) {
    let node = nodes.start(0, &[]).await;
    let wrong_type = "Wrong type passed:\n{\n    \"Position 1 (height)\": \"JSON value of type string is \
                          not of expected type number\"\n}";
    let request = r#"{"method":"getblockhash","params":["x"],"id":1}"#;
    let answer: Value = serde_json::from_str(&node.post(request).await.1).unwrap();
    assert_eq!(answer["error"], json!({"code": -3, "message": wrong_type}));
    let by_name = node.call("getblockhash", json!({"height": 0})).await;
    assert_eq!(by_name, node.call("getblockhash", json!([0])).await);
    let cases = [
        ("getblockhash", json!([]), -1),
        ("getblockhash", json!({"foo": 1}), -8),
        ("uptime", json!([5]), -1),
        ("getblockheader", json!(["zz"]), -8),
        ("getblockheader", json!(["z".repeat(64)]), -8),
        ("getblockheader", json!(["0".repeat(64)]), -5),
        ("generatetoaddress", json!([1, "nonsense"]), -5),
        (
            "generatetoaddress",
            json!([1, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"]),
            -5,
        ),
        ("addnode", json!(["127.0.0.1", "sometimes"]), -1),
        ("disconnectnode", json!(["127.0.0.1", 3]), -32602),
        ("disconnectnode", json!(["", 3]), -29),
    ];
    for (method, params, code) in cases {
        let answer = node.try_call(method, params.clone()).await;
        assert_eq!(answer, Err(code), "{method} {params}");
    }
}

pub async fn credentials_are_asked_for_rpc_and_not_for_rest(nodes: Nodes) {
    let node = nodes.start(0, &[]).await;
    let body = r#"{"method":"uptime"}"#;
    let nothing = Some((401, String::new()));
    assert_eq!(node.send(Method::POST, "/", None, body).await, nothing);
    let asked = Instant::now();
    assert_eq!(
        node.send(Method::POST, "/", Some("u:x"), body).await,
        nothing
    );
    assert!(asked.elapsed() >= Duration::from_millis(240));
    let (status, info) = node.get("/rest/chaininfo.json").await.unwrap();
    let info: Value = serde_json::from_str(&info).unwrap();
    assert_eq!((status, &info["blocks"]), (200, &json!(0)));
    assert_eq!(node.get("/rest/nothing.json").await.unwrap().0, 404);
    assert_eq!(node.get("/nothing").await, Some((404, String::new())));
    let only_post = "JSONRPC server handles only POST requests".to_owned();
    assert_eq!(node.get("/").await, Some((405, only_post)));
}

pub async fn a_password_is_checked_against_its_salted_hash(nodes: Nodes) {
    let line = "-rpcauth=app:5a17$HASH".replace("HASH", HASH_OF_PASSWORD);
    let node = nodes.start(0, &[&line]).await;
    let body = r#"{"method":"uptime"}"#;
    for (credentials, status) in [
        ("app:pä:ss", 200),
        ("app:pass", 401),
        ("u:p", 200),
        ("app", 401),
    ] {
        let answer = node.send(Method::POST, "/", Some(credentials), body).await;
        assert_eq!(answer.unwrap().0, status, "{credentials}");
    }
}
