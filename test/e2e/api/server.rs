//! Servers that other people's programs are pointed at by a kubeconfig: the pretend one and the real one.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use bitcoin_controller::base::{Clock, Random, yaml};
use bitcoin_controller::client::{Client, Config};
use bitcoin_controller::http::Listener;
use bitcoin_controller::sim;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::gate::Gate;
use super::program;
use crate::harness::{manifest, node, temporary};

/// A server, a [`Gate`] in front of it, and the kubeconfig that leads through the gate.
pub struct Server {
    pub gate: Gate,
    kubeconfig: PathBuf,
    /// Our own client goes past the gate.
    pub client: Client,
    pretend: Option<sim::Store>,
    _serving: JoinSet<()>,
}

impl Server {
    /// `sim`, in this process.
    pub async fn pretend() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let store = sim::Store::new(Clock::system(), Random::seeded(1));
        let server = sim::ApiServer::new(store.clone());
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let listener = Listener::Tcp(listener);
            server.serve(listener, CancellationToken::new()).await;
        });
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "pretend",
            "clusters": [{"name": "pretend", "cluster": {"server": format!("http://{address}")}}],
            "contexts": [{"name": "pretend", "context": {"cluster": "pretend"}}],
        });
        let config = Config::plain(&format!("http://{address}")).unwrap();
        Server::behind_a_gate(kubeconfig, config, address, Some(store), serving)
    }

    /// The one that `hack/cluster/control-plane.sh` has started.
    pub fn real() -> Self {
        let path = std::env::var_os("KUBECONFIG").unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        let kubeconfig: Value = yaml::from_str(&text).unwrap();
        let url = kubeconfig["clusters"][0]["cluster"]["server"].as_str();
        let address = url.unwrap().trim_start_matches("https://").parse().unwrap();
        let config = Config::load(None, None).unwrap();
        Server::behind_a_gate(kubeconfig, config, address, None, JoinSet::new())
    }

    fn behind_a_gate(
        mut kubeconfig: Value,
        config: Config,
        address: SocketAddr,
        pretend: Option<sim::Store>,
        serving: JoinSet<()>,
    ) -> Self {
        let gate = Gate::open_to(address);
        let scheme = if pretend.is_some() { "http" } else { "https" };
        kubeconfig["clusters"][0]["cluster"]["server"] =
            format!("{scheme}://{}", gate.address()).into();
        let path = temporary(&format!("gate-{}.yaml", gate.address().port()));
        std::fs::write(&path, yaml::to_string(&kubeconfig).unwrap()).unwrap();
        Server {
            gate,
            kubeconfig: path,
            client: Client::connect(config).unwrap(),
            pretend,
            _serving: serving,
        }
    }

    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A namespace of this name, and BitcoinNetworks.
    pub async fn prepare(&self, namespace: &str) {
        let crd = manifest("crd.yaml");
        let name = "crd/bitcoinnetworks.bitcoincontroller.christianb93.github.com";
        self.kubectl(&["apply", "--server-side", "--filename", &crd])
            .await;
        self.kubectl(&["wait", "--for=condition=Established", name])
            .await;
        self.kubectl(&["create", "namespace", namespace]).await;
    }

    /// A server that is used by others afterwards shall not keep what was made there.
    pub async fn clear(&self, namespace: &str) {
        self.kubectl(&["delete", "namespace", namespace, "--wait=false"])
            .await;
    }

    /// What it has told until now it cannot tell again: a real server remembers no more than it has seen
    /// since it was started.
    pub fn forget_history(&self) {
        match &self.pretend {
            Some(store) => store.compact(),
            None => node(&["restart-apiserver"]),
        }
    }

    pub async fn kubectl(&self, arguments: &[&str]) -> String {
        let kubectl = Command::new("kubectl");
        program::run(kubectl, self.kubeconfig(), arguments)
            .await
            .unwrap_or_else(|error| panic!("kubectl {}: {error}", arguments.join(" ")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The folder for temporary files is not ours to keep tidy when that fails.
        let _ = std::fs::remove_file(&self.kubeconfig);
    }
}
