//! The wiring: builds every part, owns the signals and the order of shutdown.
//!
//! ```text
//!   signal ──> stop intake ──> workers finish the key in hand ──> flush events ──> release the lease ──> close
//!                 │                      (deadline, then abort)       (deadline)       (deadline)    connections
//!                 └─ a second signal: abort at once
//! ```
//!
//! With leader election only the leader has a controller that runs: the others hold the lease in view and
//! nothing else, no caches, so a spare one costs the server one small request every few seconds. A new
//! leader lists first, which takes a moment; warm caches would cost every watch twice. A leader that
//! loses the lease ends the process with an error, and whoever started it starts it anew.
//!
//! With [`Options::listen`] a small server tells how all this goes (`run/insight.rs`), from before the
//! first request to the API server until after the last.
//!
//! # Invariants
//! - The deadlines nest: a reconcile's own is shorter than the drain's; the drain's, the flush's and
//!   the release's together are shorter than the grace period that the Deployment gives the pod.
//! - The lease is released when nothing is left that writes.
//! - Whatever ends the run, events that were recorded are written or counted as lost, never forgotten.
//!
//! # Source
//! controller-runtime `pkg/manager/internal.go`, `engageStopProcedure`. What differs: one controller,
//! so the order is written down here instead of being a property of groups of runnables.

mod counted;
mod debug;
mod exported;
mod insight;
mod networks;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::api::core::ObjectReference;
use crate::api::{BitcoinNetwork, ObjectKey};
use crate::base::{Clock, Random};
use crate::client::{self, Client, Config, ListParams, Scope, config};
use crate::controller::{Controller, ControllerOptions, Reach};
use crate::http::{Listener, Tcp};
use crate::leader::config::process_identity;
use crate::leader::{ConfigError, LeaderElectionConfig, LeaderElector, Outcome};
use crate::record::{ApiEventSink, BroadcasterOptions, EventBroadcaster, EventType, LogEventSink};
use crate::run::insight::Election;
use crate::serve::{BindError, serve};

pub(crate) use crate::run::insight::Insight;
pub use crate::serve::ListenAddress;

/// How long events that wait may still be written after the workers have stopped.
pub const FLUSH_DEADLINE: Duration = Duration::from_secs(5);

/// What to run against, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The kubeconfig to read; `None`: the usual order, see [`Config::load`].
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig; `None`: its current one.
    pub context: Option<String>,
    /// The namespaces to look after; empty: all.
    pub namespaces: Vec<String>,
    /// How many networks are worked on at the same time.
    pub workers: usize,
    /// How nodes are reached; `None`: directly with a pod's service account, through the API server with
    /// a kubeconfig.
    pub reach: Option<ReachBy>,
    /// Whether nodes of networks without a Secret also accept the credentials everybody knows.
    pub insecure_default_credentials: bool,
    /// Which lease to hold before doing anything; `None`: there is no election.
    pub leader_election: Option<LeaderElection>,
    /// Where health, numbers and state are served; `None`: nowhere.
    pub listen: Option<ListenAddress>,
}

/// Which lease is fought for, and how. Controllers that share one must look after the same networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaderElection {
    /// The lease's name.
    pub id: String,
    /// Its namespace; `None`: our own in a cluster, the context's elsewhere.
    pub namespace: Option<String>,
    /// As [`LeaderElectionConfig::lease_duration`].
    pub lease_duration: Duration,
    /// As [`LeaderElectionConfig::renew_deadline`].
    pub renew_deadline: Duration,
    /// As [`LeaderElectionConfig::retry_period`].
    pub retry_period: Duration,
}

impl LeaderElection {
    /// For this process.
    fn config(self, own_namespace: &str) -> Result<LeaderElectionConfig, Error> {
        let namespace = self.namespace.unwrap_or_else(|| own_namespace.to_owned());
        let lease = ObjectKey::new(namespace, self.id);
        let config = LeaderElectionConfig {
            lease_duration: self.lease_duration,
            renew_deadline: self.renew_deadline,
            retry_period: self.retry_period,
            ..LeaderElectionConfig::new(lease, process_identity(&Random::os()))
        };
        config.check().map_err(Error::Election)?;
        Ok(config)
    }
}

