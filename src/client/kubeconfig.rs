//! The kubeconfig: several files that are one, and the one context that is asked for.
//!
//! `$KUBECONFIG` may list many files. The first file that has an entry of a name gives it *whole*:
//! two files never mix the fields of one cluster or user. Paths in a file are relative to that file,
//! not to where the program was started. And what a file says twice, in two ways, is refused rather
//! than guessed at.
//!
//! # Invariants
//! - An error names the context, cluster or user, and the file, and no secret.
//! - Only what the chosen context uses is judged: a broken entry beside it does no harm.
//! - What we cannot do (plugins, proxies, impersonation) is said by name, never silently left out.
//!
//! # Example
//! ```no_run
//! use bitcoin_controller::client::kubeconfig::Kubeconfig;
//! let config = Kubeconfig::read("kind.yaml".as_ref())?.config(Some("kind-kind"))?;
//! println!("{} in {}", config.server(), config.namespace());
//! # Ok::<(), bitcoin_controller::client::config::Error>(())
//! ```
//!
//! # Source
//! client-go `tools/clientcmd/{loader,client_config,validation}.go`. What differs: it is only read,
//! never written; exec plugins, auth providers, proxies and impersonation are refused by name.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::base::yaml;
use crate::client::config::{Config, Error};
use crate::client::credentials::{Credentials, Secret};
use crate::client::tls::{Identity, Pem, TlsSettings};

/// All entries of the files that were read.
#[derive(Debug, Default)]
pub struct Kubeconfig {
    current_context: Option<String>,
    clusters: BTreeMap<String, Entry<Cluster>>,
    users: BTreeMap<String, Entry<User>>,
    contexts: BTreeMap<String, Entry<Context>>,
    files: Vec<PathBuf>,
}

/// An entry, and the file that has it: its paths are relative to that.
#[derive(Debug)]
struct Entry<T> {
    value: T,
    file: PathBuf,
}

/// One file, as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct File {
    current_context: Option<String>,
    clusters: Option<Vec<Named<Cluster>>>,
    users: Option<Vec<Named<User>>>,
    contexts: Option<Vec<Named<Context>>>,
}

