//! Whom we trust, under which name, and what we show.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::api::core::Pod;
use bitcoin_controller::client::config::Error as ConfigError;
use bitcoin_controller::client::kubeconfig::Kubeconfig;
use bitcoin_controller::client::tls::{Identity, Pem, TlsSettings};
use bitcoin_controller::client::{Client, Config, Error};
use bitcoin_controller::http::Endpoint;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio_rustls::TlsAcceptor;

use super::server::{Reply, Server};
use super::{TemporaryDirectory, chain};

pub(super) fn fixture(name: &str) -> Vec<u8> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("test/fixtures/tls");
    std::fs::read(fixtures.join(name)).unwrap()
}

/// The server's end of TLS; it asks for a client certificate only if it `wants_certificate`.
pub(super) fn acceptor(wants_certificate: bool) -> TlsAcceptor {
    TlsAcceptor::from(Arc::new(server_config(wants_certificate)))
}

pub(super) fn server_config(wants_certificate: bool) -> rustls::ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if wants_certificate {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(&fixture("ca.crt")).unwrap())
            .unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let certificate = CertificateDer::from_pem_slice(&fixture("server.crt")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(&fixture("server.key")).unwrap();
    builder.with_single_cert(vec![certificate], key).unwrap()
}

pub(super) fn config(server: &str, cluster: &str, user: &str) -> Config {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("test/fixtures/tls");
    let (cluster, user) = (cluster, user);
    let replace = |text: &str| text.replace("TLS", fixtures.to_str().unwrap());
    let directory = TemporaryDirectory::new();
    let path = directory.path().join("config");
    let text = format!(
        "current-context: a\nclusters: [{{name: a, cluster: {{server: '{server}', {}}}}}]\n\
         users: [{{name: a, user: {{{}}}}}]\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n",
        replace(cluster),
        replace(user),
    );
    std::fs::write(&path, text).unwrap();
    Kubeconfig::read(&path).unwrap().config(None).unwrap()
}

pub(super) const OBJECT: &str = r#"{"metadata":{"name":"a"}}"#;
pub(super) const CA: &str = "certificate-authority: TLS/ca.crt";

/// One request to a TLS server at `host`, and what came of it.
async fn visit(
    host: &str,
    cluster: &str,
    user: &str,
    wants_certificate: bool,
) -> (Result<Pod, Error>, Server) {
    let endpoint = Endpoint::new(host, 6443);
    let url = format!("https://{endpoint}");
    let server = Server::start_at(
        endpoint,
        Some(acceptor(wants_certificate)),
        [Reply::ok(OBJECT)],
    );
    let client = server.client_of(config(&url, cluster, user));
    let outcome = client.get::<Pod>(&ObjectKey::new("x", "a")).await;
    (outcome, server)
}

