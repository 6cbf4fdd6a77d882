//! What a cluster's entry means: where the server is, whom to trust, through which proxy.
//!
//! # Invariants
//! - An authority to trust and not verifying at all exclude each other.
//! - A proxy that is named here is used for every address, this machine's included.
//!
//! # Source
//! client-go `tools/clientcmd/client_config.go` (`getServerIdentificationPartialConfig`),
//! `validation.go` (`validateClusterInfo`), `rest/exec.go` (`ConfigToExecCluster`).

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::client::config::{Config, Error};
use crate::client::kubeconfig::entry::{Entry, given};
use crate::client::tls::TlsSettings;
use crate::http::proxy::ProxyUrl;

/// A cluster, as it is written.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct Cluster {
    server: Option<String>,
    certificate_authority: Option<PathBuf>,
    certificate_authority_data: Option<String>,
    insecure_skip_tls_verify: Option<bool>,
    tls_server_name: Option<String>,
    proxy_url: Option<String>,
    disable_compression: Option<bool>,
    extensions: Option<Vec<Extension>>,
}

/// Something that programs other than us keep there, but for one: [`EXEC_EXTENSION`].
#[derive(Default, Deserialize)]
#[serde(default)]
struct Extension {
    name: String,
    extension: Option<Value>,
}

/// What a plugin is told of a cluster besides its address.
const EXEC_EXTENSION: &str = "client.authentication.k8s.io/exec";

impl Entry<Cluster> {
    /// A configuration for nobody in particular.
    pub(crate) fn config(&self) -> Result<Config, Error> {
        let cluster = &self.value;
        let roots = self.pem(
            "certificate-authority",
            cluster.certificate_authority.as_ref(),
            given(cluster.certificate_authority_data.as_ref()),
        )?;
        let is_insecure = cluster.insecure_skip_tls_verify.unwrap_or_default();
        if is_insecure && roots.is_some() {
            let why = "has both a certificate authority and insecure-skip-tls-verify";
            return Err(self.invalid(why));
        }
        let server = given(cluster.server.as_ref()).ok_or_else(|| self.invalid("has no server"))?;
        let server = if server.contains("://") {
            server.to_owned()
        } else if is_insecure || roots.is_some() {
            format!("https://{server}")
        } else {
            format!("http://{server}")
        };
        let mut config = Config::new(&server)
            .map_err(|why| self.invalid(format_args!("has a server whose {why}")))?;
        config.tls = TlsSettings {
            roots,
            is_insecure,
            server_name: given(cluster.tls_server_name.as_ref()).map(str::to_owned),
            identity: None,
        };
        config.proxy = self.proxy()?;
        config.disable_compression = cluster.disable_compression.unwrap_or_default();
        Ok(config)
    }

    fn proxy(&self) -> Result<Option<String>, Error> {
        let Some(url) = given(self.value.proxy_url.as_ref()) else {
            return Ok(None);
        };
        ProxyUrl::parse(url)
            .map_err(|why| self.invalid(format_args!("has an unusable proxy-url: {why}")))?;
        Ok(Some(url.to_owned()))
    }

    /// What a plugin is told of this cluster, of which `config` was made, if it wants to know.
    pub(crate) fn told_to_plugins(&self, config: &Config) -> Result<Value, Error> {
        let mut told = Map::new();
        told.insert("server".to_owned(), json!(config.server));
        let mut tell = |field: &str, value: Option<Value>| {
            if let Some(value) = value {
                told.insert(field.to_owned(), value);
            }
        };
        let name = config.tls.server_name.as_ref();
        tell("tls-server-name", name.map(|name| json!(name)));
        let roots = config.tls.roots.as_ref().map(|roots| roots.read());
        let roots = roots
            .transpose()?
            .map(|roots| json!(STANDARD.encode(roots)));
        tell("certificate-authority-data", roots);
        let flag = |is_set: bool| is_set.then_some(Value::Bool(true));
        tell("insecure-skip-tls-verify", flag(config.tls.is_insecure));
        tell("disable-compression", flag(config.disable_compression));
        tell("proxy-url", config.proxy.as_ref().map(|url| json!(url)));
        let mut extensions = self.value.extensions.iter().flatten();
        let own = extensions.find(|extension| extension.name == EXEC_EXTENSION);
        tell("config", own.and_then(|own| own.extension.clone()));
        Ok(Value::Object(told))
    }
}
