//! The cells of built-in kinds, each in the order of its columns.
//!
//! What every kind has, name, age and date of creation, is told by the column; for the rest each kind has a
//! short function, and pods, whose status takes some thought, a chapter of their own.
//!
//! # Source
//! Kubernetes `pkg/printers/internalversion/printers.go`, `printService`, `printEvent`, and so on.

use serde_json::Value;

use crate::sim::kinds::Kind;
use crate::sim::table::{age, pods};

/// All cells of an object of a built-in kind.
pub(super) fn cells(kind: &Kind, object: &Value, now: i64) -> Vec<Value> {
    if kind.plural == "pods" {
        return pods::cells(object, now);
    }
    let cell = |column: &str| match column {
        "Name" => Value::from(text(object, "/metadata/name")),
        "Age" => Value::from(age_of(object, "/metadata/creationTimestamp", now)),
        "Created At" => object["metadata"]["creationTimestamp"].clone(),
        _ => match kind.plural.as_str() {
            "configmaps" => Value::from(length(&object["data"]) + length(&object["binaryData"])),
            "events" => event(column, object, now),
            "leases" => Value::from(text(object, "/spec/holderIdentity")),
            "namespaces" => Value::from(text(object, "/status/phase")),
            "nodes" => Value::from(node(column, object)),
            "persistentvolumeclaims" => Value::from(claim(column, object)),
            "resourcequotas" => Value::from(quota(column, object)),
            "rolebindings" | "clusterrolebindings" => Value::from(binding(column, object)),
            "secrets" if column == "Data" => Value::from(length(&object["data"])),
            "secrets" => Value::from(text(object, "/type")),
            "services" => Value::from(service(column, object)),
            "statefulsets" => Value::from(stateful_set(column, object)),
            _ => Value::Null,
        },
    };
    kind.columns
        .iter()
        .map(|column| cell(&column.name))
        .collect()
}

fn claim(column: &str, claim: &Value) -> String {
    match column {
        "Status" if !claim["metadata"]["deletionTimestamp"].is_null() => "Terminating",
        "Status" => text(claim, "/status/phase"),
        "Volume" => text(claim, "/spec/volumeName"),
        "Capacity" => text(claim, "/status/capacity/storage"),
        // Those of a claim that has no volume yet are only a wish.
        "Access Modes" if text(claim, "/spec/volumeName").is_empty() => "",
        "Access Modes" => {
            let modes = claim["status"]["accessModes"].as_array();
            let short = |mode: &Value| match mode.as_str() {
                Some("ReadWriteOnce") => "RWO",
                Some("ReadOnlyMany") => "ROX",
                Some("ReadWriteMany") => "RWX",
                Some("ReadWriteOncePod") => "RWOP",
                _ => "",
            };
            let modes = modes.into_iter().flatten().map(short);
            return modes.collect::<Vec<_>>().join(",");
        }
        "StorageClass" => text(claim, "/spec/storageClassName"),
        "VolumeAttributesClass" => "<unset>",
        _ => text(claim, "/spec/volumeMode"),
    }
    .to_owned()
}

fn event(column: &str, event: &Value, now: i64) -> Value {
    let first = match age_of(event, "/firstTimestamp", now) {
        unknown if unknown == age::UNKNOWN => age_of(event, "/eventTime", now),
        known => known,
    };
    let (last, count) = match event.get("series").filter(|series| !series.is_null()) {
        Some(series) => (
            age_of(series, "/lastObservedTime", now),
            number(series, "/count"),
        ),
        None => match age_of(event, "/lastTimestamp", now) {
            unknown if unknown == age::UNKNOWN => (first.clone(), number(event, "/count").max(1)),
            known => (known, number(event, "/count").max(1)),
        },
    };
    let or = |one: &str, other: &str| match text(event, one) {
        "" => text(event, other).to_owned(),
        text => text.to_owned(),
    };
    Value::from(match column {
        "Last Seen" => last,
        "First Seen" => first,
        "Count" => return Value::from(count),
        "Type" => text(event, "/type").to_owned(),
        "Reason" => text(event, "/reason").to_owned(),
        "Object" => {
            let kind = or("/involvedObject/kind", "/regarding/kind").to_lowercase();
            let name = or("/involvedObject/name", "/regarding/name");
            joined("/", [kind, name])
        }
        "Subobject" => or("/involvedObject/fieldPath", "/regarding/fieldPath"),
        "Source" => {
            let component = match or("/source/component", "/reportingComponent") {
                unknown if unknown.is_empty() => text(event, "/reportingController").to_owned(),
                known => known,
            };
            joined(", ", [component, or("/source/host", "/reportingInstance")])
        }
        _ => or("/message", "/note").trim().to_owned(),
    })
}

fn node(column: &str, node: &Value) -> String {
    let address = |kind: &str| {
        let mut addresses = list(node, "/status/addresses").iter();
        let found = addresses.find(|address| address["type"] == kind);
        or_none(found.map_or("", |address| text(address, "/address")))
    };
    let info = |field: &str| match text(node, &format!("/status/nodeInfo/{field}")) {
        "" => age::UNKNOWN.to_owned(),
        text => text.to_owned(),
    };
    match column {
        "Status" => node_status(node),
        "Roles" => or_none(&node_roles(node)),
        "Version" => text(node, "/status/nodeInfo/kubeletVersion").to_owned(),
        "Internal-IP" => address("InternalIP"),
        "External-IP" => address("ExternalIP"),
        "OS-Image" => info("osImage"),
        "Container-Runtime" => info("containerRuntimeVersion"),
        _ => match text(node, "/status/nodeInfo/architecture") {
            "" => info("kernelVersion"),
            architecture => format!("{} ({architecture})", info("kernelVersion")),
        },
    }
}

