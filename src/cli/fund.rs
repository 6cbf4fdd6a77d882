//! `bitcoin-controller fund`: money from a network's wallet to an address of yours.
//!
//! # Invariants
//! - An amount is exact: whole satoshi, from the text to the node.
//! - A payment is sent once. It carries a mark of its own, so when the answer is lost the wallet can be asked
//!   whether it was made; what is still not known then is said, and nothing is tried again.
//! - Standard output has the transaction's id and nothing else.
//!
//! # Example
//! ```text
//! $ bitcoin-controller fund my-network bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080 0.5 --confirm
//! waiting: Mining: at height 57 of 101
//! mined a block, since nothing else does
//! the payment is in a block
//! 5c3e7b0f0d3b6a5d8c2a1f…
//! ```

use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use rust_bitcoin::address::NetworkUnchecked;
use rust_bitcoin::{Address, Denomination};
use tokio::time::{Instant, sleep};

use crate::api::BitcoinNetwork;
use crate::base::{Random, Report};
use crate::bitcoin::{Amount, Error, RpcClient, Txid, WalletClient};
use crate::cli::btc;
use crate::cli::network::{self, Network};

/// How often it is looked whether something has come.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long a payment whose answer was lost is looked for: it may still wait for its turn at the node.
const LOOK_FOR: Duration = Duration::from_secs(15);

#[derive(Debug, Args)]
pub(super) struct Flags {
    /// The network, which must have a wallet (`spec.wallet`)
    network: String,

    /// Who is paid: a regtest address
    #[arg(value_parser = address)]
    address: String,

    /// How much, in BTC, with up to eight decimals
    #[arg(value_parser = amount)]
    amount: Amount,

    /// Wait until the payment is in a block; one is mined for it unless the network mines at a pace, or is paused
    #[arg(long)]
    confirm: bool,

    /// How many seconds to wait for the network, and then for the block
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    timeout: u32,

    #[command(flatten)]
    place: network::NetworkFlags,
}

/// What is to be paid.
#[derive(Clone, Debug)]
pub struct Payment {
    /// To whom.
    pub address: String,
    /// How much.
    pub amount: Amount,
    /// Whether to see to it that it gets into a block.
    pub confirm: bool,
    /// How long to wait for the network, and then for the block.
    pub patience: Duration,
}

pub(super) async fn run(flags: Flags) -> Result<Txid, Report> {
    let network = flags.place.network(&flags.network)?;
    let payment = Payment {
        address: flags.address,
        amount: flags.amount,
        confirm: flags.confirm,
        patience: Duration::from_secs(flags.timeout.into()),
    };
    let mut tell = |line: &str| eprintln!("{line}");
    pay(&network, &payment, &Random::os(), &mut tell).await
}

/// Pays from the wallet of `network`; `tell` hears what goes on.
///
/// # Errors
/// The network has no wallet, is not ready in time, has not enough money, or it is not known whether the
/// payment was made; the report says which, and what to do.
///
/// # Cancel safety
/// The payment may be made.
pub async fn pay(
    network: &Network,
    payment: &Payment,
    random: &Random,
    tell: &mut dyn FnMut(&str),
) -> Result<Txid, Report> {
    let found = until_ready(network, payment.patience, tell).await?;
    let Some(wallet) = &found.status.wallet else {
        return Err(no_wallet(network));
    };
    let credentials = network.credentials().await?;
    let node = network.node(&found, wallet.node, &credentials)?;
    let client = node.wallet(&wallet.name);
    let txid = send(&client, payment, random).await?;
    if payment.confirm {
        let payout = wallet.address.as_deref().unwrap_or(&payment.address);
        let outcome = match mine_for(&found, &node, payout, tell).await {
            Ok(()) => until_confirmed(&client, &txid, payment.patience, tell).await,
            refused => refused,
        };
        outcome.map_err(|why| {
            Report::new(format!(
                "paid, by transaction {txid}, which is not known to be in a block: {why}"
            ))
        })?;
    }
    Ok(txid)
}

/// Waits until all that was asked of the network holds, its wallet and the blocks for it included.
async fn until_ready(
    network: &Network,
    patience: Duration,
    tell: &mut dyn FnMut(&str),
) -> Result<BitcoinNetwork, Report> {
    let deadline = Instant::now() + patience;
    let mut told = String::new();
    loop {
        let found = network.read().await?;
        let has_wallet = |found: &BitcoinNetwork| {
            let spec = found.spec.valid();
            spec.is_some_and(|spec| spec.wallet.is_some())
        };
        if !has_wallet(&found) {
            return Err(no_wallet(network));
        }
        // A status that is about an older spec says nothing about the wallet that was just asked for.
        let is_seen = found.status.observed_generation == Some(found.metadata.generation);
        if is_seen && found.status.is_true("Ready") {
            return Ok(found);
        }
        let why = match found.status.condition("Ready") {
            Some(ready) if is_seen => format!("{}: {}", ready.reason, ready.message),
            _ => "the controller has not looked at it".to_owned(),
        };
        if Instant::now() >= deadline {
            let message = format!(
                "network `{}` is not ready after {patience:?}: {why}",
                network.key
            );
            return Err(Report::new(message));
        }
        if why != told {
            tell(&format!("waiting: {why}"));
            told = why;
        }
        sleep(LOOK_EVERY).await;
    }
}

