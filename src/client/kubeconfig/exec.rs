//! What a user's `exec` means: which plugin is run, and how.
//!
//! | `interactiveMode` | somebody at a terminal | nobody |
//! |---|---|---|
//! | `Never` | is not asked | is not asked |
//! | `IfAvailable` | may be asked | is not asked |
//! | `Always` | may be asked | the configuration is refused |
//!
//! # Invariants
//! - A command with a separator in it is a path, and begins where its file is; a bare one is looked for
//!   in `PATH`. Nothing is looked for in the directory we were started in.
//!
//! # Source
//! client-go `tools/clientcmd/validation.go` (`validateAuthInfo`), `api/v1/defaults.go`,
//! `plugin/pkg/client/auth/exec/exec.go`. What differs: a plugin that must have a terminal is refused
//! when the kubeconfig is read, not by the first request.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::client::credentials::Secret;
use crate::client::exec_credential::ApiVersion;
use crate::client::exec_plugin::Invocation;
use crate::client::kubeconfig::entry::given;

/// A plugin, as it is written. Arguments and values of variables may be secrets.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Exec {
    api_version: Option<String>,
    command: Option<String>,
    args: Option<Vec<Secret>>,
    env: Option<Vec<Variable>>,
    install_hint: Option<String>,
    provide_cluster_info: Option<bool>,
    interactive_mode: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Variable {
    name: String,
    value: Option<Secret>,
}

impl Exec {
    /// How the plugin is run; `resolve` says where a relative path leads. The error is what is wrong.
    pub(crate) fn invocation(
        &self,
        has_terminal: bool,
        resolve: impl FnOnce(&Path) -> PathBuf,
    ) -> Result<Invocation, String> {
        let command = given(self.command.as_ref()).ok_or("has an exec without command")?;
        let version =
            given(self.api_version.as_ref()).ok_or("has an exec without apiVersion".to_owned())?;
        let version = ApiVersion::parse(version).ok_or_else(|| {
            let (v1, beta) = (ApiVersion::V1.as_str(), ApiVersion::V1Beta1.as_str());
            format!("has an exec whose apiVersion `{version}` is neither {v1} nor {beta}")
        })?;
        let command = match command.contains(std::path::is_separator) {
            true => resolve(Path::new(command)).to_string_lossy().into_owned(),
            false => command.to_owned(),
        };
        let mut invocation = Invocation::new(version, command);
        invocation.is_interactive = self.is_interactive(version, has_terminal)?;
        invocation.install_hint = given(self.install_hint.as_ref()).map(str::to_owned);
        let arguments = self.args.iter().flatten();
        invocation.arguments = arguments.map(|argument| argument.0.clone()).collect();
        for Variable { name, value } in self.env.iter().flatten() {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err("has an exec with an env that has no usable name".to_owned());
            }
            let value = value.as_ref().map_or("", |value| &value.0);
            let variable = (name.clone(), value.to_owned());
            invocation.environment.push(variable);
        }
        Ok(invocation)
    }

    /// Whether the plugin is told about the cluster.
    pub(crate) fn wants_cluster(&self) -> bool {
        self.provide_cluster_info.unwrap_or_default()
    }

    fn is_interactive(&self, version: ApiVersion, has_terminal: bool) -> Result<bool, String> {
        let mode = given(self.interactive_mode.as_ref());
        match (mode, version) {
            (Some("Never"), _) => Ok(false),
            (Some("IfAvailable"), _) | (None, ApiVersion::V1Beta1) => Ok(has_terminal),
            (Some("Always"), _) if has_terminal => Ok(true),
            (Some("Always"), _) => {
                Err("has an exec with interactiveMode Always, and there is no terminal".to_owned())
            }
            (None, ApiVersion::V1) => Err("has an exec without interactiveMode".to_owned()),
            (Some(mode), _) => Err(format!(
                "has an exec whose interactiveMode `{mode}` is none of Never, IfAvailable, Always"
            )),
        }
    }
}
