//! Telling what was seen: the status, written only when it differs, and events when it turns.
//!
//! Chain facts change with every block. They are written at most every [`CHAIN_FACTS_EVERY`]; whatever
//! else changes is written at once, chain facts with it.
//!
//! # Invariants
//! - A settled network causes no write.
//! - An event is recorded when a judgement turns, not while it lasts.
//! - A status that an older CustomResourceDefinition has cut is not written again and again.
//!
//! # Rights
//! `patch` on `bitcoinnetworks/status`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::api::network::{BitcoinNetworkStatus, Condition, ConditionStatus};
use crate::api::{BitcoinNetwork, ObjectKey, Resource, Timestamp};
use crate::client;
use crate::controller::chain_loss::Chain;
use crate::controller::memory::Memory;
use crate::controller::mining::plan;
use crate::controller::problem::Problem;
use crate::controller::reasons;
use crate::controller::reconciler::NetworkReconciler;
use crate::controller::status::{self, Sight};

/// How often heights, tips and numbers of peers are written.
pub const CHAIN_FACTS_EVERY: Duration = Duration::from_secs(10);

impl NetworkReconciler {
    /// Writes the status if it differs. Returns it, and when a write that was put off is due.
    pub(crate) async fn report(
        &self,
        cached: &BitcoinNetwork,
        network: &BitcoinNetwork,
        memory: &mut Memory,
        sight: &Sight,
    ) -> Result<(BitcoinNetworkStatus, Duration), Problem> {
        let before = &network.status;
        let next = status::next(network, before, sight, Timestamp::now(&self.clock));
        if next == *before || memory.pruned.as_ref() == Some(&next) {
            return Ok((next, Duration::MAX));
        }
        let only_chain_facts = status::without_chain_facts(&next, before) == *before;
        let lost = match &sight.old_chain {
            Chain::Gone(message) => Some(message),
            Chain::There | Chain::Doubtful => None,
        };
        if only_chain_facts
            && lost.is_none()
            && let Some(written) = memory.chain_facts_written
        {
            let due = CHAIN_FACTS_EVERY.saturating_sub(written.elapsed());
            if !due.is_zero() {
                return Ok((next, due));
            }
        }
        let reorganisations = self.reorganisations(memory, sight, before, &next).await;
        if !self.write(cached, network, memory, &next).await? {
            return Ok((next, WRITE_AGAIN));
        }
        memory.chain_facts_written = Some(Instant::now());
        if let Some(message) = lost {
            self.warn(network, reasons::CHAIN_RESET, message.clone());
        }
        self.tell_turns(network, before, &next);
        self.tell_reorganisations(network, &reorganisations);
        Ok((next, Duration::MAX))
    }

