//! From what was seen to the network's status: a function of values.
//!
//! Four conditions answer the question everybody has, "is it really ready?", in steps. `PodsReady`:
//! every node answers; if not, it carries the reason the kubelet or scheduler gives. `Connected`: every
//! wanted link is there. `Synced`: all nodes have the same best block; since blocks travel, it goes
//! false only when that has not been so for [`SYNC_GRACE`]. `Ready`: all of these, and nothing is on its
//! way to change.
//!
//! # Invariants
//! - A condition's transition time moves only when its status does.
//! - Nodes are listed by ordinal; each is judged by its present pod and by no memory.
//! - The same sight and the same time give the same status.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::api::network::{BitcoinNetworkStatus, Condition, ConditionStatus, Links, NodeStatus};
use crate::api::{BitcoinNetwork, Resource, Timestamp};
use crate::bitcoin::BlockchainInfo;
use crate::controller::nodes::Answer;
use crate::controller::pods::{self, Pods};
use crate::controller::{desired, reasons};

/// How long nodes may disagree before it is said.
pub const SYNC_GRACE: Duration = Duration::from_secs(30);

/// The longest message a condition carries, in characters.
const MAX_MESSAGE: usize = 1_000;

/// Everything a pass has seen.
#[derive(Debug, Default)]
pub struct Sight {
    /// The number of nodes asked for; `None` if the spec cannot be read.
    pub wanted: Option<i32>,
    /// The pods of the set.
    pub pods: Pods,
    /// What the nodes said.
    pub answers: BTreeMap<i32, Answer>,
    /// Links wanted and present; `None` if this pass did not compare them.
    pub links: Option<Links>,
    /// How many pods wait to be replaced.
    pub n_outdated: usize,
    /// Why the set may not create pods.
    pub failed_create: Option<String>,
    /// What blocks the pass: reason and message.
    pub blocked: Option<(&'static str, String)>,
    /// Since when the nodes have not had one best block.
    pub apart_for: Option<Duration>,
}

impl Sight {
    /// Whether every wanted node answered with our credentials.
    pub fn all_answer(&self) -> bool {
        self.wanted
            .is_some_and(|wanted| (0..wanted).all(|ordinal| self.is_ready(ordinal)))
    }

    /// Whether all wanted nodes have said the same best block.
    pub fn one_tip(&self) -> bool {
        let Some(wanted) = self.wanted else {
            return false;
        };
        let mut tips =
            (0..wanted).map(|ordinal| self.chain(ordinal).map(|chain| chain.best_block_hash));
        let first = tips.next().unwrap_or_default();
        tips.all(|tip| tip.is_some() && tip == first) && (first.is_some() || wanted == 0)
    }

    /// The pods that count: neither terminating nor one too many.
    fn n_pods(&self) -> i32 {
        let alive = self
            .pods
            .values()
            .filter(|pod| !pod.metadata.is_terminating())
            .count();
        i32::try_from(alive).unwrap_or(i32::MAX)
    }

    fn is_ready(&self, ordinal: i32) -> bool {
        let is_alive = self
            .pods
            .get(&ordinal)
            .is_some_and(|pod| !pod.metadata.is_terminating());
        is_alive && self.answers.get(&ordinal).is_some_and(Answer::is_full)
    }

    fn chain(&self, ordinal: i32) -> Option<&BlockchainInfo> {
        self.answers.get(&ordinal).and_then(Answer::chain)
    }