impl Default for Options {
    /// Everything in every namespace, five at a time.
    fn default() -> Self {
        Options {
            kubeconfig: None,
            context: None,
            namespaces: Vec::new(),
            workers: 5,
            reach: None,
            insecure_default_credentials: false,
            leader_election: None,
            listen: None,
        }
    }
}

/// How nodes are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReachBy {
    /// At their pods' addresses.
    Address,
    /// Through the API server.
    PortForward,
}

/// Why the controller could not run.
#[derive(Debug)]
pub enum Error {
    /// It is not known where the API server is or who we are.
    Config(config::Error),
    /// The API server does not answer.
    Unreachable(client::Error),
    /// The server does not know BitcoinNetworks.
    NoDefinition,
    /// There can be no leader election as it is configured.
    Election(ConfigError),
    /// We led, and another may now; whatever runs would be one too many.
    LeaseLost,
    /// Health and numbers cannot be served where they should be.
    Listen(BindError),
    /// Signals cannot be received.
    Signals(std::io::Error),
    /// A second signal came before the shutdown was done.
    Aborted,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::Config(_) => "do not know which API server to talk to, or as whom",
            Error::Unreachable(_) => "the API server does not answer",
            Error::NoDefinition => {
                "the server does not know BitcoinNetworks; apply manifests/crd.yaml, or what `bitcoin-controller crd` prints"
            }
            Error::Election(_) => "cannot stand for election",
            Error::Listen(_) => "cannot serve health and metrics",
            Error::LeaseLost => "the lease was lost, and with it the leadership",
            Error::Signals(_) => "cannot receive signals",
            Error::Aborted => "aborted by a second signal",
        })
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Config(error) => Some(error),
            Error::Unreachable(error) => Some(error),
            Error::Signals(error) => Some(error),
            Error::Election(error) => Some(error),
            Error::Listen(error) => Some(error),
            Error::NoDefinition | Error::LeaseLost | Error::Aborted => None,
        }
    }
}

/// Runs `work` until it ends or signals end it: the first cancels the token `work` was given, the
/// second drops `work` where it stands.
///
/// # Errors
/// Signals cannot be received, a second one came, or what `work` returns.
///
/// # Cancel safety
/// Dropping the future drops `work`.
pub async fn until_signalled<T, E: From<Error>>(
    work: impl AsyncFnOnce(CancellationToken) -> Result<T, E>,
) -> Result<T, E> {
    let shutdown = CancellationToken::new();
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Signals)?;
    let signals = async {
        for is_first in [true, false] {
            tokio::select! {
                biased;
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if is_first {
                info!("asked to stop; once more to abort");
                shutdown.cancel();
            }
        }
    };
    tokio::select! {
        biased;
        result = work(shutdown.clone()) => result,
        () = signals => Err(Error::Aborted.into()),
    }
}

/// Runs the controller until `shutdown` is cancelled; with leader election, while it leads.
///
/// # Errors
/// There is no usable configuration, the API server does not answer at the start, the address to listen on
/// cannot be had, or the lease was lost. Other failures are retried for as long as it takes.
///
/// # Cancel safety
/// Not cancel safe: cancel `shutdown` and wait.
pub async fn run(options: Options, shutdown: CancellationToken) -> Result<(), Error> {
    let insight = Insight::default();
    let Some(address) = &options.listen else {
        return work(options, &insight, shutdown).await;
    };
    let listener = address.bind().await.map_err(Error::Listen)?;
    if let Ok(address) = listener.local_addr() {
        info!(%address, "serving health, metrics and state");
    }
    // It outlives everything else: how a shutdown goes can be seen, too.
    let (pages, ended) = (insight.pages(), CancellationToken::new());
    let work = async {
        let result = work(options, &insight, shutdown).await;
        ended.cancel();
        result
    };
    let (result, ()) = tokio::join!(work, serve(Listener::Tcp(listener), pages, ended.clone()));
    result
}

async fn work(
    options: Options,
    insight: &Insight,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let config = Config::load(options.kubeconfig.as_deref(), options.context.as_deref());
    let config = config.map_err(Error::Config)?;
    let election = options.leader_election.clone();
    let election = election.map(|election| election.config(config.namespace()));
    let election = election.transpose()?;
    let requests = insight.of_requests(config.server_host());
    let (client, is_in_cluster) = connect(config).await?;
    let client = client.with_observer(requests);
    let by = options.reach.unwrap_or(if is_in_cluster {
        ReachBy::Address
    } else {
        ReachBy::PortForward
    });
    info!(reach = ?by, "how nodes are reached");
    definition_is_there(&client, &options.namespaces).await?;
    let reach = match by {
        ReachBy::Address => Reach::Direct(Arc::new(Tcp::new(CONNECT_TIMEOUT))),
        ReachBy::PortForward => Reach::PortForward(client.clone()),
    };
    controller(client, reach, options, election, insight, shutdown).await
}

