//! Who may use the nodes' RPC: our own credentials, and those that a user has added.
//!
//! Our own are made once and kept in the Secret `<network>-rpc`, which belongs to the network and goes
//! with it. The Secret that `spec.secret` names is read with a plain GET on each pass and never
//! watched, so that a role can name the Secrets it allows.
//!
//! # Invariants
//! - Credentials are made once. If they are taken out of our Secret, that is said: nodes that run know
//!   no others, and making new ones would cut us off from them.
//! - No guessing: a Secret that is missing or incomplete is said, and nothing starts meanwhile.
//! - No value of a Secret is in an error.
//!
//! # Rights
//! `get` and `create` on Secrets.

use std::fmt;

use crate::api::core::Secret;
use crate::api::{BitcoinNetwork, ObjectKey, Resource};
use crate::base::Random;
use crate::bitcoin::Credentials;
use crate::client::{self, Client};
use crate::controller::desired;
use crate::controller::ownership::{self, Found};
use crate::controller::problem::Problem;
use crate::controller::reasons;

/// The user name of our own credentials.
const OWN_USER: &str = "bitcoin-controller";

/// The keys of a user's Secret.
const ADDED_USER: &str = "BC_RPC_USER";
/// See [`ADDED_USER`].
const ADDED_PASSWORD: &str = "BC_RPC_PASSWORD";

/// The credentials that all nodes of a network accept.
#[derive(Clone, PartialEq, Eq)]
pub struct NetworkCredentials {
    /// Those we made and use.
    pub own: Credentials,
    /// Those a user has added.
    pub added: Option<Credentials>,
    /// Whether the Secret with ours was made in this pass.
    pub is_new: bool,
}

impl fmt::Debug for NetworkCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NetworkCredentials")
    }
}

/// Reads both, and makes our own, or those `known` from before, if there are none.
///
/// # Errors
/// [`Problem::Blocked`] if the user's Secret is missing or incomplete or the name of ours is taken.
///
/// # Cancel safety
/// A Secret of ours may have been made or not; the next pass finds out.
pub async fn gather(
    client: &Client,
    network: &BitcoinNetwork,
    secret: Option<&str>,
    defaults: bool,
    known: Option<&Credentials>,
    random: &Random,
) -> Result<NetworkCredentials, Problem> {
    let added = match secret {
        Some(name) => Some(added(client, network, name).await?),
        None if defaults => Credentials::new("user", "password").ok(),
        None => None,
    };
    let (own, is_new) = own(client, network, known, random).await?;
    Ok(NetworkCredentials { own, added, is_new })
}

async fn own(
    client: &Client,
    network: &BitcoinNetwork,
    known: Option<&Credentials>,
    random: &Random,
) -> Result<(Credentials, bool), Problem> {
    let key = desired::secret_key(&network.key());
    match ownership::find::<Secret>(client, None, &key, &network.metadata.uid).await? {
        Found::Ours(secret) => {
            let read = read(&secret, desired::SECRET_USER, desired::SECRET_PASSWORD);
            let own = read.map_err(|what| {
                let message = format!(
                    "secret `{key}`, with which the controller reaches the nodes: {what}; restore it"
                );
                Problem::blocked(reasons::SECRET_INCOMPLETE, message)
            })?;
            Ok((own, false))
        }
        Found::Free => make(client, network, &key, known, random).await,
        Found::Terminating => Err(Problem::terminating("secret", &key)),
        Found::Foreign(owner) => Err(Problem::conflict("secret", &key, &owner)),
    }
}

/// A Secret that was deleted gets the credentials that are known: running nodes accept no others.
///
/// Created and not applied: of two that make one at the same time, one must lose.
async fn make(
    client: &Client,
    network: &BitcoinNetwork,
    key: &ObjectKey,
    known: Option<&Credentials>,
    random: &Random,
) -> Result<(Credentials, bool), Problem> {
    let credentials = match known {
        Some(known) => known.clone(),
        None => Credentials::generate(OWN_USER, random)
            .map_err(|error| Problem::blocked(reasons::REFUSED, error.to_string()))?,
    };
    let body = desired::secret(network, &credentials);
    client.create::<Secret>(&key.namespace, &body).await?;
    Ok((credentials, true))
}

async fn added(
    client: &Client,
    network: &BitcoinNetwork,
    name: &str,
) -> Result<Credentials, Problem> {
    let key = ObjectKey::new(network.metadata.namespace.clone(), name);
    let secret = match client.get::<Secret>(&key).await {
        Ok(secret) => secret,
        Err(error) if error.is_not_found() => {
            let message = format!("secret `{key}` does not exist; no node starts until it does");
            return Err(Problem::blocked(reasons::SECRET_MISSING, message));
        }
        Err(error) if error.is_forbidden() => return Err(forbidden(&key, &error)),
        // No Secret can have such a name: asking again will not help, and the person must know.
        Err(client::Error::Request { what, .. }) => {
            let message = format!("`secret` is `{name}`, which names no secret: {what}");
            return Err(Problem::blocked(reasons::INVALID_SPEC, message));
        }
        Err(error) => return Err(error.into()),
    };
    read(&secret, ADDED_USER, ADDED_PASSWORD).map_err(|what| {
        Problem::blocked(
            reasons::SECRET_INCOMPLETE,
            format!("secret `{key}`: {what}"),
        )
    })
}

fn forbidden(key: &ObjectKey, error: &client::Error) -> Problem {
    let message = format!("secret `{key}` may not be read by the controller: {error}");
    Problem::blocked(reasons::SECRET_MISSING, message)
}

fn read(secret: &Secret, user_key: &str, password_key: &str) -> Result<Credentials, String> {
    let text = |key: &str| {
        secret
            .text(key)
            .ok_or_else(|| format!("key `{key}` is missing or is not text"))
    };
    Credentials::new(text(user_key)?, text(password_key)?).map_err(|error| error.to_string())
}
