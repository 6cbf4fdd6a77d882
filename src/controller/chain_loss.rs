//! A chain that is gone is said to be gone.
//!
//! A chain is wherever a node has it. If all nodes of a network lose theirs at the same time, the next block
//! anybody sees is genesis, and whoever waits for his payment waits for ever. Nothing can be done about it, so it
//! has to be said, with what would have helped. The status remembers the chain: its height and tip stay as they
//! were until every node has said otherwise, however many passes, and controllers, that takes.
//!
//! # Invariants
//! - It is said only when every wanted node answers, all are below the height the status told, and none knows
//!   the block that was the tip. So a network that reorganises, or whose blocks somebody has invalidated, is
//!   not suspected: a node keeps the blocks it has left.
//! - It is said once: with it the status forgets the old chain.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tracing::warn;

use crate::api::BitcoinNetwork;
use crate::api::network::BitcoinNetworkStatus;
use crate::bitcoin::RpcClient;
use crate::bitcoin::rpc::DEADLINE;
use crate::controller::reconciler::NetworkReconciler;
use crate::controller::status::Sight;

/// Whether the chain that the status tells of is still there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Chain {
    /// Nothing speaks against it.
    #[default]
    There,
    /// It seems to be gone, but somebody could not be asked.
    Doubtful,
    /// It is gone: what is to be said of it.
    Gone(String),
}

/// The height and tip that the status should tell: what is seen, or what was told before while some node
/// that may know better has not been heard.
pub fn told(sight: &Sight, before: &BitcoinNetworkStatus) -> (Option<i64>, Option<String>) {
    let kept = || (before.height, before.tip.clone());
    let Some(best) = sight.best() else {
        return kept();
    };
    let is_lower = before.height.is_some_and(|height| best.blocks < height);
    if is_lower && (!sight.all_answer() || sight.old_chain == Chain::Doubtful) {
        return kept();
    }
    let tip = best.best_block_hash.to_string();
    let is_known = sight.one_tip() || (!sight.all_answer() && before.tip.as_deref() == Some(&*tip));
    (Some(best.blocks), is_known.then_some(tip))
}

/// The height that was told, if every node is below it.
pub fn suspected(sight: &Sight, before: &BitcoinNetworkStatus) -> Option<i64> {
    let height = before.height?;
    let best = sight.best()?;
    (sight.all_answer() && best.blocks < height).then_some(height)
}

impl NetworkReconciler {
    /// Looks whether the chain that the status tells of is still there.
    pub(crate) async fn look_for_chain(
        &self,
        network: &BitcoinNetwork,
        clients: &BTreeMap<i32, RpcClient>,
        sight: &Sight,
    ) -> Chain {
        let before = &network.status;
        let (Some(was), Some(best)) = (suspected(sight, before), sight.best()) else {
            return Chain::There;
        };
        match &before.tip {
            // The nodes did not agree when they were last heard: only genesis leaves no doubt.
            None if best.blocks > 0 => return Chain::There,
            None => {}
            Some(tip) => {
                for rpc in clients.values() {
                    let asked = rpc.call::<Value>("getblockheader", json!([tip]), DEADLINE);
                    match asked.await {
                        Ok(_) => return Chain::There,
                        Err(error) if error.rpc_code() == Some(BLOCK_NOT_FOUND) => {}
                        Err(_) => return Chain::Doubtful,
                    }
                }
            }
        }
        let has_storage = network
            .spec
            .valid()
            .is_some_and(|spec| spec.storage.is_some());
        let why = if has_storage {
            "what a node has not flushed when it is killed is lost, and no other node had it"
        } else {
            "without `storage` a chain lives only as long as one of its pods, and what a node has not flushed is lost when it is killed"
        };
        let now = best.blocks;
        warn!(was, now, "the network has lost its chain");
        Chain::Gone(format!(
            "the network was at height {was} and is at height {now}: no node knows the block that was the tip; {why}"
        ))
    }
}

/// "Block not found".
const BLOCK_NOT_FOUND: i64 = -5;
