//! Networks, pods and answers, as short as a test can say them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bitcoin_controller::api::BitcoinNetwork;
use bitcoin_controller::api::core::Pod;
use bitcoin_controller::bitcoin::{BlockchainInfo, NetworkInfo};
use bitcoin_controller::controller::desired::RESTART_HASH;
use bitcoin_controller::controller::nodes::Answer;
use bitcoin_controller::controller::pods::Pods;
use serde_json::{Value, json};

pub(super) const NETWORK_UID: &str = "0a1b2c3d-0000-4000-8000-000000000001";

/// Network `default/alpha`.
pub(super) fn network(spec: Value) -> BitcoinNetwork {
    read(json!({
        "metadata": {
            "name": "alpha", "namespace": "default", "uid": NETWORK_UID,
            "generation": 7, "resourceVersion": "10",
        },
        "spec": spec,
    }))
}

/// A pod of set `alpha-sts` that runs, was started with `hash`, and passes its probes.
pub(super) fn pod(ordinal: i32, hash: &str) -> Value {
    json!({
        "metadata": {
            "name": format!("alpha-sts-{ordinal}"),
            "namespace": "default",
            "uid": format!("pod-{ordinal}"),
            "annotations": {RESTART_HASH: hash},
            "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "alpha-sts", "uid": "set", "controller": true},
            ],
        },
        "status": {
            "phase": "Running",
            "podIP": format!("10.0.0.{ordinal}"),
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    })
}

/// The same, failing its readiness probe.
pub(super) fn unready(mut pod: Value) -> Value {
    pod["status"]["conditions"] = json!([{"type": "Ready", "status": "False"}]);
    pod
}

/// The same, on its way out; its probes still pass.
pub(super) fn terminating(mut pod: Value) -> Value {
    pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    pod
}

pub(super) fn pods(pods: impl IntoIterator<Item = Value>) -> Pods {
    let pods = pods
        .into_iter()
        .map(|pod| Arc::new(read::<Pod>(pod)))
        .collect();
    bitcoin_controller::controller::pods::of_set(pods, "set")
}

/// A chain of `height` blocks; two chains of one height have one tip.
pub(super) fn chain(height: i64) -> BlockchainInfo {
    read(json!({
        "chain": "regtest", "blocks": height, "headers": height, "initialblockdownload": false,
        "bestblockhash": format!("{:064x}", height + 1),
        "chainwork": format!("{:064x}", (height + 1) * 2),
    }))
}

/// A node with that chain that takes our credentials.
pub(super) fn full(height: i64) -> Answer {
    let network: NetworkInfo = read(json!({
        "version": 290000, "subversion": "/Satoshi:29.0.0/", "networkactive": true, "connections": 0,
    }));
    Answer::Full {
        chain: chain(height),
        network,
        peers: Vec::new(),
    }
}

pub(super) fn answers(answers: impl IntoIterator<Item = Answer>) -> BTreeMap<i32, Answer> {
    (0..).zip(answers).collect()
}

pub(super) fn silent() -> Answer {
    Answer::None("connection refused".to_owned())
}

pub(super) fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}
