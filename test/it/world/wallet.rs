//! The network's wallet and the network's Secret: made once, kept up, and there again after whatever happens.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bitcoin_controller::bitcoin::{Amount, WalletKeys};
use bitcoin_controller::sim::Key;
use serde_json::{Value, json};

use crate::support::world::{NAMESPACE, Options, World, in_world};

/// The values of the network's Secret.
fn secret(world: &World, network: &str) -> serde_json::Map<String, Value> {
    let secret = world.object("secrets", &format!("{network}-rpc"));
    let mut data = secret["data"].as_object().unwrap().clone();
    for value in data.values_mut() {
        let bytes = STANDARD.decode(value.as_str().unwrap()).unwrap();
        *value = String::from_utf8(bytes).unwrap().into();
    }
    data
}

fn change_secret(world: &World, change: impl Fn(&mut Value)) {
    let key = Key::new(NAMESPACE, "alpha-rpc");
    world
        .store
        .update("secrets", &key, "kubectl", |secret| change(secret))
        .unwrap();
}

/// The address to which blocks are to be mined.
fn payout(world: &World) -> String {
    let status = &world.network("alpha")["status"];
    status["wallet"]["address"].as_str().unwrap().to_owned()
}

async fn mature_coins(world: &World, ordinal: usize) -> u64 {
    let wallet = world.rpc("alpha", ordinal).wallet("network");
    wallet.balances().await.unwrap().trusted.to_sat() / Amount::ONE_BTC.to_sat() / 50
}

#[test]
fn a_wallet_that_is_asked_for_is_there_with_the_keys_of_the_secret() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 3, "wallet": {"ordinal": 1}}));
        world.settle().await;
        world.assert_ready("alpha", 3);
        assert_eq!(world.condition("alpha", "WalletReady"), "True WalletLoaded");
        let seed = secret(world, "alpha")["wallet-seed"].clone();
        let keys = WalletKeys::of_seed(seed.as_str().unwrap()).unwrap();
        assert_eq!(
            world.network("alpha")["status"]["wallet"],
            json!({"node": 1, "name": "network", "address": keys.address()})
        );
        assert_eq!(mature_coins(world, 1).await, 1, "it has money to spend");
        assert!(world.reasons("alpha").contains(&"WalletLoaded".to_owned()));
    });
}

/// Its disk is gone, and its peers have the chain.
#[test]
fn the_money_is_back_after_the_pod_was_lost() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 3, "wallet": {}}));
        world.settle().await;
        let address = payout(world);
        world
            .rpc("alpha", 0)
            .generate_to_address(1, &address)
            .await
            .unwrap();
        world.settle().await;
        assert_eq!(mature_coins(world, 0).await, 2);
        world.delete("pods", "alpha-sts-0");
        world.settle().await;
        world.assert_ready("alpha", 3);
        assert_eq!(payout(world), address);
        assert_eq!(mature_coins(world, 0).await, 2);
    });
}

#[test]
fn a_wallet_that_was_unloaded_is_loaded_again_and_one_may_move() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 2, "wallet": {}}));
        world.settle().await;
        let node = world.rpc("alpha", 0);
        let params = json!(["network"]);
        let deadline = std::time::Duration::from_secs(5);
        node.call::<Value>("unloadwallet", params, deadline)
            .await
            .unwrap();
        world.settle().await;
        assert_eq!(mature_coins(world, 0).await, 1);
        let address = payout(world);
        world.apply("alpha", json!({"wallet": {"ordinal": 1}}));
        world.settle().await;
        world.assert_ready("alpha", 2);
        assert_eq!(payout(world), address);
        assert_eq!(mature_coins(world, 1).await, 1);
        world.apply("alpha", json!({"wallet": null}));
        world.settle().await;
        world.assert_ready("alpha", 2);
        assert_eq!(world.network("alpha")["status"]["wallet"], Value::Null);
        assert_eq!(world.condition("alpha", "WalletReady"), "");
        assert_eq!(mature_coins(world, 1).await, 1, "it is left alone");
    });
}

#[test]
fn a_wallet_that_cannot_be_is_told() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 2, "wallet": {"ordinal": 2}}));
        world.settle().await;
        assert_eq!(world.condition("alpha", "Ready"), "False WalletNodeMissing");
        assert_eq!(world.condition("alpha", "PodsReady"), "True AllNodesAnswer");
        world.apply("alpha", json!({"nodes": 3}));
        world.settle().await;
        world.assert_ready("alpha", 3);
        let node = format!("{NAMESPACE}/alpha-sts-2");
        world.nodes.set_faults(&node, |faults| faults.hung = true);
        world
            .until("the silence is told", |world| {
                world.condition("alpha", "WalletReady") == "False WalletNodeNotReady"
            })
            .await;
        world.nodes.set_faults(&node, |faults| faults.hung = false);
        world.settle().await;
        world.assert_ready("alpha", 3);
    });
}

