//! Who may do what: users with the cluster's usual roles, and a controller with rights in one namespace.

use serde_json::json;

use crate::cluster::network::Network;
use crate::cluster::z_audit::requests;
use crate::controller::{Confined, install};
use crate::harness::{Namespace, eventually, has_the_machine, manifest};

#[tokio::test]
async fn who_may_edit_a_namespace_may_make_networks_and_who_may_view_it_may_look() {
    install();
    let namespace = Namespace::create("users");
    for (user, role) in [("edna", "edit"), ("vera", "view")] {
        let (role, user_flag) = (format!("--clusterrole={role}"), format!("--user={user}"));
        namespace.kubectl(&["create", "rolebinding", user, &role, &user_flag]);
    }
    let may = |user: &str, verb: &str, subresource: &str| {
        let flags = [
            format!("--as={user}"),
            format!("--subresource={subresource}"),
        ];
        // `can-i` ends badly when the answer is no.
        let question = ["auth", "can-i", verb, "btcnet", &flags[0], &flags[1]];
        namespace.try_kubectl(&question).is_ok()
    };
    eventually("the roles are part of edit and view", || async {
        match may("edna", "create", "") && may("vera", "get", "") {
            true => Ok(()),
            false => Err("not yet".to_owned()),
        }
    })
    .await;
    for (verb, subresource, editor, viewer) in [
        ("create", "", true, false),
        ("delete", "", true, false),
        ("patch", "scale", true, false),
        ("watch", "", true, true),
        ("get", "status", true, true),
        // What has been seen is the controller's to say.
        ("patch", "status", false, false),
    ] {
        let found = (
            may("edna", verb, subresource),
            may("vera", verb, subresource),
        );
        assert_eq!(found, (editor, viewer), "{verb} {subresource}");
    }

    for name in ["secret.yaml", "testNetwork.yaml"] {
        namespace.kubectl(&["apply", "--as=edna", "--filename", &manifest(name)]);
    }
    let network = Network::existing(&namespace, "my-network");
    network.until_ready(3).await;
    let scale = |user: &str| {
        let scale = ["scale", "btcnet", "my-network", "--replicas=1", user];
        namespace.try_kubectl(&scale)
    };
    for refused in [
        scale("--as=vera"),
        namespace.try_kubectl(&["delete", "btcnet", "my-network", "--as=vera"]),
    ] {
        let error = refused.unwrap_err();
        assert!(error.contains("Forbidden"), "{error}");
    }
    let table = namespace.kubectl(&["get", "btcnet", "--as=vera"]);
    assert!(table.contains("my-network"), "{table}");
    scale("--as=edna").unwrap();
    network.until_ready(1).await;
}

#[tokio::test]
async fn a_controller_with_rights_in_one_namespace_leaves_the_others_alone() {
    let what = "a_controller_with_rights_in_one_namespace_leaves_the_others_alone";
    if !has_the_machine(what) {
        return;
    }
    install();
    let (own, other) = (Namespace::create("confined"), Namespace::create("beyond"));
    let controller = Confined::start(&own).await;
    let before = requests().unwrap().len();
    let beyond = Network::create(&other, "alpha", json!({"nodes": 1}));
    let network = Network::create(&own, "alpha", json!({"nodes": 2}));
    network.until_ready(2).await;
    network.until_meshed(2).await;
    network.ask(json!({"nodes": 3}));
    network.until_ready(3).await;

    let found = other.get("btcnet", "alpha").unwrap();
    assert!(found["status"].is_null(), "{found}");
    assert!(other.get("statefulset", "alpha-sts").is_err());
    let requests = requests().unwrap();
    assert!(requests.len() > before, "it must be seen at work");
    for request in &requests[before..] {
        let namespace = &request["objectRef"]["namespace"];
        let is_own = namespace == "confined" || request["objectRef"].is_null();
        assert!(is_own, "it may not even ask about others: {request}");
    }

    // It was only left alone: a controller for all namespaces takes it up.
    drop(controller);
    install();
    beyond.until_ready(1).await;
    network.until_ready(3).await;
}
