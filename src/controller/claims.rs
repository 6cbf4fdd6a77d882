//! Volumes of an earlier network of the same name: nothing starts on them unasked.
//!
//! A StatefulSet mounts whatever claim has the name it would give to a new one. Where an earlier network has
//! left its volumes, a new one of its name would wake up with that chain, and nobody would know why. So before
//! a set is made, or gets more pods, the claims it would find are looked at; what they are for says their label.
//!
//! # Invariants
//! - While a claim is in the way nothing is made for the network, not even its Secret.
//! - A claim that is going by itself is waited for; nothing here deletes one.
//! - `adopt: true` takes what is there, whoever's it was, and looks at nothing.
//!
//! # Rights
//! `list` on PersistentVolumeClaims, only for networks with `storage`, before there are pods for them.

use crate::api::core::PersistentVolumeClaim;
use crate::api::network::BitcoinNetworkSpec;
use crate::api::{BitcoinNetwork, ObjectKey, Resource};
use crate::client::{ListParams, Scope};
use crate::controller::desired::{NETWORK_UID, is_claim_of};
use crate::controller::problem::Problem;
use crate::controller::reasons;
use crate::controller::reconciler::NetworkReconciler;

/// How many claims are named in a message.
const MOST_NAMED: usize = 5;

impl NetworkReconciler {
    /// Looks whether the claims that the set's next pods would mount may be mounted.
    pub(crate) async fn check_claims(
        &self,
        network: &BitcoinNetwork,
        spec: &BitcoinNetworkSpec,
    ) -> Result<(), Problem> {
        if spec.storage.as_ref().is_none_or(|storage| storage.adopt) {
            return Ok(());
        }
        let has_pods = self
            .caches
            .own_set(network)
            .is_some_and(|set| set.spec["replicas"].as_i64() >= Some(spec.nodes.into()));
        if has_pods {
            return Ok(());
        }
        let scope = Scope::Namespace(network.metadata.namespace.clone());
        let params = ListParams::default();
        let claims = self
            .client
            .list_all::<PersistentVolumeClaim>(&scope, &params)
            .await?;
        judge(&network.key(), &network.metadata.uid, &claims)
    }
}

/// Whether a network with this UID may mount what it would find among `claims`.
///
/// # Errors
/// [`Problem::Blocked`]: somebody else's volumes are in the way, for a while or until a person decides.
pub fn judge(
    network: &ObjectKey,
    uid: &str,
    claims: &[PersistentVolumeClaim],
) -> Result<(), Problem> {
    let is_foreign = |claim: &&PersistentVolumeClaim| {
        let metadata = &claim.metadata;
        is_claim_of(network, &metadata.name) && metadata.labels.get(NETWORK_UID) != Some(uid)
    };
    let mut foreign: Vec<&PersistentVolumeClaim> = claims.iter().filter(is_foreign).collect();
    foreign.sort_by(|one, other| one.metadata.name.cmp(&other.metadata.name));
    // Whatever has an owner goes with it; the owner of these is a set that is gone or going.
    let is_leaving = |claim: &&&PersistentVolumeClaim| {
        claim.metadata.is_terminating() || !claim.metadata.owner_references.is_empty()
    };
    let Some(first) = foreign.first() else {
        return Ok(());
    };
    if let Some(leaving) = foreign.iter().find(is_leaving) {
        return Err(Problem::terminating(
            "persistentvolumeclaim",
            &leaving.key(),
        ));
    }
    let names: Vec<String> = foreign
        .iter()
        .take(MOST_NAMED)
        .map(|claim| format!("`{}`", claim.metadata.name))
        .collect();
    let more = match foreign.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let owner = match first.metadata.labels.get(NETWORK_UID) {
        Some(other) => format!("an earlier network `{}` (uid {other})", network.name),
        None => "nobody knows whom".to_owned(),
    };
    let message = format!(
        "persistentvolumeclaims of {owner} are in the way: {}{more}; set `storage.adopt: true` to go on with what is on them, or delete them",
        names.join(", ")
    );
    Err(Problem::blocked(reasons::FOREIGN_VOLUME, message))
}
