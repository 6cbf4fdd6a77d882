//! Acting as somebody else, as the server hears it.

use std::collections::BTreeMap;

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::api::core::Pod;
use bitcoin_controller::client::Config;
use bitcoin_controller::client::impersonation::Impersonation;

use super::server::{Reply, Server};

fn alice() -> Impersonation {
    Impersonation {
        user: "alice".to_owned(),
        ..Impersonation::default()
    }
}

fn headers(whom: &Impersonation) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
    let headers = whom.headers().unwrap();
    let headers = headers.iter();
    headers
        .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn each_request_says_as_whom_we_act() {
    let whom = Impersonation {
        uid: "7".to_owned(),
        groups: vec!["b".to_owned(), "a".to_owned()],
        extra: BTreeMap::from([("scopes".to_owned(), vec!["x".to_owned(), "y".to_owned()])]),
        ..alice()
    };
    let config = Config::plain("http://api")
        .unwrap()
        .impersonating(&whom)
        .unwrap();
    let server = Server::start([Reply::ok(r#"{"metadata":{"name":"a"}}"#)]);
    let client = server.client_of(config);
    client.get::<Pod>(&ObjectKey::new("x", "a")).await.unwrap();
    let seen = server.seen();
    let said = seen[0]
        .headers
        .iter()
        .filter(|(name, _)| name.starts_with("impersonate"));
    let said: Vec<_> = said
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    assert_eq!(
        said,
        [
            "impersonate-user: alice",
            "impersonate-uid: 7",
            "impersonate-group: b",
            "impersonate-group: a",
            "impersonate-extra-scopes: x",
            "impersonate-extra-scopes: y",
        ]
    );
}

#[test]
fn a_key_is_escaped_where_a_headers_name_could_not_hold_it() {
    let name = |key: &str| {
        let extra = BTreeMap::from([(key.to_owned(), vec![String::new()])]);
        headers(&Impersonation { extra, ..alice() })[1].0.clone()
    };
    assert_eq!(name("Scopes"), "impersonate-extra-scopes");
    assert_eq!(name("a.test/b c"), "impersonate-extra-a.test%2fb%20c");
    assert_eq!(name("100%"), "impersonate-extra-100%25");
    assert_eq!(name("ä"), "impersonate-extra-%c3%a4");
}

#[test]
fn a_name_is_any_text_but_control_characters() {
    let named = |user: &str| Impersonation {
        user: user.to_owned(),
        ..alice()
    };
    assert_eq!(headers(&named("björk"))[0].1, "björk");
    assert!(named("a\r\nAuthorization: x").headers().is_err());
}

#[test]
fn nobody_is_half_impersonated() {
    let nobody = Impersonation::default();
    assert_eq!(headers(&nobody), []);
    let uid = Impersonation {
        uid: "7".to_owned(),
        ..nobody.clone()
    };
    let groups = Impersonation {
        groups: vec!["a".to_owned()],
        ..nobody.clone()
    };
    let extra = Impersonation {
        extra: BTreeMap::from([("a".to_owned(), vec![])]),
        ..nobody
    };
    for half in [uid, groups, extra] {
        assert!(half.headers().unwrap_err().ends_with("but no as"));
        assert!(
            Config::plain("http://api")
                .unwrap()
                .impersonating(&half)
                .is_err()
        );
    }
}