/// Connects, and asks the server for its version: an answer is worth more than a configuration.
/// The second part is whether we are in the pod network.
pub(crate) async fn connect(config: Config) -> Result<(Client, bool), Error> {
    let (server, is_in_cluster) = (config.server_host().to_owned(), config.is_in_cluster());
    let client = Client::connect(config).map_err(Error::Config)?;
    let version = client.version().await.map_err(Error::Unreachable)?;
    info!(
        server,
        version = version.git_version,
        "talking to the API server"
    );
    Ok((client, is_in_cluster))
}

/// A reflector would ask for ever for a kind that the server does not know, and only the log would tell.
async fn definition_is_there(client: &Client, namespaces: &[String]) -> Result<(), Error> {
    let scope = match namespaces.first() {
        Some(namespace) => Scope::Namespace(namespace.as_str().into()),
        None => Scope::All,
    };
    let params = ListParams {
        limit: Some(1),
        ..ListParams::default()
    };
    match client.list::<BitcoinNetwork>(&scope, &params).await {
        Err(error) if error.is_not_found() => Err(Error::NoDefinition),
        // Whatever else is wrong, the reflector waits for it to pass.
        _ => Ok(()),
    }
}

/// Runs the controller on a client that is there already; if there is an `election`, while it leads.
pub(crate) async fn controller(
    client: Client,
    reach: Reach,
    options: Options,
    election: Option<LeaderElectionConfig>,
    insight: &Insight,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let events = Arc::new(EventBroadcaster::new(BroadcasterOptions {
        instance: std::env::var("HOSTNAME").unwrap_or_default(),
        ..BroadcasterOptions::default()
    }));
    events.start_recording_to(ApiEventSink::new(client.clone()));
    events.start_recording_to(LogEventSink);
    let controller = Controller::new(ControllerOptions {
        client: client.clone(),
        reach,
        recorder: events.recorder(COMPONENT),
        namespaces: options.namespaces,
        workers: options.workers,
        clock: Clock::system(),
        random: Random::os(),
        insecure_default_credentials: options.insecure_default_credentials,
    });
    let controller = insight.of_controller(controller, &events);
    let result = match election {
        None => {
            controller.run(shutdown).await;
            Ok(())
        }
        Some(election) => lead(client, election, &controller, &events, insight, shutdown).await,
    };
    flush(&events).await;
    info!("stopped");
    result
}

/// Runs the controller while the lease is ours.
async fn lead(
    client: Client,
    election: LeaderElectionConfig,
    controller: &Controller,
    events: &EventBroadcaster,
    insight: &Insight,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let (identity, lease) = (election.identity.clone(), election.lease.clone());
    info!(%lease, identity, "work begins when the lease is ours");
    let elector = LeaderElector::new(client, election).map_err(Error::Election)?;
    let (view, recorder) = (elector.view(), events.recorder(COMPONENT));
    insight.of_election(Election {
        lease,
        view: view.clone(),
    });
    let tell = |what: &str| {
        if let Some(lease) = view.lease() {
            let (about, message) = (ObjectReference::to(&lease), format!("{identity} {what}"));
            recorder.event(&about, EventType::Normal, "LeaderElection", message);
        }
    };
    let work = async |stop| {
        tell("became leader");
        controller.run(stop).await;
        tell("stopped leading");
        flush(events).await;
    };
    match elector.run(shutdown, work).await {
        Outcome::NeverLed | Outcome::Ended => Ok(()),
        Outcome::Lost => Err(Error::LeaseLost),
    }
}

/// Writes the events that wait, or counts them as lost. Once done, again is nothing.
async fn flush(events: &EventBroadcaster) {
    let lost = events.shutdown(FLUSH_DEADLINE).await;
    if lost > 0 {
        warn!(lost, "events could not be written before the end");
    }
}

/// The component that events come from.
pub const COMPONENT: &str = "bitcoin-controller";

/// How long making a connection to a node may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
