//! From plan, view and reservation to the next step: a function of values.
//!
//! A pace is counted from block to block, each from when the one before it *was due*, so it does not drift
//! by the time that mining takes. Whoever is late by more than a whole wait begins to count anew with the
//! block that is mined now: after an outage one block catches up, not a burst of them.
//!
//! # Invariants
//! - At most one step; the same facts give the same step.
//! - What is reserved comes before what is due.
//! - A due block is reserved only for a node that can be given it now.

use std::time::Duration;

use crate::api::MicroTime;
use crate::api::network::{MinedBlock, MiningStatus, NextBlock};
use crate::base::duration;
use crate::bitcoin::pace::{Miners, Pace};
use crate::controller::mining::view::{OLD, Tip, age_words};
use crate::controller::mining::{Plan, Verdict, View};
use crate::controller::reasons;

/// The age at which a reservation is given up: whatever was on its way to the node has arrived by then, or
/// never will.
pub const STALE: Duration = Duration::from_secs(600);

/// How many blocks one reservation is for if one node mines, at most.
pub const RUN_OF_ONE: i64 = 1_000;

/// The same if several do, so that each gets its share.
pub const RUN_OF_MANY: i64 = 25;

/// Everything a decision is made from.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// What is asked for.
    pub plan: &'a Plan,
    /// What the nodes have.
    pub view: &'a View,
    /// What is reserved, still open ([`standing`]), and what was mined last.
    pub record: &'a MiningStatus,
    /// How much longer the reservation is to be left to whoever made it; `None`: it is ours.
    pub patience: Option<Duration>,
    /// How long the sides' best tips have been these.
    pub tips_seen_for: Duration,
    /// Now, in microseconds since 1970.
    pub now: i64,
}

/// What to do, what to tell, and when to look again at the latest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What to do.
    pub step: Step,
    /// What to tell if the step succeeds.
    pub verdict: Verdict,
    /// When there will be something to do; `None`: not by the passing of time.
    pub look_again: Option<Duration>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Rest,
    /// Reserve this, and mine it.
    Reserve(NextBlock),
    /// Mine what is reserved.
    GoOn(NextBlock),
}

/// How a reservation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its block is still to come.
    Open,
    /// The chain has got as far as it.
    Reached,
    /// Nobody will mine it.
    Void,
}

/// How the reservation `next` stands.
pub fn standing(plan: &Plan, view: &View, next: &NextBlock, now: i64) -> Standing {
    let height = view.best_beside(plan, next.node).map(|tip| tip.height);
    let is_there = (0..plan.nodes).contains(&next.node);
    let is_wanted = plan.asks_for(next.height) || height.is_none_or(|it| it + 1 == next.height);
    if height.is_some_and(|height| height >= next.height) {
        Standing::Reached
    } else if is_there && is_wanted && now - next.time.unix_micros() <= micros(STALE) {
        Standing::Open
    } else {
        Standing::Void
    }
}

/// The moment from which the block after `next` is counted, if that was accepted at `now`.
pub fn counted_from(plan: &Plan, next: &NextBlock, now: i64) -> MicroTime {
    let due = next.time.unix_micros();
    let is_late = plan.pace.is_none_or(|pace| now - due > micros(pace.mean()));
    MicroTime::from_unix_micros(if is_late { now } else { due })
}

/// Decides.
pub fn decide(facts: Facts<'_>) -> Decision {
    let Facts {
        plan,
        view,
        record,
        now,
        ..
    } = facts;
    let usual = usual(facts);
    let rest = |verdict, look_again| Decision {
        step: Step::Rest,
        verdict,
        look_again,
    };
    if plan.miners.is_empty() && !plan.is_paused {
        let message = "none of the miners is a node that is there and has a weight";
        return rest(Verdict::no(reasons::NO_MINER, message), None);
    }
    if view.tips.is_empty() {
        let message = "no node answers";
        return rest(Verdict::no(reasons::MINER_NOT_READY, message), None);
    }
    if plan.is_paused {
        return rest(usual, None);
    }
    let (node, step) = match &record.next {
        Some(next) => (next.node, Step::GoOn(next.clone())),
        None => match due(facts) {
            None => return rest(usual, None),
            Some(due) if due.at > now => {
                let wait = u64::try_from(due.at - now).unwrap_or(0);
                return rest(usual, Some(Duration::from_micros(wait)));
            }
            Some(due) => (due.next.node, Step::Reserve(due.next)),
        },
    };
    if let Some(verdict) = hindrance(plan, view, node) {
        return rest(verdict, None);
    }
    match (&step, facts.patience) {
        (Step::GoOn(_), Some(left)) => rest(usual, Some(left)),
        _ => Decision {
            step,
            verdict: usual,
            look_again: None,
        },
    }
}

