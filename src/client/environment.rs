//! What surrounds a process: variables, mounted files, a terminal, the time of day.
//!
//! All that a configuration takes from outside its kubeconfig comes through here, so that a test can be
//! in a pod, on a laptop, or behind a proxy, and at any time of day.
//!
//! # Invariants
//! - An empty variable counts as none.
//!
//! # Example
//! ```
//! use bitcoin_controller::client::{Config, environment::Environment};
//! let nowhere = Environment::new(|_| None, "/nonexistent".as_ref());
//! let error = Config::load_of(&nowhere, None, None).unwrap_err();
//! assert!(error.to_string().starts_with("no kubeconfig"));
//! ```
//!
//! # Source
//! client-go `rest/config.go` (`InClusterConfig`), `tools/clientcmd/loader.go` and `client_config.go`.

use std::fmt;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::client::config::{DEFAULT_NAMESPACE, Error};

/// What surrounds a process.
#[derive(Clone)]
pub struct Environment {
    variable: Arc<Lookup>,
    /// Where the kubelet mounts token, authority and namespace.
    pub(crate) service_account: PathBuf,
    pub(crate) has_terminal: bool,
}

/// Looks up a variable by name.
type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Environment {
    /// This process's own.
    pub fn process() -> Self {
        let directory = "/var/run/secrets/kubernetes.io/serviceaccount";
        Environment {
            has_terminal: std::io::stdin().is_terminal(),
            ..Environment::new(|name| std::env::var(name).ok(), Path::new(directory))
        }
    }

    /// Variables as `variable` tells them, and a service account mounted at `service_account`; no
    /// terminal.
    pub fn new(
        variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
        service_account: &Path,
    ) -> Self {
        Environment {
            variable: Arc::new(variable),
            service_account: service_account.to_owned(),
            has_terminal: false,
        }
    }

    /// The same with somebody at a terminal, who can be asked.
    #[must_use]
    pub fn with_terminal(self) -> Self {
        let has_terminal = true;
        Environment {
            has_terminal,
            ..self
        }
    }

    /// An empty variable counts as none.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    pub(crate) fn cluster_address(&self) -> Result<(String, u16), Error> {
        let host = self.variable("KUBERNETES_SERVICE_HOST");
        let port = self.variable("KUBERNETES_SERVICE_PORT");
        let (Some(host), Some(port)) = (host, port) else {
            return Err(Error::NotInCluster);
        };
        let port = port
            .parse()
            .map_err(|_| Error::Invalid("KUBERNETES_SERVICE_PORT is no port".to_owned()))?;
        Ok((host, port))
    }

    pub(crate) fn is_in_cluster(&self) -> bool {
        self.cluster_address().is_ok() && self.service_account.join("token").is_file()
    }

    pub(crate) fn mounted_namespace(&self) -> String {
        let mounted = || std::fs::read_to_string(self.service_account.join("namespace")).ok();
        self.variable("POD_NAMESPACE")
            .or_else(mounted)
            .map(|text| text.trim().to_owned())
            .filter(|namespace| !namespace.is_empty())
            .unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned())
    }

    /// The files of `$KUBECONFIG`, else the one in the home directory.
    pub(crate) fn kubeconfig_files(&self) -> Vec<PathBuf> {
        match self.variable("KUBECONFIG") {
            Some(list) => std::env::split_paths(&list)
                .filter(|path| !path.as_os_str().is_empty())
                .collect(),
            None => self
                .variable("HOME")
                .map(|home| Path::new(&home).join(".kube/config"))
                .into_iter()
                .collect(),
        }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("service_account", &self.service_account)
            .field("has_terminal", &self.has_terminal)
            .finish_non_exhaustive()
    }
}