    async fn write(
        &self,
        cached: &BitcoinNetwork,
        network: &BitcoinNetwork,
        memory: &mut Memory,
        next: &BitcoinNetworkStatus,
    ) -> Result<bool, Problem> {
        let key = network.key();
        // With mining the status says what is about to be mined: what somebody else wrote must not be lost.
        let outcome = match plan::is_declared(network) {
            true => self.apply_over(network, next).await,
            false => self.apply_known(&key, body(network, next)).await,
        };
        let reply = match outcome {
            Ok(reply) => reply,
            // Deleted, and perhaps made again, or changed in between: the cache will say so.
            Err(error) if error.is_not_found() || error.is_conflict() => {
                debug!(network = %key, %error, "the network is another, or gone");
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        };
        memory.pruned = None;
        if reply.status != *next {
            warn!(network = %key, "the server does not know part of the status: its CustomResourceDefinition is outdated");
            let message = "the CustomResourceDefinition on the server is older than the controller and drops part of the status; apply the controller's";
            self.warn(network, reasons::CRD_OUTDATED, message.to_owned());
            memory.pruned = Some(next.clone());
        }
        memory.networks.remember(Some(cached), Arc::new(reply));
        Ok(true)
    }

    /// Applies the status only if `network` is still the version that was looked at; else it is a conflict.
    pub(crate) async fn apply_over(
        &self,
        network: &BitcoinNetwork,
        status: &BitcoinNetworkStatus,
    ) -> Result<BitcoinNetwork, client::Error> {
        let mut body = body(network, status);
        body["metadata"]["resourceVersion"] = json!(network.metadata.resource_version);
        self.apply_known(&network.key(), body).await
    }

    /// Applies the status, without the fields that the server does not know if there are any.
    async fn apply_known(
        &self,
        key: &ObjectKey,
        mut body: Value,
    ) -> Result<BitcoinNetwork, client::Error> {
        let mut reply = self.client.apply_status(key, &body).await;
        for _ in 0..MOST_UNKNOWN_FIELDS {
            let Err(error) = &reply else { break };
            let unknown = error.undeclared_fields();
            if unknown.is_empty() {
                break;
            }
            for path in unknown {
                leave_out(&mut body, path.trim_start_matches('.'));
            }
            reply = self.client.apply_status(key, &body).await;
        }
        reply
    }

    /// Records that the height that was asked for is reached, or that a node began to refuse blocks.
    fn tell_mining(
        &self,
        network: &BitcoinNetwork,
        before: &BitcoinNetworkStatus,
        next: &BitcoinNetworkStatus,
    ) {
        let (Some(mined), was) = (next.condition("Mined"), before.condition("Mined")) else {
            return;
        };
        match &*mined.reason {
            _ if is_told(was, mined) => {}
            reasons::HEIGHT_REACHED if was.is_some() => {
                self.tell(network, reasons::MINED, mined.message.clone());
            }
            reasons::BLOCK_REFUSED => {
                self.warn(network, reasons::MINING_FAILED, mined.message.clone());
            }
            _ => {}
        }
    }

    /// Records an event for each judgement that has turned.
    fn tell_turns(
        &self,
        network: &BitcoinNetwork,
        before: &BitcoinNetworkStatus,
        next: &BitcoinNetworkStatus,
    ) {
        if let Some((reason, message)) = status::turn(&before.sides, &next.sides) {
            info!(network = %network.key(), "{message}");
            self.tell(network, reason, message);
        }
        if let Some(connected) = next.condition("Connected")
            && connected.reason == reasons::SWITCHED_OFF
            && !is_told(before.condition("Connected"), connected)
        {
            self.warn(network, reasons::SWITCHED_OFF, connected.message.clone());
        }
        let Some(ready) = next.condition("Ready") else {
            return;
        };
        let was = before.condition("Ready");
        match (was.map(|was| was.status), ready.status) {
            (Some(ConditionStatus::True), ConditionStatus::True) => {}
            (_, ConditionStatus::True) => {
                info!(network = %network.key(), nodes = next.ready_nodes, "network is ready");
                self.tell(network, reasons::READY, ready.message.clone());
            }
            _ if is_told(was, ready) => {}
            _ => match reasons::blocking(&ready.reason) {
                Some(reason) => self.warn(network, reason, ready.message.clone()),
                None if was.is_some_and(|was| was.status == ConditionStatus::True) => {
                    let message = format!("{}: {}", ready.reason, ready.message);
                    // Who has just asked for something else need not be warned that it is not there yet.
                    if before.observed_generation == Some(network.metadata.generation) {
                        self.warn(network, reasons::NOT_READY, message);
                    } else {
                        self.tell(network, reasons::NOT_READY, message);
                    }
                }
                None => {}
            },
        }
        self.tell_mining(network, before, next);
        if let Some(pods) = next
            .condition("PodsReady")
            .filter(|pods| pods.status != ConditionStatus::True)
            && !reasons::is_on_its_way(&pods.reason)
            && before
                .condition("PodsReady")
                .is_none_or(|was| was.reason != pods.reason)
        {
            self.warn(
                network,
                reasons::POD_TROUBLE,
                format!("{}: {}", pods.reason, pods.message),
            );
        }
    }
}

/// What is sent to make `status` the status of `network`.
fn body(network: &BitcoinNetwork, status: &BitcoinNetworkStatus) -> Value {
    let metadata = &network.metadata;
    json!({
        "apiVersion": BitcoinNetwork::api_version(),
        "kind": BitcoinNetwork::KIND,
        "metadata": {"name": metadata.name, "namespace": metadata.namespace, "uid": metadata.uid},
        "status": status,
    })
}

/// When a status is written again that met with a conflict: the cache will have caught up.
const WRITE_AGAIN: Duration = Duration::from_millis(200);

/// How many fields a server may lack: more than a status has. It names one or a few at a time.
const MOST_UNKNOWN_FIELDS: usize = 32;

/// Takes the field at a path `status.nodes[ordinal=0].tip` out, in a list of every item.
fn leave_out(object: &mut Value, path: &str) {
    let (step, rest) = path.split_once('.').unwrap_or((path, ""));
    let name = step.split('[').next().unwrap_or(step);
    let Some(fields) = object.as_object_mut() else {
        return;
    };
    match (fields.get_mut(name), rest) {
        (_, "") => drop(fields.remove(name)),
        (Some(Value::Array(items)), rest) => {
            for item in items {
                leave_out(item, rest);
            }
        }
        (Some(value), rest) => leave_out(value, rest),
        (None, _) => {}
    }
}

/// Whether the same was said before.
fn is_told(was: Option<&Condition>, now: &Condition) -> bool {
    was.is_some_and(|was| was.status == now.status && was.reason == now.reason)
}
