//! One lease on pretend API servers, time that stands still, and candidates one can watch.
//!
//! Each candidate has an API server of its own before the common store, so that what is wrong with one
//! candidate's server is not wrong with the others'.

use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::base::{Clock, Random};
use bitcoin_controller::client::{Client, Config};
use bitcoin_controller::http::{Endpoint, Listener, MemoryNetwork, Transport};
use bitcoin_controller::leader::{LeaderElectionConfig, LeaderElector, LeaderView, Outcome};
use bitcoin_controller::sim::faults::{Effect, Rule};
use bitcoin_controller::sim::{ApiServer, Key, Store};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

pub(super) const LEASES: &str = "leases.coordination.k8s.io";

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(600);

pub(super) struct Stage {
    pub(super) store: Store,
    pub(super) network: MemoryNetwork,
    serving: JoinSet<()>,
    started: Instant,
}

impl Stage {
    pub(super) fn new() -> Self {
        let clock = Clock::starting_at(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        Stage {
            store: Store::new(clock, Random::seeded(1)),
            network: MemoryNetwork::default(),
            serving: JoinSet::new(),
            started: Instant::now(),
        }
    }

    /// A server at `host`.
    pub(super) fn serve(&mut self, host: &str) -> ApiServer {
        let endpoint = Endpoint::new(host, 80);
        let listener = Listener::Memory(self.network.listen(endpoint).unwrap());
        let server = ApiServer::new(self.store.clone());
        let serving = server.clone();
        self.serving
            .spawn(async move { serving.serve(listener, CancellationToken::new()).await });
        server
    }

    /// A candidate of this name, with the customary times.
    pub(super) fn candidate(&mut self, identity: &str) -> Candidate {
        let server = self.serve(identity);
        let client = client(identity, Arc::new(self.network.clone()));
        let mut config = LeaderElectionConfig::new(ObjectKey::new("default", "a"), identity);
        config.clock = self.store.clock().clone();
        config.random = Random::seeded(7);
        Candidate {
            server,
            client,
            config,
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// The record of the lease.
    pub(super) fn spec(&self) -> Value {
        let lease = self.store.get(LEASES, &Key::new("default", "a"));
        lease.map_or(Value::Null, |lease| lease["spec"].clone())
    }

    pub(super) fn holder(&self) -> String {
        self.spec()["holderIdentity"]
            .as_str()
            .unwrap_or("-")
            .to_owned()
    }

    /// Somebody without an elector makes the lease.
    pub(super) fn create(&self, spec: Value) {
        let lease = json!({"metadata": {"name": "a"}, "spec": spec});
        self.store.create(LEASES, "default", lease, "test").unwrap();
    }

    /// Somebody without an elector changes the lease.
    pub(super) fn change(&self, change: impl FnOnce(&mut Value)) {
        let key = Key::new("default", "a");
        self.store.update(LEASES, &key, "test", change).unwrap();
    }

    /// Waits until somebody else than before holds the lease.
    pub(super) async fn until_held_by(&self, holder: &str) {
        let is_held = async {
            while self.holder() != holder {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let outcome = timeout(LONG, is_held).await;
        assert!(outcome.is_ok(), "{} holds it, not {holder}", self.holder());
    }
}

pub(super) fn client(host: &str, transport: Arc<dyn Transport>) -> Client {
    Client::new(Config::plain(&format!("http://{host}")).unwrap(), transport).unwrap()
}

/// A lease as client-go writes it, long ago.
pub(super) fn foreign(holder: &str) -> Value {
    json!({
        "holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": 3,
        "acquireTime": "2001-01-01T00:00:00.000001Z", "renewTime": "2001-01-01T00:00:00.000001Z",
    })
}

pub(super) struct Candidate {
    pub(super) server: ApiServer,
    pub(super) client: Client,
    pub(super) config: LeaderElectionConfig,
}

impl Candidate {
    pub(super) fn elector(&self) -> LeaderElector {
        LeaderElector::new(self.client.clone(), self.config.clone()).unwrap()
    }

    /// From now on its server takes requests and says nothing.
    pub(super) fn hang(&self) {
        self.server
            .faults()
            .add(Rule::new("", "", Effect::Delay(LONG)));
    }

    /// The verbs and codes of its requests, oldest first.
    pub(super) fn asked(&self) -> Vec<(String, u16)> {
        let entries = self.server.log().entries().into_iter();
        entries.map(|entry| (entry.verb, entry.code)).collect()
    }

    /// Stands, and leads until it is told to stop.
    pub(super) fn stand(&self) -> Standing {
        self.stand_and(async |stop| stop.cancelled().await)
    }
}

/// When leading began, when it was told to stop, and when it was over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Led {
    pub(super) from: Option<Instant>,
    pub(super) told: Option<Instant>,
    pub(super) to: Option<Instant>,
}

/// An election that runs.
pub(super) struct Standing {
    pub(super) view: LeaderView,
    pub(super) shutdown: CancellationToken,
    led: Arc<Mutex<Led>>,
    outcome: JoinSet<Outcome>,
}

/// Notes the end of leading, whichever way it ends.
struct Note(Arc<Mutex<Led>>);

impl Drop for Note {
    fn drop(&mut self) {
        self.0.lock().unwrap().to = Some(Instant::now());
    }
}

impl Candidate {
    /// Stands, and does `work` while leading.
    pub(super) fn stand_and<F, W>(&self, work: F) -> Standing
    where
        F: FnOnce(CancellationToken) -> W + Send + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        let elector = self.elector();
        let (view, shutdown) = (elector.view(), CancellationToken::new());
        let (led, ending) = (Arc::<Mutex<Led>>::default(), shutdown.clone());
        let mut outcome = JoinSet::new();
        let noted = Arc::clone(&led);
        outcome.spawn(async move {
            let lead = async move |stop: CancellationToken| {
                let _note = Note(Arc::clone(&noted));
                noted.lock().unwrap().from = Some(Instant::now());
                let told = async {
                    stop.cancelled().await;
                    noted.lock().unwrap().told = Some(Instant::now());
                    std::future::pending::<()>().await;
                };
                tokio::select! {
                    biased;
                    () = told => {}
                    () = work(stop.clone()) => {}
                }
            };
            elector.run(ending, lead).await
        });
        Standing {
            view,
            shutdown,
            led,
            outcome,
        }
    }
}

impl Standing {
    pub(super) fn led(&self) -> Led {
        *self.led.lock().unwrap()
    }

    /// How long it has led.
    pub(super) fn duration(&self) -> Duration {
        let led = self.led();
        led.to.unwrap().duration_since(led.from.unwrap())
    }

    pub(super) async fn outcome(&mut self) -> Outcome {
        let ended = timeout(LONG, self.outcome.join_next()).await;
        ended.expect("it ends").unwrap().unwrap()
    }
}
