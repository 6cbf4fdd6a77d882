//! A pass over a network that is as it should be: what a controller does nearly all the time.
//!
//! The network is a real one as far as the controller can tell: it was made by the controller, on the pretend
//! cluster, over HTTP in memory. What the pretend API server and the three pretend nodes take to answer is
//! counted with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bitcoin_controller::api::crd::custom_resource_definition;
use bitcoin_controller::api::{BitcoinNetwork, ObjectKey};
use bitcoin_controller::base::{Clock, Random};
use bitcoin_controller::client::{Client, Config};
use bitcoin_controller::controller::{Controller, ControllerOptions, Reach};
use bitcoin_controller::http::{Endpoint, Listener, MemoryNetwork};
use bitcoin_controller::record::{BroadcasterOptions, EventBroadcaster, MemoryEventSink};
use bitcoin_controller::sim::bitcoind::{PeerNetwork, PodNetwork};
use bitcoin_controller::sim::cluster::ClusterOptions;
use bitcoin_controller::sim::runtime::SimulatedNodes;
use bitcoin_controller::sim::{self, Store};
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::{Work, runtime};

const N_PASSES: u64 = 50;
const N_NODES: u64 = 3;
const NETWORKS: &str = "bitcoinnetworks.bitcoincontroller.christianb93.github.com";
/// How long it may take until the network is settled; a profiler slows everything down fifty times.
const LONGEST_START: Duration = Duration::from_secs(120);

/// Passes over a network of three nodes.
pub fn noop_reconcile() -> Work {
    let settled = Settled::new();
    Work::new(N_PASSES, move || {
        settled.passes(N_PASSES);
        settled
    })
}

/// A controller, and a network it has nothing to do for.
pub struct Settled {
    runtime: Runtime,
    store: Store,
    controller: Controller,
    key: ObjectKey,
    n_passes: Arc<AtomicU64>,
    passed: Arc<Notify>,
    _tasks: JoinSet<()>,
}

impl Settled {
    /// Makes the network, and waits until it is settled.
    pub fn new() -> Self {
        let runtime = runtime();
        let entered = runtime.enter();
        let (clock, random) = (Clock::system(), Random::seeded(1));
        let pods = PodNetwork::in_memory(PeerNetwork::new(clock.clone()));
        let nodes = Arc::new(SimulatedNodes::new(pods.clone(), clock.clone()));
        let store = Store::new(clock.clone(), random.fork("store"));
        let world = sim::World::new(store.clone(), nodes, ClusterOptions::default());
        let network = MemoryNetwork::default();
        let listener = Listener::Memory(network.listen(Endpoint::new("api", 80)).unwrap());
        let client = Client::new(Config::plain("http://api").unwrap(), Arc::new(network)).unwrap();
        let events = EventBroadcaster::new(BroadcasterOptions::default());
        events.start_recording_to(MemoryEventSink::default());
        let (n_passes, passed) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
        let (count, tell) = (n_passes.clone(), passed.clone());
        let controller = Controller::new(ControllerOptions {
            client,
            reach: Reach::Direct(Arc::new(pods)),
            recorder: events.recorder("bitcoin-controller"),
            namespaces: Vec::new(),
            workers: 1,
            clock,
            random,
            insecure_default_credentials: false,
        })
        .with_observer(Arc::new(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            tell.notify_one();
        }));
        store
            .create(
                sim::kinds::DEFINITIONS,
                "",
                custom_resource_definition(),
                "kubectl",
            )
            .unwrap();
        let network = json!({"metadata": {"name": "alpha"}, "spec": {"nodes": N_NODES}});
        store
            .create(NETWORKS, "default", network, "kubectl")
            .unwrap();
        let (mut tasks, running) = (JoinSet::new(), controller.clone());
        tasks.spawn(world.run(listener, CancellationToken::new()));
        tasks.spawn(async move {
            running.run(CancellationToken::new()).await;
            drop(events);
        });
        drop(entered);
        let settled = Settled {
            runtime,
            store,
            controller,
            key: ObjectKey::new("default", "alpha"),
            n_passes,
            passed,
            _tasks: tasks,
        };
        settled.settle();
        settled
    }

    /// Waits until the network is ready and nobody has anything more to write.
    fn settle(&self) {
        let settle = async {
            while !self.is_ready() {
                sleep(Duration::from_millis(20)).await;
            }
            // Chain facts are written at most every ten seconds: these are known by then.
            let mut version = 0;
            while version != self.store.resource_version() {
                version = self.store.resource_version();
                sleep(Duration::from_millis(1_000)).await;
                self.pass().await;
            }
        };
        let settled = self
            .runtime
            .block_on(async { timeout(LONGEST_START, settle).await });
        settled.expect("a network of three nodes settles");
    }

    fn is_ready(&self) -> bool {
        let network: Option<Arc<BitcoinNetwork>> = self.controller.caches().networks.get(&self.key);
        network.is_some_and(|network| network.status.is_true("Ready"))
    }

    /// Looks at the network `n` times.
    ///
    /// # Panics
    /// The controller has written something: the network was not settled, and this was not measured.
    pub fn passes(&self, n: u64) {
        let before = self.store.resource_version();
        self.runtime.block_on(async {
            for _ in 0..n {
                self.pass().await;
            }
        });
        assert_eq!(
            self.store.resource_version(),
            before,
            "a settled network is not written to"
        );
    }

    async fn pass(&self) {
        let before = self.n_passes.load(Ordering::Relaxed);
        self.controller.queue().add(self.key.clone());
        while self.n_passes.load(Ordering::Relaxed) == before {
            self.passed.notified().await;
        }
    }
}

impl Default for Settled {
    fn default() -> Self {
        Settled::new()
    }
}
