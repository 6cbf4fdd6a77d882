//! Rows and columns, as `kubectl get` prints them: the server decides what is worth showing.
//!
//! # Example
//! ```
//! use bitcoin_controller::sim::{kinds, table};
//! use serde_json::json;
//! use std::sync::Arc;
//!
//! let kinds = kinds::built_in();
//! let secrets = kinds.iter().find(|kind| kind.plural == "secrets").expect("secrets are built in");
//! let secret = json!({"type": "Opaque", "data": {"a": ""}, "metadata": {
//!     "name": "alpha", "creationTimestamp": "2026-01-01T00:00:00Z",
//! }});
//! let table = table::of(secrets, &[Arc::new(secret)], json!({}), false, 1_767_225_605);
//! assert_eq!(table["rows"][0]["cells"], json!(["alpha", "Opaque", 1, "5s"]));
//! ```
//!
//! # Source
//! Kubernetes `pkg/printers/internalversion/printers.go`; apiextensions-apiserver
//! `pkg/registry/customresource/tableconvertor`.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::base::calendar;
use crate::sim::kinds::Kind;

/// Whether a client prefers a table.
pub fn is_wanted(accept: &str) -> bool {
    let first = accept.split(',').next().unwrap_or_default();
    first.contains("as=Table") && first.contains("v=v1;") || first.ends_with("as=Table;v=v1")
}

/// The table of some objects; with `whole` each row carries its object, otherwise its metadata only.
pub fn of(kind: &Kind, objects: &[Arc<Value>], metadata: Value, whole: bool, now: i64) -> Value {
    let columns = columns(kind);
    let definitions: Vec<Value> = columns
        .iter()
        .map(|column| {
            json!({
                "name": column.name,
                "type": column.kind,
                "format": if column.name == "Name" { "name" } else { "" },
                "description": column.description,
                "priority": column.priority,
            })
        })
        .collect();
    let row = |object: &Arc<Value>| {
        let cells: Vec<Value> = columns
            .iter()
            .map(|column| (column.cell)(object, now))
            .collect();
        let shown = match whole {
            true => (**object).clone(),
            false => json!({
                "kind": "PartialObjectMetadata",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": object["metadata"],
            }),
        };
        json!({"cells": cells, "object": shown})
    };
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": objects.iter().map(row).collect::<Vec<Value>>(),
    })
}

type Cell = Box<dyn Fn(&Value, i64) -> Value>;

struct Column {
    name: String,
    kind: String,
    description: String,
    priority: i64,
    cell: Cell,
}

fn column(name: &str, cell: impl Fn(&Value, i64) -> Value + 'static) -> Column {
    Column {
        name: name.to_owned(),
        kind: "string".to_owned(),
        description: String::new(),
        priority: 0,
        cell: Box::new(cell),
    }
}

/// A column that only `-o wide` prints.
fn wide(name: &str, cell: impl Fn(&Value, i64) -> Value + 'static) -> Column {
    Column {
        priority: 1,
        ..column(name, cell)
    }
}

fn columns(kind: &Kind) -> Vec<Column> {
    let mut columns = vec![column("Name", |object, _| {
        object["metadata"]["name"].clone()
    })];
    match kind.resource().as_str() {
        "pods" => columns.extend(of_pods()),
        "statefulsets.apps" => columns.extend(of_stateful_sets()),
        "services" => columns.extend(of_services()),
        "events" => return of_events(),
        "secrets" => {
            columns.push(column("Type", |object, _| object["type"].clone()));
            let count = |object: &Value, _| {
                object["data"]
                    .as_object()
                    .map_or(0, |data| data.len())
                    .into()
            };
            columns.push(column("Data", count));
            columns.push(age());
        }
        "namespaces" => {
            columns.push(column("Status", |object, _| {
                object["status"]["phase"].clone()
            }));
            columns.push(age());
        }
        "nodes" => {
            columns.push(column("Status", |object, _| {
                is_true(object, "Ready", "Ready", "NotReady")
            }));
            columns.push(column("Roles", |_, _| "<none>".into()));
            columns.push(age());
            columns.push(column("Version", |object, _| {
                object["status"]["nodeInfo"]["kubeletVersion"].clone()
            }));
        }
        "customresourcedefinitions.apiextensions.k8s.io" => {
            columns.push(column("Created At", |object, _| {
                object["metadata"]["creationTimestamp"].clone()
            }));
        }
        _ if kind.schema.is_some() => columns.extend(of_definition(kind)),
        _ => columns.push(age()),
    }
    columns
}

fn of_definition(kind: &Kind) -> impl Iterator<Item = Column> {
    kind.columns.iter().map(|defined| {
        let path = defined.json_path.clone();
        let is_date = defined.kind == "date";
        let cell = move |object: &Value, now| match find(object, &path) {
            Some(value) if is_date => since(value, now),
            Some(value) => value.clone(),
            None => Value::Null,
        };
        Column {
            kind: defined.kind.clone(),
            description: defined.description.clone(),
            priority: defined.priority,
            ..column(&defined.name, cell)
        }
    })
}

/// What is at a path `.status.conditions[?(@.type=="Ready")].status`.
fn find<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let mut place = object;
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(filter) = rest.strip_prefix("[?(@.") {
            let (condition, after) = filter.split_once(")]")?;
            let (field, value) = condition.split_once("==")?;
            let value = value.trim().trim_matches(['"', '\'']);
            place = place
                .as_array()?
                .iter()
                .find(|item| item[field.trim()] == value)?;
            rest = after;
        } else {
            let step = rest.strip_prefix('.')?;
            let end = step.find(['.', '[']).unwrap_or(step.len());
            place = place.get(&step[..end])?;
            rest = &step[end..];
        }
    }
    Some(place)
}

