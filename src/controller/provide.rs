//! The objects a network should own are there, and are as they should be.
//!
//! One rule for each: look whose it is, compare, and apply only if something we want is not so. A
//! settled network therefore causes no write, and a write that somebody else keeps undoing is noticed
//! instead of being repeated for ever.
//!
//! # Invariants
//! - An object of somebody else is never written.
//! - An apply to an object that is there carries its UID: a later object of that name is not meant.
//! - After `MAX_REPAIRS` repairs in a row of one object, with an unchanged spec, it rests for
//!   `CONTEST_REST` and is reported.
//!
//! # Rights
//! `get`, `create` and `patch` on Services and StatefulSets; `update` on `bitcoinnetworks/finalizers`,
//! because owner references block the owner's deletion.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use tracing::info;

use crate::api::apps::StatefulSet;
use crate::api::core::Service;
use crate::api::network::{BitcoinNetworkSpec, MAX_NAME_LENGTH, MAX_NODES, Spec};
use crate::api::{BitcoinNetwork, ObjectKey, Resource};
use crate::client;
use crate::controller::credentials;
use crate::controller::desired::{self, APPLIED_HASH, NodeSpec, Startup};
use crate::controller::difference;
use crate::controller::memory::{Memory, Refused, Repairs};
use crate::controller::mining::plan;
use crate::controller::own_secret::{Known, Own, Refusal};
use crate::controller::own_writes::OwnWrites;
use crate::controller::ownership::{self, Found};
use crate::controller::problem::Problem;
use crate::controller::reasons;
use crate::controller::reconciler::NetworkReconciler;
use crate::controller::wiring;

/// So many repairs of one object in a row are a contest.
const MAX_REPAIRS: u32 = 5;

/// Repairs further apart than this are not in a row; a contest rests for as long.
const CONTEST_REST: Duration = Duration::from_secs(60);

/// How long what the server has refused is not asked for again while nothing has changed.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(600);

/// What a pass goes on with.
pub struct Provided {
    /// The set, as it is now.
    pub set: Arc<StatefulSet>,
    /// What its pods should have been started with.
    pub restart_hash: String,
    /// What our Secret holds.
    pub own: Own,
}

/// A kind of object that networks own.
pub trait Owned: Resource {
    /// What it is called in texts.
    const WORD: &'static str;

    /// Its spec, whole.
    fn spec(&self) -> &Value;
}

impl Owned for Service {
    const WORD: &'static str = "service";

    fn spec(&self) -> &Value {
        &self.spec
    }
}

impl Owned for StatefulSet {
    const WORD: &'static str = "statefulset";

    fn spec(&self) -> &Value {
        &self.spec
    }
}

/// The spec, if it asks for something that can be.
///
/// # Errors
/// [`Problem::Blocked`]: the name or the spec has to be changed.
pub fn checked_spec(network: &BitcoinNetwork) -> Result<&BitcoinNetworkSpec, Problem> {
    let name = network.metadata.name.as_str();
    let is_label = name
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let starts_well = name
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_lowercase());
    if name.len() > MAX_NAME_LENGTH || !is_label || !starts_well || name.ends_with('-') {
        let message = format!(
            "`{name}` cannot name a network: at most {MAX_NAME_LENGTH} lower-case letters, digits and dashes, a letter first"
        );
        return Err(Problem::blocked(reasons::INVALID_NAME, message));
    }
    let spec = match &network.spec {
        Spec::Valid(spec) => spec,
        Spec::Invalid(reason) => {
            return Err(Problem::blocked(
                reasons::INVALID_SPEC,
                format!("the spec cannot be read: {reason}"),
            ));
        }
    };
    if !(0..=MAX_NODES).contains(&spec.nodes) {
        let message = format!(
            "`nodes` is {}; it must be from 0 to {MAX_NODES}",
            spec.nodes
        );
        return Err(Problem::blocked(reasons::INVALID_SPEC, message));
    }
    Ok(spec)
}

