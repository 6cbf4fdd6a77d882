//! The judgements: each a sentence about what was seen, with a reason for programs.
//!
//! # Invariants
//! - A condition's transition time moves only when its status does.
//! - `Ready` is true only if every other condition is, and nothing is on its way to change. Only mining that
//!   rests because it was asked to rest is not held against a network.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::api::network::{BitcoinNetworkStatus, Condition, ConditionStatus, Links};
use crate::api::{BitcoinNetwork, Timestamp};
use crate::bitcoin::BlockHash;
use crate::bitcoin::BlockchainInfo;
use crate::controller::mining::view::age_words;
use crate::controller::mining::{Seen, plan};
use crate::controller::nodes::Answer;
use crate::controller::status::Sight;
use crate::controller::status::sides::{self, Side};
use crate::controller::{pods, reasons};

/// How long nodes may disagree before it is said.
pub const SYNC_GRACE: Duration = Duration::from_secs(30);

/// So much of a hash tells blocks apart for a person, in hexadecimal digits.
const SHORT_HASH: usize = 12;

/// The longest message a condition carries, in characters.
const MAX_MESSAGE: usize = 1_000;

/// Every condition of `network`, in the order in which they build on one another.
pub(super) fn judge(
    network: &BitcoinNetwork,
    before: &BitcoinNetworkStatus,
    sight: &Sight,
    now: Timestamp,
) -> Vec<Condition> {
    let mut judgements = vec![
        pods_ready(sight),
        connected(sight),
        synced(network, sight, before, now),
    ];
    judgements.extend(wallet_ready(network, sight));
    judgements.extend(mined(network, sight));
    let ready = ready(sight, &judgements);
    judgements
        .into_iter()
        .chain([ready])
        .map(|judgement| judgement.into_condition(before, network.metadata.generation, now))
        .collect()
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
            format!(
                "node {first} was started with a password that is not known; write it to the network's secret as `previous-password`, or delete the pod"
            ),
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
    let sides = sight.sides();
    if sight.n_across > 0 {
        let message = format!("{} links between sides are being cut", sight.n_across);
        return Judgement::new(name, false, reasons::SIDES_LINKED, message);
    }
    let mut message = format!("{present} of {wanted} links are there");
    if sides.len() > 1 {
        message.push_str(", none of them between sides");
    }
    message.push_str(&in_pieces(&sides));
    let off = sight.switched_off();
    if !off.is_empty() {
        let nodes: Vec<String> = off.iter().map(ToString::to_string).collect();
        let message = format!(
            "{message}; somebody has switched the network of node {} off (`setnetworkactive false`), which is left so: switch it on, or delete the pod",
            nodes.join(", ")
        );
        return Judgement::new(name, false, reasons::SWITCHED_OFF, message);
    }
    if sight.wanted.is_none() || wanted != present {
        return Judgement::new(name, false, reasons::LINKS_MISSING, message);
    }
    let missing = missing_outside(sight);
    if !missing.is_empty() {
        let message = format!("{message}; outside are missing: {}", missing.join(", "));
        return Judgement::new(name, false, reasons::EXTERNAL_PEERS_MISSING, message);
    }
    Judgement::new(name, true, reasons::ALL_LINKED, message)
}

/// The peers outside that are not connected, each with why if that is known.
fn missing_outside(sight: &Sight) -> Vec<String> {
    let peers = sight.external_peers.iter().flatten();
    let missing = peers.filter(|peer| !peer.connected);
    missing
        .map(|peer| match &peer.message {
            Some(why) => format!("`{}` ({why})", peer.peer),
            None => format!("`{}`", peer.peer),
        })
        .collect()
}

