//! The verbs as the server sees them; what is sent again, and when.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bitcoin_controller::api::apps::StatefulSet;
use bitcoin_controller::api::core::{Event, Pod, Secret};
use bitcoin_controller::api::{BitcoinNetwork, ObjectKey};
use bitcoin_controller::client::{
    Client, Config, DeleteOptions, ListParams, Propagation, RequestRecord, Scope, WatchParams,
};
use bitcoin_controller::http::MemoryNetwork;
use serde_json::json;
use tokio::time::timeout;

use super::server::{Reply, Server, Then};

const OBJECT: &str = r#"{"metadata":{"name":"a","namespace":"x","resourceVersion":"5"}}"#;

fn key() -> ObjectKey {
    ObjectKey::new("x", "a")
}

#[tokio::test(start_paused = true)]
async fn another_program_writes_under_a_name_of_its_own() {
    let server = Server::start(std::iter::repeat_n(Reply::ok(OBJECT), 3));
    let client = server.client().with_field_manager("copier");
    let body = json!({"metadata": {"name": "a"}});
    client.create::<Secret>("x", &body).await.unwrap();
    client.apply::<Secret>(&key(), &body).await.unwrap();
    client.patch::<Secret>(&key(), &body).await.unwrap();
    for seen in server.seen() {
        assert!(seen.line.contains("?fieldManager=copier"), "{}", seen.line);
    }
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn each_verb_has_its_method_path_and_type_of_body() {
    let server = Server::start(std::iter::repeat_n(Reply::ok(OBJECT), 9));
    let client = server.client();
    let body = json!({"metadata": {"name": "a"}});
    client.get::<BitcoinNetwork>(&key()).await.unwrap();
    client.create::<Event>("x", &body).await.unwrap();
    client.apply::<StatefulSet>(&key(), &body).await.unwrap();
    client
        .apply_status::<BitcoinNetwork>(&key(), &body)
        .await
        .unwrap();
    client.patch::<Pod>(&key(), &body).await.unwrap();
    client.patch_status::<Pod>(&key(), &body).await.unwrap();
    client
        .delete::<Pod>(&key(), &DeleteOptions::default())
        .await
        .unwrap();
    client.version().await.unwrap();

    let seen = server.seen();
    let told: Vec<_> = seen
        .iter()
        .map(|seen| {
            format!(
                "{} {}",
                seen.line,
                seen.header("content-type").unwrap_or("-")
            )
        })
        .collect();
    let group = "/apis/bitcoincontroller.christianb93.github.com/v1/namespaces/x/bitcoinnetworks/a";
    assert_eq!(
        told,
        [
            format!("GET {group} -"),
            "POST /api/v1/namespaces/x/events?fieldManager=bitcoin-controller application/json".to_owned(),
            "PATCH /apis/apps/v1/namespaces/x/statefulsets/a?fieldManager=bitcoin-controller&force=true application/apply-patch+yaml".to_owned(),
            format!("PATCH {group}/status?fieldManager=bitcoin-controller&force=true application/apply-patch+yaml"),
            "PATCH /api/v1/namespaces/x/pods/a?fieldManager=bitcoin-controller application/merge-patch+json".to_owned(),
            "PATCH /api/v1/namespaces/x/pods/a/status?fieldManager=bitcoin-controller application/merge-patch+json".to_owned(),
            "DELETE /api/v1/namespaces/x/pods/a application/json".to_owned(),
            "GET /version -".to_owned(),
        ]
    );
    for seen in &seen {
        assert_eq!(seen.header("accept"), Some("application/json"));
        assert!(
            seen.header("user-agent")
                .unwrap()
                .starts_with("bitcoin-controller/")
        );
        assert_eq!(seen.header("authorization"), None);
    }
    assert_eq!(seen[2].body, body.to_string());
}

#[tokio::test(start_paused = true)]
async fn c117_the_servers_path_prefix_is_kept() {
    let server = Server::start([Reply::ok(OBJECT)]);
    let config = Config::plain("http://api/clusters/one/?x=1").unwrap();
    server.client_of(config).get::<Pod>(&key()).await.unwrap();
    assert_eq!(
        server.lines(),
        ["GET /clusters/one/api/v1/namespaces/x/pods/a"]
    );
}

#[tokio::test(start_paused = true)]
async fn deleting_says_which_object_exactly_and_what_becomes_of_its_own() {
    let server = Server::start([Reply::ok(OBJECT), Reply::ok("")]);
    let client = server.client();
    let options = DeleteOptions {
        uid: Some("u".to_owned()),
        resource_version: Some("5".to_owned()),
        propagation: Some(Propagation::Foreground),
        grace_period: Some(Duration::ZERO),
    };
    client.delete::<Pod>(&key(), &options).await.unwrap();
    client
        .delete::<Pod>(&key(), &DeleteOptions::default())
        .await
        .unwrap();
    let bodies: Vec<serde_json::Value> = server
        .seen()
        .iter()
        .map(|seen| serde_json::from_str(&seen.body).unwrap())
        .collect();
    assert_eq!(
        bodies,
        [
            json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": "u", "resourceVersion": "5"},
                "propagationPolicy": "Foreground", "gracePeriodSeconds": 0}),
            json!({"apiVersion": "v1", "kind": "DeleteOptions"}),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn c117_names_that_would_leave_their_path_are_not_sent() {
    let server = Server::start([]);
    let client = server.client();
    for name in ["", ".", "..", "a/b", "a%2fb"] {
        for key in [ObjectKey::new("x", name), ObjectKey::new(name, "a")] {
            let error = client.get::<Pod>(&key).await.unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("failed to get pod `{key}`: the n")),
                "{error}"
            );
            assert!(!error.is_transient());
        }
    }
    assert!(client.create::<Pod>("", &json!({})).await.is_err());
    assert!(server.lines().is_empty());
}

