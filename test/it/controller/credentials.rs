//! Goal: our own credentials are made once, a user's are never guessed, and neither is ever told.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bitcoin_controller::base::Random;
use bitcoin_controller::controller::credentials::{NetworkCredentials, gather};
use bitcoin_controller::controller::desired::connection::connection;
use bitcoin_controller::controller::own_secret::Known;
use bitcoin_controller::controller::problem::Problem;
use bitcoin_controller::controller::reasons;
use serde_json::{Value, json};

use super::build::{NETWORK_UID, network};
use crate::client::server::{Reply, Server};

fn secret(name: &str, owner_uid: &str, data: &[(&str, &str)]) -> Value {
    let data: serde_json::Map<String, Value> = data
        .iter()
        .map(|(key, value)| ((*key).to_owned(), STANDARD.encode(value).into()))
        .collect();
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {
            "name": name, "namespace": "default", "uid": "s",
            "ownerReferences": [
                {"apiVersion": "g/v1", "kind": "BitcoinNetwork", "name": "alpha", "uid": owner_uid, "controller": true},
            ],
        },
        "data": data,
    })
}

/// A Secret of ours with all there is to be in it.
fn ours() -> Reply {
    object(&our_secret())
}

fn our_secret() -> Value {
    let network = network(json!({"nodes": 3}));
    let connection = connection(&network, network.spec.valid().unwrap());
    let pairs = connection.iter().map(|(key, value)| (&**key, &**value));
    let own = [("user", "bitcoin-controller"), ("password", "kept")];
    let data: Vec<(&str, &str)> = own.into_iter().chain(pairs).collect();
    secret("alpha-rpc", NETWORK_UID, &data)
}

fn users(data: &[(&str, &str)]) -> Reply {
    object(&secret("chosen", "", data))
}

fn object(value: &Value) -> Reply {
    Reply::ok(&value.to_string())
}

fn failure(code: u16, reason: &str) -> Reply {
    let status = json!({"kind": "Status", "status": "Failure", "reason": reason, "code": code});
    Reply::new(
        code,
        "content-type: application/json\r\n",
        &status.to_string(),
    )
}

/// Gathers credentials from a server that replies so; the second part is what it was asked.
async fn gathered(
    secret: Option<&str>,
    defaults: bool,
    replies: impl IntoIterator<Item = Reply>,
) -> (Result<NetworkCredentials, Problem>, Vec<(String, String)>) {
    let server = Server::start(replies);
    let network = network(json!({"nodes": 3, "secret": secret}));
    let outcome = gather(
        &server.client(),
        &network,
        network.spec.valid().unwrap(),
        defaults,
        &Known::default(),
        &Random::seeded(1),
    )
    .await;
    let asked = server
        .seen()
        .into_iter()
        .map(|seen| (seen.line, seen.body))
        .collect();
    (outcome, asked)
}

