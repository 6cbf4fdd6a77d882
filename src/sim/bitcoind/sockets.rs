//! The pod network as byte streams: where simulated nodes listen and how everybody else reaches them.
//!
//! Each pod has an address of its own and a loopback interface of its own. In memory the latter is
//! an endpoint named after the pod's address ([`PodNetwork::loopback_of`]); it is where a
//! port-forward arrives.
//!
//! # Invariants
//! - A connection to the address of a node that is cut off waits, as packets that are lost make it
//!   wait; it is never refused. A port-forward is not affected: it starts inside the pod.
//! - Nobody listening means refused, at once.
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! use bitcoin_controller::base::Clock;
//! use bitcoin_controller::http::{Endpoint, MemoryNetwork, Transport};
//! use bitcoin_controller::sim::bitcoind::{PeerNetwork, PodNetwork};
//!
//! let pods = PodNetwork::in_memory(PeerNetwork::new(Clock::system()));
//! let nobody = pods.connect(&Endpoint::new("10.244.0.5", 18443)).await;
//! assert!(nobody.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused));
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```

use std::io;

use crate::http::{BoxFuture, BoxStream, Endpoint, Listener, MemoryNetwork, Transport};
use crate::sim::bitcoind::network::PeerNetwork;

/// Byte streams between pods, and into them. Clones are the same network.
#[derive(Clone, Debug)]
pub struct PodNetwork {
    peers: PeerNetwork,
    memory: MemoryNetwork,
}

impl PodNetwork {
    /// Pipes in memory, between the nodes of `peers`.
    pub fn in_memory(peers: PeerNetwork) -> Self {
        PodNetwork {
            peers,
            memory: MemoryNetwork::default(),
        }
    }

    /// The nodes on this network, and their links.
    pub fn peers(&self) -> &PeerNetwork {
        &self.peers
    }

    /// Where port `port` of the loopback interface of the pod at `address` is reached.
    pub fn loopback_of(&self, address: &str, port: u16) -> Endpoint {
        Endpoint::new(format!("{address}%lo"), port)
    }

    /// Listens on a pod's address, or on what [`loopback_of`](Self::loopback_of) gave.
    pub(super) fn listen(&self, endpoint: &Endpoint) -> io::Result<Listener> {
        Ok(Listener::Memory(self.memory.listen(endpoint.clone())?))
    }
}

impl Transport for PodNetwork {
    fn connect<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, io::Result<BoxStream>> {
        Box::pin(async move {
            if let Some(name) = self.peers.name_at(&endpoint.host) {
                self.peers.faults_until(&name, |faults| !faults.cut).await;
            }
            self.memory.connect(endpoint).await
        })
    }
}
