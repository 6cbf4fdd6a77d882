//! Certificates that are replaced while a client is at work.

use std::path::PathBuf;
use std::time::Duration;

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::api::core::Pod;
use bitcoin_controller::client::connections::{LOOK_EVERY, LOOK_WHILE_WATCHING};
use bitcoin_controller::client::{Client, Error, Scope, WatchParams, WatchStream};
use bitcoin_controller::http::Endpoint;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::time::{Instant, advance};

use super::server::{Reply, Server, Then};
use super::tls::{CA, OBJECT, acceptor, config, fixture};
use super::{TemporaryDirectory, chain};

/// A server that wants a certificate, and a client that shows the one in a directory.
struct Setting {
    directory: TemporaryDirectory,
    server: Server,
    client: Client,
}

impl Setting {
    fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        let directory = TemporaryDirectory::new();
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("tls.crt"), fixture("client-sec1.crt")).unwrap();
        std::fs::write(path("tls.key"), fixture("client-sec1.key")).unwrap();
        let endpoint = Endpoint::new("kube.test", 6443);
        let server = Server::start_at(endpoint, Some(acceptor(true)), replies);
        let user = format!(
            "client-certificate: {}, client-key: {}",
            path("tls.crt").display(),
            path("tls.key").display()
        );
        let client = server.client_of(config("https://kube.test:6443", CA, &user));
        Setting {
            directory,
            server,
            client,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Puts the content of `fixture` where the client looks for `name`.
    fn replace(&self, name: &str, with: &str) {
        std::fs::write(self.path(name), fixture(with)).unwrap();
    }

    async fn get(&self) -> Result<Pod, Error> {
        self.client.get(&ObjectKey::new("x", "a")).await
    }

    async fn watch(&self) -> WatchStream<Pod> {
        let params = WatchParams::default();
        self.client.watch(&Scope::All, &params).await.unwrap()
    }

    /// Whose certificate was shown on each connection, in order.
    fn shown(&self) -> Vec<&'static str> {
        let names = ["client-sec1.crt", "client-pkcs8.crt"];
        let known = names.map(|name| {
            (
                name,
                CertificateDer::from_pem_slice(&fixture(name)).unwrap(),
            )
        });
        let name = |shown: Vec<u8>| {
            let mut known = known.iter();
            known.find(|(_, known)| known.as_ref() == shown).unwrap().0
        };
        self.server.certificates().into_iter().map(name).collect()
    }
}

const OLD: &str = "client-sec1.crt";
const NEW: &str = "client-pkcs8.crt";

fn silent_watch() -> Reply {
    Reply::chunked([""], Then::Hang)
}

#[tokio::test(start_paused = true)]
async fn c121_a_renewed_pair_is_shown_by_the_next_request_and_ends_the_watches_on_the_old_one() {
    let answers = [
        Reply::ok(OBJECT),
        silent_watch(),
        Reply::ok(OBJECT),
        silent_watch(),
    ];
    let setting = Setting::new(answers);
    setting.get().await.unwrap();
    let mut watch = setting.watch().await;
    assert_eq!(setting.shown(), [OLD, OLD]);

    setting.replace("tls.crt", "client-pkcs8.crt");
    setting.replace("tls.key", "client-pkcs8.key");
    advance(LOOK_EVERY).await;
    setting.get().await.unwrap();
    assert_eq!(setting.shown(), [OLD, OLD, NEW]);
    let started = Instant::now();
    let error = watch.next().await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Connection { .. }), "{error:?}");
    assert!(
        chain(&error).contains("has been replaced"),
        "{}",
        chain(&error)
    );
    assert_eq!(started.elapsed(), Duration::ZERO);
    assert!(watch.next().await.is_none());

    let _watch = setting.watch().await;
    assert_eq!(setting.shown(), [OLD, OLD, NEW, NEW]);
}

/// What a writer leaves behind half-way, in any order: the old pair serves until the new one is whole.
#[tokio::test(start_paused = true)]
async fn c121_a_half_written_pair_keeps_the_old_one() {
    let setting = Setting::new(std::iter::repeat_n(Reply::ok(OBJECT), 8));
    setting.get().await.unwrap();
    let whole = fixture("client-pkcs8.crt");
    let halves: [(&str, Option<&[u8]>); 5] = [
        ("tls.crt", Some(b"")),
        ("tls.crt", Some(&whole[..whole.len() / 2])),
        ("tls.crt", Some(&whole)),
        ("tls.key", None),
        ("tls.key", Some(b"-----BEGIN PRIVATE KEY-----\n")),
    ];
    for (name, content) in halves {
        match content {
            Some(content) => std::fs::write(setting.path(name), content).unwrap(),
            None => std::fs::remove_file(setting.path(name)).unwrap(),
        }
        advance(LOOK_EVERY).await;
        setting.get().await.unwrap();
        assert_eq!(setting.shown(), [OLD], "the connection of before is used");
    }
    setting.replace("tls.key", "client-pkcs8.key");
    advance(LOOK_EVERY).await;
    setting.get().await.unwrap();
    assert_eq!(setting.shown(), [OLD, NEW]);
}

#[tokio::test(start_paused = true)]
async fn c121_a_watch_looks_by_itself_when_nobody_asks_for_anything() {
    let setting = Setting::new([silent_watch(), silent_watch()]);
    let mut watch = setting.watch().await;
    let started = Instant::now();
    setting.replace("tls.crt", "client-pkcs8.crt");
    setting.replace("tls.key", "client-pkcs8.key");
    watch.next().await.unwrap().unwrap_err();
    assert_eq!(started.elapsed(), LOOK_WHILE_WATCHING);
    let _watch = setting.watch().await;
    assert_eq!(setting.shown(), [OLD, NEW]);
}

#[tokio::test(start_paused = true)]
async fn c121_files_written_anew_with_the_same_content_change_nothing() {
    let setting = Setting::new([Reply::ok(OBJECT), Reply::ok(OBJECT)]);
    setting.get().await.unwrap();
    setting.replace("tls.crt", "client-sec1.crt");
    setting.replace("tls.key", "client-sec1.key");
    advance(LOOK_EVERY).await;
    setting.get().await.unwrap();
    assert_eq!(setting.shown(), [OLD]);
}

#[tokio::test(start_paused = true)]
async fn c121_a_renewed_authority_is_trusted_and_an_unreadable_one_changes_nothing() {
    let directory = TemporaryDirectory::new();
    let authority = directory.path().join("ca.crt");
    std::fs::write(&authority, fixture("other-ca.crt")).unwrap();
    let endpoint = Endpoint::new("kube.test", 6443);
    let replies = std::iter::repeat_n(Reply::ok(OBJECT), 2);
    let server = Server::start_at(endpoint, Some(acceptor(false)), replies);
    let cluster = format!("certificate-authority: {}", authority.display());
    let client = server.client_of(config("https://kube.test:6443", &cluster, ""));
    let key = ObjectKey::new("x", "a");
    assert!(client.get::<Pod>(&key).await.is_err());

    std::fs::write(&authority, fixture("ca.crt")).unwrap();
    advance(LOOK_EVERY).await;
    client.get::<Pod>(&key).await.unwrap();
    std::fs::write(&authority, "").unwrap();
    advance(LOOK_EVERY).await;
    client.get::<Pod>(&key).await.unwrap();
    assert_eq!(server.greetings().len(), 1);
}
