//! Mirrors `src/testing`; `tracker` is what stands behind the fake.

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::client::{Client, Config};
use bitcoin_controller::testing::{Action, Fake};
use serde_json::{Value, json};

mod action;
mod fake;
mod reaction;
mod relay;
mod tracker;

fn client(fake: &Fake) -> Client {
    let config = Config::plain("http://fake").unwrap();
    Client::new(config, fake.transport()).unwrap()
}

/// What was sent, for people.
fn sent(fake: &Fake) -> Vec<String> {
    fake.actions().iter().map(Action::to_string).collect()
}

fn named(name: &str) -> Value {
    json!({"metadata": {"name": name}})
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new("default", name)
}