/// What is to be told while nothing is wrong.
pub fn usual(facts: Facts<'_>) -> Verdict {
    let Facts {
        plan, view, now, ..
    } = facts;
    let heights: Vec<String> = view.bests(plan).map(|tip| tip.height.to_string()).collect();
    let heights = heights.join(" and ");
    let wants_more = !wanting(plan, view, |height| plan.asks_for(height)).is_empty();
    let is_catching_up = !wanting(plan, view, |height| height <= plan.at_once).is_empty();
    let tip_time = view.best().and_then(|tip| tip.time);
    let age = tip_time.and_then(|time| age_words(time, now / MICROS_PER_SECOND));
    let with_age = |message: String| match age {
        Some(age) => format!("{message}; {age}"),
        None => message,
    };
    match (&plan.pace, plan.is_paused) {
        _ if !wants_more => {
            let message = format!("at height {heights}, as was asked for");
            Verdict::yes(reasons::HEIGHT_REACHED, message)
        }
        (_, true) => {
            let message = with_age(format!(
                "mining rests at height {heights}, as was asked for"
            ));
            Verdict::no(reasons::PAUSED, message)
        }
        _ if is_catching_up => {
            let message = format!("at height {heights} of {}", plan.at_once);
            Verdict::no(reasons::MINING, message)
        }
        (Some(Pace::Every(time)), false) => {
            let message = format!(
                "at height {heights}, one block every {}",
                duration::show(*time)
            );
            Verdict::yes(reasons::ON_PACE, message)
        }
        (Some(Pace::Poisson(mean)), false) => {
            let mean = duration::show(*mean);
            let message =
                format!("at height {heights}, blocks at random, one in {mean} on average");
            Verdict::yes(reasons::ON_PACE, message)
        }
        (None, false) => Verdict::no(reasons::MINING, format!("at height {heights}")),
    }
}

/// Why `node` cannot be given a block now.
fn hindrance(plan: &Plan, view: &View, node: i32) -> Option<Verdict> {
    if !view.is_connected {
        let message = "blocks are due and wait until all links are there";
        return Some(Verdict::no(reasons::WAITING_FOR_LINKS, message));
    }
    let not_ready = |message| Some(Verdict::no(reasons::MINER_NOT_READY, message));
    let Some(tip) = view.tips.get(&node) else {
        return not_ready(format!("node {node}, whose turn it is, does not answer"));
    };
    let best = view.best_beside(plan, node).unwrap_or(tip);
    if tip.work < best.work {
        let (height, best) = (tip.height, best.height);
        return not_ready(format!(
            "node {node}, whose turn it is, is at height {height} and others at {best}"
        ));
    }
    None
}

/// A block that is due, or will be.
struct Due {
    at: i64,
    next: NextBlock,
}

/// The miners on whose side the next block is wanted.
fn wanting(plan: &Plan, view: &View, is_wanted: impl Fn(i64) -> bool) -> Miners {
    plan.miners.among(|ordinal| {
        let best = view.best_beside(plan, ordinal);
        best.is_some_and(|tip| is_wanted(tip.height + 1))
    })
}

fn due(facts: Facts<'_>) -> Option<Due> {
    catching_up(facts)
        .or_else(|| by_pace(facts).filter(|due| due.at <= facts.now))
        .or_else(|| fresh(facts))
        .or_else(|| by_pace(facts))
}

