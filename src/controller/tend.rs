//! Looking after the nodes: ask them, link them, replace those that are out of date.
//!
//! Everything here starts from what the nodes said in this pass. Links are compared as a whole, wanted
//! against present, so whatever broke one (a pod that was replaced, a user, a dead peer) is mended by
//! the same step.
//!
//! # Invariants
//! - Only a node that answered in this pass, with our credentials, is dialled or told to dial.
//! - A pod is deleted with its UID as precondition, one in a pass.
//!
//! # Rights
//! `delete` on Pods; `list` on Events, only while pods are missing: a StatefulSet says there, and
//! nowhere else, that it may not create them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::{debug, info, warn};

use crate::api::apps::StatefulSet;
use crate::api::core::{Event, Pod};
use crate::api::network::Links;
use crate::api::{BitcoinNetwork, Resource};
use crate::bitcoin::peers::{self, Action, Node};
use crate::bitcoin::{Members, RpcClient, Topology};
use crate::client::{DeleteOptions, ListParams, Scope};
use crate::controller::desired::{self, P2P_PORT};
use crate::controller::memory::{self, Memory};
use crate::controller::nodes::{self, AT_ONCE, Answer};
use crate::controller::pods::{self, Pods};
use crate::controller::problem::Problem;
use crate::controller::reasons;
use crate::controller::reconciler::NetworkReconciler;
use crate::controller::status::Sight;
use crate::http::Endpoint;

/// How long pods may be missing before it is asked why.
const ASK_WHY_AFTER: Duration = Duration::from_secs(3);

impl NetworkReconciler {
    /// Asks every node, and notes what was seen. Returns the clients of those that were asked.
    pub(crate) async fn look(
        &self,
        memory: &mut Memory,
        set: &StatefulSet,
        wanted: i32,
        sight: &mut Sight,
    ) -> BTreeMap<i32, RpcClient> {
        sight.pods = pods::of_set(self.caches.pods_of(&set.key()), &set.metadata.uid);
        let pods = &sight.pods;
        memory.keep_clients(|ordinal| pods.contains_key(&ordinal));
        let clients: BTreeMap<i32, RpcClient> = pods
            .range(0..wanted.max(0))
            .filter(|(_, pod)| !pod.metadata.is_terminating())
            .filter_map(|(ordinal, pod)| {
                Some((*ordinal, memory.client(*ordinal, pod, &self.reach)?))
            })
            .collect();
        sight.answers = nodes::ask_all(clients.clone()).await;
        clients
    }

    /// Compares links and makes or cuts what differs. Returns whether anything was done.
    pub(crate) async fn link(
        &self,
        network: &BitcoinNetwork,
        clients: &BTreeMap<i32, RpcClient>,
        wanted: i32,
        sight: &mut Sight,
    ) -> Result<bool, Problem> {
        let prefix = format!("{}-", desired::stateful_set_key(&network.key()).name);
        let size = u32::try_from(wanted).unwrap_or_default();
        let Some(members) = Members::new(&desired::identity(network), &prefix, size) else {
            let message = format!(
                "the network's uid `{}` does not begin with 8 hexadecimal digits",
                network.metadata.uid
            );
            return Err(Problem::blocked(reasons::INVALID_NAME, message));
        };
        let answered = answered(&sight.pods, &sight.answers);
        let plan = peers::plan(
            &members,
            Topology::Automatic,
            &answered,
            self.clock.unix_seconds(),
        );
        sight.links = Some(Links {
            wanted: i64::try_from(plan.wanted.len()).unwrap_or(i64::MAX),
            present: i64::try_from(plan.present.len()).unwrap_or(i64::MAX),
        });
        for stranger in &plan.strangers {
            let message = format!(
                "cut node {} off from {}, a node of another network",
                stranger.node, stranger.identity
            );
            warn!(network = %network.key(), "{message}");
            self.warn(network, reasons::STRANGER, message);
        }
        for ordinal in &plan.misplaced {
            debug!(network = %network.key(), ordinal, "somebody else answers at this node's address");
        }
        let has_acted = !plan.actions.is_empty();
        self.carry_out(clients, plan.actions).await;
        Ok(has_acted)
    }

