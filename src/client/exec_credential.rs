//! What is said to an exec plugin, and what it may answer.
//!
//! Both ways it is one kind of object, `ExecCredential`, in JSON: its `spec` goes to the plugin in the
//! variable [`INFO_VARIABLE`], its `status` comes back on standard output.
//!
//! ```text
//!   {kind: ExecCredential, apiVersion: V, spec: {interactive: false, cluster: {server: …}}}   there
//!   {kind: ExecCredential, apiVersion: V, status: {token: …, expirationTimestamp: …}}         back
//! ```
//!
//! # Invariants
//! - The answer has the version of the question, and a token, or a certificate with its key, or both.
//! - No error has a value from the answer in it: it holds the token.
//!
//! # Example
//! ```
//! use bitcoin_controller::client::exec_credential::{ApiVersion, ExecCredential};
//! let v1 = ApiVersion::parse("client.authentication.k8s.io/v1").unwrap();
//! let text = br#"{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",
//!                 "status": {"token": "hunter2"}}"#;
//! let credential = ExecCredential::read(v1, text)?;
//! assert!(!format!("{credential:?}").contains("hunter2"));
//! let beta = ExecCredential::read(ApiVersion::V1Beta1, text).unwrap_err();
//! assert!(beta.to_string().starts_with("its apiVersion is not"));
//! # Ok::<(), bitcoin_controller::client::exec_credential::Error>(())
//! ```
//!
//! # Source
//! client-go `pkg/apis/clientauthentication/types.go`, `plugin/pkg/client/auth/exec/exec.go`
//! (`refreshCredsLocked`). What differs: the answer is JSON, not YAML.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::{calendar, json as strict};
use crate::client::credentials::Secret;
use crate::client::tls::KeyPair;

/// The variable in which a plugin finds what it is asked.
pub const INFO_VARIABLE: &str = "KUBERNETES_EXEC_INFO";

const KIND: &str = "ExecCredential";

/// The versions of the protocol; they differ in what a kubeconfig must say, not on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiVersion {
    /// `client.authentication.k8s.io/v1`
    V1,
    /// `client.authentication.k8s.io/v1beta1`
    V1Beta1,
}

impl ApiVersion {
    /// The version called `text`, if we speak it.
    pub fn parse(text: &str) -> Option<Self> {
        [ApiVersion::V1, ApiVersion::V1Beta1]
            .into_iter()
            .find(|version| version.as_str() == text)
    }

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            ApiVersion::V1 => "client.authentication.k8s.io/v1",
            ApiVersion::V1Beta1 => "client.authentication.k8s.io/v1beta1",
        }
    }
}

/// What a plugin is told: whether it may ask somebody, and if it wants to know, about which cluster.
pub(crate) fn question(
    version: ApiVersion,
    is_interactive: bool,
    cluster: Option<&Value>,
) -> String {
    let mut spec = json!({"interactive": is_interactive});
    if let Some(cluster) = cluster {
        spec["cluster"] = cluster.clone();
    }
    json!({"kind": KIND, "apiVersion": version.as_str(), "spec": spec}).to_string()
}

/// What a plugin has answered. `Debug` shows none of it.
pub struct ExecCredential {
    pub(crate) token: Option<Secret>,
    pub(crate) key_pair: Option<KeyPair>,
    /// `None`: it is good for as long as we run.
    pub(crate) expires: Option<SystemTime>,
}

impl fmt::Debug for ExecCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExecCredential(hidden)")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Answer {
    kind: String,
    api_version: String,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Status {
    token: Option<Secret>,
    client_certificate_data: Option<Secret>,
    client_key_data: Option<Secret>,
    expiration_timestamp: Option<String>,
}

impl ExecCredential {
    /// Reads what a plugin has written, in answer to a question of this version.
    ///
    /// # Errors
    /// It is no `ExecCredential` of the same version, or holds nothing to show.
    pub fn read(version: ApiVersion, text: &[u8]) -> Result<Self, Error> {
        let answer: Answer = strict::from_slice(text).map_err(Error::Json)?;
        if answer.kind != KIND {
            return Err(Error::Content("its kind is not ExecCredential"));
        }
        if answer.api_version != version.as_str() {
            return Err(Error::Version(version));
        }
        let status = answer.status.ok_or(Error::Content("it has no status"))?;
        let expires = status.expiration_timestamp.map(|text| {
            moment(&text).ok_or(Error::Content(
                "its expirationTimestamp is no RFC 3339 date",
            ))
        });
        let given = |secret: Option<Secret>| secret.filter(|secret| !secret.0.is_empty());
        let pem = |secret: Secret| secret.0.into_bytes();
        let certificate = given(status.client_certificate_data).map(pem);
        let key = given(status.client_key_data).map(pem);
        let key_pair = match (certificate, key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(KeyPair { certificate, key }),
            _ => {
                return Err(Error::Content(
                    "it has a certificate or a key, but not both",
                ));
            }
        };
        let token = given(status.token);
        if token.is_none() && key_pair.is_none() {
            return Err(Error::Content("it has neither a token nor a certificate"));
        }
        Ok(ExecCredential {
            token,
            key_pair,
            expires: expires.transpose()?,
        })
    }

    /// Whether it has expired: only after the moment it names, as client-go has it.
    pub(crate) fn has_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expires| now > expires)
    }
}

/// What is before 1970 has expired long ago, whenever it was.
fn moment(text: &str) -> Option<SystemTime> {
    let (seconds, micros) = calendar::parse(text)?;
    let seconds = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    Some(UNIX_EPOCH + seconds + Duration::from_micros(micros.into()))
}

/// What is wrong with a plugin's answer; never a value of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// It is not JSON, or not of this shape.
    Json(strict::Error),
    /// It is of another version than the question, which had this one.
    Version(ApiVersion),
    /// Something is missing or does not fit.
    Content(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Json(error) => error.fmt(f),
            Error::Version(asked) => {
                write!(f, "its apiVersion is not {}, as configured", asked.as_str())
            }
            Error::Content(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Error {}
