//! The loop's body: one pass over one network, from what is to what should be.
//!
//! ```text
//!   network gone or deleting? ──> done
//!   whose volumes? ──> credentials ──> Service ──> StatefulSet ──> ask the nodes ──> links ──> wallet ──> mine ──> replace a pod ──> status, events
//! ```
//!
//! A pass does not know why it runs. It reads everything it needs, does the difference, and says when it
//! should run again: soon while something is missing, seldom once all is well. Running it once more then
//! finds nothing to do. Deleting is left to the garbage collector: everything is owned.
//!
//! # Invariants
//! - A pass ends within [`PASS_DEADLINE`]: shorter than the drain's deadline at shutdown.
//! - What blocks a network is told in its status; what failed is returned, and the queue backs off.
//! - Two passes over one network never run at the same time: the queue sees to it.
//!
//! # Source
//! controller-runtime `pkg/reconcile/reconcile.go`.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;

use crate::api::core::ObjectReference;
use crate::api::network::BitcoinNetworkStatus;
use crate::api::{BitcoinNetwork, ObjectKey};
use crate::base::{Clock, Random};
use crate::client::Client;
use crate::controller::caches::Caches;
use crate::controller::memory::{self, Memory};
use crate::controller::problem::Problem;
use crate::controller::provide::{Provided, checked_spec};
use crate::controller::reach::Reach;
use crate::controller::status::{Side, Sight};
use crate::controller::wiring;
use crate::controller::workers::{Action, Reconciler};
use crate::record::{EventRecorder, EventType};

/// How long a pass may take.
pub const PASS_DEADLINE: Duration = Duration::from_secs(20);

/// How often a settled network is looked at: blocks and broken links send no event.
pub const SLOW_POLL: Duration = Duration::from_secs(10);

/// The shortest and the longest wait while something is missing.
const QUICK_POLL: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// How soon it is looked whether an action has worked: a handshake takes about 20 ms.
pub(crate) const AFTER_ACTION: Duration = Duration::from_millis(100);

/// The reconciler of [`BitcoinNetwork`]s.
pub struct NetworkReconciler {
    pub(crate) client: Client,
    pub(crate) caches: Caches,
    pub(crate) reach: Reach,
    pub(crate) recorder: EventRecorder,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) insecure_default_credentials: bool,
    memories: DashMap<ObjectKey, Memory>,
}

impl Reconciler for NetworkReconciler {
    type Error = Problem;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Action, Problem> {
        let memory = self
            .memories
            .remove(key)
            .map(|(_, memory)| memory)
            .unwrap_or_default();
        let Some(cached) = self.caches.networks.get(key) else {
            return Ok(Action::Done);
        };
        let mut memory = memory.of(&cached);
        let Some(network) = memory.networks.over(Some(Arc::clone(&cached))) else {
            return Ok(Action::Done);
        };
        if network.metadata.is_terminating() {
            return Ok(Action::Done);
        }
        let outcome =
            tokio::time::timeout(PASS_DEADLINE, self.pass(&cached, network, &mut memory)).await;
        self.memories.insert(key.clone(), memory);
        outcome.unwrap_or_else(|_| {
            tracing::warn!(deadline = ?PASS_DEADLINE, "the pass did not end in time and was cut short");
            Ok(Action::RequeueAfter(QUICK_POLL.1))
        })
    }
}

impl NetworkReconciler {
    /// A reconciler with these parts.
    pub fn new(
        client: Client,
        caches: Caches,
        reach: Reach,
        recorder: EventRecorder,
        clock: Clock,
        random: Random,
        insecure_default_credentials: bool,
    ) -> Self {
        NetworkReconciler {
            client,
            caches,
            reach,
            recorder,
            clock,
            random,
            insecure_default_credentials,
            memories: DashMap::new(),
        }
    }

