//! Who may use the nodes' RPC: our own credentials, and those that a user has added.
//!
//! Our own are made once and kept in the Secret `<network>-rpc` ([`own_secret`]), which belongs to the network
//! and goes with it. The Secret that `spec.secret` names is read with a plain GET on each pass and never
//! watched, so that a role can name the Secrets it allows.
//!
//! # Invariants
//! - Credentials are made once. If they are taken out of our Secret, that is said: nodes that run know
//!   no others, and making new ones would cut us off from them.
//! - No guessing: a Secret that is missing or incomplete is said, and nothing starts meanwhile.
//! - No value of a Secret is in an error.
//!
//! # Rights
//! `get` on Secrets.

use std::fmt;

use crate::api::core::Secret;
use crate::api::network::BitcoinNetworkSpec;
use crate::api::{BitcoinNetwork, ObjectKey};
use crate::base::Random;
use crate::bitcoin::Credentials;
use crate::client::{self, Client};
use crate::controller::own_secret::{self, Known, Own};
use crate::controller::problem::Problem;
use crate::controller::reasons;

/// The keys of a user's Secret.
const ADDED_USER: &str = "BC_RPC_USER";
/// See [`ADDED_USER`].
const ADDED_PASSWORD: &str = "BC_RPC_PASSWORD";

/// The credentials that all nodes of a network accept.
#[derive(Clone, PartialEq, Eq)]
pub struct NetworkCredentials {
    /// What our own Secret holds.
    pub own: Own,
    /// Those a user has added.
    pub added: Option<Credentials>,
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
    spec: &BitcoinNetworkSpec,
    defaults: bool,
    known: &Known,
    random: &Random,
) -> Result<NetworkCredentials, Problem> {
    let added = match spec.secret.as_deref() {
        Some(name) => Some(added(client, network, name).await?),
        None if defaults => Credentials::new("user", "password").ok(),
        None => None,
    };
    let own = own_secret::provide(client, network, spec, known, random).await?;
    Ok(NetworkCredentials { own, added })
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

/// The credentials at two keys of a Secret, or what is wrong with them; no value is in that text.
pub(super) fn read(
    secret: &Secret,
    user_key: &str,
    password_key: &str,
) -> Result<Credentials, String> {
    let text = |key: &str| {
        secret
            .text(key)
            .ok_or_else(|| format!("key `{key}` is missing or is not text"))
    };
    Credentials::new(text(user_key)?, text(password_key)?).map_err(|error| error.to_string())
}
