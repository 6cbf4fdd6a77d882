//! The network's wallet: on one node, with the keys of the network's Secret, there again whatever happens to the node.
//!
//! A wallet is not restored, it is wanted: on each pass the node is asked whether it has the wallet and the wallet
//! whether it has our first addresses, and what is missing is done. A node that was restarted loads the wallet by
//! itself; one that lost its disk gets a new one with the same keys, and finds the money in the chain.
//!
//! ```text
//!   state? ─ not loaded ─> load ─ there is none ─> create ─┐
//!     └─ loaded ─────────────────────────────────────────────┴─> has our addresses? ─ no ─> import, look through the chain
//! ```
//!
//! # Invariants
//! - Each step may be cut short and taken again; what the node goes on with is found by the next pass.
//! - A step takes at most `STEP_DEADLINE`: a wallet that scans holds up nothing else.
//! - The address in the status follows from the keys alone: blocks may be mined to it before the wallet is there.
//! - A wallet is never unloaded or deleted: it may hold what nobody has elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use tracing::info;

use crate::api::network::{BitcoinNetworkSpec, WalletStatus};
use crate::api::{BitcoinNetwork, Resource};
use crate::bitcoin::wallet::WalletState;
use crate::bitcoin::{Error, RpcClient, WalletClient, WalletKeys};
use crate::controller::desired::WALLET_NAME;
use crate::controller::nodes::Answer;
use crate::controller::own_secret::Own;
use crate::controller::reasons;
use crate::controller::reconciler::NetworkReconciler;
use crate::controller::status::Sight;

/// How long a pass works on the wallet; what takes longer goes on at the node.
const STEP_DEADLINE: Duration = Duration::from_secs(6);

/// What was seen of the wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletSight {
    /// What the status says of it.
    pub status: WalletStatus,
    /// Why it cannot be used, if it cannot: reason and message.
    pub trouble: Option<(&'static str, String)>,
}

impl NetworkReconciler {
    /// Sees to it that the wallet that is asked for is there. Returns whether the node was made to do something.
    pub(crate) async fn keep_wallet(
        &self,
        network: &BitcoinNetwork,
        spec: &BitcoinNetworkSpec,
        own: &Own,
        clients: &BTreeMap<i32, RpcClient>,
        sight: &mut Sight,
    ) -> bool {
        let Some(asked) = &spec.wallet else {
            return false;
        };
        let node = asked.ordinal;
        let outcome = match (&own.wallet, clients.get(&node)) {
            _ if node >= spec.nodes => Err((
                reasons::WALLET_NODE_MISSING,
                format!(
                    "the wallet is to be on node {node}, and there are {} nodes",
                    spec.nodes
                ),
            )),
            (None, _) => {
                let refused = own.refusal.as_ref().map(|refusal| &refusal.message);
                let message = own.seed_trouble.as_ref().or(refused).cloned();
                Err((reasons::SECRET_INCOMPLETE, message.unwrap_or_default()))
            }
            (Some(keys), Some(rpc)) if sight.answers.get(&node).is_some_and(Answer::is_full) => {
                let wallet = rpc.wallet(WALLET_NAME);
                match tokio::time::timeout(STEP_DEADLINE, keep(&wallet, keys)).await {
                    Ok(outcome) => outcome.map_err(|error| trouble(node, &error)),
                    Err(_) => Ok(Kept::Busy),
                }
            }
            _ => Err((
                reasons::WALLET_NODE_NOT_READY,
                format!("node {node}, which has the wallet, does not answer"),
            )),
        };
        if outcome == Ok(Kept::Made) {
            info!(network = %network.key(), node, "gave the node the network's wallet");
            let message =
                format!("node {node} has the wallet `{WALLET_NAME}` with the keys of the network");
            self.tell(network, reasons::WALLET_LOADED, message);
        }
        let has_acted = matches!(outcome, Ok(Kept::Made | Kept::Busy));
        sight.wallet = Some(WalletSight {
            status: WalletStatus {
                node,
                name: WALLET_NAME.to_owned(),
                address: own.wallet.as_ref().map(|keys| keys.address().to_owned()),
            },
            trouble: match outcome {
                Ok(Kept::There | Kept::Made) => None,
                Ok(Kept::Scanning(percent)) => Some((
                    reasons::WALLET_SCANNING,
                    format!("the wallet looks for its money in the chain, {percent} % done"),
                )),
                Ok(Kept::Busy) => Some((
                    reasons::WALLET_SCANNING,
                    format!("node {node} is busy with the wallet"),
                )),
                Err(trouble) => Some(trouble),
            },
        });
        has_acted
    }
}

/// How a wallet was found, or what it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    There,
    Made,
    /// So many percent of the chain have been looked through.
    Scanning(u8),
    /// The node has not said yet that it is done.
    Busy,
}

async fn keep(wallet: &WalletClient, keys: &WalletKeys) -> Result<Kept, Error> {
    let state = match wallet.state().await {
        Err(error) if error.is_wallet_missing() => {
            load_or_create(wallet).await?;
            wallet.state().await?
        }
        state => state?,
    };
    if let WalletState::Scanning(progress) = state {
        return Ok(Kept::Scanning(percent(progress)));
    }
    match wallet.import(keys).await? {
        true => Ok(Kept::Made),
        false => Ok(Kept::There),
    }
}

async fn load_or_create(wallet: &WalletClient) -> Result<(), Error> {
    match wallet.load().await {
        Err(error) if error.is_wallet_missing() => wallet.create().await,
        outcome => outcome,
    }
}

/// A fraction as whole percent.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is brought into the range first"
)]
fn percent(progress: f64) -> u8 {
    (progress.clamp(0.0, 1.0) * 100.0) as u8
}

fn trouble(node: i32, error: &Error) -> (&'static str, String) {
    if error.is_unknown_method() {
        let message = format!(
            "node {node} has no wallets: its bitcoind was built without them, or has `-disablewallet`"
        );
        return (reasons::WALLET_UNSUPPORTED, message);
    }
    (reasons::WALLET_FAILED, format!("node {node}: {error}"))
}
