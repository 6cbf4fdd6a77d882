//! Goal: all we want is found or its absence named; all that others add is nothing.

use bitcoin_controller::controller::difference::find;
use serde_json::{Value, json};

fn set() -> Value {
    json!({
        "replicas": 3,
        "containers": [
            {"name": "node", "image": "a", "args": ["-x", "-y"],
             "env": [{"name": "HOME", "value": "/data"}, {"name": "POD_IP"}],
             "volumeMounts": [{"name": "data", "mountPath": "/data"}],
             "ports": [{"name": "rpc", "containerPort": 18443}],
             "securityContext": {"capabilities": {"drop": ["ALL"]}}},
        ],
    })
}

/// A copy of [`set`] with the value at `pointer` replaced.
fn with(pointer: &str, value: Value) -> Value {
    let mut changed = set();
    *changed.pointer_mut(pointer).unwrap() = value;
    changed
}

#[test]
fn nothing_differs_from_itself() {
    assert_eq!(find(&set(), &set()), None);
}

#[test]
fn what_others_add_is_no_difference() {
    let mut live = set();
    live["revisionHistoryLimit"] = json!(10);
    live["containers"][0]["terminationMessagePath"] = json!("/dev/termination-log");
    live["containers"][0]["env"]
        .as_array_mut()
        .unwrap()
        .insert(0, json!({"name": "PROXY"}));
    live["containers"]
        .as_array_mut()
        .unwrap()
        .insert(0, json!({"name": "sidecar", "image": "b"}));
    assert_eq!(find(&set(), &live), None);
}

#[test]
fn items_with_a_key_may_stand_in_any_order() {
    let live = with(
        "/containers/0/env",
        json!([{"name": "POD_IP"}, {"name": "HOME", "value": "/data"}]),
    );
    assert_eq!(find(&set(), &live), None);
}

#[test]
fn arguments_must_stand_in_their_order() {
    assert_eq!(
        find(&set(), &with("/containers/0/args", json!(["-y", "-x"]))).as_deref(),
        Some("containers[node].args[0]")
    );
    assert_eq!(
        find(
            &set(),
            &with("/containers/0/args", json!(["-x", "-y", "-z"]))
        )
        .as_deref(),
        Some("containers[node].args")
    );
}

#[test]
fn the_path_names_the_field_that_differs() {
    for (pointer, value, path) in [
        ("/replicas", json!(5), "replicas"),
        ("/containers", json!([]), "containers[node]"),
        ("/containers", json!(null), "containers"),
        ("/containers/0/image", json!("b"), "containers[node].image"),
        (
            "/containers/0/env/0/value",
            json!("/"),
            "containers[node].env[HOME].value",
        ),
        (
            "/containers/0/ports/0/containerPort",
            json!(1),
            "containers[node].ports[rpc].containerPort",
        ),
        (
            "/containers/0/volumeMounts/0/name",
            json!("x"),
            "containers[node].volumeMounts[/data].name",
        ),
        (
            "/containers/0/securityContext/capabilities/drop",
            json!(["ALL", "KILL"]),
            "containers[node].securityContext.capabilities.drop",
        ),
    ] {
        assert_eq!(find(&set(), &with(pointer, value)).as_deref(), Some(path));
    }
}

#[test]
fn a_field_of_another_type_differs() {
    assert_eq!(
        find(&set(), &with("/replicas", json!("3"))).as_deref(),
        Some("replicas")
    );
    assert_eq!(
        find(&set(), &with("/containers", json!({"name": "node"}))).as_deref(),
        Some("containers")
    );
    assert_eq!(find(&set(), &json!(null)).as_deref(), Some(""));
}

/// A server adds defaults to items of other lists as well, and leaves out what is empty.
#[test]
fn what_a_server_makes_of_an_item_is_no_difference() {
    let desired = json!({"tolerations": [{"key": "a", "effect": ""}], "affinity": {}, "claims": [{"spec": {"size": "1Gi"}}]});
    let live = json!({"tolerations": [{"key": "a"}], "claims": [{"spec": {"size": "1Gi", "volumeMode": "Filesystem"}, "status": {}}]});
    assert_eq!(find(&desired, &live), None);
    let other = json!({"tolerations": [{"key": "b"}], "claims": [{"spec": {"size": "1Gi"}}]});
    assert_eq!(
        find(&desired, &other).as_deref(),
        Some("tolerations[0].key")
    );
    let more =
        json!({"tolerations": [{"key": "a"}, {"key": "b"}], "claims": [{"spec": {"size": "1Gi"}}]});
    assert_eq!(find(&desired, &more).as_deref(), Some("tolerations"));
}