    fn best(&self) -> Option<&BlockchainInfo> {
        self.answers
            .values()
            .filter_map(Answer::chain)
            .max_by_key(|chain| chain.chain_work)
    }
}

/// The status that `network` should have, given what was seen and what it had before.
pub fn next(
    network: &BitcoinNetwork,
    before: &BitcoinNetworkStatus,
    sight: &Sight,
    now: Timestamp,
) -> BitcoinNetworkStatus {
    let key = network.key();
    let mut status = BitcoinNetworkStatus {
        observed_generation: Some(network.metadata.generation),
        replicas: sight.n_pods(),
        selector: desired::selector_text(&key),
        links: sight.links.unwrap_or(before.links),
        height: sight.best().map(|chain| chain.blocks),
        tip: sight
            .one_tip()
            .then(|| sight.best().map(|chain| chain.best_block_hash.to_string()))
            .flatten(),
        nodes: sight
            .pods
            .keys()
            .map(|ordinal| node(network, sight, *ordinal))
            .collect(),
        ..BitcoinNetworkStatus::default()
    };
    let n_ready = status.nodes.iter().filter(|node| node.ready).count();
    status.ready_nodes = i32::try_from(n_ready).unwrap_or(i32::MAX);
    let judgements = [pods_ready(sight), connected(sight), synced(sight, before)];
    let ready = ready(sight, &judgements);
    status.conditions = judgements
        .into_iter()
        .chain([ready])
        .map(|judgement| judgement.into_condition(before, network.metadata.generation, now))
        .collect();
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

fn node(network: &BitcoinNetwork, sight: &Sight, ordinal: i32) -> NodeStatus {
    let pod = &sight.pods[&ordinal];
    let name = pod.metadata.name.to_string();
    let chain = sight.chain(ordinal);
    let (version, peers) = match sight.answers.get(&ordinal) {
        Some(Answer::Full { network, peers, .. }) => (
            Some(network.subversion.clone()),
            i64::try_from(peers.len()).ok(),
        ),
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
        peers,
        version,
    }
}

struct Judgement {
    name: &'static str,
    status: ConditionStatus,
    reason: String,
    message: String,
}

impl Judgement {
    fn new(
        name: &'static str,
        holds: bool,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        let status = if holds {
            ConditionStatus::True
        } else {
            ConditionStatus::False
        };
        Judgement {
            name,
            status,
            reason: reason.into(),
            message: message.into(),
        }
    }

    fn unknown(name: &'static str, reason: &str, message: &str) -> Self {
        Judgement {
            name,
            status: ConditionStatus::Unknown,
            reason: reason.to_owned(),
            message: message.to_owned(),
        }
    }

    fn into_condition(
        self,
        before: &BitcoinNetworkStatus,
        generation: i64,
        now: Timestamp,
    ) -> Condition {
        let unchanged = before
            .condition(self.name)
            .filter(|old| old.status == self.status);
        Condition {
            type_: self.name.to_owned(),
            status: self.status,
            reason: self.reason,
            message: self.message.chars().take(MAX_MESSAGE).collect(),
            last_transition_time: unchanged.map_or(now, |old| old.last_transition_time),
            observed_generation: Some(generation),
        }
    }
}

fn pods_ready(sight: &Sight) -> Judgement {
    let name = "PodsReady";
    let Some(wanted) = sight.wanted else {
        return Judgement::new(
            name,
            false,
            reasons::INVALID_SPEC,
            "the spec cannot be read",
        );
    };
    let missing: Vec<i32> = (0..wanted)
        .filter(|ordinal| !sight.is_ready(*ordinal))
        .collect();
    let Some(first) = missing.first() else {
        return Judgement::new(
            name,
            true,
            reasons::ALL_ANSWER,
            format!("all {wanted} nodes answer"),
        );
    };
    let counted = format!("{} of {wanted} nodes do not answer", missing.len());
    let told = missing.iter().find_map(|ordinal| {
        let pod = sight.pods.get(ordinal)?;
        let (reason, message) = pods::trouble(pod)?;
        Some((
            reason,
            format!("{counted}; pod {}: {message}", pod.metadata.name),
        ))
    });
    if let Some((reason, message)) = told {
        return Judgement::new(name, false, camel_case(&reason), message);
    }
    if let Some(message) = &sight.failed_create {
        return Judgement::new(
            name,
            false,
            reasons::FAILED_CREATE,
            format!("{counted}; {message}"),
        );
    }
    let (reason, message) = match sight.answers.get(first) {
        Some(Answer::None(why)) => (reasons::NOT_ANSWERING, format!("node {first}: {why}")),
        Some(Answer::Unauthorized(_)) => (
            reasons::UNAUTHORIZED,
            format!("node {first} was started with other credentials"),
        ),
        _ => (reasons::STARTING, format!("node {first} is on its way")),
    };
    Judgement::new(name, false, reason, format!("{counted}; {message}"))
}

fn connected(sight: &Sight) -> Judgement {
    let name = "Connected";
    let Some(Links { wanted, present }) = sight.links else {
        return Judgement::unknown(name, reasons::NOT_COMPARED, "links were not compared");
    };
    let message = format!("{present} of {wanted} links are there");
    let holds = sight.wanted.is_some() && wanted == present;
    let reason = if holds {
        reasons::ALL_LINKED
    } else {
        reasons::LINKS_MISSING
    };
    Judgement::new(name, holds, reason, message)
}

fn synced(sight: &Sight, before: &BitcoinNetworkStatus) -> Judgement {
    let name = "Synced";
    if sight.one_tip() {
        let message = match sight.best() {
            Some(chain) => format!("all nodes are at height {}", chain.blocks),
            None => "there are no nodes".to_owned(),
        };
        return Judgement::new(name, true, reasons::ONE_TIP, message);
    }
    let was_synced = before
        .condition(name)
        .filter(|old| old.status == ConditionStatus::True);
    if let Some(old) = was_synced
        && sight.apart_for.is_some_and(|apart| apart < SYNC_GRACE)
    {
        return Judgement::new(name, true, old.reason.clone(), old.message.clone());
    }
    let heights: Vec<String> = sight
        .pods
        .keys()
        .map(|ordinal| match sight.chain(*ordinal) {
            Some(chain) => format!("node {ordinal} at {}", chain.blocks),
            None => format!("node {ordinal} unknown"),
        })
        .collect();
    Judgement::new(name, false, reasons::TIPS_DIFFER, heights.join(", "))
}

fn ready(sight: &Sight, judgements: &[Judgement]) -> Judgement {
    let name = "Ready";
    if let Some((reason, message)) = &sight.blocked {
        return Judgement::new(name, false, *reason, message.clone());
    }
    if let Some(unmet) = judgements
        .iter()
        .find(|judgement| judgement.status != ConditionStatus::True)
    {
        return Judgement::new(name, false, unmet.reason.clone(), unmet.message.clone());
    }
    if sight.n_outdated > 0 {
        let message = format!("{} pods are still to be replaced", sight.n_outdated);
        return Judgement::new(name, false, reasons::REPLACING, message);
    }
    let (wanted, present) = (sight.wanted.unwrap_or_default(), sight.pods.len());
    if usize::try_from(wanted) != Ok(present) {
        let message = format!("there are {present} pods, {wanted} are asked for");
        return Judgement::new(name, false, reasons::SCALING, message);
    }
    Judgement::new(
        name,
        true,
        reasons::READY,
        format!("all {wanted} nodes are ready, connected and synced"),
    )
}

/// A reason from elsewhere, made fit for a condition: letters and digits only, a letter first.
fn camel_case(reason: &str) -> String {
    let reason: String = reason
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(128)
        .collect();
    match reason.chars().next() {
        Some(first) if first.is_ascii_alphabetic() => reason,
        _ => reasons::STARTING.to_owned(),
    }
}