#[tokio::test(start_paused = true)]
async fn c120_a_server_of_the_given_authority_is_trusted_by_name_and_by_address() {
    for host in ["kube.test", "127.0.0.1", "::1"] {
        let (outcome, _) = visit(host, CA, "token: hunter2", false).await;
        assert!(outcome.is_ok(), "{host}: {outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn c120_another_authority_or_name_is_not_trusted_and_nothing_is_sent() {
    let cases = [
        ("kube.test", "certificate-authority: TLS/other-ca.crt"),
        ("other.test", CA),
        ("127.0.0.2", CA),
        (
            "kube.test",
            "certificate-authority: TLS/ca.crt, tls-server-name: other.test",
        ),
    ];
    for (host, cluster) in cases {
        let (outcome, server) = visit(host, cluster, "token: hunter2", false).await;
        let error = outcome.unwrap_err();
        assert!(chain(&error).contains("certificate"), "{}", chain(&error));
        assert!(server.lines().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn c120_tls_server_name_is_what_is_asked_for_and_what_is_verified() {
    let cluster = "certificate-authority: TLS/ca.crt, tls-server-name: kube.test";
    for host in ["other.test", "10.0.0.1"] {
        let (outcome, server) = visit(host, cluster, "", false).await;
        assert!(outcome.is_ok(), "{host}: {outcome:?}");
        assert_eq!(server.greetings(), [(Some("kube.test".to_owned()), 0)]);
    }
}

#[test]
fn c120_an_authority_together_with_trusting_anyone_is_refused() {
    let both = TlsSettings {
        roots: Some(Pem::data(fixture("ca.crt"))),
        is_insecure: true,
        ..TlsSettings::default()
    };
    let error = both.client_config().unwrap_err();
    assert!(
        error.to_string().contains("without verification"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn not_verifying_still_sends_the_name() {
    let (outcome, server) = visit("other.test", "insecure-skip-tls-verify: true", "", false).await;
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!(server.greetings(), [(Some("other.test".to_owned()), 0)]);
}

#[tokio::test(start_paused = true)]
async fn client_keys_are_read_in_three_forms() {
    for form in ["pkcs8", "pkcs1", "sec1"] {
        let user =
            format!("client-certificate: TLS/client-{form}.crt, client-key: TLS/client-{form}.key");
        let (outcome, server) = visit("kube.test", CA, &user, true).await;
        assert!(outcome.is_ok(), "{form}: {outcome:?}");
        assert_eq!(server.greetings(), [(Some("kube.test".to_owned()), 1)]);
    }
    let (outcome, _) = visit("kube.test", CA, "", true).await;
    assert!(outcome.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_token_goes_over_tls_and_never_over_an_open_line() {
    let (_, server) = visit("kube.test", CA, "token: hunter2", false).await;
    assert_eq!(
        server.seen()[0].header("authorization"),
        Some("Bearer hunter2")
    );
    let open = Server::start([Reply::ok(OBJECT)]);
    let client = open.client_of(config("http://api", "", "token: hunter2"));
    client.get::<Pod>(&ObjectKey::new("x", "a")).await.unwrap();
    assert_eq!(open.seen()[0].header("authorization"), None);
}

#[tokio::test(start_paused = true)]
async fn c119_a_renewed_token_is_sent_within_a_minute() {
    let directory = TemporaryDirectory::new();
    let path = directory.path().join("token");
    std::fs::write(&path, "one\n").unwrap();
    let endpoint = Endpoint::new("kube.test", 6443);
    let replies = std::iter::repeat_n(Reply::ok(OBJECT), 3);
    let server = Server::start_at(endpoint, Some(acceptor(false)), replies);
    let user = format!("tokenFile: {}", path.display());
    let client = server.client_of(config("https://kube.test:6443", CA, &user));
    let key = ObjectKey::new("x", "a");
    client.get::<Pod>(&key).await.unwrap();
    std::fs::write(&path, "two\n").unwrap();
    client.get::<Pod>(&key).await.unwrap();
    tokio::time::advance(Duration::from_secs(50)).await;
    client.get::<Pod>(&key).await.unwrap();
    let seen = server.seen();
    let tokens: Vec<_> = seen
        .iter()
        .filter_map(|seen| seen.header("authorization"))
        .collect();
    assert_eq!(tokens, ["Bearer one", "Bearer one", "Bearer two"]);
}

#[test]
fn c118_no_secret_is_in_debug_output() {
    let proxied = format!("{CA}, proxy-url: 'http://me:hunter2@proxy.test:3128'");
    let users = [
        "token: hunter2",
        "username: me, password: hunter2",
        "client-certificate: TLS/client-sec1.crt, client-key: TLS/client-sec1.key",
    ];
    let key = String::from_utf8(fixture("client-sec1.key")).unwrap();
    let key_line = key.lines().nth(1).unwrap();
    for user in users {
        let config = config("https://kube.test:6443", &proxied, user);
        let client = Client::connect(config.clone()).unwrap();
        let shown = format!("{config:?} {client:?}");
        assert!(shown.contains("kube.test"), "{shown}");
        for secret in ["hunter2", key_line, "aHVudGVyM", "bWU6"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[test]
fn certificates_and_keys_that_cannot_be_used_are_named() {
    let pem = |text: &str| Some(Pem::data(text));
    let bad_pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let identity = |certificate: &str, key: &str| TlsSettings {
        roots: Some(Pem::data(fixture("ca.crt"))),
        identity: Some(Identity::Pair {
            certificate: Pem::data(fixture(certificate)),
            key: Pem::data(fixture(key)),
        }),
        ..TlsSettings::default()
    };
    let roots = |roots| TlsSettings {
        roots,
        ..TlsSettings::default()
    };
    let table = [
        (
            roots(pem("")),
            "the certificate authority holds no certificate",
        ),
        (
            roots(pem(bad_pem)),
            "the certificate authority cannot be used",
        ),
        (
            roots(pem("-----BEGIN CERTIFICATE-----\n*")),
            "the certificate authority is not in PEM form",
        ),
        (
            identity("client-sec1.crt", "client-pkcs8.key"),
            "the client certificate or its key cannot be used",
        ),
        (
            identity("client-sec1.crt", "client-sec1.crt"),
            "the client key is no PKCS#8, PKCS#1 or SEC1 key",
        ),
        (
            identity("client-sec1.key", "client-sec1.key"),
            "the client certificate holds no certificate",
        ),
    ];
    for (settings, text) in table {
        let error = settings.client_config().unwrap_err();
        assert!(error.to_string().starts_with(text), "{error}");
        assert!(!format!("{settings:?}").contains("BEGIN PRIVATE"));
    }
    let odd = TlsSettings {
        server_name: Some("a b".to_owned()),
        ..TlsSettings::default()
    };
    assert!(matches!(odd.server_name(), Err(ConfigError::Invalid(_))));
}
