//! Pods as a network sees them, and which of them has to be replaced next.
//!
//! Pods are cattle, chains are not: a node answers long before it has the chain, and most networks
//! keep it on a disk that goes with the pod. A rolling update that waits for readiness would empty the
//! whole network. So pods that were started with something else are replaced here, one at a time: those
//! that do not work first, since nothing is lost with them, and then one only while every other node is
//! there and has the best block of its side.
//!
//! # Invariants
//! - A terminating pod is nobody: its node is not ready, whatever still answers at its address.
//! - At most one pod is to be replaced in a pass; none while any pod is missing or terminating, unless
//!   the one to be replaced is broken itself.
//! - A node is broken only if the kubelet's probe fails as well: if it passes, our way to the node is
//!   what is broken, and the chain is there. So nothing is replaced while nobody can be reached.
//! - A pod with the wanted hash is never replaced.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::core::Pod;
use crate::bitcoin::BlockHash;
use crate::controller::desired::RESTART_HASH;
use crate::controller::nodes::Answer;

/// A network's pods by ordinal; those beyond the wanted number, too.
pub type Pods = BTreeMap<i32, Arc<Pod>>;

/// Those of `pods` that belong to set `set_uid`, by ordinal.
pub fn of_set(pods: Vec<Arc<Pod>>, set_uid: &str) -> Pods {
    let is_ours = |pod: &Arc<Pod>| {
        pod.metadata
            .controller()
            .is_some_and(|owner| owner.uid == set_uid)
    };
    pods.into_iter()
        .filter(is_ours)
        .filter_map(|pod| Some((ordinal(&pod)?, pod)))
        .collect()
}

/// The number at the end of the pod's name.
pub fn ordinal(pod: &Pod) -> Option<i32> {
    let (_, number) = pod.metadata.name.rsplit_once('-')?;
    number.parse().ok()
}

/// Whether `pod` was started with what `restart_hash` stands for.
pub fn is_current(pod: &Pod, restart_hash: &str) -> bool {
    pod.metadata.annotations.get(RESTART_HASH) == Some(restart_hash)
}

/// The pods among the first `wanted` that have to be replaced some time.
pub fn outdated(pods: &Pods, wanted: i32, restart_hash: &str) -> Vec<i32> {
    pods.range(0..wanted.max(0))
        .filter(|(_, pod)| !pod.metadata.is_terminating() && !is_current(pod, restart_hash))
        .map(|(ordinal, _)| *ordinal)
        .collect()
}

/// The pod to replace now, if there is one that may be. `sides` has the ordinals of all wanted nodes, by
/// the side they are on if the network is split.
///
/// A node that is alone on its side keeps the only copy of that side's chain: it waits until the
/// network is healed.
pub fn to_replace(
    pods: &Pods,
    sides: &[Vec<i32>],
    restart_hash: &str,
    answers: &BTreeMap<i32, Answer>,
) -> Option<i32> {
    let wanted = sides.iter().map(Vec::len).sum::<usize>();
    let wanted = i32::try_from(wanted).unwrap_or(i32::MAX);
    let outdated = outdated(pods, wanted, restart_hash);
    let tip = |ordinal: &i32| answers.get(ordinal).and_then(Answer::chain);
    let is_broken = |ordinal: &&i32| tip(ordinal).is_none() && !pods[*ordinal].status.is_ready();
    if let Some(broken) = outdated.iter().find(is_broken) {
        return Some(*broken);
    }
    // The highest first, as a StatefulSet does it; node 0, where people mine, comes last.
    let is_alone = |ordinal: &i32| sides.len() > 1 && sides.contains(&vec![*ordinal]);
    let candidate = *outdated.iter().rev().find(|ordinal| !is_alone(ordinal))?;
    let others_are_synced = sides.iter().all(|side| {
        let chains = side.iter().filter_map(tip);
        let Some(best) = chains.max_by_key(|chain| chain.chain_work) else {
            return false;
        };
        let best: BlockHash = best.best_block_hash;
        let mut others = side.iter().filter(|ordinal| **ordinal != candidate);
        others.all(|ordinal| {
            let is_there = pods
                .get(ordinal)
                .is_some_and(|pod| !pod.metadata.is_terminating());
            is_there && tip(ordinal).is_some_and(|chain| chain.best_block_hash == best)
        })
    });
    others_are_synced.then_some(candidate)
}

/// Why the pod does not run, as the scheduler or the kubelet says: reason and message.
pub fn trouble(pod: &Pod) -> Option<(String, String)> {
    let text = |text: &Option<Box<str>>| text.as_deref().unwrap_or_default().to_owned();
    let waiting = pod.status.container_statuses.iter().find_map(|container| {
        let waiting = container.state.waiting.as_ref()?;
        let reason = waiting.reason.as_deref()?;
        let ended = container.last_state.terminated.as_ref();
        let message = match (
            text(&waiting.message),
            ended.and_then(|ended| ended.exit_code),
        ) {
            (message, Some(code)) => format!("{message} (it last ended with exit code {code})"),
            (message, None) => message,
        };
        Some((reason.to_owned(), message))
    });
    // While it is being created there is nothing wrong yet.
    let waiting =
        waiting.filter(|(reason, _)| reason != "ContainerCreating" && reason != "PodInitializing");
    let unscheduled = || {
        let scheduled = pod
            .status
            .condition("PodScheduled")
            .filter(|scheduled| scheduled.status == "False")?;
        Some((
            scheduled.reason.as_deref()?.to_owned(),
            text(&scheduled.message),
        ))
    };
    let failed = || {
        let reason = pod.status.reason.as_deref()?;
        Some((reason.to_owned(), text(&pod.status.message)))
    };
    waiting.or_else(unscheduled).or_else(failed)
}
