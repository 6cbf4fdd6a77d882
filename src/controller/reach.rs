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

use crate::api::ObjectKey;
use crate::client::Client;
use crate::http::Transport;

/// How nodes are reached.
#[derive(Clone)]
pub enum Reach {
    /// At their pods' addresses, over this transport.
    Direct(Arc<dyn Transport>),
    /// Through the API server.
    PortForward(Client),
}

impl Reach {
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
