//! A World: pretend cluster, simulated nodes, the controller, one paused clock, one seed.
//!
//! A scenario changes something, lets the world [`settle`](World::settle), and looks at it. Everything
//! goes over the controller's own client and real HTTP, in memory.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bitcoin_controller::api::crd::custom_resource_definition;
use bitcoin_controller::api::{ObjectKey, Resource};
use bitcoin_controller::base::{Clock, Random};
use bitcoin_controller::cache::SharedInformer;
use bitcoin_controller::client::{Client, Config};
use bitcoin_controller::controller::{Controller, ControllerOptions, Reach};
use bitcoin_controller::http::{Endpoint, Listener, MemoryNetwork};
use bitcoin_controller::record::{ApiEventSink, BroadcasterOptions, EventBroadcaster};
use bitcoin_controller::sim::bitcoind::{PeerNetwork, PodNetwork};
use bitcoin_controller::sim::cluster::{ClusterHandle, ClusterOptions};
use bitcoin_controller::sim::request::DeleteOptions;
use bitcoin_controller::sim::runtime::SimulatedNodes;
use bitcoin_controller::sim::{self, ApiServer, Key, Store};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

pub(crate) const NETWORKS: &str = "bitcoinnetworks.bitcoincontroller.christianb93.github.com";

/// The namespace of everything, unless a test says otherwise.
pub(crate) const NAMESPACE: &str = "default";

/// Longer than the slowest poll of a network that is well: who writes nothing for so long has nothing
/// to write.
const QUIET: Duration = Duration::from_secs(11);

/// How long a world may take to come to rest, in its own time.
const LONGEST_UNREST: Duration = Duration::from_secs(900);

/// How a world is made.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) seed: u64,
    pub(crate) n_addresses: u32,
    pub(crate) port_forward: bool,
    pub(crate) workers: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            seed: 1,
            n_addresses: 250,
            port_forward: false,
            workers: 2,
        }
    }
}

pub(crate) struct World {
    options: Options,
    pub(crate) store: Store,
    pub(crate) api: ApiServer,
    pub(crate) cluster: ClusterHandle,
    pub(crate) nodes: PeerNetwork,
    pub(crate) client: Client,
    pub(super) pods: PodNetwork,
    clock: Clock,
    random: Random,
    controller: Option<Running>,
    rivals: Vec<Running>,
    _tasks: JoinSet<()>,
}

struct Running {
    controller: Controller,
    broadcaster: EventBroadcaster,
    shutdown: CancellationToken,
    task: JoinSet<()>,
}

/// Runs a scenario in a world of its own, with time paused. However it ends, the world then comes to rest,
/// and a settled world is silent.
pub(crate) fn in_world(options: Options, scenario: impl AsyncFnOnce(&mut World)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut world = World::new(options);
        world.start_controller();
        scenario(&mut world).await;
        if world.has_controller() {
            world.settle().await;
            world.assert_silent().await;
        }
    });
}

impl World {
    pub(crate) fn new(options: Options) -> World {
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let (clock, random) = (Clock::starting_at(date), Random::seeded(options.seed));
        let nodes = PeerNetwork::new(clock.clone());
        let pods = PodNetwork::in_memory(nodes.clone());
        let runtime = Arc::new(SimulatedNodes::new(pods.clone(), clock.clone()));
        let store = Store::new(clock.clone(), random.fork("store"));
        let cluster_options = ClusterOptions {
            first_pod_address: Ipv4Addr::new(10, 244, 0, 2),
            n_pod_addresses: options.n_addresses,
        };
        let world = sim::World::new(store.clone(), runtime, cluster_options);
        let (api, cluster) = (world.api().clone(), world.cluster());
        let network = MemoryNetwork::default();
        let listener = network.listen(Endpoint::new("api", 80)).unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(world.run(Listener::Memory(listener), CancellationToken::new()));
        let definition = custom_resource_definition();
        store
            .create(sim::kinds::DEFINITIONS, "", definition, "kubectl")
            .unwrap();
        let client = Client::new(Config::plain("http://api").unwrap(), Arc::new(network)).unwrap();
        World {
            options,
            store,
            api,
            cluster,
            nodes,
            client,
            pods,
            clock,
            random,
            controller: None,
            rivals: Vec::new(),
            _tasks: tasks,
        }
    }

