//! Who we are, and as whom we act, as an entry says it and as the server hears it.

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::api::core::Pod;

use super::{SERVER, config};
use crate::client::server::{Reply, Server};

#[test]
fn c125_a_user_that_contradicts_itself_is_an_error_with_its_name() {
    let table = [
        (
            "{token: hunter2, username: me, password: hunter2}",
            "has both a token and a username or password",
        ),
        (
            "{tokenFile: token, password: hunter2}",
            "has both a token and a username or password",
        ),
        ("{password: hunter2}", "has a password, but no username"),
        (
            "{client-certificate-data: eA==}",
            "has a client-certificate, but no client-key",
        ),
        (
            "{client-key-data: eA==}",
            "has a client-key, but no client-certificate",
        ),
        (
            "{client-key-data: aHVudGVyMg==, client-key: token, client-certificate-data: eA==}",
            "has both client-key and client-key-data",
        ),
        (
            "{client-certificate: token, client-certificate-data: eA==}",
            "has both client-certificate and client-certificate-data",
        ),
        (
            "{client-key-data: 'hunter2*'}",
            "has client-key-data that is not base64",
        ),
        ("{as-uid: '7'}", IMPERSONATES_NOBODY),
        ("{as-groups: [a]}", IMPERSONATES_NOBODY),
        ("{as-user-extra: {a: [b]}}", IMPERSONATES_NOBODY),
        (
            "{auth-provider: {name: gcp, config: {access-token: hunter2}}}",
            "needs the auth-provider `gcp`, which is not supported; an exec plugin is: \
             gke-gcloud-auth-plugin",
        ),
        (
            "{auth-provider: {name: oidc}, exec: {}}",
            "needs the auth-provider `oidc`, which is not supported; an exec plugin is: \
             kubectl oidc-login",
        ),
    ];
    for (user, why) in table {
        let expected = format!("user `a` in `DIR/config` {why}");
        assert_eq!(config(SERVER, user).unwrap_err(), expected);
    }
}

const IMPERSONATES_NOBODY: &str = "has as-uid, as-groups or as-user-extra, but no as";

#[test]
fn c125_what_a_user_names_and_cannot_be_read_is_an_error_with_file_field_and_name() {
    for field in ["tokenFile", "client-certificate", "client-key"] {
        assert_eq!(
            config(SERVER, &format!("{{{field}: absent}}")).unwrap_err(),
            format!(
                "failed to read `DIR/absent`, the {field} of user `a` in `DIR/config`: \
                 No such file or directory (os error 2)"
            )
        );
    }
}

/// The headers of a request to a server without TLS.
async fn said_in_the_open(user: &str) -> Vec<String> {
    let server = Server::start([Reply::ok(r#"{"metadata":{"name":"a"}}"#)]);
    let client = server.client_of(config("{server: 'http://api'}", user).unwrap());
    client.get::<Pod>(&ObjectKey::new("x", "a")).await.unwrap();
    let seen = server.seen();
    let headers = seen[0].headers.iter();
    headers
        .map(|(name, value)| format!("{name}: {value}"))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn c118_no_secret_is_sent_on_an_open_line() {
    let users = [
        "{token: hunter2}",
        "{tokenFile: token}",
        "{username: me, password: hunter2}",
        "{exec: {apiVersion: client.authentication.k8s.io/v1, command: /nonexistent, interactiveMode: Never}}",
    ];
    for user in users {
        let said = said_in_the_open(user).await;
        assert!(
            !said
                .iter()
                .any(|header| header.starts_with("authorization")),
            "{user}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_to_impersonate_is_named_with_groups_uid_and_extras() {
    let user = "{as: alice, as-uid: '7', as-groups: [b, a], as-user-extra: {A/b: [x, y], c: null}}";
    let said = said_in_the_open(user).await;
    let said: Vec<_> = said
        .iter()
        .filter(|header| header.starts_with("impersonate"))
        .collect();
    assert_eq!(
        said,
        [
            "impersonate-user: alice",
            "impersonate-uid: 7",
            "impersonate-group: b",
            "impersonate-group: a",
            "impersonate-extra-a%2fb: x",
            "impersonate-extra-a%2fb: y",
        ]
    );
}

#[test]
fn c118_no_secret_of_a_user_is_in_debug_output() {
    // The helper looks for it in files, configurations and errors.
    let users = [
        "{token: hunter2}",
        "{tokenFile: token, token: hunter2}",
        "{username: me, password: hunter2}",
        "{exec: {apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: Never, \
           args: [hunter2], env: [{name: A, value: hunter2}]}}",
    ];
    for user in users {
        assert!(config(SERVER, user).is_ok(), "{user}");
    }
}
