//! What an application needs to know to use the nodes, apart from who it is: where they are.
//!
//! It stands in the Secret `<network>-rpc` beside user and password, one value a key, so that a pod can take
//! single ones into its environment (`secretKeyRef`). Names are DNS names: they stay when a pod is replaced.
//!
//! | key | value |
//! |---|---|
//! | `host` | the name of all nodes together |
//! | `rpc-port`, `p2p-port`, `zmq-block-port`, `zmq-tx-port` | the ports, the same on each node |
//! | `node-host` | the name of one node, `{ordinal}` in place of its ordinal |
//! | `node-0-rpc`, `node-0-p2p`, `node-0-zmq-block`, `node-0-zmq-tx` | node 0, as `NAME:PORT`; likewise 1, 2, … |
//! | `wallet-rpc` | the URL of the network's wallet, if there is one |
//!
//! # Invariants
//! - No value here is a secret, and none depends on one.
//! - Of a large network the first [`MAX_NODES_LISTED`] nodes have keys: the Secret is read on every pass. `node-host`
//!   has all.

use std::collections::BTreeMap;

use crate::api::network::BitcoinNetworkSpec;
use crate::api::{BitcoinNetwork, ObjectKey, Resource};
use crate::controller::desired::{
    P2P_PORT, RPC_PORT, WALLET_NAME, ZMQ_BLOCK_PORT, ZMQ_TX_PORT, pod_key, service_key,
};

/// How many nodes have keys of their own: 100 are 400 keys, some 30 KiB.
pub const MAX_NODES_LISTED: i32 = 100;

/// What is at a port, and the port: the last part of a key, and of a Service's port.
pub const PORTS: [(&str, u16); 4] = [
    ("rpc", RPC_PORT),
    ("p2p", P2P_PORT),
    ("zmq-block", ZMQ_BLOCK_PORT),
    ("zmq-tx", ZMQ_TX_PORT),
];

/// The DNS name of all nodes together, from anywhere in the cluster.
pub fn host(network: &ObjectKey) -> String {
    format!("{}.{}.svc", service_key(network).name, network.namespace)
}

/// The DNS name of one node, from anywhere in the cluster.
pub fn node_host(network: &ObjectKey, ordinal: i32) -> String {
    format!("{}.{}", pod_key(network, ordinal).name, host(network))
}

/// All keys and their values.
pub fn connection(network: &BitcoinNetwork, spec: &BitcoinNetworkSpec) -> BTreeMap<String, String> {
    let key = network.key();
    let mut values = BTreeMap::from([("host".to_owned(), host(&key))]);
    let any = node_host(&key, 0).replacen("-0.", "-{ordinal}.", 1);
    values.insert("node-host".to_owned(), any);
    for (name, port) in PORTS {
        values.insert(format!("{name}-port"), port.to_string());
        for ordinal in 0..spec.nodes.min(MAX_NODES_LISTED) {
            let value = format!("{}:{port}", node_host(&key, ordinal));
            values.insert(format!("node-{ordinal}-{name}"), value);
        }
    }
    if let Some(wallet) = &spec.wallet {
        let host = node_host(&key, wallet.ordinal);
        let url = format!("http://{host}:{RPC_PORT}/wallet/{WALLET_NAME}");
        values.insert("wallet-rpc".to_owned(), url);
    }
    values
}

/// Whether a key of the Secret is one that [`connection`] may give a value: if it does not, the key is outdated.
pub fn is_connection_key(key: &str) -> bool {
    let is_port = |name: &str| PORTS.iter().any(|(known, _)| *known == name);
    let of_node = |rest: &str| {
        let (ordinal, name) = rest.split_once('-').unwrap_or((rest, ""));
        ordinal.parse::<u16>().is_ok() && is_port(name)
    };
    matches!(key, "host" | "node-host" | "wallet-rpc")
        || key.strip_suffix("-port").is_some_and(is_port)
        || key.strip_prefix("node-").is_some_and(of_node)
}
