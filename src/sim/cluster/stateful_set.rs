//! StatefulSets: so many pods, each with a number, a name that stays, and an end in order.
//!
//! It models: creation in parallel and one by one, scaling both ways, pods that ended, the revision in
//! labels and status, `OnDelete`. It does not model: rolling updates (a set that asks for them is
//! treated as `OnDelete`), `minReadySeconds`. Its claims are in `claims`.
//!
//! # Invariants
//! - A pod that is not this set's is never deleted; one that has a name of ours is in the way.
//! - No pod is made while its namesake still ends.
//! - In an ordered set nothing is made or deleted while a pod before it is not ready.
//!
//! # Source
//! Kubernetes `pkg/controller/statefulset/{stateful_set_control,stateful_pod_control}.go`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::base::hash::fnv1a;
use crate::base::{Backoff, Random};
use crate::sim::cluster::claims;
use crate::sim::cluster::events::{self, NORMAL, WARNING};
use crate::sim::refusal::Refusal;
use crate::sim::request::{DeleteOptions, Key};
use crate::sim::store::Store;

/// Runs until it is dropped.
pub(super) async fn run(store: Store) {
    let mut retries: BTreeMap<String, Retry> = BTreeMap::new();
    loop {
        let seen = store.resource_version();
        let mut waiting = std::mem::take(&mut retries);
        for set in store
            .list("statefulsets.apps")
            .iter()
            .filter(|set| !is_going(set))
        {
            let uid = set["metadata"]["uid"].as_str().unwrap_or_default();
            // Whoever is gone is not taken over: what it waited for would be due for ever.
            let mut retry = waiting.remove(uid).unwrap_or_default();
            Set::new(&store, set).sync(&mut retry);
            retries.insert(uid.to_owned(), retry);
        }
        let next = retries.values().filter_map(|retry| retry.due).min();
        tokio::select! {
            biased;
            () = store.changed_after(seen) => {}
            () = sleep_until(next) => {}
        }
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// When a set whose pods were refused may try again.
struct Retry {
    backoff: Backoff,
    due: Option<Instant>,
}

impl Default for Retry {
    fn default() -> Self {
        Retry {
            backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(60)),
            due: None,
        }
    }
}

struct Set<'a> {
    store: &'a Store,
    set: &'a Arc<Value>,
    key: Key,
    replicas: u64,
    is_parallel: bool,
    revision: String,
}

impl<'a> Set<'a> {
    fn new(store: &'a Store, set: &'a Arc<Value>) -> Self {
        let spec = &set["spec"];
        Set {
            key: Key::of(set),
            replicas: spec["replicas"].as_u64().unwrap_or(1),
            is_parallel: spec["podManagementPolicy"] == "Parallel",
            revision: format!("{}-{}", Key::of(set).name, hash(&spec["template"])),
            store,
            set,
        }
    }

    /// Takes one step towards what the set asks for, and says how far it is.
    fn sync(&self, retry: &mut Retry) {
        let pods = self.pods();
        let may_try = retry.due.is_none_or(|due| due <= Instant::now());
        if may_try {
            retry.due = None;
            match self.create_missing(&pods) {
                Ok(()) => retry.backoff.reset(),
                Err(_) => {
                    let pause = retry.backoff.next_wait(&Random::seeded(0));
                    retry.due = Some(Instant::now() + pause);
                }
            }
        }
        let is_whole =
            || (0..self.replicas).all(|ordinal| pods.get(&ordinal).is_some_and(is_ready));
        if self.is_parallel || is_whole() {
            self.delete_condemned(&pods);
        }
        for ordinal in pods.keys() {
            claims::keep_policy(self.store, self.set, *ordinal);
        }
        self.write_status(&self.pods());
    }

    /// The set's own pods, by number.
    fn pods(&self) -> BTreeMap<u64, Arc<Value>> {
        let own = |pod: &Arc<Value>| {
            let mut owners = pod["metadata"]["ownerReferences"]
                .as_array()
                .into_iter()
                .flatten();
            pod["metadata"]["namespace"] == *self.key.namespace
                && owners.any(|owner| {
                    owner["controller"] == true && owner["uid"] == self.set["metadata"]["uid"]
                })
        };
        let ordinal = |pod: &Arc<Value>| {
            let name = pod["metadata"]["name"].as_str()?;
            name.strip_prefix(&self.key.name)?
                .strip_prefix('-')?
                .parse()
                .ok()
        };
        let pods = self.store.list("pods").into_iter().filter(own);
        pods.filter_map(|pod| Some((ordinal(&pod)?, pod))).collect()
    }

    /// Makes the pods that are missing.
    ///
    /// # Errors
    /// One was refused; the first refusal of several.
    fn create_missing(&self, pods: &BTreeMap<u64, Arc<Value>>) -> Result<(), Refusal> {
        let mut outcome = Ok(());
        for ordinal in 0..self.replicas {
            match pods.get(&ordinal) {
                Some(pod) if has_ended(pod) && !is_going(pod) => {
                    self.delete(pod);
                    if !self.is_parallel {
                        break;
                    }
                }
                Some(pod) if !self.is_parallel && !is_ready(pod) => break,
                Some(_) => {}
                None => {
                    let made = self.create(ordinal);
                    if let Err(refusal) = &made {
                        self.tell_refused(ordinal, refusal);
                    }
                    outcome = outcome.and(made);
                    if !self.is_parallel {
                        break;
                    }
                }
            }
        }
        outcome
    }

