//! Pods as the API server sees them: what may change, and how long they take to go.

use serde_json::{Value, json};

use super::Api;
use super::api::text;

fn pod(name: &str, node: &str) -> Value {
    let mut pod = json!({
        "metadata": {"name": name, "labels": {"app": "a"}},
        "spec": {
            "automountServiceAccountToken": false,
            "terminationGracePeriodSeconds": 40,
            "containers": [{"name": "main", "image": "i:1"}],
        },
    });
    if !node.is_empty() {
        pod["spec"]["nodeName"] = node.into();
    }
    pod
}

async fn start() -> Api {
    Api::start().await.with_account().await
}

#[tokio::test]
async fn a_pod_begins_pending() {
    let api = start().await;
    let made = api.post("pods", pod("a", "")).await.created();
    assert_eq!(made["status"]["phase"], "Pending");
    assert_eq!(made["metadata"]["generation"], 1);
    let spec = &made["spec"];
    assert_eq!(spec["restartPolicy"], "Always");
    assert_eq!(spec["dnsPolicy"], "ClusterFirst");
    assert_eq!(spec["schedulerName"], "default-scheduler");
    assert_eq!(spec["securityContext"], json!({}));
    let main = &spec["containers"][0];
    assert_eq!(main["imagePullPolicy"], "IfNotPresent");
    assert_eq!(main["resources"], json!({}));
    assert_eq!(main["terminationMessagePath"], "/dev/termination-log");
    assert_eq!(main["terminationMessagePolicy"], "File");
}

#[tokio::test]
async fn a_pod_on_no_node_goes_at_once() {
    let api = start().await;
    api.post("pods", pod("a", "")).await.created();
    api.delete("pods/a", Value::Null).await.ok();
    api.get("pods/a").await.refused(404, "NotFound");
}

#[tokio::test]
async fn a_pod_on_a_node_has_time_to_end() {
    let api = start().await;
    api.post("pods", pod("a", "node-of-nobody")).await.created();
    let going = api.delete("pods/a", Value::Null).await.ok();
    assert_eq!(going["kind"], "Pod");
    assert_eq!(going["metadata"]["deletionGracePeriodSeconds"], 40);
    assert!(!text(&going["metadata"]["deletionTimestamp"]).is_empty());
    assert_eq!(
        api.get("pods/a").await.ok()["metadata"]["uid"],
        going["metadata"]["uid"]
    );

    let longer = api
        .delete("pods/a", json!({"gracePeriodSeconds": 60}))
        .await
        .ok();
    assert_eq!(
        longer["metadata"]["deletionGracePeriodSeconds"], 40,
        "time is only taken away"
    );
    let shorter = api
        .delete("pods/a", json!({"gracePeriodSeconds": 20}))
        .await
        .ok();
    assert_eq!(shorter["metadata"]["deletionGracePeriodSeconds"], 20);
    api.delete("pods/a", json!({"gracePeriodSeconds": 0}))
        .await
        .ok();
    api.get("pods/a").await.refused(404, "NotFound");
}

#[tokio::test]
async fn a_pods_fields_select() {
    let api = start().await;
    api.post("pods", pod("a", "")).await.created();
    api.post("pods", pod("b", "node-of-nobody")).await.created();
    for (selector, expected) in [
        ("spec.nodeName%3Dnode-of-nobody", vec!["b"]),
        ("spec.nodeName%3D", vec!["a"]),
        ("status.phase%3DPending", vec!["a", "b"]),
        ("status.phase!%3DPending", vec![]),
    ] {
        let list = api
            .get(&format!("pods?fieldSelector={selector}"))
            .await
            .ok();
        let items = list["items"].as_array().unwrap();
        let names: Vec<&Value> = items.iter().map(|item| &item["metadata"]["name"]).collect();
        assert_eq!(names, expected, "{selector}");
    }
}

#[tokio::test]
async fn of_a_pods_spec_little_can_change() {
    let api = start().await;
    api.post("pods", pod("a", "")).await.created();
    let image = json!({"spec": {"containers": [{"name": "main", "image": "i:2"}]}});
    let changed = api.strategic("pods/a", image).await.ok();
    assert_eq!(changed["spec"]["containers"][0]["image"], "i:2");
    let args = json!({"spec": {"containers": [{"name": "main", "args": ["-x"]}]}});
    let status = api.strategic("pods/a", args).await.refused(422, "Invalid");
    let cause = &status["details"]["causes"][0];
    assert_eq!(
        (&cause["reason"], &cause["field"]),
        (&json!("FieldValueForbidden"), &json!("spec"))
    );
    let message = text(&cause["message"]);
    assert!(
        message.starts_with("Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"),
        "{message}"
    );
}

#[tokio::test]
async fn a_pod_has_containers() {
    let api = start().await;
    let mut bare = pod("a", "");
    bare["spec"]["containers"] = json!([]);
    let status = api.post("pods", bare).await.refused(422, "Invalid");
    assert_eq!(
        status["message"],
        "Pod \"a\" is invalid: spec.containers: Required value"
    );
}
