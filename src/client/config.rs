//! Where the API server is, and who we are: from a kubeconfig, or from within the cluster.
//!
//! A program is started in three places: on a laptop with `--kubeconfig`, in a shell that has
//! `$KUBECONFIG` or `~/.kube/config`, and in a pod, where the kubelet mounts a service account. The
//! outcome is the same value. What the process is surrounded by, variables and mounted files, comes in
//! as an [`Environment`], so that a test can be anywhere.
//!
//! # Invariants
//! - A [`Config`] shows no secret in `Debug`.
//! - A token goes to an `https` server only; over plain `http` we say nothing about who we are.
//! - The server's path prefix is kept; its query and fragment are not.
//!
//! # Example
//! ```
//! use bitcoin_controller::client::Config;
//! let config = Config::plain("http://127.0.0.1:8001/prefix/")?;
//! assert_eq!(config.server(), "http://127.0.0.1:8001/prefix");
//! assert_eq!(config.namespace(), "default");
//! # Ok::<(), bitcoin_controller::client::config::Error>(())
//! ```
//!
//! # Source
//! client-go `rest/config.go` (`InClusterConfig`), `tools/clientcmd/client_config.go`. What differs:
//! a mounted authority that cannot be read is an error here (client-go logs it and trusts the
//! system's); the in-cluster account is used only if nothing else was asked for.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue};

use crate::base::yaml;
use crate::client::credentials::Credentials;
use crate::client::environment::Environment;
use crate::client::impersonation::Impersonation;
use crate::client::kubeconfig::Kubeconfig;
use crate::client::proxy_choice;
use crate::client::tls::{Pem, TlsSettings};
use crate::http::Endpoint;
use crate::http::proxy::ProxyUrl;

/// Where the API server is, and who we are.
#[derive(Clone)]
pub struct Config {
    /// `scheme://host:port/prefix`, without a slash at the end.
    pub(crate) server: String,
    pub(crate) is_https: bool,
    pub(crate) tls: TlsSettings,
    /// As [`ProxyUrl::parse`] reads it.
    pub(crate) proxy: Option<String>,
    /// Do not ask for compressed answers.
    pub(crate) disable_compression: bool,
    pub(crate) credentials: Arc<Credentials>,
    /// Headers that say as whom we act.
    pub(crate) impersonation: Vec<(HeaderName, HeaderValue)>,
    pub(crate) namespace: String,
    pub(crate) user_agent: String,
    pub(crate) is_in_cluster: bool,
}

/// Which kubeconfig, and which of its contexts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KubeconfigOptions {
    /// Only this file, which must exist. `None`: `$KUBECONFIG`, else `~/.kube/config`.
    pub path: Option<PathBuf>,
    /// This context. `None`: the file's current one.
    pub context: Option<String>,
}

impl Config {
    /// The service account that the kubelet has mounted.
    ///
    /// # Errors
    /// [`Error::NotInCluster`]; or the mounted files cannot be read.
    pub fn in_cluster() -> Result<Config, Error> {
        Config::in_cluster_of(&Environment::process())
    }

    /// As [`in_cluster`](Self::in_cluster), for a process surrounded by `environment`.
    ///
    /// # Errors
    /// As there.
    pub fn in_cluster_of(environment: &Environment) -> Result<Config, Error> {
        let (host, port) = environment.cluster_address()?;
        let directory = &environment.service_account;
        let token = directory.join("token");
        let credentials =
            Credentials::token_file(&token, None).map_err(|source| Error::read(&token, source))?;
        let authority = directory.join("ca.crt");
        let roots = Pem::file(&authority).map_err(|source| Error::read(&authority, source))?;
        let mut config =
            Config::new(&format!("https://{}", Endpoint::new(host, port))).map_err(server_error)?;
        config.tls.roots = Some(roots);
        config.credentials = Arc::new(credentials);
        config.namespace = environment.mounted_namespace();
        config.is_in_cluster = true;
        config.behind_proxy_of(environment)
    }

