//! Goal: what a reader applies by hand agrees with the code, and the variants with one another.

use std::time::Duration;

use bitcoin_controller::api::network::GROUP;
use bitcoin_controller::base::yaml;
use bitcoin_controller::controller::nodes::ROUND_DEADLINE;
use bitcoin_controller::controller::reconciler::PASS_DEADLINE;
use bitcoin_controller::controller::workers::DRAIN_DEADLINE;
use bitcoin_controller::leader::elector::RELEASE_DEADLINE;
use bitcoin_controller::run::{COMPONENT, FLUSH_DEADLINE};
use serde_json::Value;

fn objects(text: &str) -> Vec<Value> {
    yaml::all_from_str(text).unwrap()
}

fn rbac() -> Vec<Value> {
    objects(include_str!("../../../manifests/rbac.yaml"))
}

fn controller() -> Value {
    let objects = objects(include_str!("../../../manifests/controller.yaml"));
    one(&objects, "Deployment").clone()
}

fn one<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let mut found = objects.iter().filter(|object| object["kind"] == kind);
    let object = found.next().unwrap();
    assert!(found.next().is_none(), "more than one {kind}");
    object
}

#[test]
fn one_namespace_is_granted_the_same_as_all() {
    let namespaced = objects(include_str!("../../../manifests/rbac-namespaced.yaml"));
    assert_eq!(
        one(&namespaced, "Role")["rules"],
        one(&rbac(), "ClusterRole")["rules"]
    );
    for kind in ["Namespace", "ServiceAccount"] {
        assert_eq!(one(&namespaced, kind), one(&rbac(), kind));
    }
}

#[test]
fn no_rule_grants_everything_or_what_is_never_asked() {
    for rule in one(&rbac(), "ClusterRole")["rules"].as_array().unwrap() {
        let text = rule.to_string();
        assert!(!text.contains('*'), "{text}");
        assert!(!text.contains("deletecollection"), "{text}");
        assert!(!text.contains("portforward"), "{text}");
        if rule["resources"] == serde_json::json!(["secrets"]) {
            assert_eq!(rule["verbs"], serde_json::json!(["get", "create", "patch"]));
        }
    }
}

#[test]
fn names_are_those_of_the_first_controller() {
    let rbac = rbac();
    let name = |kind| one(&rbac, kind)["metadata"]["name"].clone();
    assert_eq!(name("Namespace"), "bitcoin-controller");
    assert_eq!(name("ServiceAccount"), "bitcoin-controller-sva");
    assert_eq!(name("ClusterRole"), "bitcoin-controller-role");
    assert_eq!(
        name("ClusterRoleBinding"),
        "bitcoin-controller-role-binding"
    );
    let deployment = controller();
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["serviceAccountName"], "bitcoin-controller-sva");
    assert_eq!(pod["containers"][0]["name"], "bitcoin-controller-ctr");
}

#[test]
fn the_example_names_the_secret_that_comes_with_it() {
    let secret = &objects(include_str!("../../../manifests/secret.yaml"))[0];
    let network = &objects(include_str!("../../../manifests/testNetwork.yaml"))[0];
    assert_eq!(network["spec"]["secret"], secret["metadata"]["name"]);
    assert_eq!(network["apiVersion"], format!("{GROUP}/v1"));
    assert_eq!(secret["stringData"]["BC_RPC_USER"], "bc-user");
    assert_eq!(secret["stringData"]["BC_RPC_PASSWORD"], "bc-password");
}

#[test]
fn there_is_one_writer_where_no_leader_is_elected() {
    let deployment = controller();
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    assert!(!container["args"].to_string().contains("--leader-elect"));
    assert_eq!(deployment["spec"]["replicas"], 1);
    assert_eq!(deployment["spec"]["strategy"]["type"], "Recreate");
}

#[test]
fn the_right_to_lead_is_for_the_lease_that_is_fought_for_and_in_the_controllers_namespace() {
    let election = objects(include_str!("../../../manifests/rbac-leader-election.yaml"));
    let (role, binding) = (one(&election, "Role"), one(&election, "RoleBinding"));
    let deployment = controller();
    for object in [role, binding] {
        let namespace = &object["metadata"]["namespace"];
        assert_eq!(*namespace, deployment["metadata"]["namespace"]);
    }
    assert_eq!(binding["roleRef"]["name"], role["metadata"]["name"]);
    assert_eq!(
        binding["subjects"],
        one(&rbac(), "ClusterRoleBinding")["subjects"]
    );
    let names: Vec<&Value> = role["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| &rule["resourceNames"])
        .filter(|names| !names.is_null())
        .collect();
    assert_eq!(names, [&serde_json::json!([COMPONENT])]);
}

#[test]
fn the_kubelet_asks_where_the_controller_listens() {
    let deployment = controller();
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let port = &container["ports"][0];
    assert_eq!(port["name"], "http");
    let listen = format!("--listen=:{}", port["containerPort"]);
    let arguments = container["args"].as_array().unwrap();
    assert!(arguments.iter().any(|argument| *argument == listen));
    for (probe, path) in [
        ("startupProbe", "/healthz"),
        ("livenessProbe", "/healthz"),
        ("readinessProbe", "/readyz"),
    ] {
        let asked = serde_json::json!({"path": path, "port": "http"});
        assert_eq!(container[probe]["httpGet"], asked, "{probe}");
    }
}

/// A round of questions ends within its pass, a pass within the drain; the drain, the last events and the
/// release of the lease within the pod's grace period.
#[test]
fn deadlines_nest() {
    let seconds = controller()["spec"]["template"]["spec"]["terminationGracePeriodSeconds"].clone();
    let grace = Duration::from_secs(seconds.as_u64().unwrap());
    assert!(ROUND_DEADLINE < PASS_DEADLINE);
    assert!(PASS_DEADLINE < DRAIN_DEADLINE);
    assert!(DRAIN_DEADLINE + FLUSH_DEADLINE + RELEASE_DEADLINE < grace);
}
