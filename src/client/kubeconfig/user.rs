//! What a user's entry means: who we are, and as whom we act.
//!
//! A token, or a name and a password, or a certificate; each of them given or in a file. If there is none
//! of these, a plugin that is asked ([exec](crate::client::kubeconfig::exec)). And beside all that,
//! somebody to impersonate.
//!
//! # Invariants
//! - Who we are is said to an `https` server only; as whom we act is no secret.
//! - What is given beats a plugin: that is not run then.
//!
//! # Source
//! client-go `tools/clientcmd/client_config.go` (`getUserIdentificationPartialConfig`), `validation.go`
//! (`validateAuthInfo`). What differs: auth providers, an older way than plugins, are refused.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use hyper::header::{HeaderName, HeaderValue};
use serde::Deserialize;

use crate::base::Clock;
use crate::client::config::{Config, Error};
use crate::client::credentials::{Credentials, Secret};
use crate::client::environment::Environment;
use crate::client::exec_plugin::ExecPlugin;
use crate::client::impersonation::Impersonation;
use crate::client::kubeconfig::cluster::Cluster;
use crate::client::kubeconfig::entry::{Entry, given, given_path, hidden};
use crate::client::kubeconfig::exec::Exec;
use crate::client::tls::Identity;

/// A user, as it is written.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct User {
    client_certificate: Option<PathBuf>,
    client_certificate_data: Option<String>,
    client_key: Option<PathBuf>,
    client_key_data: Option<Secret>,
    token: Option<Secret>,
    #[serde(rename = "tokenFile")]
    token_file: Option<PathBuf>,
    username: Option<String>,
    password: Option<Secret>,
    exec: Option<Exec>,
    auth_provider: Option<AuthProvider>,
    #[serde(rename = "as")]
    impersonate: Option<String>,
    as_uid: Option<String>,
    as_groups: Option<Vec<String>>,
    as_user_extra: Option<BTreeMap<String, Option<Vec<String>>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AuthProvider {
    name: String,
}

impl Entry<User> {
    /// Says in `config` who we are to the server of `cluster`, and as whom we act.
    pub(crate) fn identify(
        &self,
        config: &mut Config,
        cluster: &Entry<Cluster>,
        environment: &Environment,
    ) -> Result<(), Error> {
        self.refuse_auth_provider()?;
        let identity = self.identity()?;
        let credentials = self.credentials()?;
        let plugin = self.plugin(config, cluster, environment)?;
        config.impersonation = self.impersonation()?;
        // Who we are is nobody's business on an open line.
        if !config.is_https {
            return Ok(());
        }
        match (identity, credentials, plugin) {
            (None, None, Some(plugin)) => {
                let plugin = Arc::new(plugin);
                config.tls.identity = Some(Identity::Source(plugin.clone()));
                config.credentials = Arc::new(Credentials::plugin(plugin));
            }
            (identity, credentials, _) => {
                config.tls.identity = identity;
                config.credentials = Arc::new(credentials.unwrap_or_default());
            }
        }
        Ok(())
    }

    fn refuse_auth_provider(&self) -> Result<(), Error> {
        let Some(provider) = &self.value.auth_provider else {
            return Ok(());
        };
        let hint = match provider.name.as_str() {
            "gcp" => "gke-gcloud-auth-plugin",
            "azure" => "kubelogin",
            "oidc" => "kubectl oidc-login",
            _ => "one that its maker offers",
        };
        Err(self.invalid(format_args!(
            "needs the auth-provider `{}`, which is not supported; an exec plugin is: {hint}",
            provider.name
        )))
    }

    fn identity(&self) -> Result<Option<Identity>, Error> {
        let user = &self.value;
        let certificate = self.pem(
            "client-certificate",
            user.client_certificate.as_ref(),
            given(user.client_certificate_data.as_ref()),
        )?;
        let key = self.pem(
            "client-key",
            user.client_key.as_ref(),
            hidden(user.client_key_data.as_ref()),
        )?;
        match (certificate, key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => Ok(Some(Identity::Pair { certificate, key })),
            (Some(_), None) => Err(self.invalid("has a client-certificate, but no client-key")),
            (None, Some(_)) => Err(self.invalid("has a client-key, but no client-certificate")),
        }
    }

    fn credentials(&self) -> Result<Option<Credentials>, Error> {
        let user = &self.value;
        let token = hidden(user.token.as_ref());
        let token_file = given_path(user.token_file.as_ref()).map(|path| self.resolve(path));
        let login = given(user.username.as_ref());
        let password = hidden(user.password.as_ref());
        let has_token = token.is_some() || token_file.is_some();
        if has_token && (login.is_some() || password.is_some()) {
            return Err(self.invalid("has both a token and a username or password"));
        }
        if login.is_none() && password.is_some() {
            return Err(self.invalid("has a password, but no username"));
        }
        Ok(match (token, token_file, login) {
            (token, Some(path), _) => {
                let file = Credentials::token_file(&path, token.map(str::to_owned));
                Some(file.map_err(|source| self.unreadable("tokenFile", &path, source))?)
            }
            (Some(token), None, _) => Some(Credentials::token(token)),
            (None, None, Some(login)) => {
                Some(Credentials::basic(login, password.unwrap_or_default()))
            }
            (None, None, None) => None,
        })
    }

    fn plugin(
        &self,
        config: &Config,
        cluster: &Entry<Cluster>,
        environment: &Environment,
    ) -> Result<Option<ExecPlugin>, Error> {
        let Some(exec) = &self.value.exec else {
            return Ok(None);
        };
        let mut invocation = exec
            .invocation(environment.has_terminal, |path| self.resolve(path))
            .map_err(|why| self.invalid(why))?;
        if exec.wants_cluster() {
            invocation.cluster = Some(cluster.told_to_plugins(config)?);
        }
        Ok(Some(ExecPlugin::new(invocation, Clock::system())))
    }

    fn impersonation(&self) -> Result<Vec<(HeaderName, HeaderValue)>, Error> {
        let user = &self.value;
        let extra = user.as_user_extra.iter().flatten();
        let whom = Impersonation {
            user: user.impersonate.clone().unwrap_or_default(),
            uid: user.as_uid.clone().unwrap_or_default(),
            groups: user.as_groups.clone().unwrap_or_default(),
            extra: extra
                .map(|(key, values)| (key.clone(), values.clone().unwrap_or_default()))
                .collect(),
        };
        whom.headers().map_err(|why| self.invalid(why))
    }
}
