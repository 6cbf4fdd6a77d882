//! What servers warn of, as it stands in headers.

use std::sync::{Arc, Mutex};

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::api::core::Pod;
use bitcoin_controller::client::Warning;
use bitcoin_controller::client::warnings::parse;

use super::server::{Reply, Server};

fn texts(value: &str) -> Vec<String> {
    parse(value)
        .into_iter()
        .map(|warning| warning.text)
        .collect()
}

#[test]
fn c118_several_warnings_stand_in_one_header_with_quotes_and_dates() {
    let date = r#""Wed, 21 Oct 2026 07:28:00 GMT""#;
    let table: [(&str, &[&str]); 8] = [
        (r#"299 - "a""#, &["a"]),
        (r#"  299 kube:443 "a, b" "#, &["a, b"]),
        (r#"299 - "a", 299 - "b""#, &["a", "b"]),
        (r#"299 - "a",299 - "b""#, &["a", "b"]),
        (r#"299 - "say \"when\" \\ \a""#, &[r#"say "when" \ a"#]),
        (
            &format!(r#"299 - "a" {date}, 299 - "b" {date}"#),
            &["a", "b"],
        ),
        (r#"299 - "fünf""#, &["fünf"]),
        (r#"299 - """#, &[""]),
    ];
    for (value, expected) in table {
        assert_eq!(texts(value), expected, "{value}");
    }
}

#[test]
fn c118_what_cannot_be_read_loses_only_what_follows_it_in_its_header() {
    let table: [(&str, &[&str]); 11] = [
        ("", &[]),
        ("299", &[]),
        ("299 - a", &[]),
        (r#"29 - "a""#, &[]),
        (r#"+29 - "a""#, &[]),
        (r#"299  "a""#, &[]),
        (r#"299 - "a"#, &[]),
        (r#"299 - "a\"#, &[]),
        ("299 - \"a\u{7}\"", &[]),
        (r#"299 - "a" and so on"#, &[]),
        (r#"299 - "a", 299 - b, 299 - "c""#, &["a"]),
    ];
    for (value, expected) in table {
        assert_eq!(texts(value), expected, "{value}");
    }
}

/// Good answers and refusals warn; other codes than 299, and empty texts, are not for people.
#[tokio::test(start_paused = true)]
async fn c118_warnings_reach_the_handler_with_whatever_answer_they_come() {
    let headers =
        "Warning: 299 - \"one\", 299 - \"\", 110 - \"stale\"\r\nwarning: 299 kube \"two\"\r\n";
    let server = Server::start([
        Reply::new(200, headers, r#"{"metadata":{"name":"a"}}"#),
        Reply::new(404, "warning: 299 - \"three\"\r\n", ""),
    ]);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&heard);
    let handler = Arc::new(move |warning: &Warning| sink.lock().unwrap().push(warning.clone()));
    let client = server.client().with_warning_handler(handler);
    let key = ObjectKey::new("x", "a");
    client.get::<Pod>(&key).await.unwrap();
    client.get::<Pod>(&key).await.unwrap_err();
    let warning = |agent: &str, text: &str| Warning {
        code: 299,
        agent: agent.to_owned(),
        text: text.to_owned(),
    };
    let expected = [
        warning("-", "one"),
        warning("kube", "two"),
        warning("-", "three"),
    ];
    assert_eq!(*heard.lock().unwrap(), expected);
}
