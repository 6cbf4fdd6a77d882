//! The RPC methods about wallets, with bitcoind's codes and words.
//!
//! Those that make, load and list wallets are about the node; the others are about one wallet, which the path
//! names, `/wallet/NAME`, or which is the only one that is loaded.
//!
//! # Invariants
//! - A node started with `-disablewallet` has none of these methods.
//!
//! # Source
//! Bitcoin Core `src/wallet/rpc/`, tag v29.0. **What differs**: `createwallet` makes blank wallets, whether or not it is
//! asked to; there are no payments, so the only coins are those that were mined.

use std::time::Duration;

use rust_bitcoin::{Address, Amount, Denomination};
use serde_json::{Value, json};

use crate::sim::bitcoind::chain::{self, Chain};
use crate::sim::bitcoind::jsonrpc::RpcError;
use crate::sim::bitcoind::node::Node;
use crate::sim::bitcoind::params::{MISC_ERROR, Params};
use crate::sim::bitcoind::wallets::WalletFile;

type Answer = Result<Value, RpcError>;

/// Every method here, and the names of its arguments.
pub(super) const METHODS: &[(&str, &[&str])] = &[
    (
        "createwallet",
        &[
            "wallet_name",
            "disable_private_keys",
            "blank",
            "passphrase",
            "avoid_reuse",
            "descriptors",
            "load_on_startup",
            "external_signer",
        ],
    ),
    ("loadwallet", &["filename", "load_on_startup"]),
    ("unloadwallet", &["wallet_name", "load_on_startup"]),
    ("listwallets", &[]),
    ("getwalletinfo", &[]),
    ("importdescriptors", &["requests"]),
    ("getaddressinfo", &["address"]),
    ("getnewaddress", &["label", "address_type"]),
    ("getbalances", &[]),
];

/// Runs one of them.
pub(super) async fn call(node: &Node, path: Option<&str>, method: &str, params: &Params) -> Answer {
    match method {
        "createwallet" => create(node, params).await,
        "loadwallet" => load(node, params).await,
        "unloadwallet" => unload(node, path, params),
        "listwallets" => Ok(json!(node.wallets.names())),
        "getwalletinfo" => about_one(node, path, |name, _| Ok(info(name))),
        "importdescriptors" => about_one(node, path, |_, file| import(file, params)),
        "getaddressinfo" => about_one(node, path, |_, file| address_info(file, params)),
        "getnewaddress" => about_one(node, path, |_, file| new_address(file, params)),
        _ => about_one(node, path, |_, file| balances(&node.seat.chain(), file)),
    }
}

async fn create(node: &Node, params: &Params) -> Answer {
    let name = params.text(0)?;
    let is_loaded_at_start = params.has(6) && params.flag(6)?;
    tokio::time::sleep(UNTIL_OPENED).await;
    if !node.wallets.create(name, is_loaded_at_start) {
        let message = format!(
            "Wallet file verification failed. Failed to create database path '/data/regtest/wallets/{name}'. Database already exists."
        );
        return Err(RpcError::new(WALLET_ERROR, message));
    }
    Ok(json!({"name": name}))
}

async fn load(node: &Node, params: &Params) -> Answer {
    let name = params.text(0)?;
    let load_on_startup = match params.has(1) {
        true => Some(params.flag(1)?),
        false => None,
    };
    match node.wallets.load(name, load_on_startup) {
        Some(true) => {
            tokio::time::sleep(UNTIL_OPENED).await;
            Ok(json!({"name": name}))
        }
        Some(false) => {
            let message = format!("Wallet \"{name}\" is already loaded.");
            Err(RpcError::new(ALREADY_LOADED, message))
        }
        None => {
            let message = format!(
                "Wallet file verification failed. Failed to load database path '/data/regtest/wallets/{name}'. Path does not exist."
            );
            Err(RpcError::new(WALLET_NOT_FOUND, message))
        }
    }
}

fn unload(node: &Node, path: Option<&str>, params: &Params) -> Answer {
    let name = match path {
        Some(name) => name,
        None => params.text(0)?,
    };
    match node.wallets.unload(name) {
        true => Ok(json!({})),
        false => Err(not_loaded()),
    }
}