    /// A context of a kubeconfig.
    ///
    /// # Errors
    /// No such file, context, cluster or user; or they are not usable.
    pub fn from_kubeconfig(options: &KubeconfigOptions) -> Result<Config, Error> {
        Config::from_kubeconfig_of(&Environment::process(), options)
    }

    /// As [`from_kubeconfig`](Self::from_kubeconfig), for a process surrounded by `environment`.
    ///
    /// # Errors
    /// As there.
    pub fn from_kubeconfig_of(
        environment: &Environment,
        options: &KubeconfigOptions,
    ) -> Result<Config, Error> {
        let kubeconfig = match &options.path {
            Some(path) => Kubeconfig::read(path)?,
            None => Kubeconfig::read_all(&environment.kubeconfig_files())?,
        };
        kubeconfig.config_of(environment, options.context.as_deref())
    }

    /// The usual order: the file that was asked for; in a pod its service account, unless
    /// `$KUBECONFIG` or a context was given; else `$KUBECONFIG` or `~/.kube/config`.
    ///
    /// # Errors
    /// As [`from_kubeconfig`](Self::from_kubeconfig) and [`in_cluster`](Self::in_cluster).
    pub fn load(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<Config, Error> {
        Config::load_of(&Environment::process(), kubeconfig, context)
    }

    /// As [`load`](Self::load), for a process surrounded by `environment`.
    ///
    /// # Errors
    /// As there.
    pub fn load_of(
        environment: &Environment,
        kubeconfig: Option<&Path>,
        context: Option<&str>,
    ) -> Result<Config, Error> {
        let is_asked_for = kubeconfig.is_some()
            || context.is_some()
            || environment.variable("KUBECONFIG").is_some();
        if !is_asked_for && environment.is_in_cluster() {
            return Config::in_cluster_of(environment);
        }
        let options = KubeconfigOptions {
            path: kubeconfig.map(Path::to_owned),
            context: context.map(str::to_owned),
        };
        Config::from_kubeconfig_of(environment, &options)
    }

    /// A server without TLS, and nobody in particular: for `sim`, tests and `kubectl proxy`.
    ///
    /// # Errors
    /// `server` is no `http` URL.
    pub fn plain(server: &str) -> Result<Config, Error> {
        let config = Config::new(server).map_err(server_error)?;
        if config.is_https {
            return Err(Error::Invalid(format!("`{server}` is no http URL")));
        }
        Ok(config)
    }

    /// A server at `server`, with the system's authorities and no credentials. The error is about "its
    /// address", and quotes no secret.
    pub(crate) fn new(server: &str) -> Result<Config, &'static str> {
        let uri: Uri = server.parse().map_err(|_| "address is no URL")?;
        let is_https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err("address begins neither with https:// nor http://"),
        };
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        // Before anything else could show it: a password here would be in every log line.
        if authority.contains('@') {
            return Err("address holds a user or password");
        }
        let scheme = if is_https { "https" } else { "http" };
        let prefix = uri.path().trim_end_matches('/');
        Ok(Config {
            server: format!("{scheme}://{authority}{prefix}"),
            is_https,
            tls: TlsSettings::default(),
            proxy: None,
            disable_compression: false,
            credentials: Arc::default(),
            impersonation: Vec::new(),
            namespace: DEFAULT_NAMESPACE.to_owned(),
            user_agent: user_agent(),
            is_in_cluster: false,
        })
    }

    /// The proxy that the variables name, unless the kubeconfig has named one.
    pub(crate) fn behind_proxy_of(mut self, environment: &Environment) -> Result<Config, Error> {
        if self.proxy.is_none() {
            let variable = |name: &str| environment.variable(name);
            let proxy = proxy_choice::proxy_of_variables(&self.server, variable);
            self.proxy = proxy.map_err(|name| {
                Error::Invalid(format!(
                    "{name} is no address of a proxy (http, https or socks5)"
                ))
            })?;
        }
        Ok(self)
    }

    /// The same, acting as somebody else.
    ///
    /// # Errors
    /// There is no user to go with the rest, or no header can hold a name.
    pub fn impersonating(mut self, whom: &Impersonation) -> Result<Config, Error> {
        let headers = whom.headers();
        self.impersonation =
            headers.map_err(|what| Error::Invalid(format!("the impersonation {what}")))?;
        Ok(self)
    }

    /// The namespace to work in when none is said.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Whether we are the service account that the kubelet has mounted: then we are in the pod network.
    pub fn is_in_cluster(&self) -> bool {
        self.is_in_cluster
    }

    /// The server's address: scheme, host, port, path prefix.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Where the server is, for logs: host and port. The path may be what lets one in.
    pub fn server_host(&self) -> &str {
        let address = self.server.split_once("://").map_or("", |parts| parts.1);
        address.split('/').next().unwrap_or_default()
    }

    /// The proxy between us and the server, for logs: without the user and password it may have.
    pub fn proxy(&self) -> Option<String> {
        let proxy = ProxyUrl::parse(self.proxy.as_ref()?).ok()?;
        Some(proxy.to_string())
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("server", &self.server)
            .field("tls", &self.tls)
            .field("proxy", &self.proxy())
            .field("disable_compression", &self.disable_compression)
            .field("credentials", &self.credentials)
            .field("impersonation", &self.impersonation)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

fn server_error(why: &'static str) -> Error {
    Error::Invalid(format!("the server's {why}"))
}

pub(crate) const DEFAULT_NAMESPACE: &str = "default";

/// In the form kubectl has, so that audit logs and the server's metrics can be read.
fn user_agent() -> String {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    format!(
        "bitcoin-controller/{} ({os}/{arch})",
        env!("CARGO_PKG_VERSION")
    )
}

/// Why there is no configuration to work with.
#[derive(Debug)]
pub enum Error {
    /// `KUBERNETES_SERVICE_HOST` and `_PORT` are not set: this is no pod.
    NotInCluster,
    /// There is no kubeconfig at any of these places.
    NoKubeconfig(Vec<PathBuf>),
    /// A file cannot be read.
    Read {
        /// Which file.
        path: PathBuf,
        /// What names it, such as ``tokenFile of user `a` in `config` ``; `None`: nothing but its place.
        named_by: Option<String>,
        /// What reading it said.
        source: io::Error,
    },
    /// A kubeconfig is not YAML, or has another shape.
    Parse {
        /// Which file.
        path: PathBuf,
        /// Where in it; never the value.
        source: yaml::Error,
    },
    /// Something in it makes no sense, or is missing: what, and where.
    Invalid(String),
    /// Certificates or keys that cannot be used.
    Tls {
        /// Which.
        what: &'static str,
        /// What rustls says.
        source: rustls::Error,
    },
}

impl Error {
    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Error::Read {
            path: path.to_owned(),
            named_by: None,
            source,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotInCluster => f.write_str(
                "not in a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set",
            ),
            Error::NoKubeconfig(paths) if paths.is_empty() => {
                f.write_str("no kubeconfig: neither KUBECONFIG nor HOME is set, and this is no pod")
            }
            Error::NoKubeconfig(paths) => {
                f.write_str("no kubeconfig at")?;
                for path in paths {
                    write!(f, " `{}`", path.display())?;
                }
                f.write_str("; name one with --kubeconfig or $KUBECONFIG")
            }
            Error::Read { path, named_by, .. } => {
                write!(f, "failed to read `{}`", path.display())?;
                match named_by {
                    Some(named_by) => write!(f, ", the {named_by}"),
                    None => Ok(()),
                }
            }
            Error::Parse { path, .. } => {
                write!(f, "failed to read `{}` as a kubeconfig", path.display())
            }
            Error::Invalid(what) => f.write_str(what),
            Error::Tls { what, .. } => write!(f, "{what} cannot be used"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Read { source, .. } => Some(source),
            Error::Parse { source, .. } => Some(source),
            Error::Tls { source, .. } => Some(source),
            Error::NotInCluster | Error::NoKubeconfig(_) | Error::Invalid(_) => None,
        }
    }
}
