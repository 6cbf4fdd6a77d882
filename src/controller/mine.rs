//! Mining what was declared: reserve, make, hand in.
//!
//! What is to be done is decided purely ([`mining`](crate::controller::mining), which also says what
//! happens when the controller is killed at each of these steps); here are the few calls that do it.
//!
//! # Invariants
//! - The reservation is written before the node hears of the block, and only over the very version of the
//!   network that was looked at.
//! - Without a reservation that the server has confirmed nothing is made.
//!
//! # Rights
//! `patch` on `bitcoinnetworks/status`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rust_bitcoin::ScriptBuf;
use tracing::{debug, info, warn};

use crate::api::network::{MinedBlock, MiningStatus, NextBlock};
use crate::api::{BitcoinNetwork, MicroTime, Resource};
use crate::bitcoin::{BlockHash, RpcClient};
use crate::controller::memory::Memory;
use crate::controller::mining::decide::{Facts, Standing, counted_from, standing, usual};
use crate::controller::mining::job::{Job, Outcome, ours};
use crate::controller::mining::{Bench, PATIENCE, Plan, Seen, Step, Verdict, View, decide, plan};
use crate::controller::problem::Problem;
use crate::controller::provide::checked_spec;
use crate::controller::reasons;
use crate::controller::reconciler::{AFTER_ACTION, NetworkReconciler};
use crate::controller::status::Sight;

impl NetworkReconciler {
    /// Mines what is due, and notes how mining stands. Returns when to look again at the latest.
    pub(crate) async fn mine(
        &self,
        cached: &BitcoinNetwork,
        network: &BitcoinNetwork,
        clients: &BTreeMap<i32, RpcClient>,
        memory: &mut Memory,
        sight: &mut Sight,
    ) -> Result<Option<Duration>, Problem> {
        let spec = checked_spec(network)?;
        let Some(plan) = plan::of(network, spec)? else {
            memory.mining = Bench::default();
            return Ok(None);
        };
        let view = View::of(sight);
        let bench = &mut memory.mining;
        let mut record = bench.over(network.status.mining.as_ref());
        self.settle(network, &plan, &view, clients, bench, &mut record)
            .await;
        if let Some((why, left)) = bench.refusal() {
            let verdict = Verdict::no(reasons::BLOCK_REFUSED, why);
            sight.mining = Some(Seen { record, verdict });
            return Ok(Some(left));
        }
        let next = record.next.as_ref();
        let facts = Facts {
            plan: &plan,
            view: &view,
            record: &record,
            patience: next.and_then(|next| bench.patience(next, height_of(&view, next.node))),
            tips_seen_for: bench.tips_seen_for(view.bests(&plan).map(|tip| tip.hash).collect()),
            now: self.now_micros(),
        };
        let decision = decide(facts);
        let (next, is_new) = match decision.step {
            Step::Rest => {
                let verdict = decision.verdict;
                sight.mining = Some(Seen { record, verdict });
                return Ok(decision.look_again);
            }
            Step::Reserve(next) => (next, true),
            Step::GoOn(next) => (next, false),
        };
        let wallet = sight.wallet.as_ref().map(|wallet| &wallet.status);
        let wallet = wallet.or(network.status.wallet.as_ref());
        let task = Task {
            payout: plan::payout(spec, wallet, next.node)?,
            plan: &plan,
            view,
            record,
            next,
            verdict: decision.verdict,
        };
        let (seen, look_again) = self
            .carry(task, is_new, cached, network, clients, memory)
            .await?;
        sight.mining = Some(seen);
        Ok(Some(look_again))
    }

    /// Reserves what is new, and mines.
    async fn carry(
        &self,
        mut task: Task<'_>,
        is_new: bool,
        cached: &BitcoinNetwork,
        network: &BitcoinNetwork,
        clients: &BTreeMap<i32, RpcClient>,
        memory: &mut Memory,
    ) -> Result<(Seen, Duration), Problem> {
        let (Some(payout), Some(rpc)) = (task.payout.take(), clients.get(&task.next.node)) else {
            let message = "blocks are due and wait until the wallet they are for has an address";
            let verdict = Verdict::no(reasons::WAITING_FOR_WALLET, message);
            return Ok((task.seen(verdict), AGAIN));
        };
        if is_new {
            match self.reserve(cached, network, memory, &mut task).await? {
                Reserved::Yes => {}
                Reserved::SomebodyElse => {
                    let verdict = task.verdict.clone();
                    return Ok((task.seen(verdict), PATIENCE));
                }
                Reserved::NotKept => {
                    let message = "the CustomResourceDefinition on the server is too old to keep reservations; apply the controller's";
                    let verdict = Verdict::no(reasons::CRD_OUTDATED, message);
                    return Ok((task.seen(verdict), AGAIN));
                }
            }
        }
        let job = Job {
            rpc,
            uid: &network.metadata.uid,
            payout,
            next: &task.next,
        };
        let outcome = job.run(&mut memory.mining).await;
        Ok(self.account(network, task, outcome, &mut memory.mining))
    }

