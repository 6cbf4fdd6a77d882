//! An informer that runs against the server of pods.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bitcoin_controller::api::core::Pod;
use bitcoin_controller::base::Random;
use bitcoin_controller::cache::{InformerOptions, Selector, SharedInformer, WatchErrorHandler};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::double::PodServer;
use super::objects::describe;

/// An informer that runs against a [`PodServer`].
pub(crate) struct Running {
    pub(crate) server: PodServer,
    pub(crate) informer: SharedInformer<Pod>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) tasks: JoinSet<()>,
}

impl Running {
    /// An informer that is not started yet.
    pub(crate) fn prepare(server: &PodServer, options: InformerOptions) -> Self {
        Running {
            server: server.clone(),
            informer: SharedInformer::new(server.clone(), options),
            shutdown: CancellationToken::new(),
            tasks: JoinSet::new(),
        }
    }

    pub(crate) fn start(server: &PodServer) -> Self {
        Running::start_with(server, seeded(1))
    }

    pub(crate) fn start_with(server: &PodServer, options: InformerOptions) -> Self {
        let mut running = Running::prepare(server, options);
        running.run();
        running
    }

    pub(crate) fn run(&mut self) {
        let (informer, shutdown) = (self.informer.clone(), self.shutdown.clone());
        self.tasks
            .spawn(async move { informer.run(shutdown).await });
    }

    /// What is in the store, as `name@version`.
    pub(crate) fn stored(&self) -> Vec<String> {
        let pods = self.informer.lister().list(None, &Selector::everything());
        pods.iter().map(|pod| describe(pod)).collect()
    }
}

/// An informer that lists.
pub(crate) fn seeded(seed: u64) -> InformerOptions {
    InformerOptions {
        random: Random::seeded(seed),
        initial_events: false,
        ..InformerOptions::default()
    }
}

/// An informer that asks for initial events.
pub(crate) fn streaming(seed: u64) -> InformerOptions {
    InformerOptions {
        initial_events: true,
        ..seeded(seed)
    }
}

/// With a handler that notes every error it is told of.
pub(crate) fn noting(options: InformerOptions) -> (InformerOptions, Arc<Mutex<Vec<String>>>) {
    let errors = Arc::new(Mutex::new(Vec::new()));
    let notes = errors.clone();
    let watch_error_handler: WatchErrorHandler =
        Arc::new(move |error| notes.lock().unwrap().push(error.to_string()));
    let options = InformerOptions {
        watch_error_handler: Some(watch_error_handler),
        ..options
    };
    (options, errors)
}

/// Lets everybody run until nobody can go on without time passing. Time stands still otherwise.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}
