//! One size: so many networks come up, rest, and have all their pods and all their watches taken away.

use std::error::Error;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bitcoin_controller::sim::request::DeleteOptions;
use bitcoin_controller::sim::{Key, Store};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::controller::{Reading, Running};
use crate::report::Measures;
use crate::wire::{Counters, Wire};
use crate::world::{self, NETWORKS, World};

/// Nodes of each network.
const N_NODES: u64 = 10;

/// Networks in a namespace.
const PER_NAMESPACE: usize = 20;

/// Longer than the slowest poll: who writes nothing for so long has nothing to write.
const QUIET: Duration = Duration::from_secs(11);

/// How often it is looked whether something has come true.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How long anything may take that has an end.
const LIMIT: Duration = Duration::from_secs(600);

/// Measures `n` networks; `settled` is how long they are looked at while they rest.
pub fn measure(n: usize, settled: Duration, measures: &mut Measures) -> Result<(), Box<dyn Error>> {
    let stage = Stage::set()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(play(n, settled, &stage, measures))
}

async fn play(
    n: usize,
    settled: Duration,
    stage: &Stage,
    measures: &mut Measures,
) -> Result<(), Box<dyn Error>> {
    let store = stage.world.store();
    // The empty controller's own lists and watches are nobody's.
    sleep(Duration::from_secs(1)).await;
    let empty = stage.running.read()?;
    apply(store, n);
    stage
        .until("all networks are ready", || are_ready(store, n))
        .await?;
    let ready = stage.running.read()?;
    measures.phase(n, "ready", &empty, &ready);

    stage.until_quiet().await?;
    let before = stage.running.read()?;
    sleep(settled).await;
    let after = stage.running.read()?;
    measures.settled(n, &before, &after);
    measures.memory(n, &empty, &after);

    measures.phase(n, "storm", &after, &stage.storm(n).await?);
    stage.until_quiet().await?;
    let before = stage.running.read()?;
    measures.phase(n, "relist", &before, &stage.relist(n).await?);
    Ok(())
}

/// A world and a controller, each on its thread.
struct Stage {
    /// Dropped, and so ended, before the world.
    running: Running,
    world: World,
    shutdown: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Stage {
    fn set() -> Result<Stage, Box<dyn Error>> {
        let (world, counters) = (World::new(), Arc::new(Counters::default()));
        let nodes = Arc::new(world.nodes().clone());
        let (wire, wired) = Wire::to(nodes, Arc::clone(&counters));
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let (shutdown, runs) = (CancellationToken::new(), world.clone());
        let stop = shutdown.clone();
        let thread = std::thread::Builder::new()
            .name("world".to_owned())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("a runtime can be had");
                runtime.block_on(async {
                    let listener = TcpListener::from_std(listener).expect("it is a listener");
                    tokio::select! {
                        () = runs.run(listener, stop) => {}
                        () = wired => {}
                    }
                });
            })?;
        Ok(Stage {
            running: Running::start(&url, wire, counters)?,
            world,
            shutdown,
            thread: Some(thread),
        })
    }

    async fn until(&self, what: &str, holds: impl Fn() -> bool) -> Result<(), Box<dyn Error>> {
        let began = Instant::now();
        while !holds() {
            let has_ended = self.thread.as_ref().is_none_or(JoinHandle::is_finished);
            if has_ended || began.elapsed() > LIMIT {
                return Err(format!("does not come true: {what}").into());
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Waits until nobody has written anything for longer than the slowest poll takes.
    async fn until_quiet(&self) -> Result<(), Box<dyn Error>> {
        let began = Instant::now();
        loop {
            let version = self.world.store().resource_version();
            sleep(QUIET).await;
            if self.world.store().resource_version() == version {
                return Ok(());
            }
            if began.elapsed() > LIMIT {
                return Err("the world does not come to rest".into());
            }
        }
    }

    /// Deletes every pod at once, and waits until all is well again.
    async fn storm(&self, n: usize) -> Result<Reading, Box<dyn Error>> {
        let store = self.world.store();
        let options = DeleteOptions::default();
        let old = store.list("pods");
        for pod in &old {
            store
                .delete("pods", &Key::of(pod), &options)
                .map_err(|refusal| format!("a pod cannot be deleted: {refusal}"))?;
        }
        let is_new = |old: &Value| {
            let pod = store.get("pods", &Key::of(old));
            pod.is_some_and(|pod| pod["metadata"]["uid"] != old["metadata"]["uid"])
        };
        self.until("all pods are new, and all networks ready", || {
            old.iter().all(|pod| is_new(pod)) && are_ready(store, n)
        })
        .await?;
        self.running.read()
    }

    /// Breaks every watch and forgets what happened, so that everything must be listed again.
    async fn relist(&self, n: usize) -> Result<Reading, Box<dyn Error>> {
        let store = self.world.store();
        let lists = || {
            self.running
                .controller
                .caches()
                .tallies()
                .iter()
                .map(|(_, it)| it.lists)
                .sum::<u64>()
        };
        let before = lists();
        let n_caches = self.running.controller.caches().tallies().len() as u64;
        // One change more than what the watches have seen, of a kind that nobody here cares for.
        let map = json!({"metadata": {"name": "news"}});
        store
            .create("configmaps", "default", map, "kubectl")
            .map_err(|refusal| refusal.to_string())?;
        // The world itself follows the store, and is not to lose its way.
        sleep(Duration::from_millis(200)).await;
        store.compact();
        self.world.api().faults().cut_watches();
        self.until("everything was listed again", || {
            lists() >= before + n_caches
        })
        .await?;
        sleep(Duration::from_secs(1)).await;
        self.until("all networks are ready", || are_ready(store, n))
            .await?;
        self.running.read()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.shutdown.cancel();
        if let Some(thread) = self.thread.take() {
            // If it has panicked, it has said so.
            let _ = thread.join();
        }
    }
}

fn apply(store: &Store, n: usize) {
    for number in 0..n {
        let namespace = format!("ns-{}", number / PER_NAMESPACE);
        if number % PER_NAMESPACE == 0 {
            let object = json!({"metadata": {"name": namespace}});
            let made = store.create("namespaces", "", object, "kubectl");
            made.expect("a namespace is sound");
        }
        let name = format!("net-{number}");
        let network = json!({"metadata": {"name": name}, "spec": {"nodes": N_NODES}});
        let made = store.create(NETWORKS, &namespace, network, "kubectl");
        made.expect("a network is sound");
    }
}

/// Whether every network says that it is ready, of the pods that are there now.
fn are_ready(store: &Store, n: usize) -> bool {
    let networks = store.list(NETWORKS);
    networks.len() == n && networks.iter().all(|network| is_ready(store, network))
}

fn is_ready(store: &Store, network: &Value) -> bool {
    let status = &network["status"];
    let nodes = status["nodes"].as_array().map_or(&[][..], Vec::as_slice);
    let set = format!("{}-sts", Key::of(network).name);
    let is_current = |node: &Value| {
        let name = format!("{set}-{}", node["ordinal"]);
        let pod = store.get("pods", &Key::new(Key::of(network).namespace, name));
        pod.is_some_and(|pod| pod["metadata"]["uid"] == node["podUID"] && world::is_ready(&pod))
    };
    let mut conditions = status["conditions"].as_array().into_iter().flatten();
    conditions.any(|one| one["type"] == "Ready" && one["status"] == "True")
        && nodes.len() as u64 == N_NODES
        && nodes.iter().all(is_current)
}