#[derive(Debug, Deserialize)]
struct Named<T> {
    name: String,
    #[serde(alias = "cluster", alias = "user", alias = "context")]
    value: Option<T>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Cluster {
    server: Option<String>,
    certificate_authority: Option<PathBuf>,
    certificate_authority_data: Option<String>,
    insecure_skip_tls_verify: Option<bool>,
    tls_server_name: Option<String>,
    proxy_url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct User {
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
    auth_provider: Option<IgnoredAny>,
    #[serde(rename = "as")]
    impersonate: Option<String>,
    as_uid: Option<String>,
    as_groups: Option<Vec<String>>,
    as_user_extra: Option<BTreeMap<String, IgnoredAny>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Exec {
    command: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Context {
    cluster: String,
    user: Option<String>,
    namespace: Option<String>,
}

impl Kubeconfig {
    /// Reads the one file at `path`.
    ///
    /// # Errors
    /// It is not there, cannot be read, or is no kubeconfig.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let mut kubeconfig = Kubeconfig::default();
        let text = std::fs::read_to_string(path).map_err(|source| Error::read(path, source))?;
        kubeconfig.merge(path, &text)?;
        Ok(kubeconfig)
    }

    /// Reads all of `paths` as one; those that do not exist are left out, and so are repetitions.
    ///
    /// # Errors
    /// None of them exists, or one that does cannot be read or is no kubeconfig.
    pub fn read_all(paths: &[PathBuf]) -> Result<Self, Error> {
        let mut kubeconfig = Kubeconfig::default();
        for path in paths {
            if kubeconfig.files.contains(path) {
                continue;
            }
            match std::fs::read_to_string(path) {
                Ok(text) => kubeconfig.merge(path, &text)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(Error::read(path, source)),
            }
        }
        if kubeconfig.files.is_empty() {
            return Err(Error::NoKubeconfig(paths.to_vec()));
        }
        Ok(kubeconfig)
    }

    /// Adds what earlier files do not have.
    fn merge(&mut self, path: &Path, text: &str) -> Result<(), Error> {
        let file: Option<File> = yaml::from_str(text).map_err(|source| Error::Parse {
            path: path.to_owned(),
            source,
        })?;
        let file = file.unwrap_or_default();
        self.files.push(path.to_owned());
        if self.current_context.is_none() {
            self.current_context = file.current_context.filter(|name| !name.is_empty());
        }
        add("cluster", &mut self.clusters, file.clusters, path)?;
        add("user", &mut self.users, file.users, path)?;
        add("context", &mut self.contexts, file.contexts, path)
    }

    /// The configuration of context `name`, or of the current one.
    ///
    /// # Errors
    /// There is no such context, cluster or user; what one of them says makes no sense; a file it
    /// names cannot be read; or it needs something we do not have.
    pub fn config(&self, name: Option<&str>) -> Result<Config, Error> {
        let current = self.current_context.as_deref();
        let name = name.or(current).ok_or_else(|| {
            let places = self.places();
            Error::Invalid(format!(
                "no context was given, and {places} has no current one"
            ))
        })?;
        let context = find("context", &self.contexts, name).map_err(|what| self.absent(what))?;
        let cluster = find("cluster", &self.clusters, &context.value.cluster)
            .map_err(|what| self.absent(format!("{what}, which context `{name}` names,")))?;
        let mut config = cluster.config(&context.value.cluster)?;
        if let Some(namespace) = given(context.value.namespace.as_ref()) {
            config.namespace = namespace.clone();
        }
        if let Some(user_name) = given(context.value.user.as_ref()) {
            let user = find("user", &self.users, user_name)
                .map_err(|what| self.absent(format!("{what}, which context `{name}` names,")))?;
            let (identity, credentials) = user.identify(user_name)?;
            // Who we are is nobody's business on an open line.
            if config.is_https {
                config.tls.identity = identity;
                config.credentials = Arc::new(credentials);
            }
        }
        Ok(config)
    }

    fn absent(&self, what: String) -> Error {
        Error::Invalid(format!("{what} is not in {}", self.places()))
    }

    fn places(&self) -> String {
        let quoted = |path: &PathBuf| format!("`{}`", path.display());
        let places: Vec<_> = self.files.iter().map(quoted).collect();
        places.join(", ")
    }
}

fn add<T: Default>(
    what: &str,
    known: &mut BTreeMap<String, Entry<T>>,
    found: Option<Vec<Named<T>>>,
    path: &Path,
) -> Result<(), Error> {
    let mut names = BTreeSet::new();
    for Named { name, value } in found.unwrap_or_default() {
        if !names.insert(name.clone()) {
            let path = path.display();
            return Err(Error::Invalid(format!(
                "`{path}` has two entries for {what} `{name}`"
            )));
        }
        known.entry(name).or_insert_with(|| Entry {
            value: value.unwrap_or_default(),
            file: path.to_owned(),
        });
    }
    Ok(())
}

fn find<'a, T>(
    what: &str,
    known: &'a BTreeMap<String, Entry<T>>,
    name: &str,
) -> Result<&'a Entry<T>, String> {
    known.get(name).ok_or_else(|| format!("{what} `{name}`"))
}

impl Entry<Cluster> {
    /// Where the server is, and whom to trust.
    fn config(&self, name: &str) -> Result<Config, Error> {
        let cluster = &self.value;
        let invalid = |why: &str| self.invalid("cluster", name, why);
        if given(cluster.proxy_url.as_ref()).is_some() {
            return Err(invalid("needs a proxy (proxy-url), which is not supported"));
        }
        let roots = self.data_or_file(
            ("cluster", name),
            ("certificate-authority", &cluster.certificate_authority),
            given(cluster.certificate_authority_data.as_ref()).map(String::as_str),
        )?;
        let is_insecure = cluster.insecure_skip_tls_verify.unwrap_or_default();
        if is_insecure && roots.is_some() {
            return Err(invalid(
                "has both a certificate authority and insecure-skip-tls-verify",
            ));
        }
        let server = given(cluster.server.as_ref()).ok_or_else(|| invalid("has no server"))?;
        let server = if server.contains("://") {
            server.clone()
        } else if is_insecure || roots.is_some() {
            format!("https://{server}")
        } else {
            format!("http://{server}")
        };
        let mut config = Config::new(&server)?;
        config.tls = TlsSettings {
            roots,
            is_insecure,
            server_name: given(cluster.tls_server_name.as_ref()).cloned(),
            identity: None,
        };
        Ok(config)
    }
}

impl Entry<User> {
    /// The certificate we show, and what we say in each request.
    fn identify(&self, name: &str) -> Result<(Option<Identity>, Credentials), Error> {
        let user = &self.value;
        if let Some(what) = user.unsupported() {
            let why = format!("needs {what}, which is not supported; a token or certificate is");
            return Err(self.invalid("user", name, &why));
        }
        let certificate = self.data_or_file(
            ("user", name),
            ("client-certificate", &user.client_certificate),
            given(user.client_certificate_data.as_ref()).map(String::as_str),
        )?;
        let key = self.data_or_file(
            ("user", name),
            ("client-key", &user.client_key),
            hidden(user.client_key_data.as_ref()),
        )?;
        let identity = match (certificate, key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(Identity::Pair { certificate, key }),
            (Some(_), None) => {
                return Err(self.invalid("user", name, "has a certificate, but no key"));
            }
            (None, Some(_)) => {
                return Err(self.invalid("user", name, "has a key, but no certificate"));
            }
        };
        Ok((identity, self.credentials(name)?))
    }

