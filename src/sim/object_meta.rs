//! The metadata of an object has an owner, the server: names, identity, beginnings and ends.
//!
//! A client may send what it likes in `uid` or `generation`; what is stored is what the server put
//! there. What it sends in `uid` or `resourceVersion` is taken as a question: is it still this one?
//!
//! It models: names, generated names, preconditions, graceful deletion of pods, finalizers,
//! generations. It does not model: owner references that are checked when they are written.
//!
//! # Invariants
//! - What a client writes into the server's own metadata is never stored.
//! - Nothing but the deletion itself comes to hold an object whose deletion has begun.
//!
//! # Source
//! apiserver `pkg/registry/rest/{meta,create,update,delete}.go`.

use serde_json::{Value, json};

use crate::base::{Clock, Random};
use crate::sim::form;
use crate::sim::kinds::{self, Kind};
use crate::sim::refusal::{Cause, Refusal};
use crate::sim::request::{DeleteOptions, Part, Propagation};
use crate::sim::value::{self, put, remove};

/// Gives a new object its namespace and name.
pub(super) fn name(
    kind: &Kind,
    namespace: &str,
    object: &mut Value,
    random: &Random,
) -> Result<(), Refusal> {
    if !object.is_object() || !(object["metadata"].is_object() || object["metadata"].is_null()) {
        return Err(Refusal::bad_request(
            "the body is not an object with metadata",
        ));
    }
    check_type(kind, object)?;
    let metadata = &mut object["metadata"];
    if metadata["resourceVersion"]
        .as_str()
        .is_some_and(|version| !version.is_empty())
    {
        let message = "resourceVersion should not be set on objects to be created";
        return Err(Refusal::new(500, "", message));
    }
    match metadata["namespace"].as_str() {
        Some(named) if kind.is_namespaced && named != namespace => {
            return Err(Refusal::bad_request(OTHER_NAMESPACE));
        }
        _ if kind.is_namespaced => metadata["namespace"] = namespace.into(),
        _ => {}
    }
    let given = metadata["name"].as_str().unwrap_or_default().to_owned();
    let name = match metadata["generateName"].as_str() {
        Some(prefix) if given.is_empty() => format!("{prefix}{}", suffix(random)),
        _ => given,
    };
    check_name(kind, &name)?;
    object["metadata"]["name"] = name.into();
    Ok(())
}

const OTHER_NAMESPACE: &str =
    "the namespace of the provided object does not match the namespace sent on the request";

/// The object's `apiVersion` and `kind`, if it has them, must be those of the path, and what is in it must
/// have the form of that kind.
fn check_type(kind: &Kind, object: &Value) -> Result<(), Refusal> {
    for (field, expected) in [
        ("apiVersion", kind.api_version()),
        ("kind", kind.kind.clone()),
    ] {
        match object[field].as_str() {
            Some(given) if given != expected && !given.is_empty() => {
                let message = format!(
                    "the {field} in the data ({given}) does not match the expected {field} ({expected})"
                );
                return Err(Refusal::bad_request(message));
            }
            _ => {}
        }
    }
    form::check(kind, object)
}

fn check_name(kind: &Kind, name: &str) -> Result<(), Refusal> {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    // Names of roles may have colons, as in `system:node`.
    let is_free = kind.group == "rbac.authorization.k8s.io";
    let is_sound = (is_free || name.chars().all(is_inner))
        && name.starts_with(|c| is_free || is_end(c))
        && name.ends_with(|c| is_free || is_end(c))
        && name.len() <= 253;
    if name.is_empty() {
        let mut cause = Cause::required("metadata.name");
        cause.message.push_str(": name or generateName is required");
        return Err(Refusal::invalid(kind, name, &[cause]));
    }
    if !is_sound {
        let why = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
        let cause = Cause::invalid("metadata.name", &name.into(), why);
        return Err(Refusal::invalid(kind, name, &[cause]));
    }
    Ok(())
}

/// Five characters, none of which is a vowel or looks like another.
fn suffix(random: &Random) -> String {
    let characters = b"bcdfghjklmnpqrstvwxz2456789";
    let one = |_| {
        let index = usize::try_from(random.below(characters.len() as u64)).unwrap_or_default();
        char::from(characters[index])
    };
    (0..5).map(one).collect()
}