/// The next run of blocks that are to come at once.
fn catching_up(facts: Facts<'_>) -> Option<Due> {
    let Facts {
        plan, view, now, ..
    } = facts;
    let miners = wanting(plan, view, |height| height <= plan.at_once);
    // Runs begin at the same heights whoever looks, so that a restart does not choose again.
    let longest = if miners.len() > 1 {
        RUN_OF_MANY
    } else {
        RUN_OF_ONE
    };
    let before = i64::try_from(view.turn(plan) - 1).unwrap_or(0);
    let (run, done) = (before / longest, before % longest);
    let node = miners.choose(plan.seed, run.unsigned_abs())?;
    let tip = view.best_beside(plan, node)?;
    let last = (tip.height + longest - done).min(plan.at_once);
    Some(Due {
        at: now,
        next: block(tip, last, node, now),
    })
}

/// The next block of the pace.
fn by_pace(facts: Facts<'_>) -> Option<Due> {
    let Facts {
        plan, view, now, ..
    } = facts;
    let pace = plan.pace?;
    let turn = view.turn(plan);
    let miners = wanting(plan, view, |height| plan.asks_for(height));
    let node = miners.choose(plan.seed, turn)?;
    let tip = view.best_beside(plan, node)?;
    let at = last_block(facts) + micros(pace.wait(plan.seed, turn));
    // A reservation that is stale from the start would be given up before it is mined.
    let time = if now - at > micros(pace.mean().min(STALE / 2)) {
        now
    } else {
        at
    };
    Some(Due {
        at,
        next: block(tip, tip.height + 1, node, time),
    })
}

/// One block to show that the chain is alive, when there is no news on it for too long and no pace brings
/// any; or when nodes wait for news and the pace is a long one.
fn fresh(facts: Facts<'_>) -> Option<Due> {
    let Facts {
        plan,
        view,
        record,
        now,
        ..
    } = facts;
    let waits_for_pace = !wanting(plan, view, |height| plan.asks_for(height)).is_empty();
    let somebody_waits = view.tips.values().any(|tip| tip.is_downloading);
    let is_old = |micros_since_1970: i64| now - micros_since_1970 > micros(OLD);
    let mined_lately = record
        .last
        .as_ref()
        .is_some_and(|last| !is_old(last.time.unix_micros()));
    let tip = view.best()?;
    let is_stale = tip
        .time
        .map_or(somebody_waits, |time| is_old(time * MICROS_PER_SECOND));
    // Mining where best blocks differ would decide a fork that somebody may be looking at.
    if !is_stale || mined_lately || !view.is_of_one_mind(plan) || waits_for_pace && !somebody_waits
    {
        return None;
    }
    let node = plan.miners.choose(plan.seed, view.turn(plan))?;
    let tip = view.best_beside(plan, node)?;
    Some(Due {
        at: now,
        next: block(tip, tip.height + 1, node, now),
    })
}

/// When the last block was due, if it was ours; else its own time, or when it was first seen if that was
/// earlier: blocks mined in quick succession carry times that are ahead.
fn last_block(facts: Facts<'_>) -> i64 {
    let Facts {
        plan,
        view,
        record,
        now,
        ..
    } = facts;
    let first_seen = now - micros(facts.tips_seen_for);
    let is_tip = |last: &&MinedBlock| {
        let is_tip = |tip: &Tip| tip.hash.to_string() == last.hash;
        view.tips.values().any(is_tip)
    };
    let ours = record.last.as_ref().filter(is_tip);
    let theirs = || view.bests(plan).filter_map(|tip| tip.time).max();
    ours.map(|last| last.time.unix_micros())
        .or_else(|| theirs().map(|time| time * MICROS_PER_SECOND))
        .map_or(first_seen, |time| time.min(first_seen))
}

/// The blocks from the one on `tip` up to `height`.
fn block(tip: &Tip, height: i64, node: i32, time: i64) -> NextBlock {
    NextBlock {
        height,
        previous: tip.hash.to_string(),
        node,
        time: MicroTime::from_unix_micros(time),
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

const MICROS_PER_SECOND: i64 = 1_000_000;
