//! From what was seen to the network's status: a function of values.
//!
//! Conditions answer the question everybody has, "is it really ready?", in steps.
//!
//! | condition | it is true if |
//! |---|---|
//! | `PodsReady` | every node answers; if not, it carries the reason the kubelet or scheduler gives |
//! | `Connected` | every wanted link is there, none between sides, and everybody outside who was asked for |
//! | `Synced` | all nodes of a side have one best block; blocks travel, so it goes false only after [`SYNC_GRACE`] |
//! | `WalletReady` | the wallet that is asked for can be used; absent if none is |
//! | `Mined` | blocks come as was asked for; absent if none are |
//! | `Ready` | all of these, and nothing is on its way to change |
//!
//! # Invariants
//! - A condition's transition time moves only when its status does.
//! - Nodes are listed by ordinal; each is judged by its present pod and by no memory.
//! - The same sight and the same time give the same status.

mod conditions;
mod sides;
mod sight;

use crate::api::network::{BitcoinNetworkStatus, NodeStatus, WalletStatus};
use crate::api::{BitcoinNetwork, Resource, Timestamp};
use crate::controller::chain_loss;
use crate::controller::desired;
use crate::controller::mining::plan;
use crate::controller::nodes::Answer;

pub use self::conditions::SYNC_GRACE;
pub(in crate::controller) use self::sides::name;
pub use self::sides::{Side, turn};
pub use self::sight::Sight;

/// The status that `network` should have, given what was seen and what it had before.
pub fn next(
    network: &BitcoinNetwork,
    before: &BitcoinNetworkStatus,
    sight: &Sight,
    now: Timestamp,
) -> BitcoinNetworkStatus {
    let key = network.key();
    let (height, tip) = chain_loss::told(sight, before);
    let mut status = BitcoinNetworkStatus {
        observed_generation: Some(network.metadata.generation),
        replicas: sight.n_pods(),
        selector: desired::selector_text(&key),
        links: sight.links.unwrap_or(before.links),
        height,
        tip,
        tip_time: sight
            .best()
            .and_then(|chain| chain.time)
            .map(Timestamp::from_unix_seconds),
        wallet: wallet(network, before, sight),
        mining: match &sight.mining {
            Some(seen) => Some(seen.record.clone()),
            None if plan::is_declared(network) => before.mining.clone(),
            None => None,
        },
        sides: sight.side_statuses(&before.sides),
        external_peers: match &sight.external_peers {
            Some(seen) => seen.clone(),
            None => before.external_peers.clone(),
        },
        nodes: sight
            .pods
            .keys()
            .map(|ordinal| node(network, sight, *ordinal))
            .collect(),
        ..BitcoinNetworkStatus::default()
    };
    let n_ready = status.nodes.iter().filter(|node| node.ready).count();
    status.ready_nodes = i32::try_from(n_ready).unwrap_or(i32::MAX);
    status.conditions = conditions::judge(network, before, sight, now);
    status
}

/// `status` with the facts that change all the time replaced by those of `before`: to see whether
/// anything else differs.
pub fn without_chain_facts(
    status: &BitcoinNetworkStatus,
    before: &BitcoinNetworkStatus,
) -> BitcoinNetworkStatus {
    let mut same = status.clone();
    same.height = before.height;
    same.tip.clone_from(&before.tip);
    same.tip_time = before.tip_time;
    // What is about to be mined was written before it was; what was mined is one more chain fact.
    same.mining.clone_from(&before.mining);
    for node in &mut same.nodes {
        if let Some(old) = before
            .nodes
            .iter()
            .find(|old| old.ordinal == node.ordinal && old.pod_uid == node.pod_uid)
        {
            node.height = old.height;
            node.tip.clone_from(&old.tip);
            node.peers = old.peers;
        }
    }
    for side in &mut same.sides {
        if let Some(old) = before.sides.iter().find(|old| old.nodes == side.nodes) {
            side.height = old.height;
            side.tip.clone_from(&old.tip);
        }
    }
    // Messages may tell heights and counts; what they judge is what counts.
    for condition in &mut same.conditions {
        if let Some(old) = before.condition(&condition.type_)
            && (old.status, &old.reason, old.observed_generation)
                == (
                    condition.status,
                    &condition.reason,
                    condition.observed_generation,
                )
        {
            condition.message.clone_from(&old.message);
        }
    }
    same
}

/// What this pass saw of the wallet that is asked for, else what was known of it.
fn wallet(
    network: &BitcoinNetwork,
    before: &BitcoinNetworkStatus,
    sight: &Sight,
) -> Option<WalletStatus> {
    network.spec.valid()?.wallet.as_ref()?;
    let seen = sight.wallet.as_ref().map(|wallet| wallet.status.clone());
    seen.or_else(|| before.wallet.clone())
}

fn node(network: &BitcoinNetwork, sight: &Sight, ordinal: i32) -> NodeStatus {
    let pod = &sight.pods[&ordinal];
    let name = pod.metadata.name.to_string();
    let chain = sight.chain(ordinal);
    let (info, peers) = match sight.answers.get(&ordinal) {
        Some(Answer::Full { network, peers, .. }) => {
            (Some(network), i64::try_from(peers.len()).ok())
        }
        _ => (None, None),
    };
    NodeStatus {
        ordinal,
        ready: sight.is_ready(ordinal),
        ip: pod.status.pod_ip.as_deref().unwrap_or_default().to_owned(),
        dns_name: desired::dns_name(&network.key(), &name),
        node_name: name,
        pod_uid: pod.metadata.uid.to_string(),
        height: chain.map(|chain| chain.blocks),
        tip: chain.map(|chain| chain.best_block_hash.to_string()),
        initial_block_download: chain.map(|chain| chain.initial_block_download),
        network_active: info.map(|info| info.network_active),
        peers,
        version: info.map(|info| info.subversion.clone()),
    }
}
