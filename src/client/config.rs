//! Where the API server is, and who we are.

use std::path::{Path, PathBuf};

/// Why there is no configuration to work with.
#[derive(Debug)]
pub struct Error(());

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("")
    }
}
impl std::error::Error for Error {}

/// Which kubeconfig, and which of its contexts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KubeconfigOptions {
    /// Only this file, which must exist. `None`: `$KUBECONFIG`, else `~/.kube/config`.
    pub path: Option<PathBuf>,
    /// This context. `None`: the file's current one.
    pub context: Option<String>,
}

/// Where the API server is, and who we are.
#[derive(Clone, Debug)]
pub struct Config {}

impl Config {
    /// From the mounted service account.
    ///
    /// # Errors
    /// Not in a cluster.
    pub fn in_cluster() -> Result<Config, Error> {
        todo!()
    }

    /// From a kubeconfig.
    ///
    /// # Errors
    /// x
    pub fn from_kubeconfig(_options: &KubeconfigOptions) -> Result<Config, Error> {
        todo!()
    }

    /// The usual order.
    ///
    /// # Errors
    /// x
    pub fn load(_kubeconfig: Option<&Path>, _context: Option<&str>) -> Result<Config, Error> {
        todo!()
    }

    /// A server without TLS.
    ///
    /// # Errors
    /// Not a URL.
    pub fn plain(_server: &str) -> Result<Config, Error> {
        todo!()
    }

    /// The namespace to work in when none is said.
    pub fn namespace(&self) -> &str {
        todo!()
    }
}