/// What the server asks for, how often it is asked, and when.
#[tokio::test(start_paused = true)]
async fn c112_a_request_is_sent_again_only_if_the_server_says_when() {
    let after = |code: u16, header: &str| Reply::new(code, &format!("{header}\r\n"), "");
    let table = [
        (after(429, "retry-after: 2"), Some(2)),
        (after(503, "Retry-After: 2"), Some(2)),
        (after(500, "retry-after: 0"), Some(0)),
        (after(429, "x: y"), None),
        (after(500, "x: y"), None),
        (
            after(503, "retry-after: Wed, 21 Oct 2026 07:28:00 GMT"),
            None,
        ),
        (after(503, "retry-after: 31"), None),
        (after(409, "retry-after: 2"), None),
        (after(307, "retry-after: 2"), None),
    ];
    for (reply, wait) in table {
        let server = Server::start([reply.clone(), Reply::ok(OBJECT), Reply::ok(OBJECT)]);
        let outcome = server.client().create::<Pod>("x", &json!({"a": 1})).await;
        assert_eq!(outcome.is_ok(), wait.is_some(), "{reply:?}");
        let waits: Vec<_> = wait.into_iter().map(Duration::from_secs).collect();
        assert_eq!(server.times(), waits, "{reply:?}");
        assert!(server.seen().iter().all(|seen| seen.body == r#"{"a":1}"#));
    }
}

/// kube-apiserver sends a `Retry-After` here, too; asking for the same version again is of no use.
#[tokio::test(start_paused = true)]
async fn too_new_a_version_is_told_at_once_although_the_server_says_when_to_try_again() {
    let status = r#"{"kind":"Status","status":"Failure","message":"Timeout: Too large resource version: 9, current: 5","reason":"Timeout","details":{"causes":[{"reason":"ResourceVersionTooLarge","message":"Too large resource version"}],"retryAfterSeconds":1},"code":504}"#;
    let server = Server::start([Reply::new(504, "retry-after: 1\r\n", status)]);
    let (client, params) = (server.client(), ListParams::default());
    let listing = client.list::<Pod>(&Scope::All, &params).await;
    assert!(listing.unwrap_err().is_too_large_resource_version());
}

#[tokio::test(start_paused = true)]
async fn c112_a_server_that_stays_busy_is_asked_eleven_times() {
    let busy = Reply::new(429, "retry-after: 1\r\n", "");
    let server = Server::start(std::iter::repeat_n(busy, 20));
    let error = server.client().get::<Pod>(&key()).await.unwrap_err();
    assert!(error.is_too_many_requests() && error.is_transient());
    assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
    assert_eq!(server.lines().len(), 11);
}

#[tokio::test(start_paused = true)]
async fn c113_a_lost_connection_is_tried_again_for_reading_and_never_for_writing() {
    let lost = || Reply::raw("", Then::Close);
    let half = Reply::raw("HTTP/1.1 200 OK\r\nconte", Then::Close);
    let server = Server::start([lost(), half, Reply::ok(OBJECT)]);
    server.client().get::<Pod>(&key()).await.unwrap();
    assert_eq!(server.times(), [1, 2].map(Duration::from_secs));

    let server = Server::start([lost(), Reply::ok(OBJECT)]);
    let error = server
        .client()
        .apply::<Pod>(&key(), &json!({}))
        .await
        .unwrap_err();
    assert!(error.is_transient() && !error.is_connection_refused());
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn c113_nobody_listening_is_told_at_once() {
    let network = Arc::new(MemoryNetwork::default());
    let client = Client::new(Config::plain("http://api").unwrap(), network).unwrap();
    let started = tokio::time::Instant::now();
    let error = client.version().await.unwrap_err();
    assert!(error.is_connection_refused() && error.is_transient());
    assert_eq!(error.to_string(), "failed to get the server's version");
    assert!(started.elapsed() < Duration::from_secs(1));
}

/// client-go tries here, too; our reflector has the backoff, and decides better informed.
#[tokio::test(start_paused = true)]
async fn c113_a_watch_is_tried_once_here_whatever_happens_to_it() {
    let busy = Reply::new(429, "retry-after: 1\r\n", "");
    for reply in [Reply::raw("", Then::Close), busy] {
        let server = Server::start([reply, Reply::chunked([""], Then::Hang)]);
        let (client, params) = (server.client(), WatchParams::default());
        let error = client.watch::<Pod>(&Scope::All, &params).await.unwrap_err();
        assert!(error.is_transient());
        assert_eq!(server.lines().len(), 1);
    }
}

/// The wait is what the server asks for, and what is sent again is what was sent.
#[tokio::test(start_paused = true)]
async fn c114_a_request_is_sent_again_whole_and_not_before_the_server_wishes() {
    let busy = |seconds: u32| Reply::new(503, &format!("retry-after: {seconds}\r\n"), "");
    let server = Server::start([busy(3), busy(7), Reply::ok(OBJECT)]);
    let body = json!({"metadata": {"name": "a"}, "data": "x".repeat(100_000)});
    let text = body.to_string();
    server.client().create::<Pod>("x", &body).await.unwrap();
    assert_eq!(server.times(), [3, 10].map(Duration::from_secs));
    assert!(server.seen().iter().all(|seen| seen.body == text));
}

#[tokio::test(start_paused = true)]
async fn c114_giving_up_during_the_wait_sends_nothing_more() {
    let server = Server::start([Reply::new(429, "retry-after: 5\r\n", ""), Reply::ok(OBJECT)]);
    let (client, key) = (server.client(), key());
    let asking = timeout(Duration::from_secs(4), client.get::<Pod>(&key));
    assert!(asking.await.is_err());
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(server.lines().len(), 1);
}

/// client-go would need 39 s for these: five a second after the first ten.
#[tokio::test(start_paused = true)]
async fn c115_nothing_on_our_side_limits_how_many_requests_a_second_are_made() {
    let server = Server::start(std::iter::repeat_n(Reply::ok(OBJECT), 205));
    let (client, key) = (server.client(), key());
    for _ in 0..205 {
        client.get::<Pod>(&key).await.unwrap();
    }
    assert_eq!(server.times().last(), Some(&Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_runs_into_the_deadline_wherever_it_falls_silent() {
    let silent = [
        Reply::raw("", Then::Hang),
        Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n{", Then::Hang),
        Reply::raw("HTTP/1.1 500 X\r\ncontent-length: 5\r\n\r\n{", Then::Hang),
    ];
    for reply in silent {
        let server = Server::start([reply.clone()]);
        let started = tokio::time::Instant::now();
        let error = server.client().get::<Pod>(&key()).await.unwrap_err();
        assert!(error.is_transient(), "{reply:?}: {error}");
        assert_eq!(started.elapsed(), Duration::from_secs(35), "{reply:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_end_is_not_held() {
    let piece = vec![b' '; 1 << 20];
    let server = Server::start([Reply::chunked(std::iter::repeat_n(piece, 9), Then::Hang)]);
    let error = server.client().get::<Pod>(&key()).await.unwrap_err();
    assert!(
        error.to_string().contains("more than 8388608 bytes"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_no_object_is_an_error_that_quotes_nothing() {
    for body in [
        "",
        "hunter2",
        r#"{"metadata":"hunter2"}"#,
        r#"{"metadata":{"name":"#,
        "[]",
        "7",
    ] {
        let server = Server::start([Reply::ok(body)]);
        let error = server.client().get::<Pod>(&key()).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
        assert!(!error.is_transient());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_secret_is_not_quoted() {
    let quote = r#"{"kind":"Status","status":"Failure","reason":"Invalid","code":422,"message":"expected map, got hunter2","details":{"causes":[{"message":"hunter2"}]}}"#;
    let server = Server::start([Reply::new(422, "", quote), Reply::new(422, "", quote)]);
    let client = server.client();
    let error = client
        .apply::<Secret>(&key(), &json!({"data": "hunter2"}))
        .await
        .unwrap_err();
    assert!(error.is_invalid());
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    let other = client.apply::<Pod>(&key(), &json!({})).await.unwrap_err();
    assert!(
        other
            .to_string()
            .ends_with("422 Invalid: expected map, got hunter2")
    );
}

#[tokio::test(start_paused = true)]
async fn every_attempt_is_told_to_the_observer() {
    let server = Server::start([Reply::new(503, "retry-after: 1\r\n", ""), Reply::ok(OBJECT)]);
    let records = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&records);
    let observer =
        Arc::new(move |record: &RequestRecord| sink.lock().unwrap().push(record.clone()));
    let client = server.client().with_observer(observer);
    client.get::<Pod>(&key()).await.unwrap();
    let told: Vec<_> = records
        .lock()
        .unwrap()
        .iter()
        .map(|record| format!("{} {} {:?}", record.verb, record.path, record.status))
        .collect();
    let path = "get /api/v1/namespaces/x/pods/a";
    assert_eq!(
        told,
        [format!("{path} Some(503)"), format!("{path} Some(200)")]
    );
}

#[tokio::test(start_paused = true)]
async fn operations_are_named_in_errors() {
    let absent = || Reply::new(404, "", "");
    let server = Server::start(std::iter::repeat_with(absent).take(4));
    let client = server.client();
    let network = client
        .apply_status::<BitcoinNetwork>(&key(), &json!({}))
        .await;
    let created = client
        .create::<Pod>("x", &json!({"metadata": {"generateName": "a-"}}))
        .await;
    let scope = Scope::Namespace("x".into());
    let listed = client.list::<Pod>(&scope, &ListParams::default()).await;
    let deleted = client
        .delete::<Pod>(&key(), &DeleteOptions::default())
        .await;
    let texts = [
        network.unwrap_err(),
        created.unwrap_err(),
        listed.unwrap_err(),
        deleted.unwrap_err(),
    ]
    .map(|error| error.to_string());
    assert_eq!(
        texts,
        [
            "failed to apply status of bitcoinnetwork `x/a`: the server answered 404 NotFound",
            "failed to create pod `x/a-`: the server answered 404 NotFound",
            "failed to list pods in `x`: the server answered 404 NotFound",
            "failed to delete pod `x/a`: the server answered 404 NotFound",
        ]
    );
}
