//! The Secret `<network>-rpc`: made once with what must never change, kept up in what may.
//!
//! It holds two kinds of values. Our credentials and the wallet's seed are made once and then only read: nodes
//! that run know no other credentials, and money lies at the addresses of that seed. Where the nodes are
//! follows from the spec and is kept up. So what is written to a Secret that is there is a patch of single keys, never
//! the Secret.
//!
//! The seed is a value of its own and not derived from the password, because a password may be rotated (by writing
//! another one into this Secret) and the money must not go with it.
//!
//! A password that somebody changed here is on its way into the nodes pod by pod. Until the last one is
//! replaced some know only the one before, so that is kept as `previous-password`: without it those nodes could not
//! be linked with the new ones, and the chain would not get over.
//!
//! # Invariants
//! - A patch carries the uid and the version of the Secret that was read: it changes that one or nothing.
//! - A patch never has the keys `user` and `password`, and has `wallet-seed` only if the Secret has none.
//! - A seed is used only once it is stored.
//! - A Secret that cannot be completed (it is immutable, or our role is of an older version) blocks no network:
//!   nodes do not need those keys. It is asked for again when the Secret is another, or after [`ASK_AGAIN_AFTER`].
//!
//! # Rights
//! `get`, `create` and `patch` on Secrets.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::api::core::Secret;
use crate::api::network::BitcoinNetworkSpec;
use crate::api::{BitcoinNetwork, ObjectKey, Resource};
use crate::base::Random;
use crate::bitcoin::{Credentials, WalletKeys};
use crate::client::Client;
use crate::controller::credentials::read;
use crate::controller::desired::{self, connection};
use crate::controller::ownership::{self, Found};
use crate::controller::problem::Problem;
use crate::controller::reasons;

/// The user name of our own credentials.
const OWN_USER: &str = "bitcoin-controller";

/// The keys with the credentials that were valid before the present ones.
const PREVIOUS_USER: &str = "previous-user";
/// See [`PREVIOUS_USER`].
const PREVIOUS_PASSWORD: &str = "previous-password";

/// How long a patch that was refused is not sent again while the Secret is the same.
pub const ASK_AGAIN_AFTER: Duration = Duration::from_secs(600);

/// What our Secret holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Own {
    /// What we reach the nodes with.
    pub credentials: Credentials,
    /// What nodes accept that were started before the password was changed.
    pub previous: Option<Credentials>,
    /// The keys of the network's wallet, if it has one and they are stored.
    pub wallet: Option<WalletKeys>,
    /// Whether the Secret was made in this pass.
    pub is_new: bool,
    /// What is wrong with the wallet's seed in it, if it is none.
    pub seed_trouble: Option<String>,
    /// Why keys are missing in it, if they are.
    pub refusal: Option<Refusal>,
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Own")
    }
}

/// A patch that the server refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why, for people.
    pub message: String,
    resource_version: Box<str>,
    at: Instant,
}

/// What is known of our Secret from earlier passes: what it is put back from if it is deleted.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The credentials of the last pass that could read them.
    pub credentials: Option<Credentials>,
    /// Those before them, if they were changed.
    pub previous: Option<Credentials>,
    /// The wallet's keys, likewise.
    pub wallet: Option<WalletKeys>,
    /// What was wrong with the wallet's seed.
    pub seed_trouble: Option<String>,
    /// The last patch, if it was refused.
    pub refusal: Option<Refusal>,
}

impl Own {
    /// What there is to remember.
    pub fn to_known(&self, before: &Known) -> Known {
        Known {
            credentials: Some(self.credentials.clone()),
            previous: self.previous.clone(),
            // Kept while no wallet is asked for: it may be asked for again.
            wallet: self.wallet.clone().or_else(|| before.wallet.clone()),
            seed_trouble: self.seed_trouble.clone(),
            refusal: self.refusal.clone(),
        }
    }
}

/// Reads it, makes it if there is none, and completes it.
///
/// # Errors
/// [`Problem::Blocked`] if its name is taken, or it has no credentials.
///
/// # Cancel safety
/// It may have been made or completed, or not; the next pass finds out.
pub async fn provide(
    client: &Client,
    network: &BitcoinNetwork,
    spec: &BitcoinNetworkSpec,
    known: &Known,
    random: &Random,
) -> Result<Own, Problem> {
    let key = desired::secret_key(&network.key());
    match ownership::find::<Secret>(client, None, &key, &network.metadata.uid).await? {
        Found::Ours(secret) => complete(client, network, spec, &secret, known, random).await,
        Found::Free => make(client, network, spec, &key, known, random).await,
        Found::Terminating => Err(Problem::terminating("secret", &key)),
        Found::Foreign(owner) => Err(Problem::conflict("secret", &key, &owner)),
    }
}

/// A Secret that was deleted gets what is known: running nodes accept no other credentials.
///
/// Created and not applied: of two that make one at the same time, one must lose.
async fn make(
    client: &Client,
    network: &BitcoinNetwork,
    spec: &BitcoinNetworkSpec,
    key: &ObjectKey,
    known: &Known,
    random: &Random,
) -> Result<Own, Problem> {
    let credentials = match &known.credentials {
        Some(known) => known.clone(),
        None => Credentials::generate(OWN_USER, random)
            .map_err(|error| Problem::blocked(reasons::REFUSED, error.to_string()))?,
    };
    let wallet = known
        .wallet
        .clone()
        .or_else(|| spec.wallet.as_ref().map(|_| WalletKeys::generate(random)));
    let mut body = desired::secret(network, spec, &credentials, wallet.as_ref());
    if let Some(previous) = &known.previous {
        body["stringData"][PREVIOUS_USER] = previous.user().into();
        body["stringData"][PREVIOUS_PASSWORD] = previous.password().into();
    }
    client.create::<Secret>(&key.namespace, &body).await?;
    Ok(Own {
        credentials,
        previous: known.previous.clone(),
        wallet,
        is_new: true,
        seed_trouble: None,
        refusal: None,
    })
}

