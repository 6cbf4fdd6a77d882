//! What a plugin may answer, as bytes.

use std::error::Error;

use bitcoin_controller::client::exec_credential::{ApiVersion, ExecCredential};
use serde_json::{Value, json};

fn read(status: Value) -> Result<ExecCredential, String> {
    let version = ApiVersion::V1;
    let answer =
        json!({"apiVersion": version.as_str(), "kind": "ExecCredential", "status": status});
    ExecCredential::read(version, answer.to_string().as_bytes()).map_err(|error| {
        let text = error.to_string();
        assert!(!text.contains("hunter2"), "a secret is shown: {text}");
        assert!(error.source().is_none());
        text
    })
}

#[test]
fn c127_an_answer_holds_a_token_or_a_certificate_with_its_key() {
    let (certificate, key) = ("hunter2-certificate", "hunter2-key");
    let good = [
        json!({"token": "hunter2"}),
        json!({"clientCertificateData": certificate, "clientKeyData": key}),
        json!({"token": "hunter2", "clientCertificateData": certificate, "clientKeyData": key}),
        json!({"token": "hunter2", "clientKeyData": "", "unknown": 1}),
    ];
    for status in good {
        let credential = read(status).unwrap();
        assert!(!format!("{credential:?}").contains("hunter2"));
    }
    let nothing = "it has neither a token nor a certificate";
    let half = "it has a certificate or a key, but not both";
    let bad = [
        (json!({}), nothing),
        (json!({"token": ""}), nothing),
        (json!({"clientKeyData": key}), half),
        (
            json!({"token": "hunter2", "clientCertificateData": certificate}),
            half,
        ),
        (Value::Null, "it has no status"),
    ];
    for (status, text) in bad {
        assert_eq!(read(status).unwrap_err(), text);
    }
}

#[test]
fn c127_an_expiry_is_a_date() {
    let with_expiry = |text: Value| read(json!({"token": "hunter2", "expirationTimestamp": text}));
    for good in [
        json!("2026-01-01T00:00:00Z"),
        json!("1815-12-10T01:00:00+01:00"),
        Value::Null,
    ] {
        assert!(with_expiry(good).is_ok());
    }
    let error = with_expiry(json!("hunter2")).unwrap_err();
    assert_eq!(error, "its expirationTimestamp is no RFC 3339 date");
    let error = with_expiry(json!(1_767_225_600)).unwrap_err();
    assert!(
        error.starts_with("wrong type or value at `status.expirationTimestamp`"),
        "{error}"
    );
}

#[test]
fn what_is_no_credential_is_an_error_that_quotes_nothing() {
    let texts = [
        ("", "the text ends too soon"),
        ("hunter2", "not JSON"),
        (
            r#"{"status": {"token": "hunter2""#,
            "the text ends too soon",
        ),
        (r#"{"kind": "hunter2"}"#, "its kind is not ExecCredential"),
        (
            r#"{"kind": "ExecCredential", "apiVersion": "hunter2"}"#,
            "its apiVersion is not client",
        ),
        (r#"{"kind": "ExecCredential"} hunter2"#, "not JSON"),
    ];
    for (text, expected) in texts {
        let error = ExecCredential::read(ApiVersion::V1, text.as_bytes()).unwrap_err();
        let error = error.to_string();
        assert!(error.starts_with(expected), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
