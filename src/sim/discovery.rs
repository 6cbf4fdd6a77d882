//! Discovery: how a client learns which resources there are, before it asks for any.
//!
//! `kubectl get btcnet` has to find out that `btcnet` is short for `bitcoinnetworks`, in which group and version
//! they are, and whether they have namespaces. It asks twice, `/api` for the core group and `/apis` for all
//! others, and keeps the answers for hours. The modern answer is *aggregated*, everything in one document; a
//! client that does not accept it walks down instead, `/apis`, then `/apis/GROUP/VERSION` for each.
//!
//! ```text
//! /api               versions of the core group      or all of it, aggregated
//! /apis              groups and their versions       or all of them, aggregated
//! /apis/GROUP        one group's versions
//! /api/v1, /apis/GROUP/VERSION      resources and subresources
//! /version           the server's
//! ```
//!
//! # Invariants
//! - Both answers are made from the same kinds and name the same resources, verbs and subresources.
//! - Groups are sorted by name, a group's versions by preference: stable first, then newer first.
//!
//! # Example
//! ```
//! use std::sync::Arc;
//! use bitcoin_controller::sim::{discovery, kinds};
//!
//! let kinds: Vec<_> = kinds::built_in().into_iter().map(Arc::new).collect();
//! let (_, apps) = discovery::answer(&kinds, "/apis/apps/v1", "application/json").expect("there are StatefulSets");
//! assert_eq!(apps["resources"][0]["name"], "statefulsets");
//! assert_eq!(apps["resources"][1]["name"], "statefulsets/scale");
//! ```
//!
//! # Source
//! apiserver `pkg/endpoints/discovery`, `pkg/endpoints/discovery/aggregated`; apiextensions-apiserver
//! `pkg/apiserver/customresource_discovery_controller.go`.
//!
//! # What differs
//! - No `storageVersionHash` and no ETag; an empty `serverAddressByClientCIDRs`, which clients ignore.
//! - Aggregated discovery only as `v2`; a client that knows only `v2beta1` gets the plain answer.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::sim::kinds::Kind;

/// The document at `path` in a form that `accept` names, with its content type; `None` if there is none.
pub fn answer(kinds: &[Arc<Kind>], path: &str, accept: &str) -> Option<(&'static str, Value)> {
    let steps: Vec<&str> = path.trim_matches('/').split('/').collect();
    let document = match steps.as_slice() {
        ["api"] if wants_aggregated(accept) => return Some((AGGREGATED, aggregated_core(kinds))),
        ["apis"] if wants_aggregated(accept) => {
            return Some((AGGREGATED, aggregated_groups(kinds)));
        }
        ["api"] => api_versions(kinds),
        ["apis"] => groups(kinds),
        ["api", version] => resources(kinds, "", version)?,
        ["apis", name] => group(kinds, name)?,
        ["apis", group, version] if !group.is_empty() => resources(kinds, group, version)?,
        ["version"] => version(),
        _ => return None,
    };
    Some(("application/json", document))
}

/// The version of Kubernetes that is pretended.
pub const VERSION: &str = "v1.36.3+sim";

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Whether a client with this `Accept` header wants the aggregated answer: it names it at all.
fn wants_aggregated(accept: &str) -> bool {
    let is_wanted = |choice: &str| {
        let mut parameters: Vec<&str> = choice.split(';').map(str::trim).collect();
        parameters.sort_unstable();
        [
            "application/json",
            "as=APIGroupDiscoveryList",
            "g=apidiscovery.k8s.io",
            "v=v2",
        ]
        .iter()
        .all(|wanted| parameters.binary_search(wanted).is_ok())
    };
    accept.split(',').any(is_wanted)
}

/// The plain answer to `/api`: the versions of the core group.
fn api_versions(kinds: &[Arc<Kind>]) -> Value {
    json!({
        "kind": "APIVersions",
        "versions": versions(kinds, ""),
        "serverAddressByClientCIDRs": [],
    })
}

