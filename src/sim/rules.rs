//! What a kind asks of its objects: defaults, pruning, bounds, and what may not change.
//!
//! The rules are the few that a controller can run into, with the server's own words, because those
//! end in conditions and events.
//!
//! It models: schemas of custom resources, what may not be changed of a StatefulSet, a pod, a claim, a Service
//! and a Secret, ports of a Service, the numbers of a Lease, the
//! operators of tolerations. It does not model: CEL rules, the rest of a pod's or a Service's
//! validation.
//!
//! # Invariants
//! - An object that has passed [`complete`] has `apiVersion` and `kind`.
//!
//! # Source
//! Kubernetes `pkg/apis/{core,apps}/validation`.

use serde_json::{Value, json};

use crate::sim::defaults;
use crate::sim::kinds::{self, Kind};
use crate::sim::refusal::{Cause, Refusal};
use crate::sim::schema;
use crate::sim::value::{put, remove};

/// Defaults and prunes an object, and holds it to the rules of its kind.
pub(super) fn complete(
    kind: &Kind,
    before: Option<&Value>,
    object: &mut Value,
) -> Result<(), Refusal> {
    object["apiVersion"] = kind.api_version().into();
    object["kind"] = kind.kind.clone().into();
    let mut causes = Vec::new();
    if let Some(schema) = &kind.schema {
        schema::prune(object, schema);
        schema::set_defaults(object, schema);
        causes = schema::violations(object, schema);
        causes.extend(violations_of_scale(kind, object));
    }
    defaults::complete(&kind.resource(), object, before);
    causes.extend(violations(kind, before, object));
    if causes.is_empty() {
        return Ok(());
    }
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    Err(Refusal::invalid(kind, name, &causes))
}

/// A custom resource that can be scaled cannot have fewer than none.
fn violations_of_scale(kind: &Kind, object: &Value) -> Option<Cause> {
    let path = &kind.scale.as_ref()?.spec_replicas;
    let value = object.pointer(&path.replace('.', "/"))?;
    let why = "should be a non-negative integer";
    let is_negative = value.as_i64().is_some_and(|number| number < 0);
    is_negative.then(|| Cause::invalid(path, value, why))
}

/// The rules of the built-in kinds.
fn violations(kind: &Kind, before: Option<&Value>, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    match (kind.resource().as_str(), before) {
        ("statefulsets.apps", before) => {
            let labels = &object["spec"]["template"]["metadata"]["labels"];
            let wanted = object["spec"]["selector"]["matchLabels"].as_object();
            if wanted
                .into_iter()
                .flatten()
                .any(|(name, value)| labels[name] != *value)
            {
                let why = "`selector` does not match template `labels`";
                causes.push(Cause::invalid("spec.template.metadata.labels", labels, why));
            }
            causes.extend(violations_of_tolerations(
                &object["spec"]["template"]["spec"],
            ));
            if before.is_some_and(|before| differs_but_for(before, object, &MUTABLE_IN_SET)) {
                let why = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
                causes.push(Cause::forbidden("spec", why));
            }
        }
        ("pods", Some(before)) if before["metadata"]["deletionTimestamp"].is_null() => {
            let mut fixed = before.clone();
            if before["spec"]["nodeName"].is_null() {
                let node = object["spec"]["nodeName"].clone();
                put(&mut fixed["spec"], "nodeName", node);
            }
            let containers = fixed["spec"]["containers"].as_array_mut();
            for (index, container) in containers.into_iter().flatten().enumerate() {
                container["image"] = object["spec"]["containers"][index]["image"].clone();
            }
            if differs_but_for(&fixed, object, &["tolerations", "activeDeadlineSeconds"]) {
                let why = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
                causes.push(Cause::forbidden("spec", why));
            }
        }
        ("pods", None) if is_empty(&object["spec"]["containers"]) => {
            causes.push(Cause::required("spec.containers"));
        }
        ("persistentvolumeclaims", Some(before))
            if is_bound_otherwise(before, object)
                || differs_but_for(before, object, &["resources", "volumeName"]) =>
        {
            let why = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
            causes.push(Cause::forbidden("spec", why));
        }
        ("secrets", Some(before)) => causes.extend(violations_of_secret(before, object)),
        ("services", before) => causes.extend(violations_of_service(before, object)),
        ("leases.coordination.k8s.io", _) => causes.extend(violations_of_lease(&object["spec"])),
        (kinds::DEFINITIONS, _) => {
            if let Err(why) = Kind::of_definition(object) {
                causes.push(Cause::invalid("spec", &Value::Null, &why));
            }
        }
        _ => {}
    }
    causes
}