impl NetworkReconciler {
    /// Credentials, Service and StatefulSet, in this order.
    pub(crate) async fn provide(
        &self,
        network: &BitcoinNetwork,
        memory: &mut Memory,
    ) -> Result<Provided, Problem> {
        let spec = checked_spec(network)?;
        plan::of(network, spec)?;
        wiring::of(spec)?;
        let node =
            NodeSpec::read(spec).map_err(|why| Problem::blocked(reasons::INVALID_SPEC, why))?;
        self.check_claims(network, spec).await?;
        let defaults = self.insecure_default_credentials;
        let gathered = credentials::gather(
            &self.client,
            network,
            spec,
            defaults,
            &memory.own,
            &self.random,
        );
        let credentials = gathered.await?;
        self.tell_secret(network, &memory.own, &credentials.own);
        memory.remember_own(&credentials.own);

        let key = network.key();
        let cached = self.caches.services.get(&desired::service_key(&key));
        let desired_service = desired::service(network);
        let mut services = std::mem::take(&mut memory.services);
        let outcome = self
            .ensure(network, memory, &mut services, cached, &desired_service)
            .await;
        memory.services = services;
        outcome?;

        let cached = self.caches.sets.get(&desired::stateful_set_key(&key));
        let mut sets = std::mem::take(&mut memory.sets);
        let outcome = self
            .ensure_set(
                network,
                (spec, node),
                memory,
                &mut sets,
                cached,
                &credentials,
            )
            .await;
        memory.sets = sets;
        outcome
    }

    /// Tells when our Secret was made, or cannot be completed.
    fn tell_secret(&self, network: &BitcoinNetwork, known: &Known, own: &Own) {
        let name = desired::secret_key(&network.key()).name;
        if own.is_new && known.credentials.is_none() {
            let message = format!("created secret `{name}` with credentials");
            self.tell(network, reasons::CREATED, message);
        } else if own.is_new {
            let message = format!("put secret `{name}` back: the nodes know no other credentials");
            self.tell(network, reasons::REPAIRED, message);
        }
        let refused = |refusal: &Option<Refusal>| refusal.as_ref().map(|it| it.message.clone());
        for (now, before) in [
            (own.seed_trouble.clone(), known.seed_trouble.clone()),
            (refused(&own.refusal), refused(&known.refusal)),
        ] {
            if now != before
                && let Some(message) = now
            {
                self.warn(network, reasons::SECRET_OUTDATED, message);
            }
        }
    }

    async fn ensure_set(
        &self,
        network: &BitcoinNetwork,
        (spec, node): (&BitcoinNetworkSpec, NodeSpec),
        memory: &mut Memory,
        sets: &mut OwnWrites<StatefulSet>,
        cached: Option<Arc<StatefulSet>>,
        credentials: &credentials::NetworkCredentials,
    ) -> Result<Provided, Problem> {
        // Without an image in the spec a set that is there keeps the one it has.
        let live_image = sets.over(cached.clone()).as_deref().and_then(image_of);
        let image = spec
            .image
            .clone()
            .or(live_image)
            .unwrap_or_else(|| desired::DEFAULT_IMAGE.to_owned());
        let own = &credentials.own;
        let startup = Startup::new(image, node, &own.credentials, credentials.added.as_ref());
        let mut desired = desired::stateful_set(network, spec.nodes, &startup);
        if let Some(live) = sets.over(cached.clone()) {
            keep_claims(&live, &mut desired)?;
        }
        let set = self.ensure(network, memory, sets, cached, &desired).await?;
        Ok(Provided {
            set,
            restart_hash: startup.restart_hash(),
            own: own.clone(),
        })
    }

