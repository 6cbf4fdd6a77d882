//! helm, as `hack/peers.sh` has built it, and the chart of this repository.

use std::path::PathBuf;
use std::process::Command;

use bitcoin_controller::base::yaml;
use serde_json::Value;

use crate::harness::{root, run};

/// The chart, from the root of the repository.
pub const CHART: &str = "helm/bitcoin-controller";

/// Release and namespace with which the chart's names are those of the manifests.
pub const RELEASE: &str = "bitcoin-controller";

/// Runs `helm` in the namespace of the release: what it printed, or what it complained of.
pub fn try_helm(arguments: &[&str]) -> Result<String, String> {
    let folder = std::env::var_os("E2E_PEERS").expect("E2E_PEERS is what hack/peers.sh prints");
    let mut helm = Command::new(PathBuf::from(folder).join("helm"));
    // Whoever runs this may have plugins and settings of their own.
    for home in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        helm.env(home, "/nonexistent");
    }
    helm.current_dir(root()).env("HELM_NAMESPACE", RELEASE);
    run(helm.args(arguments))
}

pub fn helm(arguments: &[&str]) -> String {
    try_helm(arguments).unwrap_or_else(|error| panic!("helm {}: {error}", arguments.join(" ")))
}

/// The objects that the chart becomes with these values, without a server.
pub fn rendered(values: &[&str]) -> Vec<Value> {
    let template = ["template", RELEASE, CHART];
    yaml::all_from_str(&helm(&[&template, values].concat())).unwrap()
}