fn no_wallet(network: &Network) -> Report {
    let (namespace, name) = (&network.key.namespace, &network.key.name);
    Report::new(format!(
        "network `{}` has no wallet; give it one: kubectl --namespace {namespace} patch bitcoinnetwork {name} --type merge --patch '{{\"spec\":{{\"wallet\":{{}}}}}}'",
        network.key
    ))
}

/// Sends once. If the answer is lost, the wallet is asked for the payment with our mark.
async fn send(wallet: &WalletClient, payment: &Payment, random: &Random) -> Result<Txid, Report> {
    let mark = format!("fund {:016x}", random.next_u64());
    let sent = wallet.send_to_address(&payment.address, payment.amount, &mark);
    let error = match sent.await {
        Ok(txid) => return Ok(txid),
        Err(error) => error,
    };
    if error.is_insufficient_funds() {
        return Err(not_enough(wallet, payment).await);
    }
    if !may_have_been_carried_out(&error) {
        return Err(error.into());
    }
    let found = match look_for(wallet, &mark).await {
        Ok(Some(txid)) => return Ok(txid),
        Ok(None) => format!("the wallet shows no such payment within {LOOK_FOR:?}"),
        Err(asking) => asking.to_string(),
    };
    Err(Report::new(format!(
        "it is not known whether {} was paid: {error}; and then: {found}. Before paying again look for a payment with the comment `{mark}` in `listtransactions` of the wallet",
        btc(payment.amount)
    )))
}

/// The payment with `mark`, as soon as the wallet shows it.
async fn look_for(wallet: &WalletClient, mark: &str) -> Result<Option<Txid>, Error> {
    let deadline = Instant::now() + LOOK_FOR;
    loop {
        let found = wallet.find_payment(mark).await?;
        if found.is_some() || Instant::now() >= deadline {
            return Ok(found);
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Whether the node may have done what it did not answer.
fn may_have_been_carried_out(error: &Error) -> bool {
    error.rpc_code().is_none() && !error.is_unauthorized() && !error.is_forbidden()
}

async fn not_enough(wallet: &WalletClient, payment: &Payment) -> Report {
    let wanted = btc(payment.amount);
    match wallet.balances().await {
        Ok(money) => Report::new(format!(
            "the wallet cannot pay {wanted} and the fee: it has {} to spend; {} more were mined in the last 100 blocks and can be spent when 100 stand on them",
            btc(money.trusted),
            btc(money.immature),
        )),
        Err(_) => Report::new(format!("the wallet cannot pay {wanted} and the fee")),
    }
}

/// Mines a block on the wallet's node, unless blocks come by themselves or none are to come.
async fn mine_for(
    network: &BitcoinNetwork,
    node: &RpcClient,
    payout: &str,
    tell: &mut dyn FnMut(&str),
) -> Result<(), Report> {
    let mining = network.spec.valid().and_then(|spec| spec.mining.as_ref());
    if mining.is_some_and(|mining| mining.paused) {
        return Err(Report::new(
            "the network's mining is paused, so no block is mined for it (`spec.mining.paused`)",
        ));
    }
    let paced = mining.filter(|mining| {
        let has_pace = mining.interval.is_some() || mining.poisson_mean.is_some();
        let is_over = mining
            .until_height
            .is_some_and(|until| network.status.height >= Some(until));
        has_pace && !is_over
    });
    if paced.is_some() {
        tell("waiting for a block: the network mines at its own pace");
        return Ok(());
    }
    node.generate_to_address(1, payout).await?;
    tell("mined a block, since nothing else does");
    Ok(())
}

async fn until_confirmed(
    wallet: &WalletClient,
    txid: &Txid,
    patience: Duration,
    tell: &mut dyn FnMut(&str),
) -> Result<(), Report> {
    let deadline = Instant::now() + patience;
    while wallet.confirmations(txid).await? < 1 {
        if Instant::now() >= deadline {
            return Err(Report::new(format!("none had it after {patience:?}")));
        }
        sleep(LOOK_EVERY).await;
    }
    tell("the payment is in a block");
    Ok(())
}

/// An address that a regtest network can pay.
fn address(text: &str) -> Result<String, String> {
    let read = Address::<NetworkUnchecked>::from_str(text).map_err(|error| error.to_string())?;
    if !read.is_valid_for_network(rust_bitcoin::Network::Regtest) {
        return Err("it is an address of another chain; those of regtest begin with `bcrt1`, `m`, `n` or `2`".to_owned());
    }
    Ok(text.to_owned())
}

fn amount(text: &str) -> Result<Amount, String> {
    let amount =
        Amount::from_str_in(text, Denomination::Bitcoin).map_err(|error| error.to_string())?;
    match amount {
        Amount::ZERO => Err("nothing would be paid".to_owned()),
        amount if amount > Amount::MAX_MONEY => Err("there is not that much money".to_owned()),
        amount => Ok(amount),
    }
}