    /// Makes the object at `desired`'s name what `desired` says, and returns it as it then is.
    async fn ensure<R: Owned>(
        &self,
        network: &BitcoinNetwork,
        memory: &mut Memory,
        writes: &mut OwnWrites<R>,
        cached: Option<Arc<R>>,
        desired: &Value,
    ) -> Result<Arc<R>, Problem> {
        let name = desired["metadata"]["name"].as_str().unwrap_or_default();
        let key = ObjectKey::new(network.metadata.namespace.clone(), name);
        let seen = writes.over(cached.clone());
        match ownership::find(&self.client, seen, &key, &network.metadata.uid).await? {
            Found::Ours(live) => match first_difference(&*live, desired) {
                None => Ok(live),
                Some(path) => {
                    not_contested::<R>(network, memory, &key, &path)?;
                    let now = self.apply(memory, Some(&*live), &key, desired).await?;
                    count_repair::<R>(network, memory);
                    writes.remember(cached.as_deref(), Arc::clone(&now));
                    self.tell_repair(network, &*live, desired, &path);
                    Ok(now)
                }
            },
            Found::Free => {
                let now: Arc<R> = self.apply(memory, None, &key, desired).await?;
                writes.remember(cached.as_deref(), Arc::clone(&now));
                info!(object = %key, "created {}", R::WORD);
                self.tell(
                    network,
                    reasons::CREATED,
                    format!("created {} `{}`", R::WORD, key.name),
                );
                Ok(now)
            }
            Found::Terminating => Err(Problem::terminating(R::WORD, &key)),
            Found::Foreign(owner) => Err(Problem::conflict(R::WORD, &key, &owner)),
        }
    }

