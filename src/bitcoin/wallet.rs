//! One wallet of a node: the few RPCs with which it is made, kept, and spent from.
//!
//! A node may have several wallets loaded; which is meant says the path of the request. The wallet is a
//! blank one into which [`WalletKeys`] are imported: the node then looks through its whole chain for
//! their money, which on a long chain takes longer than anybody waits. It goes on by itself;
//! [`WalletClient::state`] says how far it is.
//!
//! # Invariants
//! - A private descriptor is in the request that imports it and nowhere else: the node's words about it, which
//!   may quote it, are not passed on.
//! - Amounts are whole numbers of satoshi on the way in and out, never floating point.
//! - As everywhere, a call is sent once: a payment whose answer is lost may have been made.
//!
//! # Example
//! ```no_run
//! # async fn example(node: bitcoin_controller::bitcoin::RpcClient) -> Result<(), bitcoin_controller::bitcoin::Error> {
//! use bitcoin_controller::bitcoin::Amount;
//! let wallet = node.wallet("network");
//! let txid = wallet.send_to_address("bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", Amount::ONE_BTC, "a debt").await?;
//! println!("{} confirmations", wallet.confirmations(&txid).await?);
//! # Ok(()) }
//! ```
//!
//! # Source
//! Bitcoin Core `src/wallet/rpc/`, tag v29.0.

use std::time::Duration;

use rust_bitcoin::{Amount, Denomination, Txid};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny};
use serde_json::json;
use serde_json::value::RawValue;

use crate::bitcoin::error::Error;
use crate::bitcoin::rpc::{DEADLINE, RpcClient};
use crate::bitcoin::wallet_keys::WalletKeys;

/// How long a call may take that makes or loads a wallet, imports into it, or pays: the first two were measured
/// at 0.7 seconds, and the node does nothing else meanwhile.
pub const WALLET_DEADLINE: Duration = Duration::from_secs(10);

/// How many addresses of each kind a wallet watches from the start; it goes on by itself as they are used.
const FIRST_ADDRESSES: u32 = 100;

/// How many entries of a wallet's list are looked through for a payment; each block that was mined for it is one, too.
pub const PAYMENTS_SEARCHED: u32 = 1_000;

/// One wallet of one node.
#[derive(Clone, Debug)]
pub struct WalletClient {
    rpc: RpcClient,
    name: String,
}

/// What a wallet is doing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WalletState {
    /// It is there and up to date.
    Idle,
    /// It looks through the chain for its money, and how far it is, from 0 to 1.
    Scanning(f64),
}

/// The money of a wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Balances {
    /// What can be spent.
    #[serde(deserialize_with = "amount")]
    pub trusted: Amount,
    /// What is in transactions of others that are in no block yet.
    #[serde(rename = "untrusted_pending", deserialize_with = "amount")]
    pub pending: Amount,
    /// What was mined in the last hundred blocks.
    #[serde(deserialize_with = "amount")]
    pub immature: Amount,
}

impl WalletClient {
    pub(crate) fn new(node: &RpcClient, name: &str) -> Self {
        WalletClient {
            rpc: node.at_path(format!("/wallet/{name}")),
            name: name.to_owned(),
        }
    }

