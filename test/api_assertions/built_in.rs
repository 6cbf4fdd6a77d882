//! What the server knows of the kinds our controller writes: Service, StatefulSet, Secret.

use serde_json::{Value, json};

use super::Api;
use super::api::{stateful_set, text};

fn service(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec})
}

#[tokio::test]
async fn a_service_gets_an_address_and_defaults() {
    let api = Api::start().await;
    let made = api
        .post("services", service("a", json!({"ports": [{"port": 80}]})))
        .await
        .created();
    let address = text(&made["spec"]["clusterIP"]);
    assert!(address.parse::<std::net::Ipv4Addr>().is_ok(), "{address}");
    assert_eq!(
        made["spec"],
        json!({
            "type": "ClusterIP", "clusterIP": address, "clusterIPs": [address],
            "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
            "internalTrafficPolicy": "Cluster", "sessionAffinity": "None",
            "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
        })
    );
    assert_eq!(made["status"], json!({"loadBalancer": {}}));
}

#[tokio::test]
async fn a_headless_service_has_no_address() {
    let api = Api::start().await;
    let spec = json!({
        "clusterIP": "None", "publishNotReadyAddresses": true, "selector": {"app": "a"},
        "ipFamilyPolicy": "PreferDualStack",
        "ports": [{"name": "rpc", "port": 1, "targetPort": "rpc"}, {"name": "p2p", "port": 2}],
    });
    let made = api
        .apply("services/a", "me", service("a", spec))
        .await
        .created();
    assert_eq!(
        made["spec"],
        json!({
            "type": "ClusterIP", "clusterIP": "None", "clusterIPs": ["None"],
            "ipFamilies": ["IPv4"], "ipFamilyPolicy": "PreferDualStack",
            "internalTrafficPolicy": "Cluster", "sessionAffinity": "None",
            "publishNotReadyAddresses": true, "selector": {"app": "a"},
            "ports": [
                {"name": "rpc", "port": 1, "protocol": "TCP", "targetPort": "rpc"},
                {"name": "p2p", "port": 2, "protocol": "TCP", "targetPort": 2},
            ],
        })
    );
}

#[tokio::test]
async fn an_address_is_for_ever() {
    let api = Api::start().await;
    let spec = json!({"ports": [{"port": 80}]});
    let made = api
        .post("services", service("a", spec.clone()))
        .await
        .created();
    let put = api.put("services/a", service("a", spec)).await.ok();
    assert_eq!(
        put["spec"]["clusterIP"], made["spec"]["clusterIP"],
        "who does not mention it keeps it"
    );
    let other = json!({"spec": {"clusterIP": "None", "clusterIPs": ["None"]}});
    let status = api.merge("services/a", other).await.refused(422, "Invalid");
    let cause = &status["details"]["causes"][0];
    assert_eq!(cause["field"], "spec.clusterIPs[0]");
    assert_eq!(
        cause["message"],
        "Invalid value: [\"None\"]: may not change once set"
    );
}

#[tokio::test]
async fn ports_of_a_service_differ() {
    let api = Api::start().await;
    for (ports, cause) in [
        (
            json!([]),
            json!({"reason": "FieldValueRequired", "field": "spec.ports", "message": "Required value"}),
        ),
        (
            json!([{"name": "a", "port": 1}, {"name": "a", "port": 2}]),
            json!({"reason": "FieldValueDuplicate", "field": "spec.ports[1].name", "message": "Duplicate value: \"a\""}),
        ),
        (
            json!([{"port": 1}, {"name": "b", "port": 2}]),
            json!({"reason": "FieldValueRequired", "field": "spec.ports[0].name", "message": "Required value"}),
        ),
        (
            json!([{"name": "a", "port": 1}, {"name": "b", "port": 1}]),
            json!({"reason": "FieldValueDuplicate", "field": "spec.ports[1]", "message": "Duplicate value: {\"Name\":\"\",\"Protocol\":\"TCP\",\"AppProtocol\":null,\"Port\":1,\"TargetPort\":0,\"NodePort\":0}"}),
        ),
    ] {
        let reply = api
            .post("services", service("a", json!({"ports": ports})))
            .await;
        assert_eq!(
            reply.refused(422, "Invalid")["details"]["causes"],
            json!([cause]),
            "{ports}"
        );
    }
}