fn of_pods() -> Vec<Column> {
    let count = |object: &Value, field: &str| {
        let statuses = object["status"]["containerStatuses"].as_array();
        statuses
            .into_iter()
            .flatten()
            .filter(|status| status[field] == true)
            .count()
    };
    let ready = move |object: &Value, _| {
        let all = object["spec"]["containers"].as_array().map_or(0, Vec::len);
        format!("{}/{all}", count(object, "ready")).into()
    };
    let restarts = |object: &Value, _| {
        let statuses = object["status"]["containerStatuses"].as_array();
        let counts = statuses
            .into_iter()
            .flatten()
            .filter_map(|status| status["restartCount"].as_i64());
        counts.sum::<i64>().to_string().into()
    };
    vec![
        column("Ready", ready),
        column("Status", |object, _| pod_status(object)),
        column("Restarts", restarts),
        age(),
        wide("IP", |object, _| or_none(&object["status"]["podIP"])),
        wide("Node", |object, _| or_none(&object["spec"]["nodeName"])),
        wide("Nominated Node", |_, _| "<none>".into()),
        wide("Readiness Gates", |_, _| "<none>".into()),
    ]
}

/// The one word that says most.
fn pod_status(pod: &Value) -> Value {
    if !pod["metadata"]["deletionTimestamp"].is_null() {
        return "Terminating".into();
    }
    let statuses = pod["status"]["containerStatuses"].as_array();
    for status in statuses.into_iter().flatten() {
        for state in ["waiting", "terminated"] {
            let reason = &status["state"][state]["reason"];
            if !reason.is_null() {
                return reason.clone();
            }
        }
    }
    pod["status"]["phase"].clone()
}

fn of_stateful_sets() -> Vec<Column> {
    let ready = |object: &Value, _| {
        let ready = object["status"]["readyReplicas"]
            .as_i64()
            .unwrap_or_default();
        format!("{ready}/{}", object["spec"]["replicas"]).into()
    };
    let each = |field: &'static str| {
        move |object: &Value, _| {
            let containers = object["spec"]["template"]["spec"]["containers"].as_array();
            let names = containers
                .into_iter()
                .flatten()
                .filter_map(|container| container[field].as_str());
            names.collect::<Vec<_>>().join(",").into()
        }
    };
    vec![
        column("Ready", ready),
        age(),
        wide("Containers", each("name")),
        wide("Images", each("image")),
    ]
}

fn of_services() -> Vec<Column> {
    let ports = |object: &Value, _| {
        let ports = object["spec"]["ports"].as_array();
        let shown = |port: &Value| {
            let protocol = port["protocol"].as_str().unwrap_or_default();
            format!("{}/{protocol}", port["port"])
        };
        let ports: Vec<String> = ports.into_iter().flatten().map(shown).collect();
        if ports.is_empty() {
            "<none>".into()
        } else {
            ports.join(",").into()
        }
    };
    vec![
        column("Type", |object, _| object["spec"]["type"].clone()),
        column("Cluster-IP", |object, _| {
            or_none(&object["spec"]["clusterIP"])
        }),
        column("External-IP", |_, _| "<none>".into()),
        column("Port(s)", ports),
        age(),
    ]
}

fn of_events() -> Vec<Column> {
    let last_seen = |object: &Value, now| {
        let last = ["lastTimestamp", "firstTimestamp", "eventTime"].iter();
        let last = last
            .map(|field| &object[*field])
            .find(|date| !date.is_null());
        since(
            last.unwrap_or(&object["metadata"]["creationTimestamp"]),
            now,
        )
    };
    let about = |object: &Value, _| {
        let about = &object["involvedObject"];
        let kind = about["kind"].as_str().unwrap_or_default().to_lowercase();
        format!("{kind}/{}", about["name"].as_str().unwrap_or_default()).into()
    };
    vec![
        column("Last Seen", last_seen),
        column("Type", |object, _| object["type"].clone()),
        column("Reason", |object, _| object["reason"].clone()),
        column("Object", about),
        column("Message", |object, _| {
            object["message"].as_str().unwrap_or_default().trim().into()
        }),
        wide("Count", |object, _| object["count"].clone()),
        wide("Name", |object, _| object["metadata"]["name"].clone()),
    ]
}

fn age() -> Column {
    column("Age", |object, now| {
        since(&object["metadata"]["creationTimestamp"], now)
    })
}

fn or_none(value: &Value) -> Value {
    match value {
        Value::Null => "<none>".into(),
        value => value.clone(),
    }
}

fn is_true(object: &Value, condition: &str, yes: &str, no: &str) -> Value {
    let conditions = object["status"]["conditions"].as_array();
    let mut all = conditions.into_iter().flatten();
    let holds = all.any(|one| one["type"] == condition && one["status"] == "True");
    if holds { yes } else { no }.into()
}

fn since(date: &Value, now: i64) -> Value {
    match date.as_str().and_then(calendar::parse) {
        Some((then, _)) => duration(now - then).into(),
        None => "<unknown>".into(),
    }
}

/// A time in at most two units, the second only while it matters.
fn duration(seconds: i64) -> String {
    let two = |large: i64, large_unit: char, small: i64, small_unit: char| match small {
        0 => format!("{large}{large_unit}"),
        small => format!("{large}{large_unit}{small}{small_unit}"),
    };
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1..=0 => "0s".to_owned(),
        1..120 => format!("{seconds}s"),
        120..600 => two(minutes, 'm', seconds % 60, 's'),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, 'h', minutes % 60, 'm'),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, 'd', hours % 24, 'h'),
        691_200..63_072_000 => format!("{days}d"),
        _ => two(days / 365, 'y', days % 365, 'd'),
    }
}
