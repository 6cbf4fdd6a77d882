//! A few nodes side by side, pretend or real, that one body of assertions runs against.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bitcoin_controller::base::Clock;
use bitcoin_controller::bitcoin::{Credentials, RpcClient};
use bitcoin_controller::http::{Body, Endpoint, HttpClient, read_body};
use bitcoin_controller::sim::bitcoind::{Exit, PeerNetwork, PodNetwork};
use bitcoin_controller::sim::process::Processes;
use bitcoin_controller::sim::runtime::{Container, NodeRuntime, Process, SimulatedNodes};
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::{Method, Request};
use serde_json::{Value, json};

/// Runs `scenario` on pretend nodes, with time paused.
pub(crate) fn on_pretend_nodes<F: Future<Output = ()>>(scenario: impl Fn(Nodes) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let clock = Clock::system();
        let network = PeerNetwork::new(clock.clone());
        let pods = PodNetwork::in_memory(network);
        let nodes = SimulatedNodes::new(pods, clock);
        scenario(Nodes::new(Arc::new(nodes), "10.244.0.".to_owned())).await;
    });
}

/// Runs `scenario` on real nodes, if there is a bitcoind: `$BITCOIND`, or one on the path.
pub(crate) fn on_real_nodes<F: Future<Output = ()>>(scenario: impl Fn(Nodes) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        if let Some(nodes) = real_nodes().await {
            scenario(nodes).await;
        }
    });
}

/// Real nodes on loopback addresses, if there is a bitcoind; otherwise that is said.
pub(crate) async fn real_nodes() -> Option<Nodes> {
    let program = std::env::var_os("BITCOIND").unwrap_or_else(|| "bitcoind".into());
    match Processes::new(PathBuf::from(program)).await {
        Ok(nodes) => Some(Nodes::new(Arc::new(nodes), loopback_addresses())),
        Err(error) => {
            eprintln!("SKIPPED on real nodes: {error} (set BITCOIND)");
            None
        }
    }
}

/// Addresses of 127.0.0.0/8 that no other test uses, in this process or in another.
fn loopback_addresses() -> String {
    static TESTS: AtomicU8 = AtomicU8::new(1);
    let test = TESTS.fetch_add(1, Ordering::Relaxed);
    let process = 1 + std::process::id() % 250;
    format!("127.{process}.{test}.")
}

/// Nodes with the numbers 0, 1, 2, …, each with an address of its own.
pub(crate) struct Nodes {
    runtime: Arc<dyn NodeRuntime>,
    addresses: String,
    http: HttpClient,
}

/// A node that runs.
pub(crate) struct Node {
    pub(crate) process: Box<dyn Process>,
    pub(crate) address: String,
    /// The client of the controller and of the miner.
    pub(crate) rpc: RpcClient,
    http: HttpClient,
}

impl Nodes {
    pub(crate) fn new(runtime: Arc<dyn NodeRuntime>, addresses: String) -> Self {
        let http = HttpClient::plain(runtime.transport(), Duration::from_secs(20));
        Nodes {
            runtime,
            addresses,
            http,
        }
    }

    /// Starts node `number` and waits until it answers.
    pub(crate) async fn start(&self, number: u8, more: &[&str]) -> Node {
        let node = self.launch(number, more).await;
        let ready = async || {
            node.get("/rest/chaininfo.json")
                .await
                .is_some_and(|r| r.0 == 200)
        };
        eventually("the node answers", ready).await;
        node
    }

    /// Starts node `number`; it may end at once.
    pub(crate) async fn launch(&self, number: u8, more: &[&str]) -> Node {
        let address = format!("{}{}", self.addresses, number + 1);
        let mut command: Vec<String> = [
            "bitcoind",
            "-regtest",
            "-server",
            "-rest",
            "-rpcport=18443",
            "-rpcallowip=0.0.0.0/0",
            "-rpcuser=u",
            "-rpcpassword=p",
            "-rpcbind=127.0.0.1",
            "-timeout=1000",
            "-datadir=/data",
        ]
        .map(str::to_owned)
        .into();
        command.push(format!("-rpcbind={address}"));
        command.push(format!("-uacomment=1f2e3d4c.node-{number}"));
        command.extend(more.iter().map(|option| (*option).to_owned()));
        let container = Container {
            namespace: "default".to_owned(),
            pod: format!("node-{number}"),
            volume: format!("uid-{number}"),
            address: address.clone(),
            image: "localhost/bitcoind".to_owned(),
            command,
            env: Vec::new(),
        };
        let process = self.runtime.start(container).await.unwrap();
        let http = self.http.clone();
        let endpoint = Endpoint::new(address.clone(), 18443);
        let credentials = Credentials::new("u", "p").unwrap();
        Node {
            process,
            address,
            rpc: RpcClient::new(self.runtime.transport(), endpoint, &credentials),
            http,
        }
    }