/// Gives a new object what only the server gives.
pub(super) fn begin(kind: &Kind, object: &mut Value, random: &Random, clock: &Clock) {
    let metadata = &mut object["metadata"];
    metadata["uid"] = random.uuid().into();
    metadata["creationTimestamp"] = value::date(clock.unix_seconds());
    for field in [
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "managedFields",
    ] {
        remove(metadata, field);
    }
    if kind.has_generation {
        metadata["generation"] = 1.into();
    }
    if kind.has_status {
        remove(object, "status");
    }
    match kind.resource().as_str() {
        "pods" => object["status"] = json!({"phase": "Pending", "qosClass": "Burstable"}),
        "services" => object["status"] = json!({"loadBalancer": {}}),
        "namespaces" => {
            let name = object["metadata"]["name"].clone();
            object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
            object["spec"] = json!({"finalizers": ["kubernetes"]});
            object["status"] = json!({"phase": "Active"});
        }
        kinds::DEFINITIONS => object["status"] = established(object, clock),
        _ => {}
    }
}

/// What the controller of definitions says of a sound one; here it says so at once.
fn established(definition: &Value, clock: &Clock) -> Value {
    let condition = |kind: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": "True", "reason": reason, "message": message,
            "lastTransitionTime": value::date(clock.unix_seconds()),
        })
    };
    let versions = definition["spec"]["versions"].as_array();
    let stored = versions
        .into_iter()
        .flatten()
        .filter(|version| version["storage"] == true);
    let stored: Vec<&Value> = stored.map(|version| &version["name"]).collect();
    json!({
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
        "acceptedNames": definition["spec"]["names"],
        "storedVersions": stored,
    })
}

/// Puts back in `next` what a write to this part may not change.
pub(super) fn restore(
    kind: &Kind,
    before: &Value,
    next: &mut Value,
    part: Part,
) -> Result<(), Refusal> {
    let name = before["metadata"]["name"].as_str().unwrap_or_default();
    let metadata = &next["metadata"];
    if !metadata.is_object() {
        return Err(Refusal::bad_request("the object has no metadata"));
    }
    check_type(kind, next)?;
    let differs = |field: &str| {
        let given = metadata[field].as_str().unwrap_or_default();
        !given.is_empty() && given != before["metadata"][field].as_str().unwrap_or_default()
    };
    if differs("name") {
        let given = metadata["name"].as_str().unwrap_or_default();
        return Err(Refusal::other_name(given, name));
    }
    if differs("namespace") {
        return Err(Refusal::bad_request(OTHER_NAMESPACE));
    }
    if differs("uid") {
        let cause = Cause::invalid("metadata.uid", &metadata["uid"], "field is immutable");
        return Err(Refusal::invalid(kind, name, &[cause]));
    }
    if differs("resourceVersion") {
        return Err(Refusal::stale(kind, name));
    }
    match part {
        Part::Status => {
            let status = next["status"].take();
            next.clone_from(before);
            put(next, "status", status);
        }
        Part::Main if kind.has_status => put(next, "status", before["status"].clone()),
        Part::Main => {}
    }
    for field in SERVERS_OWN {
        put(
            &mut next["metadata"],
            field,
            before["metadata"][field].clone(),
        );
    }
    check_finalizers(kind, before, next)
}

/// The metadata that clients cannot set.
pub(super) const SERVERS_OWN: [&str; 9] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
];