    /// What it is doing.
    ///
    /// # Errors
    /// As [`RpcClient::call`]; [`Error::is_wallet_missing`] if it is not loaded, [`Error::is_unknown_method`] if the
    /// node was built without wallets or has them switched off.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn state(&self) -> Result<WalletState, Error> {
        let info: Info = self.rpc.call("getwalletinfo", json!([]), DEADLINE).await?;
        Ok(match info.scanning {
            Scanning::Is { progress } => WalletState::Scanning(progress),
            Scanning::Not(_) => WalletState::Idle,
        })
    }

    /// Whether `address` is one of its own.
    ///
    /// # Errors
    /// As [`RpcClient::call`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn has_address(&self, address: &str) -> Result<bool, Error> {
        let params = json!([address]);
        let info: AddressInfo = self.rpc.call("getaddressinfo", params, DEADLINE).await?;
        Ok(info.is_mine)
    }

    /// Loads it, now and at each start of the node; one that is loaded is fine.
    ///
    /// # Errors
    /// As [`RpcClient::call`]; [`Error::is_wallet_missing`] if there is none of this name.
    ///
    /// # Cancel safety
    /// The node may still load it.
    pub async fn load(&self) -> Result<(), Error> {
        let params = json!([self.name, true]);
        match self.rpc.call("loadwallet", params, WALLET_DEADLINE).await {
            Err(error) if error.rpc_code() == Some(ALREADY_LOADED) => Ok(()),
            outcome => outcome.map(|_: IgnoredAny| ()),
        }
    }

    /// Creates it, without a key, to be loaded at each start of the node.
    ///
    /// # Errors
    /// As [`RpcClient::call`].
    ///
    /// # Cancel safety
    /// The node may still create it.
    pub async fn create(&self) -> Result<(), Error> {
        let params = json!({
            "wallet_name": self.name, "blank": true, "descriptors": true, "load_on_startup": true,
        });
        let created = self.rpc.call("createwallet", params, WALLET_DEADLINE).await;
        created.map(|_: IgnoredAny| ())
    }

    /// Gives it those of `keys` that it lacks, and has it look for their money in the whole chain. Returns
    /// whether it lacked any.
    ///
    /// One descriptor may have been taken before and the other one refused. What it has is not given again: a
    /// node refuses that once more addresses are in use than are given here. After a timeout it may be at the
    /// import still: [`state`](Self::state) says so.
    ///
    /// # Errors
    /// As [`RpcClient::call`]. No word of the node is in an error of this call.
    ///
    /// # Cancel safety
    /// The node goes on.
    pub async fn import(&self, keys: &WalletKeys) -> Result<bool, Error> {
        let [receive, change] = keys.descriptors();
        let mut requests = Vec::new();
        for (descriptor, first, is_change) in [
            (receive, keys.address(), false),
            (change, keys.change_address(), true),
        ] {
            if self.has_address(first).await? {
                continue;
            }
            requests.push(json!({
                "desc": descriptor,
                "active": true,
                "internal": is_change,
                "range": [0, FIRST_ADDRESSES - 1],
                // The chain may be older than the wallet: nobody knows by how much.
                "timestamp": 0,
            }));
        }
        if requests.is_empty() {
            return Ok(false);
        }
        let params = json!([requests]);
        let call = self.rpc.call("importdescriptors", params, WALLET_DEADLINE);
        let imported: Vec<Imported> = call.await.map_err(Error::without_words)?;
        match imported.iter().find_map(|one| one.error.as_ref()) {
            None => Ok(true),
            Some(refusal) => Err(self
                .rpc
                .refused("importdescriptors", refusal.code)
                .without_words()),
        }
    }

    /// A new address to be paid at, as of native segregated witness.
    ///
    /// # Errors
    /// As [`RpcClient::call`].
    ///
    /// # Cancel safety
    /// An address may have been used up.
    pub async fn new_address(&self) -> Result<String, Error> {
        let params = json!(["", "bech32"]);
        self.rpc.call("getnewaddress", params, DEADLINE).await
    }

    /// Its money.
    ///
    /// # Errors
    /// As [`RpcClient::call`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn balances(&self) -> Result<Balances, Error> {
        let all: AllBalances = self.rpc.call("getbalances", json!([]), DEADLINE).await?;
        Ok(all.mine)
    }

    /// Pays `amount` to `address`, and returns the transaction's id. The wallet keeps `comment` with the payment, and
    /// tells nobody of it.
    ///
    /// # Errors
    /// As [`RpcClient::call`]; [`Error::is_insufficient_funds`]. After a timeout or a broken connection the
    /// payment may have been made.
    ///
    /// # Cancel safety
    /// The payment may still be made.
    pub async fn send_to_address(
        &self,
        address: &str,
        amount: Amount,
        comment: &str,
    ) -> Result<Txid, Error> {
        let amount = amount.to_string_in(Denomination::Bitcoin);
        let params = json!([address, amount, comment]);
        let call = self.rpc.call("sendtoaddress", params, WALLET_DEADLINE);
        let Id(id) = call.await?;
        Ok(id)
    }

    /// The latest payment with `comment`, among the last [`PAYMENTS_SEARCHED`].
    ///
    /// # Errors
    /// As [`RpcClient::call`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn find_payment(&self, comment: &str) -> Result<Option<Txid>, Error> {
        let params = json!(["*", PAYMENTS_SEARCHED]);
        let call = self.rpc.call("listtransactions", params, DEADLINE);
        let listed: Vec<Listed> = call.await?;
        let mut latest = listed.into_iter().rev();
        let found = latest.find(|one| one.comment.as_deref() == Some(comment));
        Ok(found.map(|found| found.txid.0))
    }

    /// How many blocks confirm a transaction of this wallet; below zero if another one took its place.
    ///
    /// # Errors
    /// As [`RpcClient::call`]; code -5 if the wallet does not know the transaction.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn confirmations(&self, transaction: &Txid) -> Result<i64, Error> {
        let params = json!([transaction.to_string()]);
        let found: Confirmed = self.rpc.call("gettransaction", params, DEADLINE).await?;
        Ok(found.confirmations)
    }
}

/// `RPC_WALLET_ALREADY_LOADED`.
const ALREADY_LOADED: i64 = -35;

#[derive(Deserialize)]
struct Info {
    scanning: Scanning,
}

/// An object while it scans, otherwise `false`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scanning {
    Is { progress: f64 },
    Not(IgnoredAny),
}

#[derive(Deserialize)]
struct AddressInfo {
    #[serde(rename = "ismine")]
    is_mine: bool,
}

#[derive(Deserialize)]
struct Imported {
    #[serde(default)]
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    code: i64,
}

#[derive(Deserialize)]
struct AllBalances {
    mine: Balances,
}

#[derive(Deserialize)]
struct Confirmed {
    confirmations: i64,
}

#[derive(Deserialize)]
struct Listed {
    txid: Id,
    #[serde(default)]
    comment: Option<String>,
}

struct Id(Txid);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map(Id)
            .map_err(|_| D::Error::custom("not a transaction's id"))
    }
}

/// An amount as the node writes it: a number with eight decimals, read as text.
fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
    let text = Box::<RawValue>::deserialize(deserializer)?;
    Amount::from_str_in(text.get(), Denomination::Bitcoin)
        .map_err(|_| D::Error::custom("not an amount"))
}