    /// Applies what is wanted, to an object that is there or to a free name.
    ///
    /// What the server has refused is asked for again when the object or the wish is another, or after a
    /// while: the refusal may have been a webhook's.
    async fn apply<R: Owned>(
        &self,
        memory: &mut Memory,
        live: Option<&R>,
        key: &ObjectKey,
        desired: &Value,
    ) -> Result<Arc<R>, Problem> {
        let from = live.map_or(&Value::Null, Owned::spec);
        let is_same = |refused: &&Refused| {
            refused.from == *from
                && refused.to == *desired
                && refused.at.elapsed() < ASK_AGAIN_AFTER
        };
        if let Some(refused) = memory.refused.get(R::WORD).filter(is_same) {
            return Err(Problem::blocked(refused.reason, refused.message.clone()));
        }
        memory.refused.remove(R::WORD);
        let mut body = desired.clone();
        if let Some(live) = live {
            body["metadata"]["uid"] = json!(live.metadata().uid);
        }
        match self.client.apply::<R>(key, &body).await {
            Ok(object) => Ok(Arc::new(object)),
            Err(error) if error.is_invalid() || error.is_malformed() => {
                let (reason, message) = match live {
                    Some(_) if is_about_immutable(&error) => (
                        reasons::IMMUTABLE_FIELD,
                        format!(
                            "{} `{key}` cannot be changed to what is wanted; delete it, or undo the change: {error}",
                            R::WORD
                        ),
                    ),
                    _ => (reasons::REFUSED, error.to_string()),
                };
                let refused = Refused {
                    from: from.clone(),
                    to: desired.clone(),
                    reason,
                    message: message.clone(),
                    at: Instant::now(),
                };
                memory.refused.insert(R::WORD, refused);
                Err(Problem::blocked(reason, message))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn tell_repair<R: Owned>(
        &self,
        network: &BitcoinNetwork,
        live: &R,
        desired: &Value,
        path: &str,
    ) {
        let name = live.metadata().name.as_str();
        info!(object = %live.key(), path, "put {} right", R::WORD);
        if path == "spec.replicas" {
            let (from, to) = (&live.spec()["replicas"], &desired["spec"]["replicas"]);
            self.tell(
                network,
                reasons::SCALED,
                format!("scaling `{name}` from {from} to {to} nodes"),
            );
        } else if path.strip_prefix("metadata.annotations.") != Some(APPLIED_HASH) {
            let message = format!("put {} `{name}` right: `{path}` was not as wanted", R::WORD);
            self.tell(network, reasons::REPAIRED, message);
        }
    }
}

/// Whether the server refuses to change a field, whatever the new value.
fn is_about_immutable(error: &client::Error) -> bool {
    let text = error.to_string();
    ["are forbidden", "immutable", "may not change"]
        .iter()
        .any(|words| text.contains(words))
}

/// The path of the first thing that `live` lacks or has otherwise than `desired` says.
///
/// The hash over all of it comes last: it differs with everything else, and says nothing to a person.
pub fn first_difference<R: Owned>(live: &R, desired: &Value) -> Option<String> {
    let live = view(live);
    let metadata = &desired["metadata"];
    let details = json!({
        "spec": desired["spec"],
        "metadata": {"labels": metadata["labels"], "ownerReferences": metadata["ownerReferences"]},
    });
    let hash = json!({"metadata": {"annotations": metadata["annotations"]}});
    difference::find(&details, &live).or_else(|| difference::find(&hash, &live))
}

/// The part of a live object that is compared.
fn view<R: Owned>(live: &R) -> Value {
    let metadata = live.metadata();
    json!({
        "spec": live.spec(),
        "metadata": {
            "labels": metadata.labels,
            "annotations": {APPLIED_HASH: metadata.annotations.get(APPLIED_HASH)},
            "ownerReferences": metadata.owner_references,
        },
    })
}

/// Refuses one more repair when there have been too many in a row.
fn not_contested<R: Owned>(
    network: &BitcoinNetwork,
    memory: &mut Memory,
    key: &ObjectKey,
    path: &str,
) -> Result<(), Problem> {
    let is_in_a_row = |repairs: &&Repairs| {
        repairs.generation == network.metadata.generation && repairs.last.elapsed() <= CONTEST_REST
    };
    match memory.repairs.get(R::WORD).filter(is_in_a_row) {
        Some(repairs) if repairs.count >= MAX_REPAIRS => {
            let message = format!("somebody keeps changing `{path}` of {} `{key}`", R::WORD);
            Err(Problem::blocked(reasons::CONTESTED, message))
        }
        Some(_) => Ok(()),
        None => {
            memory.repairs.remove(R::WORD);
            Ok(())
        }
    }
}

/// Counts a repair that was made.
fn count_repair<R: Owned>(network: &BitcoinNetwork, memory: &mut Memory) {
    let count = memory
        .repairs
        .get(R::WORD)
        .map_or(0, |repairs| repairs.count);
    let generation = network.metadata.generation;
    let repairs = Repairs {
        generation,
        count: count + 1,
        last: Instant::now(),
    };
    memory.repairs.insert(R::WORD, repairs);
}

/// Keeps the claim templates of a set that is there: they cannot be changed, and need not be.
fn keep_claims(live: &StatefulSet, desired: &mut Value) -> Result<(), Problem> {
    let (has, wants) = (
        live.spec["volumeClaimTemplates"][0]["spec"].clone(),
        &desired["spec"]["volumeClaimTemplates"][0]["spec"],
    );
    if has.is_null() != wants.is_null() || difference::find(wants, &has).is_some() {
        let message = "`storage` cannot be added, taken away, or given another size or class: undo the change, or delete the network and create it again";
        return Err(Problem::blocked(reasons::IMMUTABLE_FIELD, message));
    }
    if !has.is_null() {
        desired["spec"]["volumeClaimTemplates"] = live.spec["volumeClaimTemplates"].clone();
    }
    Ok(())
}

/// The image that the set's nodes run.
fn image_of(set: &StatefulSet) -> Option<String> {
    let name = format!("{}-ctr", set.metadata.name);
    let containers = set.spec["template"]["spec"]["containers"].as_array()?;
    let node = containers
        .iter()
        .find(|container| container["name"] == name.as_str())?;
    node["image"].as_str().map(str::to_owned)
}