    /// Writes the reservation, if the network is still the version that was looked at.
    async fn reserve(
        &self,
        cached: &BitcoinNetwork,
        network: &BitcoinNetwork,
        memory: &mut Memory,
        task: &mut Task<'_>,
    ) -> Result<Reserved, Problem> {
        let key = network.key();
        task.record.next = Some(task.next.clone());
        let mut status = network.status.clone();
        status.mining = Some(task.record.clone());
        let reply = match self.apply_over(network, &status).await {
            Ok(reply) => reply,
            Err(error) if error.is_not_found() || error.is_conflict() => {
                debug!(network = %key, %error, "somebody else was quicker");
                task.record.next = None;
                return Ok(Reserved::SomebodyElse);
            }
            Err(error) => return Err(error.into()),
        };
        let kept = reply.status.mining.as_ref().and_then(|it| it.next.as_ref());
        let is_kept = kept == Some(&task.next);
        memory.networks.remember(Some(cached), Arc::new(reply));
        if !is_kept {
            task.record.next = None;
            return Ok(Reserved::NotKept);
        }
        memory.mining.take(&task.next);
        Ok(Reserved::Yes)
    }

    /// Closes a reservation that is done with, and finds out what came of it.
    async fn settle(
        &self,
        network: &BitcoinNetwork,
        plan: &Plan,
        view: &View,
        clients: &BTreeMap<i32, RpcClient>,
        bench: &mut Bench,
        record: &mut MiningStatus,
    ) {
        let now = self.now_micros();
        let Some(next) = record
            .next
            .take_if(|next| standing(plan, view, next, now) != Standing::Open)
        else {
            return;
        };
        let last = match clients.get(&next.node) {
            Some(rpc) if standing(plan, view, &next, now) == Standing::Reached => {
                let hash = ours(rpc, &network.metadata.uid, &next).await;
                hash.map(|hash| mined(plan, &next, hash, now))
            }
            _ => None,
        };
        debug!(network = %network.key(), ?next, ?last, "a reservation is done with");
        bench.close(&next, last.clone());
        record.last = last.or(record.last.take());
    }

    /// What the status is told about the outcome, and when to look again.
    fn account(
        &self,
        network: &BitcoinNetwork,
        mut task: Task<'_>,
        outcome: Outcome,
        bench: &mut Bench,
    ) -> (Seen, Duration) {
        let key = network.key();
        match outcome {
            Outcome::Finished(hash) => {
                let block = mined(task.plan, &task.next, hash, self.now_micros());
                info!(network = %key, height = block.height, node = block.node, %hash, "mined");
                if task.record.last.is_none() {
                    let (height, node) = (block.height, block.node);
                    let message =
                        format!("mined the first blocks: height {height}, on node {node}");
                    self.tell(network, reasons::MINED, message);
                }
                bench.close(&task.next, Some(block.clone()));
                bench.refused(None);
                let height = block.height;
                task.record = MiningStatus {
                    next: None,
                    last: Some(block),
                };
                let verdict = task.usual_at(height, self.now_micros());
                (task.seen(verdict), AFTER_ACTION)
            }
            Outcome::Partly(height) => {
                let verdict = task.usual_at(height, self.now_micros());
                (task.seen(verdict), Duration::ZERO)
            }
            Outcome::Void(why) => {
                debug!(network = %key, why, next = ?task.next, "the reservation is void");
                bench.close(&task.next, None);
                task.record.next = None;
                let verdict = task.verdict.clone();
                (task.seen(verdict), AFTER_ACTION)
            }
            Outcome::Refused(why) => {
                let why = format!("node {} refuses the block: {why}", task.next.node);
                warn!(network = %key, height = task.next.height, "{why}");
                bench.close(&task.next, None);
                bench.refused(Some(why.clone()));
                task.record.next = None;
                (task.seen(Verdict::no(reasons::BLOCK_REFUSED, why)), AGAIN)
            }
            Outcome::Unanswered(why) => {
                debug!(network = %key, why, "it is not known what became of the block");
                let why = format!("node {}, whose turn it is: {why}", task.next.node);
                (task.seen(Verdict::no(reasons::MINER_NOT_READY, why)), AGAIN)
            }
        }
    }

    fn now_micros(&self) -> i64 {
        MicroTime::now(&self.clock).unix_micros()
    }
}

/// When to look again at the latest at what will hardly have changed by itself.
const AGAIN: Duration = Duration::from_secs(5);

/// What came of an attempt to reserve.
enum Reserved {
    Yes,
    SomebodyElse,
    NotKept,
}

/// A decision on its way.
struct Task<'a> {
    /// Who is paid; `None`: it is not known yet.
    payout: Option<ScriptBuf>,
    plan: &'a Plan,
    view: View,
    record: MiningStatus,
    next: NextBlock,
    verdict: Verdict,
}

impl Task<'_> {
    fn seen(self, verdict: Verdict) -> Seen {
        Seen {
            record: self.record,
            verdict,
        }
    }

    /// What is to be told when the node has come to `height`.
    fn usual_at(&self, height: i64, now: i64) -> Verdict {
        let view = self.view.grown(self.plan, self.next.node, height);
        usual(Facts {
            plan: self.plan,
            view: &view,
            record: &self.record,
            patience: None,
            tips_seen_for: Duration::ZERO,
            now,
        })
    }
}

fn mined(plan: &Plan, next: &NextBlock, hash: BlockHash, now: i64) -> MinedBlock {
    MinedBlock {
        height: next.height,
        hash: hash.to_string(),
        node: next.node,
        time: counted_from(plan, next, now),
    }
}

fn height_of(view: &View, node: i32) -> Option<i64> {
    view.tips.get(&node).map(|tip| tip.height)
}