fn synced(
    network: &BitcoinNetwork,
    sight: &Sight,
    before: &BitcoinNetworkStatus,
    now: Timestamp,
) -> Judgement {
    let name = "Synced";
    let sides = sight.sides();
    if sight.is_synced() {
        let at = |side: &Side| {
            let height = sight.height(&side.nodes).unwrap_or_default();
            format!("{} at height {height}", side.name())
        };
        let (reason, message) = match &sides[..] {
            [] => (reasons::ONE_TIP, "there are no nodes".to_owned()),
            [_] => (reasons::ONE_TIP, one_height(network, sight, now)),
            split => {
                let sides: Vec<String> = split.iter().map(at).collect();
                (reasons::ONE_TIP_PER_SIDE, sides.join(", "))
            }
        };
        return Judgement::new(name, true, reason, message);
    }
    // The grace is for blocks that travel, not for sides that have just been joined.
    let same_sides = sides::turn(&before.sides, &sight.side_statuses(&[])).is_none();
    let was_synced = before
        .condition(name)
        .filter(|old| old.status == ConditionStatus::True && same_sides);
    if let Some(old) = was_synced
        && sight.apart_for.is_some_and(|apart| apart < SYNC_GRACE)
    {
        return Judgement::new(name, true, old.reason.clone(), old.message.clone());
    }
    let fork = sides.iter().find_map(|side| sight.rivals(&side.nodes));
    if let Some(rivals) = fork {
        return Judgement::new(name, false, reasons::EQUAL_WORK, equal_work(sight, &rivals));
    }
    let apart: Vec<&Side> = sides
        .iter()
        .filter(|side| !sight.agree(&side.nodes))
        .collect();
    let heights: Vec<String> = apart
        .iter()
        .flat_map(|side| &side.nodes)
        .filter(|ordinal| sight.pods.contains_key(*ordinal))
        .map(|ordinal| match sight.chain(*ordinal) {
            Some(chain) => format!("node {ordinal} at {}", chain.blocks),
            None => format!("node {ordinal} unknown"),
        })
        .collect();
    let message = match &apart[..] {
        _ if heights.is_empty() => "no node has answered".to_owned(),
        [side] if sides.len() > 1 => format!("{} differ: {}", side.name(), heights.join(", ")),
        _ => heights.join(", "),
    };
    let message = message + &in_pieces(&sides);
    Judgement::new(name, false, reasons::TIPS_DIFFER, message)
}

/// Whether the wallet can be used; nothing if none is asked for.
fn wallet_ready(network: &BitcoinNetwork, sight: &Sight) -> Option<Judgement> {
    let name = "WalletReady";
    network.spec.valid()?.wallet.as_ref()?;
    let Some(wallet) = &sight.wallet else {
        let message = "the wallet was not looked at";
        return Some(Judgement::unknown(name, reasons::WALLET_NOT_SEEN, message));
    };
    Some(match &wallet.trouble {
        Some((reason, message)) => Judgement::new(name, false, *reason, message.clone()),
        None => {
            let message = format!("node {} has the wallet", wallet.status.node);
            Judgement::new(name, true, reasons::WALLET_LOADED, message)
        }
    })
}

/// Where all nodes are, and whether that is old news.
fn one_height(network: &BitcoinNetwork, sight: &Sight, now: Timestamp) -> String {
    match sight.best() {
        Some(chain) => {
            let old = stale_words(network, chain, now);
            format!("all nodes are at height {}{old}", chain.blocks)
        }
        None => "there are no nodes".to_owned(),
    }
}

/// What is said of a chain without news that nobody asked us to keep alive: never mended unasked.
fn stale_words(network: &BitcoinNetwork, chain: &BlockchainInfo, now: Timestamp) -> String {
    let time = chain
        .time
        .filter(|_| chain.blocks > 0 && !plan::is_declared(network));
    let words = time.and_then(|time| age_words(time, now.unix_seconds()));
    words.map_or_else(String::new, |words| format!("; {words}"))
}

/// Whether blocks come as was asked for; nothing if none were.
fn mined(network: &BitcoinNetwork, sight: &Sight) -> Option<Judgement> {
    let name = "Mined";
    let Some(Seen { verdict, .. }) = &sight.mining else {
        let unknown =
            || Judgement::unknown(name, reasons::NOT_LOOKED_AT, "mining was not looked at");
        return plan::is_declared(network).then(unknown);
    };
    let (reason, message) = (verdict.reason, verdict.message.clone());
    Some(Judgement::new(name, verdict.holds, reason, message))
}

/// Two or more chains, none with more work than another.
fn equal_work(sight: &Sight, rivals: &BTreeMap<BlockHash, Vec<i32>>) -> String {
    let holders = rivals.iter().map(|(hash, nodes)| {
        let hash = hash.to_string();
        format!("{} on {}…", sides::name(nodes), &hash[..SHORT_HASH])
    });
    let holders: Vec<String> = holders.collect();
    let nodes: Vec<i32> = rivals.values().flatten().copied().collect();
    format!(
        "{} chains of equal work at height {}: {}; the next block decides",
        rivals.len(),
        sight.height(&nodes).unwrap_or_default(),
        holders.join(", ")
    )
}

/// Which sides the topology does not hold together: blocks do not get from piece to piece.
fn in_pieces(sides: &[Side]) -> String {
    let broken = sides.iter().filter(|side| side.n_pieces > 1);
    broken
        .map(|side| {
            let (name, n_pieces) = (side.name(), side.n_pieces);
            format!("; the topology leaves {name} in {n_pieces} pieces")
        })
        .collect()
}

fn ready(sight: &Sight, judgements: &[Judgement]) -> Judgement {
    let name = "Ready";
    if let Some((reason, message)) = &sight.blocked {
        return Judgement::new(name, false, *reason, message.clone());
    }
    if let Some(unmet) = judgements
        .iter()
        .find(|it| it.status != ConditionStatus::True && it.reason != reasons::PAUSED)
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