/// Finds the wallet that is meant.
fn about_one(
    node: &Node,
    path: Option<&str>,
    work: impl FnOnce(&str, &mut WalletFile) -> Answer,
) -> Answer {
    let names = node.wallets.names();
    let name = match (path, names.as_slice()) {
        (Some(name), _) => name,
        (None, [only]) => only,
        (None, []) => {
            let message = "No wallet is loaded. Load a wallet using loadwallet or create a new one with createwallet. (Note: A default wallet is no longer automatically created)";
            return Err(RpcError::new(WALLET_NOT_FOUND, message));
        }
        (None, _) => {
            let message = "Multiple wallets are loaded. Please select which wallet to use by requesting the RPC through the /wallet/<walletname> URI path.";
            return Err(RpcError::new(WALLET_NOT_SPECIFIED, message));
        }
    };
    let found = node.wallets.with(name, |file| work(name, file));
    found.unwrap_or_else(|| Err(not_loaded()))
}

fn not_loaded() -> RpcError {
    let message = "Requested wallet does not exist or is not loaded";
    RpcError::new(WALLET_NOT_FOUND, message)
}

fn info(name: &str) -> Value {
    json!({
        "walletname": name,
        "format": "sqlite",
        "private_keys_enabled": true,
        "descriptors": true,
        "scanning": false,
    })
}

fn import(file: &mut WalletFile, params: &Params) -> Answer {
    let requests = params.list(0)?;
    let one = |request: &Value| {
        let is_change = request["internal"].as_bool().unwrap_or(false);
        let next = request["next_index"].as_u64().unwrap_or(0);
        let text = request["desc"].as_str().unwrap_or_default();
        match file.import(text, is_change, usize::try_from(next).unwrap_or(0)) {
            true => json!({"success": true}),
            false => {
                let message = "Descriptor not found";
                let error = json!({"code": INVALID_ADDRESS_OR_KEY, "message": message});
                json!({"success": false, "error": error})
            }
        }
    };
    Ok(requests.iter().map(one).collect())
}

fn address_info(file: &WalletFile, params: &Params) -> Answer {
    let address = params.text(0)?;
    let script = chain::script_of(address)
        .ok_or_else(|| RpcError::new(INVALID_ADDRESS_OR_KEY, "Invalid address"))?;
    let is_mine = file.owns(&script);
    Ok(json!({
        "address": address,
        "scriptPubKey": script.to_hex_string(),
        "ismine": is_mine,
        "solvable": is_mine,
        "iswatchonly": false,
        "iswitness": script.is_witness_program(),
    }))
}

fn new_address(file: &mut WalletFile, params: &Params) -> Answer {
    if params.has(1) && params.text(1)? != "bech32" {
        let message = format!("Unknown address type '{}'", params.text(1)?);
        return Err(RpcError::new(INVALID_ADDRESS_OR_KEY, message));
    }
    let address: Option<Address> = file.new_address();
    let no_keys = || RpcError::new(WALLET_ERROR, "Error: This wallet has no available keys");
    address
        .map(|address| json!(address.to_string()))
        .ok_or_else(no_keys)
}

fn balances(chain: &Chain, file: &WalletFile) -> Answer {
    let (mut trusted, mut immature) = (Amount::ZERO, Amount::ZERO);
    for height in 1..=chain.height() {
        let hash = chain.hash_at(height);
        let Some(entry) = hash.and_then(|hash| chain.entry(&hash)) else {
            continue;
        };
        let outputs = entry.block.txdata.iter().flat_map(|one| &one.output);
        let own: Amount = outputs
            .filter(|output| file.owns(&output.script_pubkey))
            .map(|output| output.value)
            .sum();
        match chain.height() - height >= MATURITY {
            true => trusted += own,
            false => immature += own,
        }
    }
    let mine = json!({
        "trusted": number(trusted)?,
        "untrusted_pending": number(Amount::ZERO)?,
        "immature": number(immature)?,
    });
    Ok(json!({"mine": mine}))
}

/// An amount as bitcoind writes it: a number with eight decimals.
fn number(amount: Amount) -> Answer {
    let text = amount.to_string_in(Denomination::Bitcoin);
    serde_json::from_str(&text).map_err(|error| RpcError::new(MISC_ERROR, error.to_string()))
}

/// How long a node takes to open a wallet's file, and does nothing else for it.
const UNTIL_OPENED: Duration = Duration::from_millis(700);

/// So many blocks have to follow one before its reward can be spent.
const MATURITY: usize = 100;

const INVALID_ADDRESS_OR_KEY: i64 = -5;
const WALLET_ERROR: i64 = -4;
const WALLET_NOT_FOUND: i64 = -18;
const WALLET_NOT_SPECIFIED: i64 = -19;
const ALREADY_LOADED: i64 = -35;