fn node_status(node: &Value) -> String {
    let mut conditions = list(node, "/status/conditions").iter();
    let status = match conditions.find(|condition| condition["type"] == "Ready") {
        None => "Unknown",
        Some(ready) if ready["status"] == "True" => "Ready",
        Some(_) => "NotReady",
    };
    let cordoned = if node["spec"]["unschedulable"] == true {
        "SchedulingDisabled"
    } else {
        ""
    };
    joined(",", [status.to_owned(), cordoned.to_owned()])
}

fn node_roles(node: &Value) -> String {
    let labels = node["metadata"]["labels"].as_object().into_iter().flatten();
    let mut roles: Vec<&str> = labels
        .filter_map(|(name, value)| match name.as_str() {
            "kubernetes.io/role" => value.as_str(),
            name => name.strip_prefix("node-role.kubernetes.io/"),
        })
        .filter(|role| !role.is_empty())
        .collect();
    roles.sort_unstable();
    roles.dedup();
    roles.join(",")
}

fn quota(column: &str, quota: &Value) -> String {
    let hard = quota["status"]["hard"].as_object().into_iter().flatten();
    let is_shown = |name: &str| name.starts_with("limits.") == (column == "Limit");
    let uses = hard.filter(|(name, _)| is_shown(name)).map(|(name, hard)| {
        let used = quota["status"]["used"][name].as_str().unwrap_or("0");
        format!("{name}: {used}/{}", hard.as_str().unwrap_or_default())
    });
    uses.collect::<Vec<_>>().join(", ")
}

fn binding(column: &str, binding: &Value) -> String {
    let subjects = |kind: &str| {
        let of_kind = list(binding, "/subjects")
            .iter()
            .filter(move |subject| subject["kind"] == kind);
        let names = of_kind.map(|subject| {
            let namespace = text(subject, "/namespace").to_owned();
            joined("/", [namespace, text(subject, "/name").to_owned()])
        });
        names.collect::<Vec<_>>().join(", ")
    };
    match column {
        "Users" => subjects("User"),
        "Groups" => subjects("Group"),
        "ServiceAccounts" => subjects("ServiceAccount"),
        _ => format!(
            "{}/{}",
            text(binding, "/roleRef/kind"),
            text(binding, "/roleRef/name")
        ),
    }
}

fn service(column: &str, service: &Value) -> String {
    let addresses = || {
        joined_list(
            list(service, "/spec/externalIPs")
                .iter()
                .filter_map(Value::as_str),
        )
    };
    match column {
        "Type" => text(service, "/spec/type").to_owned(),
        "Cluster-IP" => or_none(text(service, "/spec/clusterIP")),
        "External-IP" => match text(service, "/spec/type") {
            "ExternalName" => text(service, "/spec/externalName").to_owned(),
            "LoadBalancer" => {
                let ingress = list(service, "/status/loadBalancer/ingress").iter();
                let given = joined_list(ingress.map(|ingress| text(ingress, "/ip")));
                match joined(",", [given, addresses()]) {
                    nothing if nothing.is_empty() => "<pending>".to_owned(),
                    known => known,
                }
            }
            _ => or_none(&addresses()),
        },
        "Port(s)" => {
            let ports = list(service, "/spec/ports").iter().map(service_port);
            or_none(&ports.collect::<Vec<_>>().join(","))
        }
        _ => {
            let selector = service["spec"]["selector"]
                .as_object()
                .into_iter()
                .flatten();
            let pairs = selector
                .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()));
            or_none(&pairs.collect::<Vec<_>>().join(","))
        }
    }
}

fn service_port(port: &Value) -> String {
    let protocol = port["protocol"].as_str().unwrap_or("TCP");
    match (number(port, "/port"), number(port, "/nodePort")) {
        (port, 0) => format!("{port}/{protocol}"),
        (port, node_port) => format!("{port}:{node_port}/{protocol}"),
    }
}

fn stateful_set(column: &str, set: &Value) -> String {
    let containers = list(set, "/spec/template/spec/containers").iter();
    match column {
        "Containers" => joined_list(containers.map(|container| text(container, "/name"))),
        "Images" => joined_list(containers.map(|container| text(container, "/image"))),
        _ => format!(
            "{}/{}",
            number(set, "/status/readyReplicas"),
            number(set, "/spec/replicas")
        ),
    }
}

/// The text at a JSON pointer; empty if there is none.
pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The integer at a JSON pointer; 0 if there is none.
pub(super) fn number(object: &Value, pointer: &str) -> i64 {
    object
        .pointer(pointer)
        .and_then(Value::as_i64)
        .unwrap_or_default()
}

/// The list at a JSON pointer; empty if there is none.
pub(super) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The time since the date at a JSON pointer.
pub(super) fn age_of(object: &Value, pointer: &str, now: i64) -> String {
    age::since(text(object, pointer), now).unwrap_or_else(|| age::UNKNOWN.to_owned())
}

/// The text, or what kubectl shows in place of none.
pub(super) fn or_none(text: &str) -> String {
    if text.is_empty() { "<none>" } else { text }.to_owned()
}

fn length(map: &Value) -> usize {
    map.as_object().map_or(0, |map| map.len())
}

fn joined(separator: &str, parts: [String; 2]) -> String {
    parts
        .iter()
        .filter(|part| !part.is_empty())
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(separator)
}

fn joined_list<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    parts
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(",")
}
