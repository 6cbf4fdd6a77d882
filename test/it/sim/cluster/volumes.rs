//! Mirrors `src/sim/cluster/{claims,volumes}.rs`.

use serde_json::{Value, json};

use super::{SETS, Site};

const CLAIMS: &str = "persistentvolumeclaims";

/// A set of one pod at a time with a claim for each.
fn with_claims(replicas: u64, policy: &str, class: Value) -> Value {
    let mut claim = json!({"metadata": {"name": "data", "labels": {"of": "web"}}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
    }});
    if !class.is_null() {
        claim["spec"]["storageClassName"] = class;
    }
    json!({
        "replicas": replicas,
        "podManagementPolicy": "Parallel",
        "volumeClaimTemplates": [claim],
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": policy, "whenScaled": "Retain"},
    })
}

/// What the pod's last container had its data on.
fn volume(site: &Site, pod: &str) -> String {
    site.containers.last_run(pod).container.volume
}

fn uid(object: &Value) -> String {
    object["metadata"]["uid"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn each_pod_gets_a_claim_that_is_bound_and_outlives_it() {
    let site = Site::new();
    site.create_set("web", with_claims(2, "Retain", Value::Null), json!({}));
    site.now().await;
    let claim = site.get(CLAIMS, "data-web-1");
    assert_eq!(claim["status"]["phase"], "Bound");
    assert_eq!(
        claim["metadata"]["labels"],
        json!({"app": "web", "of": "web"})
    );
    assert_eq!(claim["metadata"]["ownerReferences"], Value::Null);
    let mounted = &site.pod("web-1")["spec"]["volumes"];
    assert_eq!(
        *mounted,
        json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data-web-1"}}])
    );
    assert_eq!(volume(&site, "web-1"), uid(&claim));
    let before = uid(&site.pod("web-1"));
    site.delete("pods", "web-1");
    site.after(60).await;
    assert_ne!(uid(&site.pod("web-1")), before);
    assert_eq!(volume(&site, "web-1"), uid(&claim));
    site.assert_settled().await;
}

#[tokio::test(start_paused = true)]
async fn scaling_down_keeps_claims_for_later() {
    let site = Site::new();
    site.create_set("web", with_claims(2, "Delete", Value::Null), json!({}));
    site.now().await;
    let claim = uid(&site.get(CLAIMS, "data-web-1"));
    site.scale("web", 1);
    site.after(60).await;
    assert_eq!(site.pods(), ["web-0"]);
    assert!(site.containers.has_volume(&claim));
    site.scale("web", 2);
    site.after(60).await;
    assert_eq!(volume(&site, "web-1"), claim);
    site.assert_settled().await;
}

#[tokio::test(start_paused = true)]
async fn claims_go_with_their_set_if_they_are_to_and_not_before_the_pods() {
    let site = Site::new();
    site.create_set("web", with_claims(1, "Delete", Value::Null), json!({}));
    site.now().await;
    let claim = uid(&site.get(CLAIMS, "data-web-0"));
    site.containers.behave("web-0", |it| it.is_deaf = true);
    site.delete(SETS, "web");
    site.after(1).await;
    let going = site.get(CLAIMS, "data-web-0");
    assert!(!going["metadata"]["deletionTimestamp"].is_null());
    assert!(
        site.containers.has_volume(&claim),
        "a container still runs on it"
    );
    site.after(60).await;
    assert_eq!(site.get(CLAIMS, "data-web-0"), Value::Null);
    assert!(!site.containers.has_volume(&claim));
    site.assert_settled().await;
}

#[tokio::test(start_paused = true)]
async fn claims_that_are_to_stay_are_mounted_by_the_next_set_of_that_name() {
    let site = Site::new();
    site.create_set("web", with_claims(1, "Retain", Value::Null), json!({}));
    site.now().await;
    let claim = uid(&site.get(CLAIMS, "data-web-0"));
    site.delete(SETS, "web");
    site.after(60).await;
    assert_eq!(site.pods(), [""; 0]);
    site.create_set("web", with_claims(1, "Retain", Value::Null), json!({}));
    site.now().await;
    assert_eq!(volume(&site, "web-0"), claim);
    site.assert_settled().await;
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_changes_counts_for_claims_that_are_there() {
    let site = Site::new();
    site.create_set("web", with_claims(1, "Retain", Value::Null), json!({}));
    site.now().await;
    let policy = |policy: &str| {
        site.update(SETS, "web", |set| {
            set["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] = policy.into();
        });
    };
    policy("Delete");
    site.now().await;
    let owners = site.get(CLAIMS, "data-web-0")["metadata"]["ownerReferences"].clone();
    assert_eq!(owners[0]["uid"], site.get(SETS, "web")["metadata"]["uid"]);
    policy("Retain");
    site.now().await;
    let owners = &site.get(CLAIMS, "data-web-0")["metadata"]["ownerReferences"];
    assert!(owners.as_array().is_none_or(Vec::is_empty));
    site.assert_settled().await;
}

#[tokio::test(start_paused = true)]
async fn a_class_that_there_is_not_keeps_a_pod_waiting_and_it_says_so() {
    let site = Site::new();
    site.create_set(
        "web",
        with_claims(1, "Retain", json!("none-such")),
        json!({}),
    );
    site.after(60).await;
    let conditions = site.pod("web-0")["status"]["conditions"].clone();
    assert_eq!(conditions[0]["reason"], "Unschedulable");
    let message = conditions[0]["message"].as_str().unwrap();
    assert!(
        message.contains("unbound immediate PersistentVolumeClaims"),
        "{message}"
    );
    assert_eq!(site.get(CLAIMS, "data-web-0")["status"]["phase"], "Pending");
    site.assert_settled().await;
}