/// Nothing more may hold an object that is going.
fn check_finalizers(kind: &Kind, before: &Value, next: &Value) -> Result<(), Refusal> {
    let had = before["metadata"]["finalizers"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let has = next["metadata"]["finalizers"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let new: Vec<&Value> = has.iter().filter(|one| !had.contains(one)).collect();
    if before["metadata"]["deletionTimestamp"].is_null() || new.is_empty() {
        return Ok(());
    }
    let new: Vec<String> = new.iter().map(|one| one.to_string()).collect();
    let why = format!(
        "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
        new.join(", ")
    );
    let name = before["metadata"]["name"].as_str().unwrap_or_default();
    Err(Refusal::invalid(
        kind,
        name,
        &[Cause::forbidden("metadata.finalizers", &why)],
    ))
}

/// Refuses a deletion that is meant for another object, or for an earlier version of this one.
pub(super) fn check_preconditions(
    kind: &Kind,
    object: &Value,
    options: &DeleteOptions,
) -> Result<(), Refusal> {
    let given = [
        ("UID", "uid", &options.uid, "deleted and then recreated"),
        (
            "ResourceVersion",
            "resourceVersion",
            &options.resource_version,
            "modified",
        ),
    ];
    for (what, field, given, fate) in given {
        let has = object["metadata"][field].as_str().unwrap_or_default();
        if let Some(given) = given.as_deref().filter(|given| *given != has) {
            let why = format!(
                "the {what} in the precondition ({given}) does not match the {what} in record ({has}). The object might have been {fate}"
            );
            return Err(Refusal::precondition_failed(kind, object, &why));
        }
    }
    Ok(())
}

/// Refuses to make an object that is meant to be one that is gone.
pub(super) fn check_new(kind: &Kind, applied: &Value) -> Result<(), Refusal> {
    let metadata = &applied["metadata"];
    let Some(uid) = metadata["uid"].as_str().filter(|uid| !uid.is_empty()) else {
        return Ok(());
    };
    let why = format!(
        "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
    );
    let name = metadata["name"].as_str().unwrap_or_default();
    Err(Refusal::conflict(kind, name, &why))
}

/// Refuses to replace an object by one that was made of another, or of which version it does not say
/// where a kind asks for it.
pub(super) fn check_replacement(kind: &Kind, object: &Value, next: &Value) -> Result<(), Refusal> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let text = |object: &Value, field: &str| {
        let text = object["metadata"][field].as_str();
        text.unwrap_or_default().to_owned()
    };
    let (given, has) = (text(next, "uid"), text(object, "uid"));
    if !given.is_empty() && given != has {
        let why =
            format!("Precondition failed: UID in precondition: {given}, UID in object meta: {has}");
        return Err(Refusal::conflict(kind, name, &why));
    }
    let asks_for_version = kind.is_custom() || kind.plural == "leases";
    if asks_for_version && text(next, "resourceVersion").is_empty() {
        let why = "must be specified for an update";
        let cause = Cause::invalid("metadata.resourceVersion", &0.into(), why);
        return Err(Refusal::invalid(kind, name, &[cause]));
    }
    Ok(())
}

/// Marks an object as going.
pub(super) fn begin_deletion(kind: &Kind, object: &mut Value, options: &DeleteOptions, now: i64) {
    let is_pod = kind.resource() == "pods";
    let has_ended = ["Succeeded", "Failed"]
        .iter()
        .any(|end| object["status"]["phase"] == *end);
    let grace = match options.grace_seconds {
        _ if !is_pod => 0,
        _ if object["spec"]["nodeName"].is_null() || has_ended => 0,
        Some(seconds) => seconds,
        None => object["spec"]["terminationGracePeriodSeconds"]
            .as_i64()
            .unwrap_or(30),
    };
    let grace = grace.clamp(0, LONGEST_GRACE_SECONDS);
    let had = object["metadata"]["deletionGracePeriodSeconds"].as_i64();
    if had.is_none_or(|had| grace < had) {
        let metadata = &mut object["metadata"];
        metadata["deletionTimestamp"] = value::date(now + grace);
        metadata["deletionGracePeriodSeconds"] = grace.into();
    }
    if kind.resource() == "namespaces" {
        object["status"]["phase"] = "Terminating".into();
    }
    let finalizers = object["metadata"]["finalizers"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let waits = |one: &Value| one == FOREGROUND || one == ORPHAN;
    let mut finalizers: Vec<Value> = finalizers.into_iter().filter(|one| !waits(one)).collect();
    match options.propagation {
        Propagation::Background => {}
        Propagation::Foreground => finalizers.push(FOREGROUND.into()),
        Propagation::Orphan => finalizers.push(ORPHAN.into()),
    }
    let finalizers = if finalizers.is_empty() {
        Value::Null
    } else {
        finalizers.into()
    };
    put(&mut object["metadata"], "finalizers", finalizers);
}

/// A year: longer than any demo, and a date can be made of it.
const LONGEST_GRACE_SECONDS: i64 = 365 * 86_400;

/// The finalizer of an object that waits for its dependents to go.
pub(super) const FOREGROUND: &str = "foregroundDeletion";

/// The finalizer of an object whose dependents are to be released.
pub(super) const ORPHAN: &str = "orphan";

/// Whether an object is going and nothing holds it any more.
pub(super) fn is_released(object: &Value) -> bool {
    let metadata = &object["metadata"];
    let is_empty = |list: &Value| list.as_array().is_none_or(Vec::is_empty);
    !metadata["deletionTimestamp"].is_null()
        && metadata["deletionGracePeriodSeconds"]
            .as_i64()
            .unwrap_or_default()
            == 0
        && is_empty(&metadata["finalizers"])
        && (object["kind"] != "Namespace" || is_empty(&object["spec"]["finalizers"]))
}

/// A new generation for a new wish: everything but metadata and, where it is a subresource, the
/// status counts, and the wish to go.
pub(super) fn count_generation(kind: &Kind, before: &Value, next: &mut Value) {
    let wish = |object: &Value| {
        let mut object = object.clone();
        if kind.has_status {
            remove(&mut object, "status");
        }
        object["metadata"] = json!([object["metadata"]["deletionTimestamp"].is_null()]);
        object
    };
    if kind.has_generation && wish(before) != wish(next) {
        let generation = before["metadata"]["generation"]
            .as_i64()
            .unwrap_or_default();
        next["metadata"]["generation"] = (generation + 1).into();
    }
}
