//! The Scale of an object: its numbers in a form that is the same for every kind.
//!
//! # Source
//! apiextensions-apiserver `pkg/registry/customresource/etcd.go` (`ScaleREST`).

use serde_json::{Value, json};

use crate::sim::json_path;
use crate::sim::kinds::Kind;
use crate::sim::refusal::{Cause, Refusal};

/// The Scale of `object`.
pub(super) fn of(kind: &Kind, object: &Value) -> Value {
    let paths = kind.scale.clone().unwrap_or_default();
    let number = |path: &str| {
        json_path::find(object, path)
            .and_then(Value::as_i64)
            .unwrap_or_default()
    };
    let metadata = &object["metadata"];
    let mut scale = json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
            "creationTimestamp": metadata["creationTimestamp"],
        },
        "spec": {},
        "status": {"replicas": number(&paths.status_replicas)},
    });
    // None is said by nothing.
    let wanted = number(&paths.spec_replicas);
    if wanted != 0 {
        scale["spec"]["replicas"] = wanted.into();
    }
    if let Some(selector) = selector(kind, object, &paths.label_selector) {
        scale["status"]["selector"] = selector.into();
    }
    scale
}

/// The selector as text: a custom resource has it so, a StatefulSet as a label selector.
fn selector(kind: &Kind, object: &Value, path: &str) -> Option<String> {
    if kind.is_custom() {
        return json_path::find(object, path)?.as_str().map(str::to_owned);
    }
    let labels = object["spec"]["selector"]["matchLabels"].as_object()?;
    let parts = labels.iter().map(|(name, value)| {
        let value = value.as_str().unwrap_or_default();
        format!("{name}={value}")
    });
    Some(parts.collect::<Vec<String>>().join(","))
}

/// Gives `object` the number that `scale` asks for.
pub(super) fn set(kind: &Kind, object: &mut Value, scale: &Value) -> Result<(), Refusal> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let wanted = match &scale["spec"]["replicas"] {
        Value::Null => 0.into(),
        wanted => wanted.clone(),
    };
    // Of a custom resource the rules say so.
    let is_allowed = |replicas: &i64| *replicas >= 0 || kind.is_custom();
    let Some(replicas) = wanted.as_i64().filter(is_allowed) else {
        let why = "must be greater than or equal to 0";
        let cause = Cause::invalid("spec.replicas", &wanted, why);
        let scale = Kind {
            group: "autoscaling".to_owned(),
            kind: "Scale".to_owned(),
            ..Kind::default()
        };
        return Err(Refusal::invalid(&scale, name, &[cause]));
    };
    for field in ["uid", "resourceVersion"] {
        let given = &scale["metadata"][field];
        if given.as_str().is_some_and(|given| !given.is_empty()) {
            object["metadata"][field] = given.clone();
        }
    }
    let paths = kind.scale.clone().unwrap_or_default();
    let mut place = object;
    for step in paths
        .spec_replicas
        .split('.')
        .filter(|step| !step.is_empty())
    {
        if !(place.is_object() || place.is_null()) {
            let why = "the object has no place for the number";
            return Err(Refusal::bad_request(why));
        }
        place = &mut place[step];
    }
    *place = replicas.into();
    Ok(())
}