/// A claim gets a volume once.
fn is_bound_otherwise(before: &Value, after: &Value) -> bool {
    let had = &before["spec"]["volumeName"];
    !had.is_null() && *had != after["spec"]["volumeName"]
}

const MUTABLE_IN_SET: [&str; 7] = [
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

fn violations_of_tolerations(pod_spec: &Value) -> Vec<Cause> {
    let tolerations = pod_spec["tolerations"].as_array().into_iter().flatten();
    let operators = tolerations.map(|toleration| &toleration["operator"]);
    let is_wrong = |operator: &Value| {
        !["Equal", "Exists", ""]
            .iter()
            .any(|known| operator == known)
    };
    operators
        .enumerate()
        .filter(|(_, operator)| !operator.is_null() && is_wrong(operator))
        .map(|(index, operator)| {
            let field = format!("spec.template.spec.tolerations[{index}].operator");
            Cause::unsupported(field, operator, &["Equal", "Exists"])
        })
        .collect()
}

fn violations_of_service(before: Option<&Value>, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &object["spec"];
    let had = before.map(|before| &before["spec"]["clusterIP"]);
    if had.is_some_and(|had| !had.is_null() && *had != spec["clusterIP"]) {
        let shown = json!([spec["clusterIP"]]);
        causes.push(Cause::invalid(
            "spec.clusterIPs[0]",
            &shown,
            "may not change once set",
        ));
    }
    let ports = spec["ports"].as_array().cloned().unwrap_or_default();
    if ports.is_empty() && spec["clusterIP"] != "None" {
        causes.push(Cause::required("spec.ports"));
    }
    for (index, port) in ports.iter().enumerate() {
        let same = |field: &str| {
            ports[..index]
                .iter()
                .any(|other| other[field] == port[field])
        };
        let field = format!("spec.ports[{index}]");
        match &port["name"] {
            Value::Null if ports.len() > 1 => {
                causes.push(Cause::required(format!("{field}.name")));
            }
            name if !name.is_null() && same("name") => {
                causes.push(Cause::duplicate(format!("{field}.name"), name));
            }
            _ => {}
        }
        if same("port") && same("protocol") {
            causes.push(Cause {
                reason: "FieldValueDuplicate",
                field,
                message: format!(
                    r#"Duplicate value: {{"Name":"","Protocol":{},"AppProtocol":null,"Port":{},"TargetPort":0,"NodePort":0}}"#,
                    port["protocol"], port["port"]
                ),
            });
        }
    }
    causes
}

fn violations_of_secret(before: &Value, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if before["type"] != object["type"] {
        let why = "field is immutable";
        causes.push(Cause::invalid("type", &object["type"], why));
    }
    if before["immutable"] == true {
        let why = "field is immutable when `immutable` is set";
        for field in ["data", "immutable"] {
            if before[field] != object[field] {
                causes.push(Cause::forbidden(field, why));
            }
        }
    }
    causes
}

fn violations_of_lease(spec: &Value) -> Vec<Cause> {
    let bounds = [
        ("leaseDurationSeconds", 1, "must be greater than 0"),
        ("leaseTransitions", 0, "must be greater than or equal to 0"),
    ];
    let is_below =
        |field: &str, least: i64| spec[field].as_i64().is_some_and(|number| number < least);
    bounds
        .into_iter()
        .filter(|(field, least, _)| is_below(field, *least))
        .map(|(field, _, why)| Cause::invalid(format!("spec.{field}"), &spec[field], why))
        .collect()
}

fn is_empty(list: &Value) -> bool {
    list.as_array().is_none_or(Vec::is_empty)
}

/// Whether the specs differ in a field that is not among `mutable`.
fn differs_but_for(before: &Value, after: &Value, mutable: &[&str]) -> bool {
    let strip = |object: &Value| {
        let mut spec = object["spec"].clone();
        for field in mutable {
            remove(&mut spec, field);
        }
        spec
    };
    strip(before) != strip(after)
}
