//! What a node makes of wallets, pretend or real.

use bitcoin_controller::bitcoin::wallet::WalletState;
use bitcoin_controller::bitcoin::{Amount, WalletClient, WalletKeys};
use serde_json::json;

use super::scenarios::ALICE;
use crate::support::nodes::{Node, Nodes};

fn keys() -> WalletKeys {
    WalletKeys::of_seed(&"5eed".repeat(16)).unwrap()
}

/// A wallet with the keys, made as the controller makes it.
async fn with_keys(node: &Node) -> WalletClient {
    let wallet = node.rpc.wallet("network");
    wallet.create().await.unwrap();
    assert!(wallet.import(&keys()).await.unwrap());
    wallet
}

pub async fn a_wallet_is_there_once_it_was_made_or_loaded(nodes: Nodes) {
    let node = nodes.start(0, &[]).await;
    let wallet = node.rpc.wallet("network");
    assert!(wallet.state().await.unwrap_err().is_wallet_missing());
    assert!(wallet.load().await.unwrap_err().is_wallet_missing());
    wallet.create().await.unwrap();
    assert_eq!(wallet.state().await.unwrap(), WalletState::Idle);
    assert_eq!(wallet.create().await.unwrap_err().rpc_code(), Some(-4));
    assert_eq!(
        node.call("listwallets", json!([])).await,
        json!(["network"])
    );
    wallet.load().await.unwrap();
    node.call("unloadwallet", json!(["network"])).await;
    assert!(wallet.state().await.unwrap_err().is_wallet_missing());
    wallet.load().await.unwrap();
    assert_eq!(wallet.state().await.unwrap(), WalletState::Idle);
    assert_eq!(wallet.new_address().await.unwrap_err().rpc_code(), Some(-4));
}

pub async fn the_path_says_which_wallet_is_meant(nodes: Nodes) {
    let node = nodes.start(0, &[]).await;
    let asked = async || node.try_call("getwalletinfo", json!([])).await;
    assert_eq!(asked().await, Err(-18));
    node.rpc.wallet("one").create().await.unwrap();
    assert_eq!(asked().await.unwrap()["walletname"], "one");
    node.rpc.wallet("two").create().await.unwrap();
    assert_eq!(asked().await, Err(-19));
    assert!(node.rpc.wallet("two").state().await.is_ok());
}

pub async fn the_keys_are_the_same_on_both_sides(nodes: Nodes) {
    let node = nodes.start(0, &[]).await;
    let wallet = with_keys(&node).await;
    assert!(wallet.has_address(keys().address()).await.unwrap());
    assert!(!wallet.has_address(ALICE).await.unwrap());
    assert_eq!(wallet.new_address().await.unwrap(), keys().address());
    let second = wallet.new_address().await.unwrap();
    assert_ne!(second, keys().address());
    assert!(!wallet.import(&keys()).await.unwrap(), "it has them all");
    assert!(wallet.has_address(&second).await.unwrap());
}

pub async fn money_from_before_the_wallet_is_found(nodes: Nodes) {
    let node = nodes.start(0, &[]).await;
    node.mine(3, keys().address()).await;
    node.mine(99, ALICE).await;
    let wallet = with_keys(&node).await;
    let coins = |n: u64| Amount::from_sat(n * 5_000_000_000);
    let balances = wallet.balances().await.unwrap();
    assert_eq!((balances.trusted, balances.immature), (coins(2), coins(1)));
    node.mine(2, keys().address()).await;
    let balances = wallet.balances().await.unwrap();
    assert_eq!((balances.trusted, balances.immature), (coins(3), coins(2)));
    assert_eq!(balances.pending, Amount::ZERO);
}

pub async fn a_wallet_is_loaded_again_at_the_start(nodes: Nodes) {
    let node = nodes.start(0, &[]).await;
    node.mine(1, keys().address()).await;
    with_keys(&node).await;
    nodes.stop(node).await;
    let node = nodes.start(0, &[]).await;
    let wallet = node.rpc.wallet("network");
    assert_eq!(wallet.state().await.unwrap(), WalletState::Idle);
    assert!(wallet.has_address(keys().address()).await.unwrap());
    let balances = wallet.balances().await.unwrap();
    assert_eq!(balances.immature, Amount::from_sat(5_000_000_000));
}

pub async fn a_node_without_wallets_says_so(nodes: Nodes) {
    let node = nodes.start(0, &["-disablewallet"]).await;
    let wallet = node.rpc.wallet("network");
    assert!(wallet.state().await.unwrap_err().is_unknown_method());
    assert!(wallet.create().await.unwrap_err().is_unknown_method());
}
