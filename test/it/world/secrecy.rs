//! Whatever is secret stays in Secrets: not in objects, events, arguments, status or the log, at whatever level.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bitcoin_controller::bitcoin::WalletKeys;
use bitcoin_controller::sim::Key;
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::support::world::{NAMESPACE, Options, World, in_world};

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// What may be told to nobody, by what it is.
fn secrets(world: &World) -> BTreeMap<String, String> {
    let data = world.object("secrets", "alpha-rpc")["data"].clone();
    let mut secrets = BTreeMap::from([("the user's password".to_owned(), USERS.to_owned())]);
    for key in ["password", "previous-password", "wallet-seed"] {
        let encoded = data[key].as_str().unwrap();
        let bytes = STANDARD.decode(encoded).unwrap();
        secrets.insert(format!("{key} in base64"), encoded.to_owned());
        secrets.insert(key.to_owned(), String::from_utf8(bytes).unwrap());
    }
    let keys = WalletKeys::of_seed(&secrets["wallet-seed"]).unwrap();
    for descriptor in keys.descriptors() {
        let (key, _) = descriptor["wpkh(".len()..].split_once('/').unwrap();
        secrets.insert("the wallet's master key".to_owned(), key.to_owned());
    }
    let pairs = [
        ("bitcoin-controller", "password"),
        ("somebody", "the user's password"),
    ];
    for (user, name) in pairs {
        let header = STANDARD.encode(format!("{user}:{}", secrets[name]));
        secrets.insert(format!("{name} as sent"), header);
    }
    secrets
}

const USERS: &str = "correct-horse-battery";

/// Goal: the search finds what is there, so that finding nothing means something; then the whole life of
/// a network with a wallet: made, paid, unloaded, rotated, refused.
#[test]
fn nothing_secret_is_in_anything_but_secrets() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    // With one subscriber in the whole process, a line that another thread comes to first, where there is none,
    // would be switched off for all.
    let _another = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    tracing::subscriber::with_default(subscriber, || {
        for port_forward in [false, true] {
            let options = Options {
                port_forward,
                ..Options::default()
            };
            in_world(options, async |world| {
                live_through_much(world).await;
                let secrets = secrets(world);
                for (name, secret) in &secrets {
                    let found = everywhere(world, secret);
                    assert_eq!(found, ["secrets"; 0], "{name}");
                    assert!(!log.text().contains(secret), "the log has {name}");
                }
                let seed = world.object("secrets", "alpha-rpc")["data"]["wallet-seed"].clone();
                assert_eq!(found_in_secrets(world, seed.as_str().unwrap()), 1);
            });
        }
    });
    let text = log.text();
    for expected in [
        "TRACE",
        "DEBUG",
        "brought secret",
        "gave the node",
        "alpha-rpc",
    ] {
        assert!(text.contains(expected), "the log was not kept: {expected}");
    }
}

async fn live_through_much(world: &mut World) {
    world.secret(
        "mine",
        json!({"BC_RPC_USER": "somebody", "BC_RPC_PASSWORD": USERS}),
    );
    world.apply("alpha", json!({"nodes": 2, "secret": "mine", "wallet": {}}));
    world.settle().await;
    let key = Key::new(NAMESPACE, "alpha-rpc");
    world
        .store
        .update("secrets", &key, "kubectl", |secret| {
            secret["data"]["password"] = json!(STANDARD.encode("a-password-that-was-rotated"));
        })
        .unwrap();
    world.settle().await;
    let node = format!("{NAMESPACE}/alpha-sts-1");
    let faults = world.nodes.clone();
    faults.set_faults(&node, |faults| faults.refuses_credentials = true);
    world
        .until("the refusal is told", |world| {
            world.condition("alpha", "PodsReady") == "False Unauthorized"
        })
        .await;
    faults.set_faults(&node, |faults| faults.refuses_credentials = false);
    world.delete("secrets", "alpha-rpc");
    world.settle().await;
    world.assert_ready("alpha", 2);
}

/// The kinds of objects, other than Secrets, in which `word` stands.
fn everywhere(world: &World, word: &str) -> Vec<String> {
    let mut resources = world.store.resources();
    resources.retain(|resource| resource != "secrets");
    let has = |resource: &String| {
        let objects = world.store.list(resource);
        objects
            .iter()
            .any(|object: &Arc<Value>| object.to_string().contains(word))
    };
    resources.into_iter().filter(has).collect()
}

fn found_in_secrets(world: &World, word: &str) -> usize {
    let secrets = world.store.list("secrets");
    secrets
        .iter()
        .filter(|secret| secret.to_string().contains(word))
        .count()
}
