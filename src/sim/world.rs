//! A whole pretend cluster: the store, the API server in front of it, the node behind it.
//!
//! # Invariants
//! - When [`World::run`] has ended, no connection and no container of it is left.
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
//! use bitcoin_controller::base::{Clock, Random};
//! use bitcoin_controller::http::{Endpoint, Listener, MemoryNetwork};
//! use bitcoin_controller::sim::cluster::ClusterOptions;
//! use bitcoin_controller::sim::bitcoind::{PeerNetwork, PodNetwork};
//! use bitcoin_controller::sim::runtime::SimulatedNodes;
//! use bitcoin_controller::sim::{Store, World};
//! use std::sync::Arc;
//! use tokio_util::sync::CancellationToken;
//!
//! let clock = Clock::system();
//! let pods = PodNetwork::in_memory(PeerNetwork::new(clock.clone()));
//! let nodes = Arc::new(SimulatedNodes::new(pods, clock.clone()));
//! let world = World::new(Store::new(clock, Random::seeded(1)), nodes, ClusterOptions::default());
//! let listener = Listener::Memory(MemoryNetwork::default().listen(Endpoint::new("api", 80))?);
//! let shutdown = CancellationToken::new();
//! shutdown.cancel();
//! world.run(listener, shutdown).await;
//! # Ok::<(), std::io::Error>(())
//! # })?;
//! # Ok::<(), std::io::Error>(())
//! ```

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::http::Listener;
use crate::sim::apiserver::ApiServer;
use crate::sim::cluster::{Cluster, ClusterHandle, ClusterOptions};
use crate::sim::runtime::NodeRuntime;
use crate::sim::store::Store;

/// A pretend cluster, ready to run.
pub struct World {
    api: ApiServer,
    cluster: Cluster,
}

impl World {
    /// A cluster on `store` whose pods run on `nodes`.
    pub fn new(store: Store, nodes: Arc<dyn NodeRuntime>, options: ClusterOptions) -> Self {
        let cluster = Cluster::new(store.clone(), nodes, options);
        let api = ApiServer::new(store).with_pod_ports(Arc::new(cluster.handle()));
        World { api, cluster }
    }

    /// Its API server answers only below the path `/secret/`.
    #[must_use]
    pub fn below(mut self, secret: &str) -> Self {
        self.api = self.api.below(secret);
        self
    }

    /// The API server: its store, its faults, what it was asked.
    pub fn api(&self) -> &ApiServer {
        &self.api
    }

    /// The node.
    pub fn cluster(&self) -> ClusterHandle {
        self.cluster.handle()
    }

    /// Serves and works until `shutdown` is cancelled; the containers end first.
    ///
    /// # Cancel safety
    /// Dropping the future kills the containers and ends every connection.
    pub async fn run(self, listener: Listener, shutdown: CancellationToken) {
        let serving = CancellationToken::new();
        let work = async {
            self.cluster.run(shutdown).await;
            serving.cancel();
        };
        tokio::join!(self.api.serve(listener, serving.clone()), work);
    }
}
