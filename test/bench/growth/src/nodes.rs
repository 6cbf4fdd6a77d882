//! The nodes of many networks: sim's, with a peer network for each Bitcoin network.
//!
//! sim looks at all nodes and links of a peer network whenever one of them is asked, which is right for the tens
//! of nodes it is made for. Nodes of different BitcoinNetworks never meet here, so each has a peer network of its own,
//! and asking a node costs the same however many other networks there are.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, Mutex};

use bitcoin_controller::base::Clock;
use bitcoin_controller::http::{BoxFuture, BoxStream, Endpoint, Transport};
use bitcoin_controller::sim::Key;
use bitcoin_controller::sim::bitcoind::{PeerNetwork, PodNetwork};
use bitcoin_controller::sim::runtime::{Container, NodeRuntime, Process, SimulatedNodes};

/// All nodes. Clones are the same.
#[derive(Clone, Default)]
pub struct Nodes(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// By StatefulSet.
    networks: BTreeMap<Key, (PodNetwork, Arc<SimulatedNodes>)>,
    /// By the address of a pod. No address is given twice.
    by_address: HashMap<String, PodNetwork>,
}

impl Nodes {
    /// Starts a container of the set `set`.
    pub async fn start(&self, set: &Key, container: Container) -> io::Result<Box<dyn Process>> {
        let nodes = {
            let mut state = self.lock();
            let (pods, nodes) = state.networks.entry(set.clone()).or_insert_with(|| {
                let clock = Clock::system();
                let pods = PodNetwork::in_memory(PeerNetwork::new(clock.clone()));
                (pods.clone(), Arc::new(SimulatedNodes::new(pods, clock)))
            });
            let (pods, nodes) = (pods.clone(), Arc::clone(nodes));
            state.by_address.insert(container.address.clone(), pods);
            nodes
        };
        nodes.start(container).await
    }

    /// The pod at `address` is gone, and its volume.
    pub fn remove(&self, set: &Key, address: &str, volume: &str) {
        let mut state = self.lock();
        state.by_address.remove(address);
        if let Some((_, nodes)) = state.networks.get(set) {
            nodes.remove_volume(volume);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().expect("no holder of the nodes panics")
    }
}

impl Transport for Nodes {
    fn connect<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, io::Result<BoxStream>> {
        Box::pin(async move {
            let pods = self.lock().by_address.get(&endpoint.host).cloned();
            let pods = pods.ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionRefused))?;
            pods.connect(endpoint).await
        })
    }
}