async fn complete(
    client: &Client,
    network: &BitcoinNetwork,
    spec: &BitcoinNetworkSpec,
    secret: &Secret,
    known: &Known,
    random: &Random,
) -> Result<Own, Problem> {
    let key = secret.key();
    let credentials =
        read(secret, desired::SECRET_USER, desired::SECRET_PASSWORD).map_err(|what| {
            let message = format!(
                "secret `{key}`, with which the controller reaches the nodes: {what}; restore it"
            );
            Problem::blocked(reasons::SECRET_INCOMPLETE, message)
        })?;
    let mut patch = outdated(secret, network, spec);
    let previous = previous(secret, &credentials, known, &mut patch);
    let mut own = Own {
        credentials,
        previous,
        wallet: None,
        is_new: false,
        seed_trouble: None,
        refusal: None,
    };
    let mut wallet = None;
    if spec.wallet.is_some() {
        match secret.text(desired::SECRET_WALLET_SEED) {
            Some(seed) => wallet = WalletKeys::of_seed(seed),
            None => {
                let keys = known.wallet.clone();
                let keys = keys.unwrap_or_else(|| WalletKeys::generate(random));
                set(&mut patch, desired::SECRET_WALLET_SEED, &keys.seed());
                wallet = Some(keys);
            }
        }
        if wallet.is_none() {
            let message = format!(
                "key `{}` of secret `{key}` is not the seed of a wallet; restore it, or take it out to have another made",
                desired::SECRET_WALLET_SEED
            );
            own.seed_trouble = Some(message);
        }
    }
    if !patch.is_empty() {
        let is_seed_new = patch.contains_key(desired::SECRET_WALLET_SEED);
        if let Some(refusal) = send(client, secret, patch, known).await? {
            own.refusal = Some(refusal);
            // What is not stored would be another one the next time.
            wallet = wallet.filter(|_| !is_seed_new);
        }
    }
    own.wallet = wallet;
    Ok(own)
}

/// What nodes accept that were started before `now`: what the Secret says, or what we knew until now, which is then
/// written down, because a controller that starts later knows nothing.
fn previous(
    secret: &Secret,
    now: &Credentials,
    known: &Known,
    patch: &mut Map<String, Value>,
) -> Option<Credentials> {
    let user = secret.text(PREVIOUS_USER).unwrap_or(now.user());
    let password = secret.text(PREVIOUS_PASSWORD).unwrap_or_default();
    let told = Credentials::new(user, password).ok();
    match &known.credentials {
        Some(before) if before != now => {
            if told.as_ref() != Some(before) {
                set(patch, PREVIOUS_USER, before.user());
                set(patch, PREVIOUS_PASSWORD, before.password());
            }
            Some(before.clone())
        }
        // If it could not be written down, it is known all the same.
        _ => {
            let mut known = told.into_iter().chain(known.previous.clone());
            known.find(|previous| previous != now)
        }
    }
}

/// The keys that are not as they should be: what they should be, `null` for one that should not be there.
fn outdated(
    secret: &Secret,
    network: &BitcoinNetwork,
    spec: &BitcoinNetworkSpec,
) -> Map<String, Value> {
    let wanted = connection::connection(network, spec);
    let mut patch = Map::new();
    for key in secret.keys() {
        if connection::is_connection_key(key) && !wanted.contains_key(key) {
            patch.insert(key.to_owned(), Value::Null);
        }
    }
    for (key, value) in &wanted {
        if secret.text(key) != Some(value) {
            set(&mut patch, key, value);
        }
    }
    patch
}

fn set(patch: &mut Map<String, Value>, key: &str, value: &str) {
    patch.insert(key.to_owned(), json!(BASE64.encode(value)));
}

/// Sends the patch. What it was refused with is not a failure of the pass, and is not tried again at once.
async fn send(
    client: &Client,
    secret: &Secret,
    patch: Map<String, Value>,
    known: &Known,
) -> Result<Option<Refusal>, Problem> {
    let key = secret.key();
    let is_recent = |refusal: &&Refusal| {
        refusal.resource_version == secret.metadata.resource_version
            && refusal.at.elapsed() < ASK_AGAIN_AFTER
    };
    if let Some(refusal) = known.refusal.as_ref().filter(is_recent) {
        return Ok(Some(refusal.clone()));
    }
    let n_keys = patch.len();
    let body = json!({
        "metadata": {
            "uid": secret.metadata.uid,
            "resourceVersion": secret.metadata.resource_version,
        },
        "data": patch,
    });
    match client.patch::<Secret>(&key, &body).await {
        Ok(_) => {
            tracing::info!(object = %key, n_keys, "brought secret up to date");
            Ok(None)
        }
        Err(error) if error.is_invalid() || error.is_forbidden() => {
            let message = format!("secret `{key}` lacks what applications look for: {error}");
            Ok(Some(Refusal::now(secret, message)))
        }
        Err(error) => Err(error.into()),
    }
}

impl Refusal {
    fn now(secret: &Secret, message: String) -> Self {
        Refusal {
            message,
            resource_version: secret.metadata.resource_version.to_string().into(),
            at: Instant::now(),
        }
    }
}