fn reason(outcome: Result<NetworkCredentials, Problem>) -> (&'static str, String) {
    match outcome {
        Err(Problem::Blocked { reason, message }) => (reason, message),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_that_are_there_are_kept() {
    let (outcome, asked) = gathered(None, false, [ours()]).await;
    let NetworkCredentials { own, added } = outcome.unwrap();
    assert_eq!(
        (own.credentials.user(), own.credentials.password()),
        ("bitcoin-controller", "kept")
    );
    assert_eq!((added, own.is_new), (None, false));
    assert_eq!(asked.len(), 1, "one GET, no write");
}

/// Created, not applied: of two controllers that make one at the same time, one must lose.
#[tokio::test(start_paused = true)]
async fn missing_ones_are_created_under_the_network() {
    let created = object(&secret("alpha-rpc", NETWORK_UID, &[]));
    let (outcome, asked) = gathered(None, false, [failure(404, "NotFound"), created]).await;
    let own = outcome.unwrap().own;
    assert!(own.is_new);
    assert!(own.credentials.password().len() >= 32);
    let (line, body) = &asked[1];
    assert!(
        line.starts_with("POST /api/v1/namespaces/default/secrets"),
        "{line}"
    );
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["stringData"]["password"], own.credentials.password());
    assert_eq!(body["metadata"]["ownerReferences"][0]["uid"], NETWORK_UID);
}

/// What is there already is not sent again, least of all the password; and it is that very Secret or none.
#[tokio::test(start_paused = true)]
async fn a_secret_of_ours_is_completed_by_what_it_lacks() {
    let mut older = our_secret();
    older["metadata"]["resourceVersion"] = json!("17");
    let data = older["data"].as_object_mut().unwrap();
    data.remove("node-1-p2p");
    data.insert("node-3-rpc".to_owned(), json!(""));
    let (outcome, asked) = gathered(None, false, [object(&older), ours()]).await;
    assert_eq!(outcome.unwrap().own.credentials.password(), "kept");
    let (line, body) = &asked[1];
    assert!(
        line.starts_with("PATCH /api/v1/namespaces/default/secrets/alpha-rpc"),
        "{line}"
    );
    let host = STANDARD.encode("alpha-sts-1.alpha-svc.default.svc:18444");
    let expected = json!({
        "metadata": {"uid": "s", "resourceVersion": "17"},
        "data": {"node-1-p2p": host, "node-3-rpc": null},
    });
    assert_eq!(serde_json::from_str::<Value>(body).unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_secret_of_ours_without_a_password_is_told_and_not_made_anew() {
    let emptied = object(&secret(
        "alpha-rpc",
        NETWORK_UID,
        &[("user", "bitcoin-controller")],
    ));
    let (outcome, asked) = gathered(None, false, [emptied]).await;
    let (reason, message) = reason(outcome);
    assert_eq!(reason, reasons::SECRET_INCOMPLETE);
    assert!(
        message.contains("default/alpha-rpc") && message.contains("`password`"),
        "{message}"
    );
    assert_eq!(asked.len(), 1, "nodes that run know no other password");
}

#[tokio::test(start_paused = true)]
async fn a_foreign_secret_of_our_name_is_left_alone() {
    let foreign = object(&secret(
        "alpha-rpc",
        "another",
        &[("user", "u"), ("password", "theirs")],
    ));
    let (outcome, asked) = gathered(None, false, [foreign]).await;
    assert_eq!(reason(outcome).0, reasons::NAME_CONFLICT);
    assert_eq!(asked.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_user_adds_comes_beside_our_own() {
    let chosen = users(&[
        ("BC_RPC_USER", "bc-user"),
        ("BC_RPC_PASSWORD", "bc-password"),
    ]);
    let (outcome, _) = gathered(Some("chosen"), false, [chosen, ours()]).await;
    let added = outcome.unwrap().added.unwrap();
    assert_eq!((added.user(), added.password()), ("bc-user", "bc-password"));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_missing_is_told_and_nothing_is_made() {
    let (outcome, asked) = gathered(Some("chosen"), true, [failure(404, "NotFound")]).await;
    let (reason, message) = reason(outcome);
    assert_eq!(reason, reasons::SECRET_MISSING);
    assert!(message.contains("default/chosen"), "{message}");
    assert_eq!(asked.len(), 1, "the default credentials are no way out");
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_incomplete_is_told_without_its_values() {
    for data in [
        &[("BC_RPC_PASSWORD", "hunter2")][..],
        &[("BC_RPC_USER", "bc-user"), ("PASSWORD", "hunter2")],
        &[("BC_RPC_USER", "bc:user"), ("BC_RPC_PASSWORD", "hunter2")],
        &[("BC_RPC_USER", "bc-user"), ("BC_RPC_PASSWORD", "")],
    ] {
        let (reason, message) = reason(gathered(Some("chosen"), false, [users(data)]).await.0);
        assert_eq!(reason, reasons::SECRET_INCOMPLETE, "{data:?}");
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_may_not_be_read_is_told() {
    let (outcome, _) = gathered(Some("chosen"), false, [failure(403, "Forbidden")]).await;
    assert_eq!(reason(outcome).0, reasons::SECRET_MISSING);
}

#[tokio::test(start_paused = true)]
async fn the_credentials_that_everybody_knows_need_a_flag() {
    assert_eq!(gathered(None, false, [ours()]).await.0.unwrap().added, None);
    let added = gathered(None, true, [ours()])
        .await
        .0
        .unwrap()
        .added
        .unwrap();
    assert_eq!((added.user(), added.password()), ("user", "password"));
}

#[tokio::test(start_paused = true)]
async fn debug_shows_no_credentials() {
    let (outcome, _) = gathered(None, true, [ours()]).await;
    let text = format!("{:?}", outcome.unwrap());
    assert!(
        !text.contains("kept") && !text.contains("password"),
        "{text}"
    );
}