/// The plain answer to `/apis`: every group but the core one.
fn groups(kinds: &[Arc<Kind>]) -> Value {
    let groups: Vec<Value> = group_names(kinds)
        .into_iter()
        .map(|name| group_entry(kinds, name))
        .collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// The answer to `/apis/GROUP`; `None` if there is no such group.
fn group(kinds: &[Arc<Kind>], name: &str) -> Option<Value> {
    if !group_names(kinds).contains(name) {
        return None;
    }
    let mut group = group_entry(kinds, name);
    group["kind"] = "APIGroup".into();
    group["apiVersion"] = "v1".into();
    Some(group)
}

/// The answer to `/api/VERSION` (`group` empty) and `/apis/GROUP/VERSION`; `None` if nothing is there.
fn resources(kinds: &[Arc<Kind>], group: &str, version: &str) -> Option<Value> {
    let kinds: Vec<&Kind> = of_version(kinds, group, version);
    let group_version = kinds.first()?.api_version();
    let mut resources = Vec::new();
    for kind in kinds {
        let mut resource = json!({
            "name": kind.plural,
            "singularName": kind.singular,
            "namespaced": kind.is_namespaced,
            "kind": kind.kind,
            "verbs": verbs(kind),
        });
        put_names(&mut resource, kind);
        resources.push(resource);
        for subresource in subresources(kind) {
            let mut resource = json!({
                "name": format!("{}/{}", kind.plural, subresource.name),
                "singularName": "",
                "namespaced": kind.is_namespaced,
                "kind": subresource.kind,
                "verbs": subresource.verbs,
            });
            if subresource.is_scale() {
                resource["group"] = SCALE_GROUP.into();
                resource["version"] = SCALE_VERSION.into();
            }
            resources.push(resource);
        }
    }
    let mut list = json!({
        "kind": "APIResourceList",
        "groupVersion": group_version,
        "resources": resources,
    });
    // The oldest group is older than the rule that everything says its version.
    if !group.is_empty() {
        list["apiVersion"] = "v1".into();
    }
    Some(list)
}

/// The aggregated answer to `/api`.
fn aggregated_core(kinds: &[Arc<Kind>]) -> Value {
    aggregated(vec![
        json!({"metadata": {}, "versions": aggregated_versions(kinds, "")}),
    ])
}

/// The aggregated answer to `/apis`.
fn aggregated_groups(kinds: &[Arc<Kind>]) -> Value {
    let group =
        |name| json!({"metadata": {"name": name}, "versions": aggregated_versions(kinds, name)});
    aggregated(group_names(kinds).into_iter().map(group).collect())
}

/// The answer to `/version`. The version is the one these answers were compared with.
fn version() -> Value {
    json!({
        "major": "1",
        "minor": "36",
        "gitVersion": VERSION,
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    })
}

fn aggregated(items: Vec<Value>) -> Value {
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    })
}

fn aggregated_versions(kinds: &[Arc<Kind>], group: &str) -> Vec<Value> {
    let version = |version| {
        let resources: Vec<Value> = of_version(kinds, group, version)
            .into_iter()
            .map(aggregated_resource)
            .collect();
        json!({"version": version, "resources": resources, "freshness": "Current"})
    };
    versions(kinds, group).into_iter().map(version).collect()
}

fn aggregated_resource(kind: &Kind) -> Value {
    let mut resource = json!({
        "resource": kind.plural,
        "responseKind": response_kind(kind, &kind.kind),
        "scope": if kind.is_namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": kind.singular,
        "verbs": verbs(kind),
    });
    put_names(&mut resource, kind);
    let subresources: Vec<Value> = subresources(kind)
        .into_iter()
        .map(|subresource| {
            let kind = match subresource.is_scale() {
                true => json!({"group": SCALE_GROUP, "version": SCALE_VERSION, "kind": "Scale"}),
                false => response_kind(kind, subresource.kind),
            };
            json!({"subresource": subresource.name, "responseKind": kind, "verbs": subresource.verbs})
        })
        .collect();
    if !subresources.is_empty() {
        resource["subresources"] = subresources.into();
    }
    resource
}

/// Built-in kinds leave group and version out: they are the resource's own.
fn response_kind(kind: &Kind, name: &str) -> Value {
    match kind.schema {
        None => json!({"group": "", "version": "", "kind": name}),
        Some(_) => json!({"group": kind.group, "version": kind.version, "kind": name}),
    }
}