    // The controller.

    pub(crate) fn start_controller(&mut self) {
        let clock = self.clock.clone();
        self.start_controller_with(clock);
    }

    /// A controller on a machine whose clock is not the nodes'.
    pub(crate) fn start_controller_with(&mut self, clock: Clock) {
        self.controller = Some(self.run_controller(clock, "controller"));
    }

    /// One more controller that nobody asked for: there is no election here.
    pub(crate) fn start_rival(&mut self) {
        let rival = self.run_controller(self.clock.clone(), "rival");
        self.rivals.push(rival);
    }

    pub(crate) fn kill_rivals(&mut self) {
        self.rivals.clear();
    }

    fn run_controller(&self, clock: Clock, name: &str) -> Running {
        let broadcaster = EventBroadcaster::new(BroadcasterOptions {
            clock: clock.clone(),
            random: self.random.fork("events"),
            ..BroadcasterOptions::default()
        });
        broadcaster.start_recording_to(ApiEventSink::new(self.client.clone()));
        let controller = Controller::new(ControllerOptions {
            client: self.client.clone(),
            reach: match self.options.port_forward {
                true => Reach::PortForward(self.client.clone()),
                false => Reach::Direct(Arc::new(self.pods.clone())),
            },
            recorder: broadcaster.recorder("bitcoin-controller"),
            namespaces: Vec::new(),
            workers: self.options.workers,
            clock,
            random: self.random.fork(name),
            insecure_default_credentials: false,
        });
        let (shutdown, mut task) = (CancellationToken::new(), JoinSet::new());
        let (running, stop) = (controller.clone(), shutdown.clone());
        task.spawn(async move { running.run(stop).await });
        Running {
            controller,
            broadcaster,
            shutdown,
            task,
        }
    }

    /// Stops the controller as SIGTERM does.
    pub(crate) async fn stop_controller(&mut self) {
        if let Some(mut running) = self.controller.take() {
            running.shutdown.cancel();
            while running.task.join_next().await.is_some() {}
            running.broadcaster.shutdown(Duration::from_secs(5)).await;
        }
    }

    /// Ends the controller as SIGKILL does.
    pub(crate) fn kill_controller(&mut self) {
        self.controller = None;
    }

    pub(crate) fn has_controller(&self) -> bool {
        self.controller.is_some()
    }

    // What a user does.

    pub(crate) fn apply(&self, name: &str, spec: Value) {
        self.apply_in(NAMESPACE, name, spec);
    }

    pub(crate) fn apply_in(&self, namespace: &str, name: &str, spec: Value) {
        let key = Key::new(namespace, name);
        let network = json!({"metadata": {"name": name}, "spec": spec});
        match self.store.get(NETWORKS, &key) {
            None => self.store.create(NETWORKS, namespace, network, "kubectl"),
            Some(_) => self.store.update(NETWORKS, &key, "kubectl", |network| {
                for (field, value) in spec.as_object().unwrap() {
                    network["spec"][field] = value.clone();
                }
            }),
        }
        .unwrap();
    }

    pub(crate) fn delete(&self, resource: &str, name: &str) {
        let key = Key::new(NAMESPACE, name);
        self.store
            .delete(resource, &key, &DeleteOptions::default())
            .unwrap();
    }

    pub(crate) fn secret(&self, name: &str, data: Value) {
        let secret = json!({"metadata": {"name": name}, "stringData": data});
        let key = Key::new(NAMESPACE, name);
        if self.store.get("secrets", &key).is_some() {
            self.store
                .update("secrets", &key, "kubectl", |secret| {
                    secret["stringData"] = data;
                })
                .unwrap();
        } else {
            self.store
                .create("secrets", NAMESPACE, secret, "kubectl")
                .unwrap();
        }
    }

    // Time.

