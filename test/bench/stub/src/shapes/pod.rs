//! P: a Pod of a Deployment, as it runs in a cluster with meshes, metrics and policies.

use serde_json::{Value, json};

use crate::shapes::managed;

pub fn metadata() -> Value {
    let set_at_creation = json!({
        "metadata": {
            "annotations": annotations(),
            "generateName": "",
            "labels": labels(),
            "ownerReferences": owners(),
        },
        "spec": spec(),
    });
    json!({
        "name": "<name>",
        "generateName": "<owner-name>-",
        "namespace": "<namespace>",
        "uid": "<uid>",
        "resourceVersion": "<version>",
        "generation": 1,
        "creationTimestamp": "<time>",
        "labels": labels(),
        "annotations": annotations(),
        "ownerReferences": owners(),
        "managedFields": [
            managed::entry("kube-controller-manager", None, &set_at_creation),
            managed::entry("kubelet", Some("status"), &json!({"status": status()})),
        ],
    })
}

fn labels() -> Value {
    json!({
        "app": "<app>",
        "app.kubernetes.io/instance": "<word:8>",
        "app.kubernetes.io/version": "<digits:1>.<digits:2>.<digits:1>",
        "pod-template-hash": "<hex:10>",
    })
}

fn annotations() -> Value {
    json!({
        "checksum/config": "<hex:64>",
        "prometheus.io/port": "<digits:4>",
        "prometheus.io/scrape": "true",
        "example.com/note": "<filler>",
    })
}

fn owners() -> Value {
    json!([{
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": "<owner-name>",
        "uid": "<owner>",
        "controller": true,
        "blockOwnerDeletion": true,
    }])
}

pub fn spec() -> Value {
    json!({
        "volumes": volumes(),
        "containers": [container()],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "serviceAccountName": "<word:10>",
        "serviceAccount": "<word:10>",
        "nodeName": "node-<digits:3>",
        "securityContext": {"runAsUser": "<#digits:5>", "runAsNonRoot": true, "fsGroup": "<#digits:5>"},
        "schedulerName": "default-scheduler",
        "tolerations": [
            {"key": "dedicated", "operator": "Equal", "value": "<word:6>", "effect": "NoSchedule"},
            {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
            {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
        ],
        "priority": 0,
        "enableServiceLinks": true,
        "preemptionPolicy": "PreemptLowerPriority",
    })
}

fn volumes() -> Value {
    json!([
        {"name": "config", "configMap": {"name": "config-<hex:8>", "defaultMode": 420}},
        {"name": "credentials", "secret": {"secretName": "credentials-<hex:8>", "defaultMode": 420}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-<word:8>"}},
        {"name": "scratch", "emptyDir": {"sizeLimit": "<digits:3>Mi"}},
        {"name": "kube-api-access", "projected": {
            "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
            ],
            "defaultMode": 420,
        }},
    ])
}

fn container() -> Value {
    let probe = |path: &str, period: u32| {
        json!({
            "httpGet": {"path": path, "port": "http", "scheme": "HTTP"},
            "timeoutSeconds": 1,
            "periodSeconds": period,
            "successThreshold": 1,
            "failureThreshold": 3,
        })
    };
    json!({
        "name": "main",
        "image": IMAGE,
        "args": ["--listen=:8080", "--shard=<digits:4>", "--cluster=<word:12>"],
        "ports": [
            {"name": "http", "containerPort": 8080, "protocol": "TCP"},
            {"name": "metrics", "containerPort": 9090, "protocol": "TCP"},
        ],
        "env": env(),
        "resources": {
            "limits": {"cpu": "<digits:4>m", "memory": "<digits:3>Mi"},
            "requests": {"cpu": "<digits:3>m", "memory": "<digits:3>Mi"},
        },
        "volumeMounts": [
            {"name": "config", "readOnly": true, "mountPath": "/etc/main"},
            {"name": "credentials", "readOnly": true, "mountPath": "/etc/credentials"},
            {"name": "data", "mountPath": "/var/lib/main"},
            {"name": "scratch", "mountPath": "/tmp"},
            {"name": "kube-api-access", "readOnly": true, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"},
        ],
        "livenessProbe": probe("/healthz", 10),
        "readinessProbe": probe("/readyz", 5),
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
        "securityContext": {
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": true,
            "allowPrivilegeEscalation": false,
        },
    })
}

fn env() -> Value {
    let from_field = |name: &str, path: &str| json!({"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}});
    json!([
        from_field("POD_NAME", "metadata.name"),
        from_field("POD_IP", "status.podIP"),
        {"name": "DATABASE_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "credentials-<hex:8>", "key": "password"}}},
        {"name": "DATABASE_URL", "value": "postgres://<word:8>.<word:8>.svc:5432/<word:8>"},
        {"name": "CACHE_URL", "value": "redis://<word:8>.<word:8>.svc:6379/0"},
        {"name": "BROKERS", "value": "<word:8>-0.<word:6>:9092,<word:8>-1.<word:6>:9092"},
        {"name": "LOG_LEVEL", "value": "info"},
    ])
}

pub fn status() -> Value {
    let condition = |kind: &str| json!({"type": kind, "status": "True", "lastProbeTime": null, "lastTransitionTime": "<time>"});
    json!({
        "phase": "<phase>",
        "conditions": [
            condition("PodReadyToStartContainers"),
            condition("Initialized"),
            condition("Ready"),
            condition("ContainersReady"),
            condition("PodScheduled"),
        ],
        "hostIP": "192.168.<digits:2>.<digits:2>",
        "hostIPs": [{"ip": "192.168.<digits:2>.<digits:2>"}],
        "podIP": "<ip>",
        "podIPs": [{"ip": "<ip>"}],
        "startTime": "<time>",
        "containerStatuses": [{
            "name": "main",
            "state": {"running": {"startedAt": "<time>"}},
            "lastState": {},
            "ready": true,
            "restartCount": 0,
            "image": IMAGE,
            "imageID": "registry.example.com/<word:8>@sha256:<hex:64>",
            "containerID": "containerd://<hex:64>",
            "started": true,
        }],
        "qosClass": "Burstable",
    })
}

const IMAGE: &str = "registry.example.com/team-<word:6>/<word:10>:<digits:1>.<digits:2>.<digits:1>";
