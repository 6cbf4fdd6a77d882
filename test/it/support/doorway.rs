//! A node that programs can talk to: real ones listen on a socket anyway, pretend ones get one here.

use std::future::Future;
use std::sync::Arc;

use bitcoin_controller::base::Clock;
use bitcoin_controller::http::Transport;
use bitcoin_controller::sim::bitcoind::{PeerNetwork, PodNetwork};
use bitcoin_controller::sim::runtime::{NodeRuntime, SimulatedNodes};
use tokio::io::copy_bidirectional;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::support::nodes::{Node, Nodes, real_nodes};

/// A node with number 0, and the runtime it runs in: the test itself is outside and may wait for programs.
pub(crate) struct Doorway {
    /// `http://HOST:PORT`
    pub(crate) url: String,
    pub(crate) node: Node,
    runtime: Runtime,
    _relays: JoinSet<()>,
}

impl Doorway {
    /// Before a pretend node, in real time.
    pub(crate) fn to_pretend() -> Doorway {
        let runtime = Runtime::new().unwrap();
        let (node, url, relays) = runtime.block_on(async {
            let clock = Clock::system();
            let pods = PodNetwork::in_memory(PeerNetwork::new(clock.clone()));
            let simulated = Arc::new(SimulatedNodes::new(pods, clock));
            let nodes = Nodes::new(simulated.clone(), "10.244.0.".to_owned());
            let node = nodes.start(0, &[]).await;
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let mut relays = JoinSet::new();
            relays.spawn(relay(
                listener,
                simulated.transport(),
                node.rpc.endpoint().clone(),
            ));
            (node, url, relays)
        });
        Doorway {
            url,
            node,
            runtime,
            _relays: relays,
        }
    }

    /// To a real node; `None` if there is no bitcoind.
    pub(crate) fn to_real() -> Option<Doorway> {
        let runtime = Runtime::new().unwrap();
        let node = runtime.block_on(async {
            let nodes = real_nodes().await?;
            Some(nodes.start(0, &[]).await)
        })?;
        Some(Doorway {
            url: format!("http://{}", node.rpc.endpoint()),
            node,
            runtime,
            _relays: JoinSet::new(),
        })
    }

    /// What comes of asking the node something.
    pub(crate) fn ask<T>(&self, question: impl Future<Output = T>) -> T {
        self.runtime.block_on(question)
    }
}

async fn relay(
    listener: TcpListener,
    transport: Arc<dyn Transport>,
    endpoint: bitcoin_controller::http::Endpoint,
) {
    let mut connections = JoinSet::new();
    while let Ok((mut outside, _)) = listener.accept().await {
        let (transport, endpoint) = (Arc::clone(&transport), endpoint.clone());
        connections.spawn(async move {
            if let Ok(mut inside) = transport.connect(&endpoint).await {
                // Whichever end closes: the other learns of it by its own end.
                let _ = copy_bidirectional(&mut outside, &mut inside).await;
            }
        });
    }
}
