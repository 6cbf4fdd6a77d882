//! The pod of a node: unprivileged, with a read-only root, probes that are true answers, and a home in which
//! `bitcoin-cli` finds the cookie.

use serde_json::{Value, json};

use crate::api::{BitcoinNetwork, Resource};
use crate::controller::desired::arguments::arguments;
use crate::controller::desired::{
    P2P_PORT, RPC_PORT, Startup, ZMQ_BLOCK_PORT, ZMQ_TX_PORT, stateful_set_key, volume,
};

/// Where the node keeps its data, and its home: so that `bitcoin-cli` in the pod finds the cookie.
const HOME: &str = "/data";

/// An unprivileged user; the image need not know it.
const USER_ID: u32 = 1000;

/// How long bitcoind may take to flush and end, in seconds; it needs a fraction of one.
const GRACE_PERIOD_SECONDS: u32 = 30;

/// The pod of every node of `network`: it depends on what nodes are started with, and on nothing else.
pub(super) fn pod_spec(network: &BitcoinNetwork, startup: &Startup) -> Value {
    let mut spec = json!({
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": GRACE_PERIOD_SECONDS,
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": USER_ID,
            "runAsGroup": USER_ID,
            "fsGroup": USER_ID,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container(network, startup)],
    });
    if startup.node.storage.is_none() {
        spec["volumes"] = json!([{"name": volume::NAME, "emptyDir": {}}]);
    }
    for (field, value) in &startup.node.placement {
        spec[field] = value.clone();
    }
    spec
}

fn container(network: &BitcoinNetwork, startup: &Startup) -> Value {
    let port =
        |name: &str, port: u16| json!({"name": name, "containerPort": port, "protocol": "TCP"});
    let field = |name: &str, path: &str| json!({"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}});
    json!({
        "name": format!("{}-ctr", stateful_set_key(&network.key()).name),
        "image": startup.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["bitcoind"],
        "args": arguments(network, startup),
        "env": [
            field("POD_NAME", "metadata.name"),
            field("POD_IP", "status.podIP"),
            {"name": "HOME", "value": HOME},
        ],
        "ports": [
            port("rpc", RPC_PORT),
            port("p2p", P2P_PORT),
            port("zmq-block", ZMQ_BLOCK_PORT),
            port("zmq-tx", ZMQ_TX_PORT),
        ],
        "startupProbe": probe(1, 3, 300),
        "readinessProbe": probe(5, 3, 2),
        "livenessProbe": probe(30, 10, 10),
        "resources": startup.node.resources,
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": volume::NAME, "mountPath": HOME}],
    })
}

/// bitcoind's own truthful answer, which needs no password: 503 until it is warmed up.
fn probe(period: u32, timeout: u32, failures: u32) -> Value {
    json!({
        "httpGet": {"path": "/rest/chaininfo.json", "port": "rpc", "scheme": "HTTP"},
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "failureThreshold": failures,
        "successThreshold": 1,
    })
}
