//! State on volumes is flushed: a node that is killed starts again from what it has flushed.
//!
//! bitcoind flushes when it is stopped, and otherwise about once an hour. Until then a young chain is in memory
//! only: measured, a node killed after 120 blocks came back at genesis, volume or not. `gettxoutsetinfo` flushes
//! as a side effect, and nothing else we may call does so as cheaply. So nodes with a volume are asked for it once
//! blocks have stopped coming, and now and then while they come.
//!
//! # Invariants
//! - One node at a time, one in a pass, and none whose height has not changed since its last flush.
//! - A pod that was replaced counts as never flushed; what failed is tried again after [`FLUSH_EVERY`].
//! - Nothing is decided by whether a flush worked: it only makes a later loss smaller.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use tracing::debug;

use crate::api::network::BitcoinNetworkSpec;
use crate::bitcoin::RpcClient;
use crate::controller::nodes::Answer;
use crate::controller::reconciler::NetworkReconciler;
use crate::controller::status::Sight;

/// Blocks have stopped coming when there was none for so long.
pub const STILL_AFTER: Duration = Duration::from_secs(3);

/// How often a node is flushed while blocks come.
pub const FLUSH_EVERY: Duration = Duration::from_secs(60);

/// How long a flush may take; a chain of thousands of blocks takes a fraction of it.
const DEADLINE: Duration = Duration::from_secs(5);

/// What is remembered of flushes.
#[derive(Debug, Default)]
pub struct Flushes {
    /// The greatest height, and since when it is that.
    still: Option<(i64, Instant)>,
    /// The last flush of each node.
    last: BTreeMap<i32, Flush>,
}

#[derive(Debug)]
struct Flush {
    pod_uid: Box<str>,
    /// The height it had; `None` if the flush failed.
    height: Option<i64>,
    at: Instant,
}

/// A node that could be flushed: its ordinal, its pod, its height.
pub type Candidate<'a> = (i32, &'a str, i64);

impl Flushes {
    /// Takes in how high the nodes are now. Returns the one to flush next, if there is one, and how long
    /// that can wait.
    pub fn next(&mut self, nodes: &[Candidate<'_>]) -> Option<(i32, Duration)> {
        let now = Instant::now();
        self.last.retain(|ordinal, flush| {
            let is_same =
                |(known, uid, _): &Candidate<'_>| known == ordinal && **uid == *flush.pod_uid;
            nodes.iter().any(is_same)
        });
        let best = nodes.iter().map(|(_, _, height)| *height).max()?;
        let since = match self.still {
            Some((height, since)) if height == best => since,
            _ => self.still.insert((best, now)).1,
        };
        let until_still = STILL_AFTER.saturating_sub(now.duration_since(since));
        let wait = |ordinal: i32, height: i64| match self.last.get(&ordinal) {
            _ if height == 0 => None,
            None => Some(until_still),
            Some(flush) if flush.height == Some(height) => None,
            Some(flush) => {
                let until_due = FLUSH_EVERY.saturating_sub(now.duration_since(flush.at));
                let is_failed = flush.height.is_none();
                Some(if is_failed {
                    until_due
                } else {
                    until_due.min(until_still)
                })
            }
        };
        let due = nodes
            .iter()
            .filter_map(|(ordinal, _, height)| Some((wait(*ordinal, *height)?, *ordinal)));
        due.min().map(|(wait, ordinal)| (ordinal, wait))
    }

    /// Notes that a node was flushed at `height`, or (`None`) that it could not be.
    pub fn note(&mut self, ordinal: i32, pod_uid: &str, height: Option<i64>) {
        let flush = Flush {
            pod_uid: pod_uid.into(),
            height,
            at: Instant::now(),
        };
        self.last.insert(ordinal, flush);
    }
}

impl NetworkReconciler {
    /// Flushes the node whose turn it is. Returns when to come again for the next one.
    pub(crate) async fn flush(
        &self,
        spec: &BitcoinNetworkSpec,
        flushes: &mut Flushes,
        clients: &BTreeMap<i32, RpcClient>,
        sight: &Sight,
    ) -> Option<Duration> {
        spec.storage.as_ref()?;
        let candidates: Vec<Candidate<'_>> = sight
            .answers
            .iter()
            .filter_map(|(ordinal, answer)| match answer {
                Answer::Full { chain, .. } => {
                    let pod = sight.pods.get(ordinal)?;
                    Some((*ordinal, &*pod.metadata.uid, chain.blocks))
                }
                _ => None,
            })
            .collect();
        let (ordinal, wait) = flushes.next(&candidates)?;
        if !wait.is_zero() {
            return Some(wait);
        }
        let (_, uid, height) = candidates.iter().find(|(known, ..)| *known == ordinal)?;
        let rpc = clients.get(&ordinal)?;
        let flushed = rpc.call::<Value>("gettxoutsetinfo", json!(["none"]), DEADLINE);
        let height = match flushed.await {
            Ok(_) => Some(*height),
            Err(error) => {
                debug!(ordinal, %error, "not flushed");
                None
            }
        };
        flushes.note(ordinal, uid, height);
        flushes.next(&candidates).map(|(_, wait)| wait.max(PAUSE))
    }
}

/// Between the flushes of two nodes, so that others come in between.
const PAUSE: Duration = Duration::from_millis(500);