    fn credentials(&self, name: &str) -> Result<Credentials, Error> {
        let user = &self.value;
        let token = hidden(user.token.as_ref());
        let token_file = given_path(user.token_file.as_ref()).map(|path| self.resolve(path));
        let login = given(user.username.as_ref());
        let password = hidden(user.password.as_ref());
        let has_token = token.is_some() || token_file.is_some();
        if has_token && (login.is_some() || password.is_some()) {
            return Err(self.invalid("user", name, "has both a token and a username"));
        }
        match (token, token_file, login) {
            (token, Some(path), _) => Credentials::token_file(&path, token.map(str::to_owned))
                .map_err(|source| Error::read(&path, source)),
            (Some(token), None, _) => Ok(Credentials::token(token)),
            (None, None, Some(login)) => {
                Ok(Credentials::basic(login, password.unwrap_or_default()))
            }
            (None, None, None) => Ok(Credentials::default()),
        }
    }
}

impl User {
    fn unsupported(&self) -> Option<String> {
        let impersonates = given(self.impersonate.as_ref()).is_some()
            || given(self.as_uid.as_ref()).is_some()
            || self
                .as_groups
                .as_ref()
                .is_some_and(|groups| !groups.is_empty())
            || self
                .as_user_extra
                .as_ref()
                .is_some_and(|extra| !extra.is_empty());
        if let Some(exec) = &self.exec {
            let command = exec.command.as_deref().unwrap_or_default();
            Some(format!("the exec plugin `{command}`"))
        } else if self.auth_provider.is_some() {
            Some("an auth-provider".to_owned())
        } else if impersonates {
            Some("impersonation".to_owned())
        } else {
            None
        }
    }
}

impl<T> Entry<T> {
    /// The content of a credential that is given either inline, as base64, or as a file.
    fn data_or_file(
        &self,
        (what, name): (&str, &str),
        (field, path): (&str, &Option<PathBuf>),
        data: Option<&str>,
    ) -> Result<Option<Pem>, Error> {
        match (given_path(path.as_ref()), data) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => {
                let why = format!("has both {field} and {field}-data");
                Err(self.invalid(what, name, &why))
            }
            (Some(path), None) => {
                let path = self.resolve(path);
                let pem = Pem::file(&path).map_err(|source| Error::read(&path, source))?;
                Ok(Some(pem))
            }
            (None, Some(data)) => {
                let not_base64 = |_| {
                    let why = format!("has {field}-data that is not base64");
                    self.invalid(what, name, &why)
                };
                let content = STANDARD.decode(data.trim()).map_err(not_base64)?;
                Ok(Some(Pem::data(content)))
            }
        }
    }

    /// An absolute path stays; a relative one begins where the file is.
    fn resolve(&self, path: &Path) -> PathBuf {
        match self.file.parent() {
            Some(directory) => directory.join(path),
            None => path.to_owned(),
        }
    }

    fn invalid(&self, what: &str, name: &str, why: &str) -> Error {
        Error::Invalid(format!(
            "{what} `{name}` in `{}` {why}",
            self.file.display()
        ))
    }
}

/// An empty text counts as none, as it does in Go.
fn given(text: Option<&String>) -> Option<&String> {
    text.filter(|text| !text.is_empty())
}

fn given_path(path: Option<&PathBuf>) -> Option<&Path> {
    path.map(PathBuf::as_path)
        .filter(|path| !path.as_os_str().is_empty())
}

fn hidden(secret: Option<&Secret>) -> Option<&str> {
    secret
        .map(|secret| secret.0.as_str())
        .filter(|text| !text.is_empty())
}
