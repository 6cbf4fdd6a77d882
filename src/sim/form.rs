//! What must be an object, or a list of objects, in objects of the built-in kinds.
//!
//! A real server reads a body into a type and refuses one that does not fit. The store keeps plain JSON and
//! has no types; but it, and the stand-ins behind it, look into objects and fill them in. Wherever they
//! do, this table says what stands there. Custom resources have schemas instead.
//!
//! # Invariants
//! - What is taken here can be defaulted, checked, scheduled and run without anybody falling over it.
//!
//! # What differs
//! Plain values are not held to a type: a number where a text should be counts as none. Only a Secret's
//! bytes and a Lease's times are looked at, because clients get them wrong.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::base::calendar;
use crate::sim::kinds::Kind;
use crate::sim::refusal::Refusal;

/// Refuses an object in which something is of the wrong form.
pub(super) fn check(kind: &Kind, object: &Value) -> Result<(), Refusal> {
    let (name, version) = (&kind.kind, &kind.version);
    let wrong = paths(kind).find_map(|path| misfit(object, &path));
    let why = match (wrong, kind.resource().as_str()) {
        (Some(Misfit { path, found }), _) => {
            format!("json: cannot unmarshal {found} into Go struct field {name}.{path}")
        }
        (None, "secrets") if !has_bytes_only(&object["data"]) => "illegal base64 data".to_owned(),
        (None, "leases.coordination.k8s.io") => match wrong_time(&object["spec"]) {
            Some(time) => format!("parsing time {time} as \"2006-01-02T15:04:05.000000Z07:00\""),
            None => return Ok(()),
        },
        _ => return Ok(()),
    };
    Err(Refusal::bad_request(format!(
        "{name} in version \"{version}\" cannot be handled as a {name}: {why}"
    )))
}

/// The first time of a lease that has not exactly six digits of a second, or is none.
fn wrong_time(spec: &Value) -> Option<&Value> {
    let times = ["acquireTime", "renewTime"].map(|field| &spec[field]);
    let is_micro_time = |text: &str| {
        let fraction = text.get(19..).and_then(|rest| rest.strip_prefix('.'));
        let digits = fraction.map(|rest| rest.bytes().take_while(u8::is_ascii_digit).count());
        digits == Some(6) && calendar::parse(text).is_some()
    };
    times
        .into_iter()
        .find(|time| !time.is_null() && !time.as_str().is_some_and(is_micro_time))
}

/// Whether every value is base64, or nothing.
fn has_bytes_only(data: &Value) -> bool {
    let mut values = data.as_object().into_iter().flatten();
    values.all(|(_, value)| match value {
        Value::String(text) => STANDARD.decode(text).is_ok(),
        value => value.is_null(),
    })
}

/// The paths whose every step is an object, and with `[]` a list of objects. Nothing may be anywhere.
fn paths(kind: &Kind) -> impl Iterator<Item = String> {
    let resource = kind.resource();
    let is_built_in = kind.schema.is_none();
    let own = BUILT_IN.iter().filter(move |(of, _)| *of == resource);
    let own = own.flat_map(|(_, paths)| paths.iter().map(|path| (*path).to_owned()));
    let pod = match kind.plural.as_str() {
        "pods" if is_built_in => Some("spec"),
        "statefulsets" if is_built_in => Some("spec.template.spec"),
        _ => None,
    };
    let in_pod = POD.iter().map(|path| (*path).to_owned());
    let in_container = ["containers", "initContainers"]
        .iter()
        .flat_map(|list| CONTAINER.iter().map(move |path| format!("{list}[].{path}")));
    let of_pod = pod.into_iter().flat_map(move |spec| {
        let paths = in_pod.clone().chain(in_container.clone());
        paths.map(move |path| format!("{spec}.{path}"))
    });
    let every = EVERY
        .iter()
        .filter(move |path| is_built_in || path.starts_with("metadata."));
    every
        .map(|path| (*path).to_owned())
        .chain(own)
        .chain(of_pod)
}

const EVERY: [&str; 5] = [
    "metadata.labels",
    "metadata.annotations",
    "metadata.ownerReferences[]",
    "spec",
    "status.conditions[]",
];

const BUILT_IN: [(&str, &[&str]); 5] = [
    ("configmaps", &["data"]),
    ("resourcequotas", &["spec.hard"]),
    ("secrets", &["data", "stringData"]),
    ("services", &["spec.ports[]"]),
    (
        "statefulsets.apps",
        &[
            "spec.selector.matchLabels",
            "spec.updateStrategy.rollingUpdate",
            "spec.template.metadata.labels",
            "spec.template.metadata.annotations",
        ],
    ),
];

const POD: [&str; 1] = ["securityContext"];

const CONTAINER: [&str; 7] = [
    "resources",
    "ports[]",
    "env[].valueFrom.fieldRef",
    "env[].valueFrom.secretKeyRef",
    "startupProbe.httpGet",
    "readinessProbe.httpGet",
    "livenessProbe.httpGet",
];

struct Misfit {
    path: String,
    found: &'static str,
}

/// Where on the path something is that does not belong there.
fn misfit(object: &Value, path: &str) -> Option<Misfit> {
    let mut places = vec![object];
    let mut walked: Vec<&str> = Vec::new();
    for step in path.split('.') {
        let (name, is_list) = match step.strip_suffix("[]") {
            Some(name) => (name, true),
            None => (step, false),
        };
        walked.push(name);
        let mut next = Vec::new();
        for value in places.iter().filter_map(|place| place.get(name)) {
            match value {
                Value::Null => {}
                Value::Array(items) if is_list => next.extend(items),
                Value::Object(_) if !is_list => next.push(value),
                other => return Some(Misfit::new(&walked, other)),
            }
        }
        if let Some(other) = next.iter().find(|item| !item.is_object()) {
            return Some(Misfit::new(&walked, other));
        }
        places = next;
    }
    None
}

impl Misfit {
    fn new(walked: &[&str], value: &Value) -> Self {
        let found = match value {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        Misfit {
            path: walked.join("."),
            found,
        }
    }
}