    /// Waits until the world has come to rest: every cache has seen everything, no key and no event
    /// waits, and nobody writes for longer than the slowest poll takes.
    pub(crate) async fn settle(&self) {
        let deadline = Instant::now() + LONGEST_UNREST;
        loop {
            let version = self.store.resource_version();
            self.let_caches_catch_up(version).await;
            sleep(QUIET).await;
            if self.store.resource_version() == version && self.is_idle() {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "the world does not come to rest; unfinished: {}; last requests: {:#?}",
                self.unfinished(),
                self.last_requests(30),
            );
        }
    }

    /// Settles, and returns the least that `measure` was at any change of the store meanwhile.
    pub(crate) async fn watch_until_settled(&self, measure: impl Fn(&World) -> usize) -> usize {
        let mut least = measure(self);
        let look = async {
            loop {
                self.store
                    .changed_after(self.store.resource_version())
                    .await;
                least = least.min(measure(self));
            }
        };
        tokio::select! {
            biased;
            () = look => unreachable!("it looks for ever"),
            () = self.settle() => {}
        }
        least
    }

    /// Waits until something holds.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&World) -> bool) {
        let wait = async {
            while !holds(self) {
                self.store
                    .changed_after(self.store.resource_version())
                    .await;
            }
        };
        assert!(
            timeout(LONGEST_UNREST, wait).await.is_ok(),
            "does not come true: {what}; last requests: {:#?}",
            self.last_requests(30),
        );
    }

    async fn let_caches_catch_up(&self, version: u64) {
        let Some(running) = &self.controller else {
            return;
        };
        let caches = running.controller.caches();
        wait_for_all(&self.api, caches.networks.informers(), version).await;
        wait_for_all(&self.api, caches.sets.informers(), version).await;
        wait_for_all(&self.api, caches.services.informers(), version).await;
        wait_for_all(&self.api, caches.pods.informers(), version).await;
    }

    fn is_idle(&self) -> bool {
        self.controller.as_ref().is_none_or(|running| {
            running.controller.queue().drained() && running.broadcaster.is_idle()
        })
    }

    fn unfinished(&self) -> String {
        self.controller
            .as_ref()
            .map_or_else(String::new, |running| {
                format!(
                    "keys {:?}, {} events",
                    running.controller.queue().unfinished(),
                    running.broadcaster.pending()
                )
            })
    }

    pub(crate) fn last_requests(&self, n: usize) -> Vec<String> {
        let log = self.api.log().entries();
        let last = log.iter().rev().take(n).rev();
        last.map(ToString::to_string).collect()
    }

    /// A settled world causes no writes and no lists, though every key is looked at again.
    pub(crate) async fn assert_silent(&self) {
        let (version, total) = (self.store.resource_version(), self.api.log().total());
        let running = self.controller.as_ref().unwrap();
        for network in self.store.list(NETWORKS) {
            let key = Key::of(&network);
            let key = ObjectKey::new(key.namespace, key.name);
            running.controller.queue().add(key);
        }
        sleep(3 * QUIET).await;
        let asked = usize::try_from(self.api.log().total() - total).unwrap();
        let new = self.last_requests(asked);
        let is_loud = |line: &&String| !line.starts_with("get ") && !line.starts_with("watch ");
        let loud: Vec<&String> = new.iter().filter(is_loud).collect();
        assert_eq!(loud, [""; 0], "a settled world is silent");
        assert_eq!(self.store.resource_version(), version);
        assert_eq!(running.controller.n_panics(), 0);
    }
}

async fn wait_for_all<'a, R: Resource>(
    api: &ApiServer,
    informers: impl Iterator<Item = &'a SharedInformer<R>>,
    version: u64,
) {
    for informer in informers {
        let seen = || {
            informer
                .last_sync_resource_version()
                .parse::<u64>()
                .unwrap_or(0)
        };
        let wait = async {
            while seen() < version || informer.pending() > 0 {
                api.send_bookmarks();
                sleep(Duration::from_millis(50)).await;
            }
        };
        // Through a server that refuses a lot, it may take long.
        assert!(
            timeout(LONGEST_UNREST, wait).await.is_ok(),
            "the informer of {} is at {}, not at {version}",
            R::PLURAL,
            seen()
        );
    }
}
