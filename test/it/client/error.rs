//! What servers answer, and what we make of it.

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::api::core::Pod;
use bitcoin_controller::api::meta::{Status, StatusCause, StatusDetails};
use bitcoin_controller::client::Error;
use serde_json::json;

use super::server::{Reply, Server};

fn status(code: u16, reason: &str) -> Status {
    Status {
        code,
        reason: reason.to_owned(),
        ..Status::default()
    }
}

fn refused(code: u16, reason: &str) -> Error {
    Error::refused("get pod", status(code, reason))
}

fn with_cause(mut status: Status, reason: &str, message: &str) -> Error {
    status.details.causes.push(StatusCause {
        reason: reason.to_owned(),
        message: message.to_owned(),
        ..StatusCause::default()
    });
    Error::refused("create pod", status)
}

#[test]
fn a_known_reason_decides_and_the_code_speaks_without_one() {
    assert!(refused(404, "NotFound").is_not_found());
    assert!(refused(404, "").is_not_found());
    assert!(refused(404, "SomethingNew").is_not_found());
    assert!(!refused(404, "Forbidden").is_not_found());
    assert!(refused(409, "AlreadyExists").is_already_exists());
    assert!(!refused(409, "AlreadyExists").is_conflict());
    assert!(refused(409, "").is_conflict());
    assert!(refused(410, "Expired").is_gone() && refused(410, "Gone").is_gone());
    assert!(refused(410, "").is_gone());
    assert!(refused(422, "").is_invalid() && refused(403, "").is_forbidden());
    assert!(refused(401, "").is_unauthorized() && refused(429, "").is_too_many_requests());
    assert!(refused(504, "").is_timeout() && refused(500, "ServerTimeout").is_timeout());
}

#[test]
fn fields_that_a_schema_lacks_are_read_from_the_text() {
    let said = |wrong: &str| {
        let mut status = status(500, "");
        status.message = format!(
            "failed to create typed patch object (/alpha; example.com/v1, Kind=Widget): {wrong}"
        );
        Error::refused("apply widget", status)
    };
    let one = said(".status.links: field not declared in schema");
    assert_eq!(one.undeclared_fields(), [".status.links"]);
    let many = said(
        "errors:\n  .status.links: field not declared in schema\n  .status.nodes[ordinal=0].tip: field not declared in schema",
    );
    let fields = [".status.links", ".status.nodes[ordinal=0].tip"];
    assert_eq!(many.undeclared_fields(), fields);
    let other = said(".spec.parts: duplicate entries for key [name=\"one\"]");
    assert_eq!(other.undeclared_fields(), [""; 0]);
}

#[test]
fn too_large_a_version_is_known_in_three_spellings() {
    const TEXT: &str = "Too large resource version: 9, current: 5";
    let mut old = status(504, "Timeout");
    old.message = TEXT.to_owned();
    let spellings = [
        with_cause(status(504, "Timeout"), "ResourceVersionTooLarge", ""),
        with_cause(status(504, "Timeout"), "", TEXT),
        Error::refused("list pods", old),
    ];
    for error in spellings {
        assert!(error.is_too_large_resource_version());
        assert!(!error.is_gone() && error.is_transient());
    }
    assert!(!refused(504, "Timeout").is_too_large_resource_version());
}

#[test]
fn a_terminating_namespace_is_a_cause_of_forbidden() {
    assert!(
        with_cause(status(403, "Forbidden"), "NamespaceTerminating", "").is_namespace_terminating()
    );
    assert!(!refused(403, "Forbidden").is_namespace_terminating());
}

#[test]
fn what_may_pass_by_itself_is_transient() {
    for (code, reason) in [
        (429, "TooManyRequests"),
        (500, "InternalError"),
        (503, ""),
        (504, "Timeout"),
    ] {
        assert!(refused(code, reason).is_transient(), "{code}");
    }
    for code in [400, 401, 403, 404, 409, 410, 422] {
        assert!(!refused(code, "").is_transient(), "{code}");
    }
}

/// What a server, or something in front of it, answers; and what we make of it.
#[tokio::test(start_paused = true)]
async fn c116_an_answer_that_is_no_status_is_judged_by_its_code() {
    let table = [
        (400, "BadRequest"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "NotFound"),
        (405, "MethodNotAllowed"),
        (406, "NotAcceptable"),
        (409, "AlreadyExists"),
        (410, "Gone"),
        (413, "RequestEntityTooLarge"),
        (415, "UnsupportedMediaType"),
        (422, "Invalid"),
        (429, "TooManyRequests"),
        (500, "InternalError"),
        (502, "InternalError"),
        (503, "ServiceUnavailable"),
        (504, "Timeout"),
        (302, ""),
    ];
    for (code, reason) in table {
        let server = Server::start([
            Reply::new(code, "", "<html>\nno\x07"),
            Reply::new(code, "", ""),
        ]);
        let client = server.client();
        let error = client.create::<Pod>("x", &json!({})).await.unwrap_err();
        let said = error.status().unwrap();
        assert_eq!((said.code, said.reason.as_str()), (code, reason));
        assert_eq!(said.message, r#"not a Status, but the text "<html> no""#);
        if code == 409 {
            let applied = client
                .apply::<Pod>(&ObjectKey::new("x", "a"), &json!({}))
                .await;
            assert!(applied.unwrap_err().is_conflict());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn c116_a_long_foreign_text_is_cut() {
    let server = Server::start([Reply::new(502, "", &"ä".repeat(5_000))]);
    let error = server.client().version().await.unwrap_err();
    let message = &error.status().unwrap().message;
    assert_eq!(
        message.chars().filter(|letter| *letter == 'ä').count(),
        2_048
    );
}

#[tokio::test(start_paused = true)]
async fn c116_the_servers_status_is_kept_whole() {
    let body = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"pods \"a\" is forbidden: exceeded quota","reason":"Forbidden","details":{"name":"a","kind":"pods","causes":[{"reason":"R","message":"m","field":"spec"}],"retryAfterSeconds":7},"code":403}"#;
    let server = Server::start([Reply::new(403, "", body)]);
    let error = server
        .client()
        .create::<Pod>("x", &json!({}))
        .await
        .unwrap_err();
    let expected = StatusDetails {
        name: "a".to_owned(),
        kind: "pods".to_owned(),
        causes: vec![StatusCause {
            reason: "R".to_owned(),
            message: "m".to_owned(),
            field: "spec".to_owned(),
        }],
        retry_after_seconds: 7,
        ..StatusDetails::default()
    };
    assert_eq!(error.status().unwrap().details, expected);
    let text = r#"failed to create pod in `x`: the server answered 403 Forbidden: pods "a" is forbidden: exceeded quota"#;
    assert_eq!(error.to_string(), text);
}
