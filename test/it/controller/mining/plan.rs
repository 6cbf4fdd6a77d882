//! Goal: what cannot be is refused by name, and what can be is planned as it was meant.

use bitcoin_controller::api::MicroTime;
use bitcoin_controller::api::network::{NextBlock, WalletStatus};
use bitcoin_controller::controller::mining::plan;
use serde_json::{Value, json};

use super::super::build::{NETWORK_UID, network};
use super::{NOW, next, plan_of, planned};

fn refusal(mining: Value) -> String {
    planned(json!({"nodes": 3, "mining": mining}))
        .unwrap_err()
        .to_string()
}

#[test]
fn what_cannot_be_is_refused_and_the_field_is_named() {
    assert_eq!(planned(json!({"nodes": 3})).unwrap(), None);
    for (mining, says) in [
        (
            json!({"interval": "10"}),
            "`mining.interval`: not a duration",
        ),
        (
            json!({"interval": "100ms"}),
            "`mining.interval`: it must be from 200ms to 720h",
        ),
        (
            json!({"poissonMean": "721h"}),
            "`mining.poissonMean`: it must be from 200ms to 720h",
        ),
        (
            json!({"interval": "1s", "poissonMean": "1s"}),
            "one of them only",
        ),
        (json!({"untilHeight": -1}), "`mining.untilHeight`: it is -1"),
        (
            json!({"miners": [{"ordinal": 0, "weight": -2}]}),
            "`mining.miners`: a weight is -2",
        ),
        (
            json!({"address": "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"}),
            "`mining.address`: ",
        ),
        (
            json!({"address": "nonsense"}),
            "`mining.address`: `nonsense` is no address",
        ),
    ] {
        let refusal = refusal(mining);
        assert!(refusal.starts_with("InvalidSpec: "), "{refusal}");
        assert!(refusal.contains(says), "{refusal}");
    }
}

#[test]
fn a_wallet_alone_asks_for_the_blocks_that_make_its_money_spendable() {
    let plan = plan_of(json!({"nodes": 3, "wallet": {}}));
    assert_eq!((plan.at_once, plan.pace), (101, None));
    let both = json!({"nodes": 3, "wallet": {}, "mining": {"interval": "1m", "untilHeight": 200}});
    let plan = plan_of(both);
    assert_eq!(plan.at_once, 101);
    assert!(plan.asks_for(101) && plan.asks_for(200) && !plan.asks_for(201));
    let shorter = plan_of(json!({"nodes": 3, "wallet": {}, "mining": {"untilHeight": 50}}));
    assert_eq!(shorter.at_once, 101);
}

#[test]
fn who_is_paid_is_the_address_else_the_wallet_else_anybody_another_for_each_node() {
    let paid = |spec, wallet: Option<&WalletStatus>, node| {
        let network = network(spec);
        let payout = plan::payout(network.spec.valid().unwrap(), wallet, node).unwrap();
        payout.map(|script| script.to_hex_string())
    };
    let address = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
    let script = "0014751e76e8199196d454941c45d1b3a323f1433bd6";
    let given = json!({"nodes": 2, "wallet": {}, "mining": {"address": address}});
    assert_eq!(paid(given, None, 1).as_deref(), Some(script));

    let with_wallet = || json!({"nodes": 2, "wallet": {}});
    assert_eq!(paid(with_wallet(), None, 1), None, "it has no address yet");
    let wallet = WalletStatus {
        address: Some(address.to_owned()),
        ..WalletStatus::default()
    };
    let found = paid(with_wallet(), Some(&wallet), 1);
    assert_eq!(found.as_deref(), Some(script));

    let anybody = |node| paid(json!({"nodes": 2, "mining": {}}), None, node);
    assert_ne!(anybody(0), anybody(1));
    assert_eq!(anybody(0), anybody(0));
}

#[test]
fn the_extra_nonce_is_the_reservations_own() {
    let nonce = |uid, next: &NextBlock, height| plan::extra_nonce(uid, next, height);
    let one = next(6, 0);
    let mut later = one.clone();
    later.time = MicroTime::from_unix_micros(NOW);
    assert_eq!(
        nonce(NETWORK_UID, &one, 6),
        nonce(NETWORK_UID, &one.clone(), 6)
    );
    assert_ne!(nonce(NETWORK_UID, &one, 6), nonce(NETWORK_UID, &one, 5));
    assert_ne!(nonce(NETWORK_UID, &one, 6), nonce(NETWORK_UID, &later, 6));
    assert_ne!(nonce(NETWORK_UID, &one, 6), nonce("another", &one, 6));
}