#[test]
fn a_node_without_wallets_is_told() {
    in_world(Options::default(), async |world| {
        let spec = json!({"nodes": 1, "wallet": {}, "extraArgs": ["-disablewallet"]});
        world.apply("alpha", spec);
        world.settle().await;
        assert_eq!(
            world.condition("alpha", "WalletReady"),
            "False WalletsUnsupported"
        );
        world.apply("alpha", json!({"extraArgs": []}));
        world.settle().await;
        world.assert_ready("alpha", 1);
    });
}

/// It is told once, and what is there is not replaced: money may lie at its addresses.
#[test]
fn a_seed_that_is_none_is_told_and_kept() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 1, "wallet": {}}));
        world.settle().await;
        change_secret(world, |secret| {
            secret["data"]["wallet-seed"] = json!(STANDARD.encode("mislaid"));
        });
        world.settle().await;
        assert_eq!(
            world.condition("alpha", "WalletReady"),
            "False SecretIncomplete"
        );
        assert!(
            world
                .message("alpha", "WalletReady")
                .contains("`wallet-seed`")
        );
        assert_eq!(secret(world, "alpha")["wallet-seed"], "mislaid");
        world.apply("alpha", json!({"nodes": 2}));
        world.settle().await;
        assert_eq!(world.event_types("alpha", "SecretOutdated"), ["Warning"]);
        assert!(
            secret(world, "alpha").contains_key("node-1-rpc"),
            "what has nothing to do with the seed is kept up"
        );
        change_secret(world, |secret| {
            secret["data"]
                .as_object_mut()
                .unwrap()
                .remove("wallet-seed");
        });
        world.settle().await;
        world.assert_ready("alpha", 2);
    });
}

#[test]
fn a_wallet_that_has_only_half_of_its_keys_gets_the_rest() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 1}));
        world.settle().await;
        let seed = "5".repeat(64);
        change_secret(world, |secret| {
            secret["data"]["wallet-seed"] = json!(STANDARD.encode(&seed));
        });
        let keys = WalletKeys::of_seed(&seed).unwrap();
        let node = world.rpc("alpha", 0);
        let wallet = node.wallet("network");
        wallet.create().await.unwrap();
        let [receive, _] = keys.descriptors();
        let params = json!([[{
            "desc": receive, "active": true, "internal": false, "range": [0, 99], "timestamp": 0,
        }]]);
        let deadline = std::time::Duration::from_secs(5);
        node.call::<Value>("importdescriptors", params, deadline)
            .await
            .unwrap();
        assert!(wallet.has_address(keys.address()).await.unwrap());
        assert!(!wallet.has_address(keys.change_address()).await.unwrap());
        world.apply("alpha", json!({"wallet": {}}));
        world.settle().await;
        world.assert_ready("alpha", 1);
        assert!(wallet.has_address(keys.change_address()).await.unwrap());
    });
}

#[test]
fn the_secret_says_where_each_node_is_and_follows_their_number() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 2}));
        world.settle().await;
        let before = secret(world, "alpha");
        assert_eq!(before["host"], "alpha-svc.default.svc");
        assert_eq!(
            before["node-host"],
            "alpha-sts-{ordinal}.alpha-svc.default.svc"
        );
        for (key, port) in [
            ("rpc", 18443),
            ("p2p", 18444),
            ("zmq-block", 28332),
            ("zmq-tx", 28333),
        ] {
            assert_eq!(before[&format!("{key}-port")], port.to_string());
            assert_eq!(
                before[&format!("node-1-{key}")],
                format!("alpha-sts-1.alpha-svc.default.svc:{port}")
            );
        }
        assert!(!before.contains_key("wallet-seed") && !before.contains_key("wallet-rpc"));
        world.apply("alpha", json!({"nodes": 4, "wallet": {"ordinal": 3}}));
        world.settle().await;
        let grown = secret(world, "alpha");
        assert_eq!(
            grown["wallet-rpc"],
            "http://alpha-sts-3.alpha-svc.default.svc:18443/wallet/network"
        );
        assert!(grown.contains_key("node-3-zmq-tx"));
        world.apply("alpha", json!({"nodes": 2, "wallet": null}));
        world.settle().await;
        let mut shrunk = secret(world, "alpha");
        assert!(
            shrunk.remove("wallet-seed").is_some(),
            "it may be needed again"
        );
        assert_eq!(
            shrunk, before,
            "nothing else has changed, least of all the password"
        );
    });
}

