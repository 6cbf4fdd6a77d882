//! The pretend API server, in memory, for the assertions that a real one is held to as well.

use std::sync::Arc;
use std::time::Duration;

use bitcoin_controller::base::{Clock, Random};
use bitcoin_controller::client::{Client, Config};
use bitcoin_controller::http::{Endpoint, HttpClient, Listener, MemoryNetwork};
use bitcoin_controller::sim;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const URL: &str = "http://api";

/// A server that runs for as long as this value lives.
pub struct ApiServer {
    store: sim::Store,
    network: MemoryNetwork,
    http: HttpClient,
    _serving: JoinSet<()>,
}

impl ApiServer {
    pub async fn start() -> Self {
        let network = MemoryNetwork::default();
        let listener = Listener::Memory(network.listen(Endpoint::new("api", 80)).unwrap());
        let store = sim::Store::new(Clock::system(), Random::seeded(1));
        let server = sim::ApiServer::new(store.clone());
        let mut serving = JoinSet::new();
        serving.spawn(async move { server.serve(listener, CancellationToken::new()).await });
        ApiServer {
            store,
            http: HttpClient::plain(Arc::new(network.clone()), Duration::from_secs(1)),
            network,
            _serving: serving,
        }
    }

    pub fn url(&self) -> &str {
        URL
    }

    pub fn http(&self) -> &HttpClient {
        &self.http
    }

    pub fn client(&self) -> Client {
        let config = Config::plain(URL).unwrap();
        Client::new(config, Arc::new(self.network.clone())).unwrap()
    }

    /// Forgets what has happened so far.
    pub async fn forget_history(&self) {
        self.store.compact();
    }
}