    async fn pass(
        &self,
        cached: &Arc<BitcoinNetwork>,
        network: Arc<BitcoinNetwork>,
        memory: &mut Memory,
    ) -> Result<Action, Problem> {
        let spec = checked_spec(&network).ok();
        // What cannot be read leaves the sides as they are.
        let sides = match spec.map(wiring::of) {
            Some(Ok(wiring)) => Side::all(&wiring.sides),
            _ => {
                let sides = network.status.sides.iter();
                sides.map(|side| Side::new(side.nodes.clone())).collect()
            }
        };
        let mut sight = Sight {
            wanted: spec.map(|spec| spec.nodes),
            sides,
            ..Sight::default()
        };
        let has_acted = match self.act(cached, &network, memory, &mut sight).await {
            Ok(has_acted) => has_acted,
            Err(Problem::Blocked { reason, message }) => {
                sight.blocked = Some((reason, message));
                false
            }
            Err(failed) => return Err(failed),
        };
        let apart = !sight.is_synced();
        sight.apart_for = memory::since(&mut memory.apart_since, apart);
        // What was reserved in this pass is in the status already.
        let network = memory
            .networks
            .over(Some(Arc::clone(cached)))
            .unwrap_or(network);
        let (status, due) = self.report(cached, &network, memory, &sight).await?;
        let look = next_look(&status, memory, has_acted, sight.blocked.is_some());
        let to_mine = sight.mine_again.unwrap_or(Duration::MAX);
        let to_flush = sight.flush_again.unwrap_or(Duration::MAX);
        Ok(Action::RequeueAfter(
            look.min(due).min(to_mine).min(to_flush),
        ))
    }

    /// Everything but the status. Returns whether a node or a pod was acted upon.
    async fn act(
        &self,
        cached: &BitcoinNetwork,
        network: &BitcoinNetwork,
        memory: &mut Memory,
        sight: &mut Sight,
    ) -> Result<bool, Problem> {
        let provided = self.provide(network, memory).await;
        let wanted = sight.wanted.unwrap_or_default();
        // What is blocked may still be looked at: nodes that run do not stop running.
        let set = match &provided {
            Ok(Provided { set, .. }) => Some(Arc::clone(set)),
            Err(_) => self.caches.own_set(network),
        };
        let Some(set) = set else {
            return provided.map(|_| false);
        };
        let clients = self.look(memory, &set, wanted, sight).await;
        sight.old_chain = self.look_for_chain(network, &clients, sight).await;
        let provided = provided?;
        let has_linked = self.link(network, memory, &clients, wanted, sight).await?;
        let spec = checked_spec(network)?;
        let has_acted = self
            .keep_wallet(network, spec, &provided.own, &clients, sight)
            .await;
        sight.mine_again = self.mine(cached, network, &clients, memory, sight).await?;
        let flushes = &mut memory.flushes;
        sight.flush_again = self.flush(spec, flushes, &clients, sight).await;
        let restart_hash = &provided.restart_hash;
        let has_replaced = self.replace(network, wanted, restart_hash, sight).await?;
        sight.failed_create = self.why_missing(memory, &set, wanted, sight).await?;
        Ok(has_linked || has_acted || has_replaced)
    }

    /// Records good news about `network`.
    pub(crate) fn tell(&self, network: &BitcoinNetwork, reason: &'static str, message: String) {
        self.recorder.event(
            &ObjectReference::to(network),
            EventType::Normal,
            reason,
            message,
        );
    }

    /// Records bad news about `network`.
    pub(crate) fn warn(&self, network: &BitcoinNetwork, reason: &'static str, message: String) {
        self.recorder.event(
            &ObjectReference::to(network),
            EventType::Warning,
            reason,
            message,
        );
    }
}

/// When to look again: at once after an action, seldom when all is well, slowly while somebody else has
/// to act, and otherwise the less often the longer something has been missing.
fn next_look(
    status: &BitcoinNetworkStatus,
    memory: &mut Memory,
    has_acted: bool,
    is_blocked: bool,
) -> Duration {
    let missing_for = memory::since(&mut memory.unready_since, !status.is_true("Ready"));
    match missing_for {
        None => SLOW_POLL,
        Some(_) if is_blocked => QUICK_POLL.1,
        Some(_) if has_acted => AFTER_ACTION,
        Some(missing_for) => (missing_for / 10).clamp(QUICK_POLL.0, QUICK_POLL.1),
    }
}