#[test]
fn the_secret_of_an_older_version_is_completed_and_no_pod_is_replaced() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 2}));
        world.settle().await;
        let (uids, whole) = (world.uids("alpha"), secret(world, "alpha"));
        let is_new = |key: &str| {
            key == "node-host" || key.starts_with("node-0") || key.starts_with("node-1")
        };
        change_secret(world, |secret| {
            let data = secret["data"].as_object_mut().unwrap();
            data.retain(|key, _| !is_new(key));
            data.insert("notes".to_owned(), json!(STANDARD.encode("mine")));
        });
        world.kill_controller();
        world.start_controller();
        world.settle().await;
        let mut now = secret(world, "alpha");
        assert_eq!(
            now.remove("notes"),
            Some(json!("mine")),
            "what others add stays"
        );
        assert_eq!(now, whole);
        assert_eq!(world.uids("alpha"), uids);
    });
}

/// Nodes need none of those keys: a network is not held up for them.
#[test]
fn a_secret_that_cannot_be_completed_is_told_once_and_holds_nothing_up() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 2}));
        world.settle().await;
        change_secret(world, |secret| {
            secret["data"].as_object_mut().unwrap().remove("node-1-rpc");
            secret["immutable"] = json!(true);
        });
        world.settle().await;
        world.assert_ready("alpha", 2);
        assert!(!secret(world, "alpha").contains_key("node-1-rpc"));
        assert!(
            world
                .reasons("alpha")
                .contains(&"SecretOutdated".to_owned())
        );
        world.apply("alpha", json!({"wallet": {}}));
        world.settle().await;
        assert_eq!(world.condition("alpha", "Ready"), "False SecretIncomplete");
        assert!(!secret(world, "alpha").contains_key("wallet-seed"));
        world.delete("secrets", "alpha-rpc");
        world.settle().await;
        world.assert_ready("alpha", 2);
    });
}

#[test]
fn a_rotated_password_replaces_the_pods_and_leaves_the_money_where_it_is() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 3, "wallet": {}}));
        world.settle().await;
        let (address, uids) = (payout(world), world.uids("alpha"));
        let seed = secret(world, "alpha")["wallet-seed"].clone();
        change_secret(world, |secret| {
            secret["data"]["password"] = json!(STANDARD.encode("another password"));
        });
        world.settle().await;
        world.assert_ready("alpha", 3);
        for (before, after) in uids.iter().zip(world.uids("alpha")) {
            assert_ne!(*before, after, "each pod was replaced");
        }
        let now = secret(world, "alpha");
        assert_eq!(now["password"], "another password");
        assert_eq!((now["wallet-seed"].clone(), payout(world)), (seed, address));
        assert_eq!(mature_coins(world, 0).await, 1);
    });
}

#[test]
fn a_secret_that_is_deleted_comes_back_the_same_while_it_is_remembered() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 2, "wallet": {}}));
        world.settle().await;
        // Others than a controller with this seed would make up again.
        change_secret(world, |secret| {
            secret["data"]["password"] = json!(STANDARD.encode("chosen"));
            secret["data"]["wallet-seed"] = json!(STANDARD.encode("5".repeat(64)));
        });
        world.settle().await;
        world.assert_ready("alpha", 2);
        let before = secret(world, "alpha");
        world.delete("secrets", "alpha-rpc");
        world.settle().await;
        world.assert_ready("alpha", 2);
        assert_eq!(secret(world, "alpha"), before);
        // Nothing is in memory then: password and seed are made anew.
        world.kill_controller();
        world.delete("secrets", "alpha-rpc");
        world.start_controller();
        world.settle().await;
        let after = secret(world, "alpha");
        assert_ne!(after["password"], before["password"]);
        // The chain is worth more than to go on without: somebody has to say what the nodes accept.
        assert_eq!(world.condition("alpha", "Ready"), "False Unauthorized");
        assert!(
            world
                .message("alpha", "Ready")
                .contains("`previous-password`")
        );
        change_secret(world, |secret| {
            secret["data"]["previous-password"] = json!(STANDARD.encode("chosen"));
        });
        world.settle().await;
        world.assert_ready("alpha", 2);
        assert_eq!(world.network("alpha")["status"]["height"], 101);
        assert_ne!(after["wallet-seed"], before["wallet-seed"]);
        let keys = WalletKeys::of_seed(after["wallet-seed"].as_str().unwrap()).unwrap();
        assert_eq!(payout(world), keys.address());
    });
}
