//! What there is on the server: groups, versions, kinds, in the two forms that clients ask for.
//!
//! The older form is a document for each group and version; the newer one has everything in two
//! documents, and kubectl prefers it.
//!
//! # Example
//! ```
//! use bitcoin_controller::sim::{discovery, kinds};
//! use std::sync::Arc;
//!
//! let kinds: Vec<_> = kinds::built_in().into_iter().map(Arc::new).collect();
//! let (_, groups) = discovery::answer(&kinds, "/apis", "application/json").expect("a list of groups");
//! assert_eq!(groups["kind"], "APIGroupList");
//! ```
//!
//! # Source
//! apiserver `pkg/endpoints/discovery`, `pkg/endpoints/discovery/aggregated`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::sim::kinds::Kind;

/// The document at `path`, in a form that `accept` names, with its content type; `None` if there is none.
pub fn answer(kinds: &[Arc<Kind>], path: &str, accept: &str) -> Option<(&'static str, Value)> {
    let wants_all = accept.contains("as=APIGroupDiscoveryList") && accept.contains("v=v2");
    let path = path.trim_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    let document = match parts.as_slice() {
        ["version"] => version(),
        ["api"] if wants_all => {
            return Some((AGGREGATED, aggregated(kinds, |group| group.is_empty())));
        }
        ["apis"] if wants_all => {
            return Some((AGGREGATED, aggregated(kinds, |group| !group.is_empty())));
        }
        ["api"] => json!({"kind": "APIVersions", "versions": ["v1"]}),
        ["apis"] => {
            let groups = groups(kinds);
            let groups = groups.keys().filter(|group| !group.is_empty());
            let groups: Vec<Value> = groups.filter_map(|name| group(kinds, name)).collect();
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        }
        ["api", version] => resources(kinds, "", version)?,
        ["apis", name] => {
            let mut group = group(kinds, name)?;
            group["kind"] = "APIGroup".into();
            group["apiVersion"] = "v1".into();
            group
        }
        ["apis", group, version] => resources(kinds, group, version)?,
        _ => return None,
    };
    Some(("application/json", document))
}

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

fn version() -> Value {
    json!({
        "major": "1",
        "minor": "36",
        "gitVersion": "v1.36.0+sim",
        "gitTreeState": "clean",
        "platform": "simulated",
    })
}

/// The versions of each group.
fn groups(kinds: &[Arc<Kind>]) -> BTreeMap<&str, Vec<&str>> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for kind in kinds {
        let versions = groups.entry(&kind.group).or_default();
        if !versions.contains(&kind.version.as_str()) {
            versions.push(&kind.version);
        }
    }
    groups
}

fn group(kinds: &[Arc<Kind>], name: &str) -> Option<Value> {
    let groups = groups(kinds);
    let versions = groups.get(name)?.iter();
    let versions: Vec<Value> = versions
        .map(|version| json!({"groupVersion": format!("{name}/{version}"), "version": version}))
        .collect();
    let preferred = versions.first().cloned();
    Some(json!({"name": name, "versions": versions, "preferredVersion": preferred}))
}

fn of<'a>(kinds: &'a [Arc<Kind>], group: &str, version: &str) -> Vec<&'a Arc<Kind>> {
    let of_it = |kind: &&Arc<Kind>| kind.group == group && kind.version == version;
    kinds.iter().filter(of_it).collect()
}

const VERBS: [&str; 8] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

/// Subresources of a kind: the name, the kind of its documents, what can be done.
fn subresources(kind: &Kind) -> Vec<(&'static str, Value, Vec<&'static str>)> {
    let all = vec!["get", "patch", "update"];
    let own = json!({"group": kind.group, "version": kind.version, "kind": kind.kind});
    let mut subresources = Vec::new();
    if kind.plural == "pods" {
        let options = json!({"group": "", "version": "v1", "kind": "PodPortForwardOptions"});
        subresources.push(("portforward", options, vec!["create", "get"]));
    }
    if kind.scale.is_some() {
        let scale = json!({"group": "autoscaling", "version": "v1", "kind": "Scale"});
        subresources.push(("scale", scale, all.clone()));
    }
    if kind.has_status {
        subresources.push(("status", own, all));
    }
    subresources
}

fn resources(kinds: &[Arc<Kind>], group: &str, version: &str) -> Option<Value> {
    let kinds = of(kinds, group, version);
    let group_version = kinds.first()?.api_version();
    let mut resources = Vec::new();
    for kind in kinds {
        let mut resource = json!({
            "name": kind.plural, "singularName": kind.singular, "namespaced": kind.is_namespaced,
            "kind": kind.kind, "verbs": VERBS,
        });
        if !kind.short_names.is_empty() {
            resource["shortNames"] = json!(kind.short_names);
        }
        if !kind.categories.is_empty() {
            resource["categories"] = json!(kind.categories);
        }
        resources.push(resource);
        for (name, response, verbs) in subresources(kind) {
            resources.push(json!({
                "name": format!("{}/{name}", kind.plural), "singularName": "",
                "namespaced": kind.is_namespaced, "verbs": verbs,
                "group": response["group"], "version": response["version"], "kind": response["kind"],
            }));
        }
    }
    Some(json!({
        "kind": "APIResourceList", "apiVersion": "v1",
        "groupVersion": group_version, "resources": resources,
    }))
}

fn aggregated(kinds: &[Arc<Kind>], is_meant: fn(&str) -> bool) -> Value {
    let groups = groups(kinds);
    let meant = groups.iter().filter(|(group, _)| is_meant(group));
    let items: Vec<Value> = meant
        .map(|(group, versions)| {
            let versions: Vec<Value> = versions
                .iter()
                .map(|version| {
                    let resources: Vec<Value> = of(kinds, group, version)
                        .into_iter()
                        .map(|kind| aggregated_resource(kind))
                        .collect();
                    json!({"version": version, "freshness": "Current", "resources": resources})
                })
                .collect();
            json!({"metadata": {"name": group, "creationTimestamp": null}, "versions": versions})
        })
        .collect();
    json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {}, "items": items,
    })
}

fn aggregated_resource(kind: &Kind) -> Value {
    let own = json!({"group": kind.group, "version": kind.version, "kind": kind.kind});
    let subresources: Vec<Value> = subresources(kind)
        .into_iter()
        .map(|(name, response, verbs)| json!({"subresource": name, "responseKind": response, "verbs": verbs}))
        .collect();
    json!({
        "resource": kind.plural,
        "responseKind": own,
        "scope": if kind.is_namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": kind.singular,
        "verbs": VERBS,
        "shortNames": kind.short_names,
        "categories": kind.categories,
        "subresources": subresources,
    })
}
