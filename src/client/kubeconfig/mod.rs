//! The kubeconfig: several files that are one, and the one context that is asked for.
//!
//! `$KUBECONFIG` may list many files. The first file that has an entry of a name gives it *whole*:
//! two files never mix the fields of one cluster or user. This page is about files and their merging;
//! what an entry means is said by those below it: cluster, user, and a user's exec plugin.
//!
//! ```text
//!   file, file, … ──first one wins──> contexts, clusters, users ──one context──> cluster ─┐
//!                                                                           └──> user ────┴─> Config
//! ```
//!
//! # Invariants
//! - An error names the context, cluster or user, the field and the file, and no secret.
//! - Only what the chosen context uses is judged: a broken entry beside it does no harm.
//! - Paths in a file are relative to that file, not to where the program was started.
//! - What we cannot do (auth providers) is said by name, never silently left out.
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
//! never written; reading ends at the first file that is broken, and is no success without it; that none
//! of the files exists is an error and not a warning.

mod cluster;
mod entry;
mod exec;
mod user;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::base::yaml;
use crate::client::config::{Config, Error};
use crate::client::environment::Environment;
use crate::client::kubeconfig::cluster::Cluster;
use crate::client::kubeconfig::entry::{Entry, given};
use crate::client::kubeconfig::user::User;

/// All entries of the files that were read.
#[derive(Debug, Default)]
pub struct Kubeconfig {
    current_context: Option<String>,
    clusters: BTreeMap<String, Entry<Cluster>>,
    users: BTreeMap<String, Entry<User>>,
    contexts: BTreeMap<String, Entry<Context>>,
    files: Vec<PathBuf>,
}

/// One file, as it is written.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct File {
    current_context: Option<String>,
    clusters: Option<Vec<Named<Cluster>>>,
    users: Option<Vec<Named<User>>>,
    contexts: Option<Vec<Named<Context>>>,
}

#[derive(Deserialize)]
struct Named<T> {
    name: String,
    #[serde(alias = "cluster", alias = "user", alias = "context")]
    value: Option<T>,
}

#[derive(Default, Deserialize)]
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
        self.config_of(&Environment::process(), name)
    }

    /// As [`config`](Self::config), for a process surrounded by `environment`.
    ///
    /// # Errors
    /// As there.
    pub fn config_of(
        &self,
        environment: &Environment,
        name: Option<&str>,
    ) -> Result<Config, Error> {
        let current = self.current_context.as_deref();
        let name = name.or(current).ok_or_else(|| {
            let places = self.places();
            Error::Invalid(format!(
                "no context was given, and {places} has no current one"
            ))
        })?;
        let context = find("context", &self.contexts, name).map_err(|what| self.absent(what))?;
        let context = &context.value;
        let missing = |what| self.absent(format!("{what}, which context `{name}` names,"));
        let cluster = find("cluster", &self.clusters, &context.cluster).map_err(missing)?;
        let mut config = cluster.config()?;
        if let Some(namespace) = given(context.namespace.as_ref()) {
            config.namespace = namespace.to_owned();
        }
        if let Some(user) = given(context.user.as_ref()) {
            let user = find("user", &self.users, user).map_err(missing)?;
            user.identify(&mut config, cluster, environment)?;
        }
        config.behind_proxy_of(environment)
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
    what: &'static str,
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
        let entry = |name: &String| Entry::new(what, name, path, value.unwrap_or_default());
        known.entry(name).or_insert_with_key(entry);
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