#[tokio::test]
async fn a_stateful_set_is_filled_in() {
    let api = Api::start().await;
    let main = json!([{
        "name": "main", "image": "i", "ports": [{"containerPort": 1}],
        "env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "readinessProbe": {"httpGet": {"path": "/", "port": 1}},
    }]);
    let mut wanted = stateful_set("a", main);
    wanted["spec"]["template"]["spec"]["volumes"] = json!([{"name": "data", "emptyDir": {}}]);
    let made = api.post("statefulsets", wanted).await.created();
    assert_eq!(made["metadata"]["generation"], 1);
    let container = json!({
        "name": "main", "image": "i", "imagePullPolicy": "Always", "resources": {},
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        "ports": [{"containerPort": 1, "protocol": "TCP"}],
        "env": [{"name": "IP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}}],
        "readinessProbe": {
            "httpGet": {"path": "/", "port": 1, "scheme": "HTTP"},
            "periodSeconds": 10, "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3,
        },
    });
    assert_eq!(
        made["spec"],
        json!({
            "replicas": 0, "serviceName": "a", "selector": {"matchLabels": {"app": "a"}},
            "podManagementPolicy": "OrderedReady", "revisionHistoryLimit": 10,
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "template": {
                "metadata": {"labels": {"app": "a"}},
                "spec": {
                    "containers": [container], "volumes": [{"name": "data", "emptyDir": {}}],
                    "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "securityContext": {},
                    "schedulerName": "default-scheduler", "terminationGracePeriodSeconds": 30,
                },
            },
        })
    );
}

#[tokio::test]
async fn of_a_stateful_set_some_fields_are_for_ever() {
    let api = Api::start().await;
    let main = json!([{"name": "main", "image": "i:1"}]);
    api.post("statefulsets", stateful_set("a", main))
        .await
        .created();
    let image =
        json!({"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "i:2"}]}}}});
    let changed = api.strategic("statefulsets/a", image).await.ok();
    assert_eq!(changed["metadata"]["generation"], 2);
    for patch in [
        json!({"spec": {"serviceName": "b"}}),
        json!({"spec": {"podManagementPolicy": "Parallel"}}),
    ] {
        let status = api
            .strategic("statefulsets/a", patch)
            .await
            .refused(422, "Invalid");
        assert_eq!(
            status["message"],
            "StatefulSet.apps \"a\" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
        );
        assert_eq!(
            status["details"]["causes"][0]["reason"],
            "FieldValueForbidden"
        );
    }
}

#[tokio::test]
async fn a_stateful_set_selects_its_own_pods() {
    let api = Api::start().await;
    let mut wanted = stateful_set("a", json!([{"name": "main", "image": "i:1"}]));
    wanted["spec"]["template"]["metadata"]["labels"] = json!({"app": "b"});
    let status = api
        .post("statefulsets", wanted)
        .await
        .refused(422, "Invalid");
    let cause = &status["details"]["causes"][0];
    assert_eq!(cause["field"], "spec.template.metadata.labels");
    assert_eq!(
        cause["message"],
        "Invalid value: {\"app\":\"b\"}: `selector` does not match template `labels`"
    );
}

#[tokio::test]
async fn a_stateful_set_can_be_scaled() {
    let api = Api::start().await;
    api.post(
        "statefulsets",
        stateful_set("a", json!([{"name": "main", "image": "i:1"}])),
    )
    .await
    .created();
    let scale = api.get("statefulsets/a/scale").await.ok();
    assert_eq!(
        (&scale["kind"], &scale["apiVersion"]),
        (&json!("Scale"), &json!("autoscaling/v1"))
    );
    assert_eq!(scale["spec"], json!({}), "none is said by nothing");
    assert_eq!(scale["status"], json!({"replicas": 0, "selector": "app=a"}));
    let negative = api
        .merge("statefulsets/a/scale", json!({"spec": {"replicas": -1}}))
        .await;
    let status = negative.refused(422, "Invalid");
    assert_eq!(
        status["message"],
        "Scale.autoscaling \"a\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0"
    );
}

#[tokio::test]
async fn a_secret_keeps_text_as_bytes() {
    let api = Api::start().await;
    let wanted = json!({
        "metadata": {"name": "a"}, "data": {"k": "djE=", "l": "djI="}, "stringData": {"k": "text", "empty": ""},
    });
    let made = api.post("secrets", wanted).await.created();
    assert_eq!(made["type"], "Opaque");
    assert_eq!(
        made["data"],
        json!({"k": "dGV4dA==", "l": "djI=", "empty": ""}),
        "the text wins"
    );
    assert_eq!(made["stringData"], Value::Null);
    let patched = api
        .merge("secrets/a", json!({"stringData": {"k": "more"}}))
        .await
        .ok();
    assert_eq!(patched["data"]["k"], "bW9yZQ==");
    let status = api
        .merge("secrets/a", json!({"type": "example.com/other"}))
        .await
        .refused(422, "Invalid");
    assert_eq!(
        status["message"],
        "Secret \"a\" is invalid: type: Invalid value: \"example.com/other\": field is immutable"
    );
}

#[tokio::test]
async fn a_secret_that_is_not_base64_is_refused() {
    let api = Api::start().await;
    let wrong = json!({"metadata": {"name": "a"}, "data": {"k": "not base64!"}});
    let status = api.post("secrets", wrong).await.refused(400, "BadRequest");
    let message = status["message"].as_str().unwrap();
    assert!(message.contains("illegal base64 data"), "{message}");
}

#[tokio::test]
async fn what_is_immutable_stays() {
    let api = Api::start().await;
    api.post(
        "secrets",
        json!({"metadata": {"name": "a"}, "immutable": true, "stringData": {"k": "1"}}),
    )
    .await
    .created();
    let status = api
        .merge("secrets/a", json!({"stringData": {"k": "2"}}))
        .await
        .refused(422, "Invalid");
    assert_eq!(
        status["message"],
        "Secret \"a\" is invalid: data: Forbidden: field is immutable when `immutable` is set"
    );
    api.merge("secrets/a", json!({"metadata": {"labels": {"k": "v"}}}))
        .await
        .ok();
}

#[tokio::test]
async fn a_toleration_with_an_operator_that_there_is_not_is_refused_by_its_place() {
    let api = Api::start().await;
    let mut wrong = stateful_set("a", json!([{"name": "c", "image": "i:1"}]));
    wrong["spec"]["template"]["spec"]["tolerations"] =
        json!([{"operator": "Exists"}, {"key": "a", "operator": "Wrong"}]);
    let status = api
        .post("statefulsets", wrong)
        .await
        .refused(422, "Invalid");
    let cause = &status["details"]["causes"][0];
    assert_eq!(cause["field"], "spec.template.spec.tolerations[1].operator");
    let message = "Unsupported value: \"Wrong\": supported values: \"Equal\", \"Exists\"";
    assert_eq!(cause["message"], message);
}

#[tokio::test]
async fn a_claim_is_guarded_waits_and_is_for_ever() {
    let api = Api::start().await;
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "a"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "storageClassName": "none-such", "resources": {"requests": {"storage": "1Gi"}},
    }});
    let made = api.post("persistentvolumeclaims", claim).await.created();
    assert_eq!(made["spec"]["volumeMode"], "Filesystem");
    assert_eq!(made["status"], json!({"phase": "Pending"}));
    assert_eq!(
        made["metadata"]["finalizers"],
        json!(["kubernetes.io/pvc-protection"])
    );
    let other = json!({"spec": {"storageClassName": "another"}});
    let status = api
        .merge("persistentvolumeclaims/a", other)
        .await
        .refused(422, "Invalid");
    let cause = &status["details"]["causes"][0];
    assert_eq!(cause["reason"], "FieldValueForbidden");
    assert_eq!(cause["field"], "spec");
}

#[tokio::test]
async fn claim_templates_are_filled_in_and_for_ever() {
    let api = Api::start().await;
    let mut set = stateful_set("a", json!([{"name": "c", "image": "i:1"}]));
    set["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "data"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
    }}]);
    let made = api.post("statefulsets", set.clone()).await.created();
    let template = &made["spec"]["volumeClaimTemplates"][0];
    assert_eq!(
        (
            &template["apiVersion"],
            &template["kind"],
            &template["status"]
        ),
        (
            &json!("v1"),
            &json!("PersistentVolumeClaim"),
            &json!({"phase": "Pending"})
        )
    );
    assert_eq!(template["spec"]["volumeMode"], "Filesystem");
    let larger = json!({"spec": {"volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}},
    }}]}});
    let status = api
        .merge("statefulsets/a", larger)
        .await
        .refused(422, "Invalid");
    assert_eq!(status["details"]["causes"][0]["field"], "spec");
}