fn put_names(resource: &mut Value, kind: &Kind) {
    if !kind.short_names.is_empty() {
        resource["shortNames"] = json!(kind.short_names);
    }
    if !kind.categories.is_empty() {
        resource["categories"] = json!(kind.categories);
    }
}

struct Subresource<'a> {
    name: &'static str,
    kind: &'a str,
    verbs: &'static [&'static str],
}

impl Subresource<'_> {
    fn is_scale(&self) -> bool {
        self.name == "scale"
    }
}

const SCALE_GROUP: &str = "autoscaling";
const SCALE_VERSION: &str = "v1";

fn subresources(kind: &Kind) -> Vec<Subresource<'_>> {
    let verbs = &["get", "patch", "update"];
    let status = kind.has_status.then_some(Subresource {
        name: "status",
        kind: &kind.kind,
        verbs,
    });
    let scale = kind.scale.is_some().then_some(Subresource {
        name: "scale",
        kind: "Scale",
        verbs,
    });
    let is_pod = kind.group.is_empty() && kind.plural == "pods";
    let verbs = &["create", "get"];
    let port_forward = is_pod.then_some(Subresource {
        name: "portforward",
        kind: "PodPortForwardOptions",
        verbs,
    });
    let mut all: Vec<_> = [status, scale, port_forward]
        .into_iter()
        .flatten()
        .collect();
    if !kind.is_custom() {
        all.sort_by_key(|subresource| subresource.name);
    }
    all
}

/// In the order in which a real server says them.
fn verbs(kind: &Kind) -> &'static [&'static str] {
    match kind.schema {
        Some(_) => &[
            "delete",
            "deletecollection",
            "get",
            "list",
            "patch",
            "create",
            "update",
            "watch",
        ],
        None if kind.resource() == "namespaces" => &[
            "create", "delete", "get", "list", "patch", "update", "watch",
        ],
        None => &[
            "create",
            "delete",
            "deletecollection",
            "get",
            "list",
            "patch",
            "update",
            "watch",
        ],
    }
}

fn group_entry(kinds: &[Arc<Kind>], name: &str) -> Value {
    let entry = |version| json!({"groupVersion": format!("{name}/{version}"), "version": version});
    let versions: Vec<Value> = versions(kinds, name).into_iter().map(entry).collect();
    json!({"name": name, "preferredVersion": versions.first(), "versions": versions})
}

fn group_names(kinds: &[Arc<Kind>]) -> BTreeSet<&str> {
    kinds
        .iter()
        .map(|kind| kind.group.as_str())
        .filter(|group| !group.is_empty())
        .collect()
}

fn of_version<'a>(kinds: &'a [Arc<Kind>], group: &str, version: &str) -> Vec<&'a Kind> {
    let of_version = kinds.iter().map(Arc::as_ref);
    of_version
        .filter(|kind| kind.group == group && kind.version == version)
        .collect()
}

/// The versions of a group, the preferred one first.
fn versions<'a>(kinds: &'a [Arc<Kind>], group: &str) -> Vec<&'a str> {
    let of_group = kinds.iter().filter(|kind| kind.group == group);
    let names: BTreeSet<&str> = of_group.map(|kind| kind.version.as_str()).collect();
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_by_key(|name| preference(name));
    names
}

/// `v2`, `v1`, `v2beta1`, `v1alpha3`, and after them what is no such name, by the alphabet.
fn preference(version: &str) -> (u8, Reverse<u32>, Reverse<u32>, &str) {
    let read = || {
        let rest = version.strip_prefix('v')?;
        for (rank, word) in [(1, "beta"), (2, "alpha")] {
            if let Some((major, minor)) = rest.split_once(word) {
                return Some((rank, major.parse().ok()?, minor.parse().ok()?));
            }
        }
        Some((0, rest.parse().ok()?, 0))
    };
    let (rank, major, minor) = read().unwrap_or((3, 0, 0));
    (rank, Reverse(major), Reverse(minor), version)
}
