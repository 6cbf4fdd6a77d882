//! Blocks that were in a node's best chain and are no longer: found out, and told once.
//!
//! When a network is healed the shorter chain gives way, and whoever built on it should hear of it. The
//! status says which tip each node had; when that differs from the tip it has now, the node is asked
//! where the old one stands. If it is not in the best chain any more, its forebears are asked for until
//! one is.
//!
//! ```text
//!   100 ─ 101 ─ 102 ─ 103      before: tip 103     dropped: 2 blocks, 102 and 103
//!           └── 102'─ 103'─ 104'  now: tip 104'
//! ```
//!
//! # Invariants
//! - What was told is in the status that was written with it: a new controller does not tell it again.
//! - A node that was started anew, or whose chain was lost, has not reorganised: it is another pod, or
//!   does not know the old block.
//!
//! # What differs
//! Tips are written now and then, not with every block: a reorganisation of blocks that no status has
//! shown is not noticed.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, info};

use crate::api::network::BitcoinNetworkStatus;
use crate::api::{BitcoinNetwork, Resource};
use crate::bitcoin::{BlockHash, Error, RpcClient};
use crate::controller::memory::Memory;
use crate::controller::reasons;
use crate::controller::reconciler::NetworkReconciler;
use crate::controller::status::{self, Sight};

/// So many dropped blocks are bad news: most applications take a payment under six for final.
pub const DEEP: u32 = 6;

/// How far back the last common block is looked for.
const LONGEST_WALK: u32 = 200;

/// How long may be spent on counting in a pass, which has a status to write.
const WALK_DEADLINE: Duration = Duration::from_secs(3);

/// How many different reorganisations are looked into at once; when nodes heal there are one or two.
const MOST_AT_ONCE: usize = 8;

/// Some nodes that have gone from one chain to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reorganisation {
    /// Their ordinals.
    pub nodes: Vec<i32>,
    /// The tip they had: height and hash.
    pub from: (i64, String),
    /// The tip they have.
    pub to: (i64, String),
    /// How many blocks of the old chain are not in the new one, as far as they were counted.
    pub n_dropped: u32,
    /// Whether they were counted to the last.
    pub is_counted_out: bool,
}

impl Reorganisation {
    /// What happened, for a person.
    pub fn message(&self) -> String {
        let (nodes, n_dropped) = (status::name(&self.nodes), self.n_dropped);
        let (from, from_hash) = &self.from;
        let (to, to_hash) = &self.to;
        let at_least = if self.is_counted_out { "" } else { "at least " };
        let blocks = if n_dropped == 1 { "block" } else { "blocks" };
        format!(
            "{nodes} dropped {at_least}{n_dropped} {blocks}: from height {from} ({from_hash}) to height {to} ({to_hash})"
        )
    }
}

/// The nodes whose tip is another than `before`, by old and new tip. A pod that is another has another
/// chain, and is none of them.
pub fn moved(before: &BitcoinNetworkStatus, next: &BitcoinNetworkStatus) -> Vec<Reorganisation> {
    let mut moved = BTreeMap::<_, Vec<i32>>::new();
    for node in &next.nodes {
        let old = before
            .nodes
            .iter()
            .find(|old| old.ordinal == node.ordinal && old.pod_uid == node.pod_uid);
        if let Some(old) = old
            && let (Some(from), Some(to)) = (&old.tip, &node.tip)
            && from != to
        {
            let from = (old.height.unwrap_or_default(), from.clone());
            let to = (node.height.unwrap_or_default(), to.clone());
            moved.entry((from, to)).or_default().push(node.ordinal);
        }
    }
    moved
        .into_iter()
        .map(|((from, to), nodes)| Reorganisation {
            nodes,
            from,
            to,
            n_dropped: 0,
            is_counted_out: true,
        })
        .collect()
}

impl NetworkReconciler {
    /// Which nodes have dropped blocks between the two statuses.
    pub(crate) async fn reorganisations(
        &self,
        memory: &mut Memory,
        sight: &Sight,
        before: &BitcoinNetworkStatus,
        next: &BitcoinNetworkStatus,
    ) -> Vec<Reorganisation> {
        let mut found = Vec::new();
        let deadline = Instant::now() + WALK_DEADLINE;
        for mut moved in moved(before, next).into_iter().take(MOST_AT_ONCE) {
            // All of them have gone the same way: whoever answers first speaks for all.
            for ordinal in &moved.nodes {
                let pod = sight.pods.get(ordinal);
                let Some(rpc) = pod.and_then(|pod| memory.client(*ordinal, pod, &self.reach))
                else {
                    continue;
                };
                // What was counted by then is told as "at least".
                match n_dropped(&rpc, &moved.from.1, deadline).await {
                    Ok((n_dropped, is_all)) => {
                        moved.n_dropped = n_dropped;
                        moved.is_counted_out = is_all;
                        break;
                    }
                    Err(error) => debug!(ordinal, %error, "the old tip is not known any more"),
                }
            }
            if moved.n_dropped > 0 {
                found.push(moved);
            }
        }
        found
    }

    /// Records an event for each.
    pub(crate) fn tell_reorganisations(&self, network: &BitcoinNetwork, found: &[Reorganisation]) {
        for reorganisation in found {
            let message = reorganisation.message();
            info!(network = %network.key(), "{message}");
            if reorganisation.n_dropped < DEEP {
                self.tell(network, reasons::REORGANIZED, message);
            } else {
                self.warn(network, reasons::REORGANIZED, message);
            }
        }
    }
}

/// How many blocks up to `tip` are not in the best chain of the node, and whether these are all of them.
async fn n_dropped(rpc: &RpcClient, tip: &str, deadline: Instant) -> Result<(u32, bool), Error> {
    let mut next = BlockHash::from_str(tip).ok();
    let mut n_dropped = 0;
    while let Some(hash) = next {
        if n_dropped >= LONGEST_WALK || n_dropped > 0 && Instant::now() >= deadline {
            return Ok((n_dropped, false));
        }
        let header = rpc.get_block_header(&hash).await?;
        if header.confirmations >= 0 {
            break;
        }
        n_dropped += 1;
        next = header.previous_block_hash;
    }
    Ok((n_dropped, true))
}
