//! A pod as the kubelet reads it: what to run, and how to say how it is.
//!
//! # Source
//! Kubernetes `pkg/kubelet/kubelet_pods.go` (`makeEnvironmentVariables`, `generateAPIPodStatus`),
//! `third_party/forked/golang/expansion`.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::sim::cluster::volumes;
use crate::sim::request::Key;
use crate::sim::runtime::Container;
use crate::sim::store::Store;
use crate::sim::value;

/// Why a container is not started: a reason for programs and words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// What to run for `pod` at `address`, whose image is waited for since `waited`.
pub(super) fn container(
    store: &Store,
    pod: &Value,
    address: &str,
    waited: Duration,
) -> Result<Container, Waiting> {
    let spec = &pod["spec"]["containers"][0];
    let image = spec["image"].as_str().unwrap_or_default();
    if !image_exists(image) {
        return Err(if waited < PULL_RETRY {
            Waiting {
                reason: "ErrImagePull",
                message: format!("failed to pull and unpack image \"{image}\": not found"),
            }
        } else {
            Waiting {
                reason: "ImagePullBackOff",
                message: format!("Back-off pulling image \"{image}\": ErrImagePull: not found"),
            }
        });
    }
    let env = environment(store, pod, spec, address)?;
    let texts = |field: &str| {
        let texts = spec[field]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        texts
            .map(|text| expanded(text, &env))
            .collect::<Vec<String>>()
    };
    let mut command = texts("command");
    command.extend(texts("args"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(Container {
        namespace: text(&pod["metadata"]["namespace"]),
        pod: text(&pod["metadata"]["name"]),
        volume: volumes::volume_of(store, pod),
        address: address.to_owned(),
        image: image.to_owned(),
        command,
        env: env.into_iter().collect(),
    })
}

fn environment(
    store: &Store,
    pod: &Value,
    container: &Value,
    address: &str,
) -> Result<BTreeMap<String, String>, Waiting> {
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let secret = |name: &str| store.get("secrets", &Key::new(namespace, name));
    let missing = |message: String| Waiting {
        reason: "CreateContainerConfigError",
        message,
    };
    let decoded = |value: &Value| {
        let bytes = STANDARD
            .decode(value.as_str().unwrap_or_default())
            .unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let mut env = BTreeMap::new();
    for source in container["envFrom"].as_array().into_iter().flatten() {
        let reference = &source["secretRef"];
        let name = reference["name"].as_str().unwrap_or_default();
        match secret(name) {
            Some(secret) => {
                for (key, value) in secret["data"].as_object().into_iter().flatten() {
                    env.insert(key.clone(), decoded(value));
                }
            }
            None if reference["optional"] == true => {}
            None => return Err(missing(format!("secret \"{name}\" not found"))),
        }
    }
    for variable in container["env"].as_array().into_iter().flatten() {
        let name = variable["name"].as_str().unwrap_or_default();
        let from = &variable["valueFrom"];
        let reference = &from["secretKeyRef"];
        let value = if let Some(path) = from["fieldRef"]["fieldPath"].as_str() {
            match path {
                "status.podIP" | "status.podIPs" => address.to_owned(),
                path => {
                    let field = pod.pointer(&format!("/{}", path.replace('.', "/")));
                    field.and_then(Value::as_str).unwrap_or_default().to_owned()
                }
            }
        } else if let Some(secret_name) = reference["name"].as_str() {
            let key = reference["key"].as_str().unwrap_or_default();
            let secret = secret(secret_name);
            match secret.as_ref().map(|secret| &secret["data"][key]) {
                Some(value @ Value::String(_)) => decoded(value),
                _ if reference["optional"] == true => continue,
                None => return Err(missing(format!("secret \"{secret_name}\" not found"))),
                Some(_) => {
                    return Err(missing(format!(
                        "couldn't find key {key} in Secret {namespace}/{secret_name}"
                    )));
                }
            }
        } else {
            expanded(variable["value"].as_str().unwrap_or_default(), &env)
        };
        env.insert(name.to_owned(), value);
    }
    Ok(env)
}

/// Replaces `$(NAME)` by the variable's value, if there is one; `$$` is a dollar.
fn expanded(text: &str, env: &BTreeMap<String, String>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        rest = &rest[at..];
        let named = rest
            .strip_prefix("$(")
            .and_then(|inner| inner.split_once(')'));
        match named {
            Some((name, after)) => {
                match env.get(name) {
                    Some(value) => expanded.push_str(value),
                    None => expanded.push_str(&rest[..name.len() + 3]),
                }
                rest = after;
            }
            None => {
                expanded.push('$');
                rest = rest.strip_prefix("$$").unwrap_or(&rest[1..]);
            }
        }
    }
    expanded.push_str(rest);
    expanded
}

/// Whether an image can be had. Nothing is pulled here, so the name decides: its last part says
/// `bitcoin`, and its tag, if there is one, is `latest` or a version.
fn image_exists(image: &str) -> bool {
    let last = image.rsplit('/').next().unwrap_or_default();
    let (name, tag) = last.split_once([':', '@']).unwrap_or((last, "latest"));
    let is_version = tag.starts_with(|c: char| c.is_ascii_digit())
        && tag.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
    name.contains("bitcoin") && (tag == "latest" || is_version)
}

/// When a pull that failed is due again: from then on a pod says that it backs off.
pub(super) const PULL_RETRY: Duration = Duration::from_secs(10);

/// Sets one condition; its date changes with its status.
pub(super) fn set_condition(status: &mut Value, kind: &str, condition: Value, now: i64) {
    let mut condition = condition;
    condition["type"] = kind.into();
    let list = status["conditions"].as_array().cloned().unwrap_or_default();
    let known = list.iter().find(|known| known["type"] == kind);
    condition["lastTransitionTime"] = match known {
        Some(known) if known["status"] == condition["status"] => {
            known["lastTransitionTime"].clone()
        }
        _ => value::date(now),
    };
    let mut list: Vec<Value> = list
        .into_iter()
        .filter(|known| known["type"] != kind)
        .collect();
    list.push(condition);
    list.sort_by_key(|condition| condition["type"].as_str().unwrap_or_default().to_owned());
    status["conditions"] = list.into();
}

/// How a pod's container is, as the kubelet sees it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// `{"waiting": {…}}`, `{"running": {…}}` or `{"terminated": {…}}`.
    pub(super) state: Value,
    /// The same, of the run before.
    pub(super) last: Value,
    /// It has passed its startup probe.
    pub(super) is_started: bool,
    /// It has passed its readiness probe.
    pub(super) is_ready: bool,
    /// How often it was started again.
    pub(super) n_restarts: u32,
}

/// Writes into a pod's status how its container is, and what follows from it for the pod.
pub(super) fn set_container(pod: &mut Value, seen: &Seen, now: i64) {
    let spec = &pod["spec"]["containers"][0];
    let (name, image) = (spec["name"].clone(), spec["image"].clone());
    let has_run = !seen.state["running"].is_null() || !seen.last.is_null();
    let container = json!({
        "name": name,
        "image": image,
        "imageID": if has_run { format!("sim://{}", image.as_str().unwrap_or_default()) } else { String::new() },
        "state": seen.state,
        "lastState": if seen.last.is_null() { json!({}) } else { seen.last.clone() },
        "ready": seen.is_ready,
        "started": seen.is_started,
        "restartCount": seen.n_restarts,
    });
    let status = &mut pod["status"];
    status["containerStatuses"] = json!([container]);
    let is_up = has_run || !seen.state["terminated"].is_null();
    status["phase"] = if is_up { "Running" } else { "Pending" }.into();
    set_condition(status, "Initialized", json!({"status": "True"}), now);
    let message = format!(
        "containers with unready status: [{}]",
        name.as_str().unwrap_or_default()
    );
    for kind in ["ContainersReady", "Ready"] {
        let condition = match seen.is_ready {
            true => json!({"status": "True"}),
            false => json!({"status": "False", "reason": "ContainersNotReady", "message": message}),
        };
        set_condition(status, kind, condition, now);
    }
}
