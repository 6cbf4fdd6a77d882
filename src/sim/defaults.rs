//! What a server fills in: the reason why an object is never quite what was sent.
//!
//! A controller that compares what it wants with what is there, byte for byte, writes for ever. So the
//! pretend server fills in what a real one does for the kinds the controller writes: Secret,
//! Service, StatefulSet, the pods and claims in it.
//!
//! # Invariants
//! - A field that was sent is kept as it was sent.
//! - Filling in twice is filling in once.
//!
//! # Source
//! Kubernetes `pkg/apis/{core,apps}/v1/defaults.go`, `pkg/registry/core/service`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::sim::value::remove;

/// Fills in an object of `resource`; `before` is what it was.
pub(super) fn complete(resource: &str, object: &mut Value, before: Option<&Value>) {
    match resource {
        "secrets" => complete_secret(object),
        "services" => complete_service(object, before),
        "persistentvolumeclaims" => complete_claim(object, before),
        "pods" => complete_pod_spec(&mut object["spec"]),
        "statefulsets.apps" => complete_stateful_set(object),
        _ => {}
    }
}

/// Sets what is missing in `object` to what `defaults` says, field by field.
fn set_missing(object: &mut Value, defaults: Value) {
    let Value::Object(defaults) = defaults else {
        return;
    };
    for (field, value) in defaults {
        if object[&field].is_null() {
            object[&field] = value;
        }
    }
}

fn complete_secret(object: &mut Value) {
    set_missing(object, json!({"type": "Opaque"}));
    let texts = object["stringData"].take();
    remove(object, "stringData");
    for (name, text) in texts.as_object().into_iter().flatten() {
        let encoded = STANDARD.encode(text.as_str().unwrap_or_default());
        object["data"][name] = encoded.into();
    }
}

fn complete_service(object: &mut Value, before: Option<&Value>) {
    let spec = &mut object["spec"];
    set_missing(
        spec,
        json!({
            "type": "ClusterIP",
            "sessionAffinity": "None",
            "internalTrafficPolicy": "Cluster",
        }),
    );
    // What was allocated is kept by who does not mention it.
    for field in ALLOCATED {
        let had = before.map(|before| before["spec"][field].clone());
        if spec[field].is_null() && had.as_ref().is_some_and(|had| !had.is_null()) {
            spec[field] = had.unwrap_or_default();
        }
    }
    for port in array_mut(spec, "ports") {
        let target = port["port"].clone();
        set_missing(port, json!({"protocol": "TCP", "targetPort": target}));
    }
}

const ALLOCATED: [&str; 4] = ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"];

/// Gives a new object what is the server's to give out. Nobody owns these fields.
pub(super) fn allocate(resource: &str, object: &mut Value) {
    if resource != "services" {
        return;
    }
    let number = object["metadata"]["uid"]
        .as_str()
        .and_then(|uid| u16::from_str_radix(uid.get(..4)?, 16).ok())
        .unwrap_or_default();
    let spec = &mut object["spec"];
    let address = format!("10.96.{}.{}", number >> 8, number & 0xff);
    let families = json!({"ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"});
    set_missing(spec, families);
    set_missing(spec, json!({"clusterIP": address}));
    let addresses = json!([spec["clusterIP"]]);
    set_missing(spec, json!({"clusterIPs": addresses}));
}

/// A claim has a volume, and a guard that keeps it while a pod uses it.
fn complete_claim(claim: &mut Value, before: Option<&Value>) {
    set_missing(&mut claim["spec"], json!({"volumeMode": "Filesystem"}));
    set_missing(claim, json!({"status": {"phase": "Pending"}}));
    if before.is_none() {
        set_missing(
            &mut claim["metadata"],
            json!({"finalizers": [CLAIM_PROTECTION]}),
        );
    }
}

/// Keeps a claim until no pod uses it.
pub(super) const CLAIM_PROTECTION: &str = "kubernetes.io/pvc-protection";

fn complete_stateful_set(object: &mut Value) {
    let spec = &mut object["spec"];
    set_missing(
        spec,
        json!({
            "replicas": 1,
            "podManagementPolicy": "OrderedReady",
            "revisionHistoryLimit": 10,
            "updateStrategy": {"type": "RollingUpdate"},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        }),
    );
    if spec["updateStrategy"]["type"] == "RollingUpdate" {
        set_missing(
            &mut spec["updateStrategy"],
            json!({"rollingUpdate": {"partition": 0}}),
        );
    }
    for claim in array_mut(spec, "volumeClaimTemplates") {
        set_missing(
            claim,
            json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {"phase": "Pending"}}),
        );
        set_missing(&mut claim["spec"], json!({"volumeMode": "Filesystem"}));
    }
    complete_pod_spec(&mut spec["template"]["spec"]);
}

fn complete_pod_spec(spec: &mut Value) {
    set_missing(
        spec,
        json!({
            "restartPolicy": "Always",
            "dnsPolicy": "ClusterFirst",
            "schedulerName": "default-scheduler",
            "securityContext": {},
            "terminationGracePeriodSeconds": 30,
        }),
    );
    for list in ["initContainers", "containers"] {
        for container in array_mut(spec, list) {
            complete_container(container);
        }
    }
}

fn complete_container(container: &mut Value) {
    let image = container["image"].as_str().unwrap_or_default();
    let has_tag = image
        .rsplit('/')
        .next()
        .is_some_and(|last| last.contains([':', '@']));
    let is_latest = !has_tag || image.ends_with(":latest");
    let pull = if is_latest { "Always" } else { "IfNotPresent" };
    set_missing(
        container,
        json!({
            "imagePullPolicy": pull,
            "resources": {},
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
        }),
    );
    for port in array_mut(container, "ports") {
        set_missing(port, json!({"protocol": "TCP"}));
    }
    for variable in array_mut(container, "env") {
        if let Some(field) = variable.pointer_mut("/valueFrom/fieldRef") {
            set_missing(field, json!({"apiVersion": "v1"}));
        }
    }
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        let Some(probe) = container.get_mut(probe).filter(|probe| probe.is_object()) else {
            continue;
        };
        set_missing(
            probe,
            json!({"periodSeconds": 10, "timeoutSeconds": 1, "failureThreshold": 3, "successThreshold": 1}),
        );
        if let Some(get) = probe.get_mut("httpGet") {
            set_missing(get, json!({"scheme": "HTTP", "path": "/"}));
        }
    }
}

fn array_mut<'a>(object: &'a mut Value, field: &str) -> impl Iterator<Item = &'a mut Value> {
    let list = object.get_mut(field).and_then(Value::as_array_mut);
    list.into_iter().flatten()
}