    /// Ends `node` in order.
    pub(crate) async fn stop(&self, mut node: Node) -> Exit {
        node.process.terminate();
        node.process.wait().await
    }

    /// Ends `node` with SIGKILL.
    pub(crate) async fn kill(&self, mut node: Node) -> Exit {
        node.process.kill();
        node.process.wait().await
    }
}

impl Node {
    /// Status and body of a GET, without credentials; `None` if nobody answers.
    pub(crate) async fn get(&self, path: &str) -> Option<(u16, String)> {
        self.send(Method::GET, path, None, "").await
    }

    /// Status and body of a POST to `/`, with the right credentials.
    pub(crate) async fn post(&self, body: &str) -> (u16, String) {
        self.send(Method::POST, "/", Some("u:p"), body)
            .await
            .unwrap()
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        credentials: Option<&str>,
        body: &str,
    ) -> Option<(u16, String)> {
        let uri = format!(
            "http://{}{path}",
            Endpoint::new(self.address.clone(), 18443)
        );
        let mut request = Request::new(Body::from(body.to_owned()));
        *request.method_mut() = method;
        *request.uri_mut() = uri.parse().unwrap();
        if let Some(credentials) = credentials {
            let header = format!("Basic {}", STANDARD.encode(credentials));
            let header = HeaderValue::from_str(&header).unwrap();
            request.headers_mut().insert(AUTHORIZATION, header);
        }
        let response = self.http.send(request).await.ok()?;
        let status = response.status().as_u16();
        let body = read_body(response.into_body(), 1 << 20).await.ok()?;
        Some((status, String::from_utf8(body.to_vec()).unwrap()))
    }

    /// A result, or the code of the error.
    pub(crate) async fn try_call(&self, method: &str, params: Value) -> Result<Value, i64> {
        let body = json!({"method": method, "params": params, "id": 1}).to_string();
        let (_, body) = self.post(&body).await;
        let answer: Value = serde_json::from_str(&body).unwrap();
        match answer["error"]["code"].as_i64() {
            Some(code) => Err(code),
            None => Ok(answer["result"].clone()),
        }
    }

    /// A result.
    pub(crate) async fn call(&self, method: &str, params: Value) -> Value {
        self.try_call(method, params).await.unwrap()
    }

    /// `HOST:PORT` for peers.
    pub(crate) fn p2p(&self) -> String {
        Endpoint::new(self.address.clone(), 18444).to_string()
    }

    /// Dials once; the link is there or not when this returns, its handshake may take a little.
    pub(crate) async fn dial(&self, other: &Node) {
        self.call("addnode", json!([other.p2p(), "onetry"])).await;
    }

    /// The peers with which the handshake is over.
    pub(crate) async fn peers(&self) -> Vec<Value> {
        let peers = self.call("getpeerinfo", json!([])).await;
        let mut peers = peers.as_array().unwrap().clone();
        peers.retain(|peer| peer["version"].as_u64() > Some(0));
        peers
    }

    /// How many sockets to peers are open.
    pub(crate) async fn connections(&self) -> u64 {
        let info = self.call("getnetworkinfo", json!([])).await;
        info["connections"].as_u64().unwrap()
    }

    pub(crate) async fn height(&self) -> u64 {
        self.call("getblockcount", json!([]))
            .await
            .as_u64()
            .unwrap()
    }

    pub(crate) async fn tip(&self) -> String {
        let tip = self.call("getbestblockhash", json!([])).await;
        tip.as_str().unwrap().to_owned()
    }

    /// Mines to an address that belongs to the node's number.
    pub(crate) async fn mine(&self, n_blocks: u64, address: &str) -> Vec<String> {
        let hashes = self
            .call("generatetoaddress", json!([n_blocks, address]))
            .await;
        serde_json::from_value(hashes).unwrap()
    }
}

/// Waits until `holds`, looking often; panics after a while.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let patience = tokio::time::Instant::now() + Duration::from_secs(15);
    while !holds().await {
        assert!(
            tokio::time::Instant::now() < patience,
            "not in time: {what}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
