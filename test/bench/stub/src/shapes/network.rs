//! C: a BitcoinNetwork, with the status that this project's controller writes while the first node has come.
//!
//! Keys are in their order, and there are no `managedFields`: with them, two thirds of 1,500 bytes would be
//! about who wrote the rest.

use serde_json::{Value, json};

pub fn metadata() -> Value {
    json!({
        "annotations": {"example.com/note": "<filler>"},
        "creationTimestamp": "<time>",
        "generation": 1,
        "labels": {"app": "<app>"},
        "name": "<name>",
        "namespace": "<namespace>",
        "resourceVersion": "<version>",
        "uid": "<uid>",
    })
}

pub fn spec() -> Value {
    json!({"nodes": "<#nodes>", "topology": {"type": "Ring"}})
}

pub fn status() -> Value {
    let condition = |kind: &str, reason: &str| {
        json!({
            "lastTransitionTime": "<time>",
            "message": "",
            "observedGeneration": 1,
            "reason": reason,
            "status": "False",
            "type": kind,
        })
    };
    json!({
        "conditions": [
            condition("PodsReady", "PodsStarting"),
            condition("Connected", "LinksMissing"),
            condition("Synced", "BestBlocksDiffer"),
            condition("Ready", "Scaling"),
        ],
        "height": 0,
        "links": {"present": 0, "wanted": "<#digits:1>"},
        "nodes": [{
            "dnsName": "<name>-sts-0.<name>-svc",
            "height": 0,
            "initialBlockDownload": true,
            "ip": "<ip>",
            "nodeName": "<name>-sts-0",
            "ordinal": 0,
            "peers": 0,
            "podUID": "<hex:8>-<hex:4>-<hex:4>-<hex:4>-<hex:12>",
            "ready": true,
            "tip": "<hex:64>",
        }],
        "observedGeneration": 1,
        "readyNodes": 1,
        "replicas": 1,
        "selector": "app=<name>,app.kubernetes.io/managed-by=bitcoin-controller",
    })
}
