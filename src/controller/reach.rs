//! How a node's RPC is reached from where the controller runs.
//!
//! Inside the pod network a pod's address will do. From anywhere else the API server lends a hand: a
//! port-forward is a byte stream to a port of the pod, so a laptop with a kubeconfig can run all of
//! this. What comes after the stream is the same.
//!
//! # Invariants
//! - Both ways end at the pod that was named, not at whoever has its address now: by port-forward
//!   because the API server looks the pod up, directly because a stranger refuses our credentials.
//!
//! # Rights
//! Port-forward: `get` and `create` on `pods/portforward` (`manifests/rbac-port-forward.yaml`).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::api::ObjectKey;
use crate::bitcoin::{Credentials, RpcClient};
use crate::client::Client;
use crate::controller::desired::RPC_PORT;
use crate::http::{Endpoint, Tcp, Transport};

/// How nodes are reached.
#[derive(Clone)]
pub enum Reach {
    /// At their pods' addresses, over this transport.
    Direct(Arc<dyn Transport>),
    /// Through the API server.
    PortForward(Client),
}

impl Reach {
    /// At the pods' addresses, by TCP; connecting may take so long.
    pub fn direct(connect_timeout: Duration) -> Self {
        Reach::Direct(Arc::new(Tcp::new(connect_timeout)))
    }

    /// A client for the RPC of the node in `pod`, which is at `address`. Nothing is sent yet.
    pub fn node(&self, pod: &ObjectKey, address: &str, credentials: &Credentials) -> RpcClient {
        let endpoint = Endpoint::new(address, RPC_PORT);
        RpcClient::new(self.transport(pod), endpoint, credentials)
    }

    /// Connects to ports of `pod`.
    pub fn transport(&self, pod: &ObjectKey) -> Arc<dyn Transport> {
        match self {
            Reach::Direct(transport) => Arc::clone(transport),
            Reach::PortForward(client) => client.pod_transport(pod),
        }
    }
}

impl fmt::Debug for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reach::Direct(_) => "Direct",
            Reach::PortForward(_) => "PortForward",
        })
    }
}
