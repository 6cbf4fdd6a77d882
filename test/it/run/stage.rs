//! A pretend cluster on a port of the loopback interface, and controllers as programs.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bitcoin_controller::api::crd::custom_resource_definition;
use bitcoin_controller::base::{Clock, Random};
use bitcoin_controller::http::Listener;
use bitcoin_controller::sim::bitcoind::{PeerNetwork, PodNetwork};
use bitcoin_controller::sim::cluster::ClusterOptions;
use bitcoin_controller::sim::request::DeleteOptions;
use bitcoin_controller::sim::runtime::SimulatedNodes;
use bitcoin_controller::sim::{self, ApiServer, Key, Store};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::support::exposition::Exposition;
use crate::support::program::Program;
use crate::support::world::NETWORKS;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A pretend cluster. It ends when it is dropped.
pub(super) struct Stage {
    pub(super) store: Store,
    pub(super) api: ApiServer,
    folder: PathBuf,
    _cluster: JoinSet<()>,
}

impl Stage {
    pub(super) async fn open(name: &str) -> Stage {
        let clock = Clock::system();
        let pods = PodNetwork::in_memory(PeerNetwork::new(clock.clone()));
        let nodes = Arc::new(SimulatedNodes::new(pods, clock.clone()));
        let store = Store::new(clock, Random::seeded(1));
        let world = sim::World::new(store.clone(), nodes, ClusterOptions::default());
        let definition = custom_resource_definition();
        store
            .create(sim::kinds::DEFINITIONS, "", definition, "kubectl")
            .unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let api = world.api().clone();
        let mut cluster = JoinSet::new();
        cluster.spawn(world.run(Listener::Tcp(listener), CancellationToken::new()));
        let folder = std::env::temp_dir().join(format!("run-test-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("kubeconfig"), kubeconfig(address)).unwrap();
        Stage {
            store,
            api,
            folder,
            _cluster: cluster,
        }
    }

    pub(super) fn apply(&self, name: &str, spec: Value) {
        let network = json!({"metadata": {"name": name}, "spec": spec});
        self.store
            .create(NETWORKS, "default", network, "kubectl")
            .unwrap();
    }

    pub(super) fn delete(&self, name: &str) {
        let key = Key::new("default", name);
        self.store
            .delete(NETWORKS, &key, &DeleteOptions::default())
            .unwrap();
    }

    /// Starts a controller that listens, and logs JSON.
    pub(super) fn controller(&self, arguments: &[&str]) -> Controller {
        let kubeconfig = self.folder.join("kubeconfig");
        Controller::start(&kubeconfig.to_string_lossy(), arguments)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub(super) fn kubeconfig(server: SocketAddr) -> String {
    json!({
        "clusters": [{"name": "here", "cluster": {"server": format!("http://{server}")}}],
        "contexts": [{"name": "here", "context": {"cluster": "here"}}],
        "current-context": "here",
    })
    .to_string()
}

/// A controller as a program, and where it listens.
pub(super) struct Controller {
    pub(super) program: Program,
    address: SocketAddr,
}

impl Controller {
    pub(super) fn start(kubeconfig: &str, arguments: &[&str]) -> Controller {
        let mut program = Program::start(
            Command::new(env!("CARGO_BIN_EXE_bitcoin-controller"))
                .args(["--kubeconfig", kubeconfig])
                .args(["--listen=127.0.0.1:0", "--log-format=json"])
                .args(arguments)
                .env_remove("RUST_LOG"),
        );
        let line = program.until("serving health, metrics and state");
        let said: Value = serde_json::from_str(&line).unwrap();
        let address = said["fields"]["address"].as_str().unwrap();
        Controller {
            address: address.parse().unwrap(),
            program,
        }
    }

    /// What is answered on `path`: code and body.
    pub(super) fn get(&self, path: &str) -> (u16, String) {
        let (head, body) = self.ask(&format!("GET {path} HTTP/1.1\r\nHost: here\r\n\r\n"));
        let code = head.split(' ').nth(1).unwrap();
        (code.parse().unwrap(), body)
    }

    /// The head and the body of what comes back.
    pub(super) fn ask(&self, request: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        let (head, body) = said.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    /// The numbers, by a strict reader.
    pub(super) fn metrics(&self) -> Exposition {
        let (code, text) = self.get("/metrics");
        assert_eq!(code, 200);
        Exposition::read(&text).unwrap_or_else(|what| panic!("{what}\nin\n{text}"))
    }

    /// Waits until `path` answers with `code`, and returns the body.
    pub(super) async fn until(&self, path: &str, code: u16) -> String {
        let found = || {
            let (found, body) = self.get(path);
            match found == code {
                true => Ok(body),
                false => Err(format!("{found}: {body}")),
            }
        };
        eventually(&format!("{path} answers {code}"), found).await
    }

    /// Waits until `path` answers with exactly `text`.
    pub(super) async fn until_says(&self, path: &str, text: &str) {
        let found = || match self.get(path).1 {
            said if said == text => Ok(()),
            said => Err(said),
        };
        eventually(&format!("{path} says {text}"), found).await;
    }

    /// Waits until the numbers say so.
    pub(super) async fn until_metrics(
        &self,
        what: &str,
        is_so: impl Fn(&Exposition) -> bool,
    ) -> Exposition {
        let found = || {
            let metrics = self.metrics();
            match is_so(&metrics) {
                true => Ok(metrics),
                false => Err(format!("{metrics:?}")),
            }
        };
        eventually(what, found).await
    }
}

pub(super) async fn eventually<T>(what: &str, look: impl Fn() -> Result<T, String>) -> T {
    let started = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(last) if started.elapsed() > PATIENCE => panic!("not so: {what}; at last {last}"),
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}
