//! Declared mining on real nodes: the pretend cluster, whose pods are processes of a real bitcoind.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bitcoin_controller::api::core::Secret;
use bitcoin_controller::api::crd::custom_resource_definition;
use bitcoin_controller::api::{BitcoinNetwork, ObjectKey};
use bitcoin_controller::base::{Clock, Random};
use bitcoin_controller::bitcoin::{Credentials, RpcClient};
use bitcoin_controller::client::{Client, Config};
use bitcoin_controller::controller::{Controller, ControllerOptions, Reach};
use bitcoin_controller::http::{Endpoint, Listener, MemoryNetwork, Transport};
use bitcoin_controller::record::{BroadcasterOptions, EventBroadcaster};
use bitcoin_controller::sim::cluster::ClusterOptions;
use bitcoin_controller::sim::process::Processes;
use bitcoin_controller::sim::runtime::NodeRuntime;
use bitcoin_controller::sim::{Store, World, kinds};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::support::nodes::eventually;

struct Stage {
    client: Client,
    transport: Arc<dyn Transport>,
    controller: JoinSet<()>,
    _world: JoinSet<()>,
}

impl Stage {
    /// `None`, and why is printed, if there is no bitcoind.
    async fn new() -> Option<Stage> {
        let program = std::env::var_os("BITCOIND").unwrap_or_else(|| "bitcoind".into());
        let processes = match Processes::new(PathBuf::from(program)).await {
            Ok(processes) => Arc::new(processes),
            Err(error) => {
                eprintln!("SKIPPED on real nodes: {error} (set BITCOIND)");
                return None;
            }
        };
        let transport = processes.transport();
        let store = Store::new(Clock::system(), Random::os());
        let byte = u8::try_from(std::process::id() % 250).unwrap();
        let options = ClusterOptions {
            first_pod_address: Ipv4Addr::new(127, 1 + byte, 200, 2),
            ..ClusterOptions::default()
        };
        let definition = custom_resource_definition();
        store
            .create(kinds::DEFINITIONS, "", definition, "kubectl")
            .unwrap();
        let network = MemoryNetwork::default();
        let listener = network.listen(Endpoint::new("api", 80)).unwrap();
        let mut world = JoinSet::new();
        world.spawn(
            World::new(store, processes, options)
                .run(Listener::Memory(listener), CancellationToken::new()),
        );
        let client = Client::new(Config::plain("http://api").unwrap(), Arc::new(network)).unwrap();
        let mut stage = Stage {
            client,
            transport,
            controller: JoinSet::new(),
            _world: world,
        };
        stage.start_controller();
        Some(stage)
    }

    fn start_controller(&mut self) {
        let controller = Controller::new(ControllerOptions {
            client: self.client.clone(),
            reach: Reach::Direct(Arc::clone(&self.transport)),
            recorder: EventBroadcaster::new(BroadcasterOptions::default()).recorder("test"),
            namespaces: Vec::new(),
            workers: 2,
            clock: Clock::system(),
            random: Random::os(),
            insecure_default_credentials: false,
        });
        self.controller = JoinSet::new();
        self.controller
            .spawn(async move { controller.run(CancellationToken::new()).await });
    }

    fn key() -> ObjectKey {
        ObjectKey::new("default", "alpha")
    }

    async fn declare(&self, mining: Value) {
        let spec = json!({"spec": {"mining": mining}});
        self.client
            .patch::<BitcoinNetwork>(&Stage::key(), &spec)
            .await
            .unwrap();
    }

    async fn until_mined(&self, reason: &str) {
        eventually(reason, async || {
            let network: BitcoinNetwork = self.client.get(&Stage::key()).await.unwrap();
            let mined = network.status.condition("Mined");
            mined.is_some_and(|it| {
                &*it.reason == reason && it.observed_generation == Some(network.metadata.generation)
            })
        })
        .await;
    }

    async fn nodes(&self) -> Vec<RpcClient> {
        let network: BitcoinNetwork = self.client.get(&Stage::key()).await.unwrap();
        let key = ObjectKey::new("default", "alpha-rpc");
        let secret: Secret = self.client.get(&key).await.unwrap();
        let credentials = Credentials::new(
            secret.text("user").unwrap(),
            secret.text("password").unwrap(),
        );
        let credentials = credentials.unwrap();
        let node = |ip: &str| {
            let endpoint = Endpoint::new(ip, 18_443);
            RpcClient::new(Arc::clone(&self.transport), endpoint, &credentials)
        };
        let nodes = network.status.nodes.iter();
        nodes.map(|status| node(&status.ip)).collect()
    }
}

#[test]
fn real_nodes_take_a_hundred_and_one_blocks_and_a_pace_though_the_controller_is_killed() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let Some(mut stage) = Stage::new().await else {
            return;
        };
        let network = json!({
            "metadata": {"name": "alpha"},
            "spec": {"nodes": 3, "mining": {"untilHeight": 101}},
            "apiVersion": "bitcoincontroller.christianb93.github.com/v1", "kind": "BitcoinNetwork",
        });
        stage
            .client
            .create::<BitcoinNetwork>("default", &network)
            .await
            .unwrap();
        stage.until_mined("HeightReached").await;
        let nodes = stage.nodes().await;
        assert_eq!(nodes[0].get_blockchain_info().await.unwrap().blocks, 101);

        // Blocks that come at once carry times ahead of the clock: the pace is seen in the headers once it has
        // caught up with them.
        let tip = nodes[0].get_blockchain_info().await.unwrap().time.unwrap();
        let ahead = tip + 1 - Clock::system().unix_seconds();
        sleep(Duration::from_secs(u64::try_from(ahead).unwrap_or(0))).await;
        stage
            .declare(json!({"untilHeight": null, "interval": "1s"}))
            .await;
        stage.until_mined("OnPace").await;
        for _ in 0..2 {
            sleep(Duration::from_millis(3_500)).await;
            stage.controller.shutdown().await;
            stage.start_controller();
        }
        sleep(Duration::from_millis(5_000)).await;
        stage
            .declare(json!({"interval": "1s", "paused": true}))
            .await;
        stage.until_mined("Paused").await;
        let height = nodes[0].get_blockchain_info().await.unwrap().blocks;
        assert!((109..=114).contains(&height), "{height}");
        let mut times = Vec::new();
        for height in 102..=u32::try_from(height).unwrap() {
            let hash = nodes[0].get_block_hash(height).await.unwrap();
            times.push(nodes[0].get_block_header(&hash).await.unwrap().time);
        }
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
        eventually("all nodes have one chain", async || {
            let mut tips = Vec::new();
            for node in &nodes {
                tips.push(node.get_best_block_hash().await.unwrap());
            }
            tips.windows(2).all(|pair| pair[0] == pair[1])
        })
        .await;
        for node in &nodes {
            let tips: Vec<Value> = node
                .call("getchaintips", json!([]), Duration::from_secs(5))
                .await
                .unwrap();
            assert_eq!(tips.len(), 1, "{tips:?}");
        }
    });
}
