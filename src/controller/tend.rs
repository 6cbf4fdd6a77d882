//! Looking after the pods: ask their nodes, replace those that are out of date, ask why some are missing.
//!
//! # Invariants
//! - A pod is deleted with its UID as precondition, one in a pass.
//!
//! # Rights
//! `delete` on Pods; `list` on Events, only while pods are missing: a StatefulSet says there, and
//! nowhere else, that it may not create them.

use std::collections::BTreeMap;
use std::time::Duration;

use tracing::info;

use crate::api::apps::StatefulSet;
use crate::api::core::{Event, Pod};
use crate::api::{BitcoinNetwork, Resource};
use crate::bitcoin::RpcClient;
use crate::client::{DeleteOptions, ListParams, Scope};
use crate::controller::memory::{self, Memory};
use crate::controller::nodes;
use crate::controller::pods;
use crate::controller::problem::Problem;
use crate::controller::reasons;
use crate::controller::reconciler::NetworkReconciler;
use crate::controller::status::Sight;

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
        let mut clients: BTreeMap<i32, RpcClient> = pods
            .range(0..wanted.max(0))
            .filter(|(_, pod)| !pod.metadata.is_terminating())
            .filter_map(|(ordinal, pod)| {
                Some((*ordinal, memory.client(*ordinal, pod, &self.reach)?))
            })
            .collect();
        sight.answers = nodes::ask_all(clients.clone()).await;
        self.ask_as_before(memory, &mut clients, sight).await;
        clients
    }

    /// Asks those that refuse our password once more with the one before it.
    async fn ask_as_before(
        &self,
        memory: &mut Memory,
        clients: &mut BTreeMap<i32, RpcClient>,
        sight: &mut Sight,
    ) {
        let refusing = sight
            .answers
            .iter()
            .filter(|(_, answer)| answer.is_refusal());
        let again: BTreeMap<i32, RpcClient> = refusing
            .filter_map(|(ordinal, _)| {
                let pod = sight.pods.get(ordinal)?;
                Some((*ordinal, memory.previous_client(pod, &self.reach)?))
            })
            .collect();
        if again.is_empty() {
            return;
        }
        for (ordinal, answer) in nodes::ask_all(again.clone()).await {
            if answer.is_full() {
                memory.keep_client(ordinal, &sight.pods[&ordinal], &again[&ordinal]);
                clients.insert(ordinal, again[&ordinal].clone());
                sight.answers.insert(ordinal, answer);
            }
        }
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
        let sides: Vec<Vec<i32>> = sight.sides().into_iter().map(|side| side.nodes).collect();
        let Some(ordinal) = pods::to_replace(&sight.pods, &sides, restart_hash, &sight.answers)
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
            "replacing pod {}: what it was started with has changed",
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