    /// Has the nodes make and cut connections, many at the same time.
    async fn carry_out(&self, clients: &BTreeMap<i32, RpcClient>, actions: Vec<Action>) {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let mut round = JoinSet::new();
        for action in actions {
            let ordinal = match &action {
                Action::Disconnect { node, .. } => *node,
                Action::Dial { from, .. } => *from,
            };
            let Some(rpc) = i32::try_from(ordinal)
                .ok()
                .and_then(|ordinal| clients.get(&ordinal))
                .cloned()
            else {
                continue;
            };
            let permits = Arc::clone(&permits);
            round.spawn(async move {
                let _permit = permits.acquire_owned().await;
                let outcome = match &action {
                    Action::Disconnect { peer_id, .. } => rpc.disconnect_node(*peer_id).await,
                    Action::Dial { address, .. } => rpc.addnode_onetry(address).await,
                };
                match outcome {
                    Ok(()) => debug!(?action, "done"),
                    // The next pass sees that the link is not there and tries again.
                    Err(error) => debug!(?action, %error, "not done"),
                }
            });
        }
        while round.join_next().await.is_some() {}
    }

    /// Deletes the one pod, if any, that is to be replaced now. Returns whether it did.
    pub(crate) async fn replace(
        &self,
        network: &BitcoinNetwork,
        wanted: i32,
        restart_hash: &str,
        sight: &mut Sight,
    ) -> Result<bool, Problem> {
        sight.n_outdated = pods::outdated(&sight.pods, wanted, restart_hash).len();
        let Some(ordinal) = pods::to_replace(&sight.pods, wanted, restart_hash, &sight.answers)
        else {
            return Ok(false);
        };
        let pod = &sight.pods[&ordinal];
        let options = DeleteOptions::of(&**pod);
        match self.client.delete::<Pod>(&pod.key(), &options).await {
            Ok(()) => {}
            // Gone already, or another one by now: the next pass will see.
            Err(error) if error.is_not_found() || error.is_conflict() => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        info!(network = %network.key(), pod = %pod.metadata.name, "replacing pod");
        let message = format!(
            "replacing pod {}: image or credentials have changed",
            pod.metadata.name
        );
        self.tell(network, reasons::REPLACED, message);
        Ok(true)
    }

    /// Why the set may not create pods, once they have been missing for a while.
    pub(crate) async fn why_missing(
        &self,
        memory: &mut Memory,
        set: &StatefulSet,
        wanted: i32,
        sight: &Sight,
    ) -> Result<Option<String>, Problem> {
        let is_missing = (0..wanted).any(|ordinal| !sight.pods.contains_key(&ordinal));
        let missing_for = memory::since(&mut memory.pods_missing_since, is_missing);
        if missing_for.is_none_or(|missing_for| missing_for < ASK_WHY_AFTER) {
            return Ok(None);
        }
        let selector = format!(
            "involvedObject.uid={},reason=FailedCreate",
            set.metadata.uid
        );
        let params = ListParams {
            field_selector: Some(selector),
            ..ListParams::default()
        };
        let scope = Scope::Namespace(set.metadata.namespace.clone());
        let events = self.client.list_all::<Event>(&scope, &params).await?;
        let latest = events
            .iter()
            .max_by_key(|event| event.last_timestamp.or(event.first_timestamp));
        Ok(latest.map(|event| event.message.to_string()))
    }
}

/// The nodes that may be dialled: those that answered with our credentials.
fn answered(pods: &Pods, answers: &BTreeMap<i32, Answer>) -> Vec<Node> {
    let node = |(ordinal, answer): (&i32, &Answer)| match answer {
        Answer::Full {
            chain,
            network,
            peers,
        } => Some(Node {
            ordinal: u32::try_from(*ordinal).ok()?,
            subversion: network.subversion.clone(),
            address: Endpoint::new(pods.get(ordinal)?.status.pod_ip.as_deref()?, P2P_PORT),
            progress: chain.into(),
            peers: peers.clone(),
        }),
        _ => None,
    };
    answers.iter().filter_map(node).collect()
}
