//! One network of 3, 17 and 100 nodes on sim, with time paused: from apply to Ready, and at rest.
//!
//! Everything is in one runtime, as in the tests, so the milliseconds are sim's: a pod is probed each second, a node
//! takes 160 ms to start, a handshake some; computing takes none. The counts are exact and the same in each run.

use std::error::Error;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use bitcoin_controller::api::crd::custom_resource_definition;
use bitcoin_controller::base::{Clock, Random};
use bitcoin_controller::client::{Client, Config};
use bitcoin_controller::controller::Reach;
use bitcoin_controller::http::{Endpoint, Listener, MemoryNetwork};
use bitcoin_controller::sim::bitcoind::{PeerNetwork, PodNetwork};
use bitcoin_controller::sim::cluster::ClusterOptions;
use bitcoin_controller::sim::runtime::SimulatedNodes;
use bitcoin_controller::sim::{self, Key, Store, kinds};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::controller::made_of;
use crate::report::Measures;
use crate::wire::{Counters, Wire};
use crate::world::NETWORKS;

/// How long a network is looked at while it rests.
const SETTLED_MINUTES: u32 = 5;

/// How long it may take to become ready, and then what is told late to be told.
const LIMIT: Duration = Duration::from_secs(600);
const UNTIL_SETTLED: Duration = Duration::from_secs(60);

pub fn measure(n_nodes: usize, measures: &mut Measures) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()?;
    runtime.block_on(play(n_nodes, measures))
}

async fn play(n_nodes: usize, measures: &mut Measures) -> Result<(), Box<dyn Error>> {
    let counters = Arc::new(Counters::default());
    let (store, _tasks) = start(&counters)?;
    sleep(Duration::from_secs(1)).await;

    let (before, began) = (counters.now(), Instant::now());
    let network = json!({"metadata": {"name": "alpha"}, "spec": {"nodes": n_nodes}});
    let made = store.create(NETWORKS, "default", network, "kubectl");
    made.map_err(|refusal| refusal.to_string())?;
    let ready = timeout(LIMIT, until_ready(&store)).await;
    let network = ready.map_err(|_| format!("{n_nodes} nodes do not become ready"))?;
    let (milliseconds, counts) = (began.elapsed().as_millis(), counters.now().since(&before));
    let links = network["status"]["links"]["present"].as_u64().unwrap_or(0);
    measures.alone("ready", n_nodes, "ms", milliseconds as f64, "ms");
    measures.alone("ready", n_nodes, "rpcs", counts.rpcs as f64, "RPCs");
    measures.alone("ready", n_nodes, "links", links as f64, "links");
    let per_link = counts.rpcs as f64 / links as f64;
    measures.alone("ready", n_nodes, "rpcs_per_link", per_link, "RPCs");
    measures.alone(
        "ready",
        n_nodes,
        "requests",
        counts.requests() as f64,
        "requests",
    );
    measures.alone("ready", n_nodes, "writes", counts.writes as f64, "requests");
    measures.alone("ready", n_nodes, "events", counts.events as f64, "requests");

    sleep(UNTIL_SETTLED).await;
    let before = counters.now();
    sleep(SETTLED_MINUTES * Duration::from_secs(60)).await;
    let counts = counters.now().since(&before);
    let rate = |count: u64| count as f64 / f64::from(SETTLED_MINUTES);
    let writes = rate(counts.writes + counts.events);
    measures.alone(
        "settled",
        n_nodes,
        "writes_per_minute",
        writes,
        "requests/min",
    );
    measures.alone(
        "settled",
        n_nodes,
        "requests_per_minute",
        rate(counts.requests()),
        "requests/min",
    );
    measures.alone(
        "settled",
        n_nodes,
        "rpcs_per_minute",
        rate(counts.rpcs),
        "RPCs/min",
    );
    let per_node = rate(counts.rpcs) / n_nodes as f64;
    measures.alone(
        "settled",
        n_nodes,
        "rpcs_per_node_minute",
        per_node,
        "RPCs/min",
    );
    Ok(())
}

/// A world with a controller; both end with the tasks.
fn start(counters: &Arc<Counters>) -> Result<(Store, JoinSet<()>), Box<dyn Error>> {
    let (clock, random) = (Clock::system(), Random::seeded(1));
    let store = Store::new(clock.clone(), random.fork("store"));
    let pods = PodNetwork::in_memory(PeerNetwork::new(clock.clone()));
    let nodes = Arc::new(SimulatedNodes::new(pods.clone(), clock.clone()));
    let options = ClusterOptions {
        first_pod_address: Ipv4Addr::new(10, 244, 0, 2),
        n_pod_addresses: 250,
    };
    let world = sim::World::new(store.clone(), nodes, options);
    let network = MemoryNetwork::default();
    let listener = Listener::Memory(network.listen(Endpoint::new("api", 80))?);
    let definition = custom_resource_definition();
    let made = store.create(kinds::DEFINITIONS, "", definition, "kubectl");
    made.map_err(|refusal| refusal.to_string())?;

    let client = Client::new(Config::plain("http://api")?, Arc::new(network))?;
    let (wire, wired) = Wire::to(Arc::new(pods), Arc::clone(counters));
    let reach = Reach::Direct(Arc::new(wire));
    let (controller, events) = made_of(client, reach, counters, clock, random.fork("controller"));
    let mut tasks = JoinSet::new();
    tasks.spawn(world.run(listener, CancellationToken::new()));
    tasks.spawn(wired);
    tasks.spawn(async move {
        controller.run(CancellationToken::new()).await;
        drop(events);
    });
    Ok((store, tasks))
}

/// The network as soon as it is ready.
async fn until_ready(store: &Store) -> Arc<Value> {
    let key = Key::new("default", "alpha");
    loop {
        let seen = store.resource_version();
        if let Some(network) = store.get(NETWORKS, &key) {
            let mut conditions = network["status"]["conditions"]
                .as_array()
                .into_iter()
                .flatten();
            if conditions.any(|one| one["type"] == "Ready" && one["status"] == "True") {
                return network;
            }
        }
        store.changed_after(seen).await;
    }
}