    fn create(&self, ordinal: u64) -> Result<(), Refusal> {
        let (name, template) = (self.pod_name(ordinal), &self.set["spec"]["template"]);
        for claim in claims::create_missing(self.store, self.set, ordinal)? {
            let set = &self.key.name;
            let message = format!("create Claim {claim} Pod {name} in StatefulSet {set} success");
            self.tell((NORMAL, "SuccessfulCreate"), &message);
        }
        let mut metadata = template["metadata"].clone();
        metadata["name"] = name.clone().into();
        metadata["labels"]["statefulset.kubernetes.io/pod-name"] = name.clone().into();
        metadata["labels"]["apps.kubernetes.io/pod-index"] = ordinal.to_string().into();
        metadata["labels"]["controller-revision-hash"] = self.revision.clone().into();
        metadata["ownerReferences"] = json!([{
            "apiVersion": "apps/v1", "kind": "StatefulSet", "name": self.key.name,
            "uid": self.set["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true,
        }]);
        let mut spec = template["spec"].clone();
        spec["hostname"] = name.clone().into();
        if let Some(service) = self.set["spec"]["serviceName"].as_str() {
            spec["subdomain"] = service.into();
        }
        claims::add_volumes(self.set, ordinal, &mut spec);
        let pod = json!({"metadata": metadata, "spec": spec});
        self.store
            .create("pods", &self.key.namespace, pod, MANAGER)?;
        let message = format!(
            "create Pod {name} in StatefulSet {} successful",
            self.key.name
        );
        self.tell((NORMAL, "SuccessfulCreate"), &message);
        Ok(())
    }

    /// Upstream keeps silent about a name that is taken: it may be a namesake that still ends.
    fn tell_refused(&self, ordinal: u64, refusal: &Refusal) {
        if refusal.reason == "AlreadyExists" {
            return;
        }
        let (name, set) = (self.pod_name(ordinal), &self.key.name);
        let message = format!("create Pod {name} in StatefulSet {set} failed error: {refusal}");
        self.tell((WARNING, "FailedCreate"), &message);
    }

    /// Deletes the pods that are too many, the highest first.
    fn delete_condemned(&self, pods: &BTreeMap<u64, Arc<Value>>) {
        for (_, pod) in pods.range(self.replicas..).rev() {
            if !is_going(pod) {
                self.delete(pod);
            }
            if !self.is_parallel {
                return;
            }
        }
    }

    fn delete(&self, pod: &Value) {
        let key = Key::of(pod);
        let options = DeleteOptions {
            uid: pod["metadata"]["uid"].as_str().map(str::to_owned),
            ..DeleteOptions::default()
        };
        if self.store.delete("pods", &key, &options).is_ok() {
            let (name, set) = (&key.name, &self.key.name);
            let message = format!("delete Pod {name} in StatefulSet {set} successful");
            self.tell((NORMAL, "SuccessfulDelete"), &message);
        }
    }

    fn write_status(&self, pods: &BTreeMap<u64, Arc<Value>>) {
        let current: Vec<&Arc<Value>> = pods.values().filter(|pod| !is_going(pod)).collect();
        let n_ready = current.iter().filter(|pod| is_ready(pod)).count();
        let is_updated = |pod: &&&Arc<Value>| {
            pod["metadata"]["labels"]["controller-revision-hash"] == *self.revision
        };
        let n_updated = current.iter().filter(is_updated).count();
        let was = &self.set["status"]["currentRevision"];
        let current_revision = match was.as_str() {
            Some(was) if n_updated < current.len() => was.to_owned(),
            _ => self.revision.clone(),
        };
        let status = json!({
            "observedGeneration": self.set["metadata"]["generation"],
            "replicas": pods.len(),
            "readyReplicas": n_ready,
            "availableReplicas": n_ready,
            "currentReplicas": if current_revision == self.revision { n_updated } else { current.len() - n_updated },
            "updatedReplicas": n_updated,
            "currentRevision": current_revision,
            "updateRevision": self.revision,
            "collisionCount": 0,
        });
        let written = self
            .store
            .update_status("statefulsets.apps", &self.key, MANAGER, |set| {
                if set["metadata"]["uid"] == self.set["metadata"]["uid"] {
                    set["status"] = status;
                }
            });
        // A set that was deleted meanwhile has no status to write.
        drop(written);
    }

    fn pod_name(&self, ordinal: u64) -> String {
        format!("{}-{ordinal}", self.key.name)
    }

    fn tell(&self, reason: (&str, &str), message: &str) {
        events::record(
            self.store,
            self.set,
            "statefulset-controller",
            reason,
            message,
        );
    }
}

fn is_going(object: &Value) -> bool {
    !object["metadata"]["deletionTimestamp"].is_null()
}

fn has_ended(pod: &Value) -> bool {
    ["Failed", "Succeeded"]
        .iter()
        .any(|phase| pod["status"]["phase"] == *phase)
}

fn is_ready(pod: &Arc<Value>) -> bool {
    let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    !is_going(pod) && conditions.any(|one| one["type"] == "Ready" && one["status"] == "True")
}

/// The same template, the same revision, in every process.
fn hash(template: &Value) -> String {
    let hash = fnv1a(template.to_string().as_bytes());
    format!("{:010x}", hash & 0xff_ffff_ffff)
}

const MANAGER: &str = "kube-controller-manager";
