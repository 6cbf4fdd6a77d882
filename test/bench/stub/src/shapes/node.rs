//! N: a Node that has pulled many images.

use serde_json::{Value, json};

use crate::identity::CONDITIONS;
use crate::shapes::managed;

pub fn metadata() -> Value {
    let set_by_kubelet = json!({
        "metadata": {"annotations": annotations(), "labels": labels()},
        "spec": {"providerID": ""},
    });
    json!({
        "name": "<name>",
        "uid": "<uid>",
        "resourceVersion": "<version>",
        "creationTimestamp": "<time>",
        "labels": labels(),
        "annotations": annotations(),
        "managedFields": [
            managed::entry("kubelet", None, &set_by_kubelet),
            managed::entry("kube-controller-manager", None, &json!({"spec": {"podCIDR": "", "podCIDRs": ""}})),
            managed::entry("kubelet", Some("status"), &json!({"status": status()})),
        ],
    })
}

fn labels() -> Value {
    json!({
        "app": "<app>",
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": "<name>",
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": "<word:8>",
        "topology.kubernetes.io/region": "region-<digits:1>",
        "topology.kubernetes.io/zone": "zone-<digits:2>",
    })
}

fn annotations() -> Value {
    json!({
        "csi.volume.kubernetes.io/nodeid": "{\"csi.example.com\":\"<hex:32>\"}",
        "node.alpha.kubernetes.io/ttl": "0",
        "volumes.kubernetes.io/controller-managed-attach-detach": "true",
    })
}

pub fn spec() -> Value {
    json!({
        "podCIDR": "10.<digits:2>.<digits:2>.0/24",
        "podCIDRs": ["10.<digits:2>.<digits:2>.0/24"],
        "providerID": "cloud://<hex:32>",
    })
}

pub fn status() -> Value {
    let resources = json!({
        "cpu": "<digits:2>",
        "ephemeral-storage": "<digits:9>Ki",
        "hugepages-2Mi": "0",
        "memory": "<digits:8>Ki",
        "pods": "110",
    });
    json!({
        "capacity": resources,
        "allocatable": resources,
        "conditions": conditions(),
        "addresses": [
            {"type": "InternalIP", "address": "<ip>"},
            {"type": "Hostname", "address": "<name>"},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {
            "machineID": "<hex:32>",
            "systemUUID": "<hex:32>",
            "bootID": "<hex:32>",
            "kernelVersion": "6.<digits:2>.<digits:2>",
            "osImage": "Linux <word:10>",
            "containerRuntimeVersion": "containerd://2.<digits:1>.<digits:1>",
            "kubeletVersion": "v1.34.<digits:1>",
            "kubeProxyVersion": "v1.34.<digits:1>",
            "operatingSystem": "linux",
            "architecture": "amd64",
        },
        "images": ["<#filler>"],
        "volumesInUse": ["kubernetes.io/csi/csi.example.com^<hex:32>", "kubernetes.io/csi/csi.example.com^<hex:32>"],
    })
}

fn conditions() -> Value {
    let conditions = CONDITIONS.iter().enumerate().map(|(place, kind)| {
        json!({
            "type": kind,
            "status": format!("<status:{place}>"),
            "lastHeartbeatTime": "<time>",
            "lastTransitionTime": "<time>",
            "reason": format!("Kubelet{kind}"),
            "message": format!("kubelet has told of {kind}: <word:12>"),
        })
    });
    conditions.collect()
}

/// One image; the last of a node has a name as long as it takes.
pub fn image() -> Value {
    json!({
        "names": [
            "registry.example.com/<word:8>/<word:12>@sha256:<hex:64>",
            "registry.example.com/<word:8>/<word:12>:<digits:1>.<digits:2>.<digits:1><filler>",
        ],
        "sizeBytes": "<#digits:9>",
    })
}
