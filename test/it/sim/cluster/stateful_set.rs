//! Mirrors `src/sim/cluster/stateful_set.rs`.

use bitcoin_controller::sim::request::Propagation;
use serde_json::{Value, json};

use super::{SETS, Site};

const PARALLEL: &str = "Parallel";

/// The path at which a sick container does not answer well.
const SICK: [&str; 1] = ["/"];

#[tokio::test(start_paused = true)]
async fn a_parallel_set_comes_up_at_once_though_no_pod_is_ready() {
    let site = Site::new();
    for pod in ["web-0", "web-1", "web-2"] {
        site.containers.behave(pod, |it| it.sick = SICK.into());
    }
    let set = json!({"replicas": 3, "podManagementPolicy": PARALLEL});
    site.create_set("web", set, readiness());
    site.now().await;
    assert_eq!(site.pods(), ["web-0", "web-1", "web-2"]);
    let status = &site.get(SETS, "web")["status"];
    assert_eq!(
        (&status["replicas"], &status["readyReplicas"]),
        (&3.into(), &0.into())
    );
    assert_eq!(status["observedGeneration"], 1);
    for pod in ["web-0", "web-1", "web-2"] {
        site.containers.behave(pod, |it| it.sick.clear());
    }
    site.after(10).await;
    assert_eq!(site.get(SETS, "web")["status"]["readyReplicas"], 3);
    assert_eq!(site.events("SuccessfulCreate").len(), 3);
    site.assert_settled().await;
}

#[tokio::test(start_paused = true)]
async fn an_ordered_set_comes_up_one_by_one() {
    let site = Site::new();
    site.containers.behave("web-1", |it| it.sick = SICK.into());
    site.create_set("web", json!({"replicas": 3}), readiness());
    site.after(60).await;
    assert_eq!(
        site.pods(),
        ["web-0", "web-1"],
        "the third waits for the second"
    );
    site.containers.behave("web-1", |it| it.sick.clear());
    site.until("all are ready", |site| {
        site.get(SETS, "web")["status"]["readyReplicas"] == 3
    })
    .await;
    site.assert_settled().await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_knows_its_number_its_set_and_its_revision() {
    let site = Site::new();
    let set = json!({"replicas": 2, "podManagementPolicy": PARALLEL});
    site.create_set("web", set, json!({}));
    site.now().await;
    let (set, pod) = (site.get(SETS, "web"), site.pod("web-1"));
    let labels = &pod["metadata"]["labels"];
    assert_eq!(labels["app"], "web");
    assert_eq!(labels["statefulset.kubernetes.io/pod-name"], "web-1");
    assert_eq!(labels["apps.kubernetes.io/pod-index"], "1");
    assert_eq!(
        labels["controller-revision-hash"],
        set["status"]["updateRevision"]
    );
    assert_eq!(pod["spec"]["hostname"], "web-1");
    assert_eq!(pod["spec"]["subdomain"], "web-svc");
    let owner = &pod["metadata"]["ownerReferences"][0];
    assert_eq!(owner["uid"], set["metadata"]["uid"]);
    assert_eq!(
        (&owner["controller"], &owner["blockOwnerDeletion"]),
        (&true.into(), &true.into())
    );
}

#[tokio::test(start_paused = true)]
async fn scaling_keeps_the_pods_that_stay() {
    let site = Site::new();
    let set = json!({"replicas": 3, "podManagementPolicy": PARALLEL});
    site.create_set("web", set, json!({}));
    site.now().await;
    let before = [site.uid("pods", "web-0"), site.uid("pods", "web-1")];
    site.scale("web", 5);
    site.now().await;
    assert_eq!(site.pods().len(), 5);
    site.scale("web", 2);
    site.now().await;
    assert_eq!(site.pods(), ["web-0", "web-1"]);
    let after = [site.uid("pods", "web-0"), site.uid("pods", "web-1")];
    assert_eq!(before, after);
    site.assert_settled().await;
}

#[tokio::test(start_paused = true)]
async fn an_ordered_set_scales_down_highest_first_one_at_a_time() {
    let site = Site::new();
    site.create_set("web", json!({"replicas": 4}), json!({}));
    site.until("all are there", |site| site.pods().len() == 4)
        .await;
    for pod in ["web-2", "web-3"] {
        site.containers
            .behave(pod, |it| it.ends_after = std::time::Duration::from_secs(5));
    }
    site.scale("web", 2);
    site.after(1).await;
    assert_eq!(site.pods(), ["web-0", "web-1", "web-2", "-web-3"]);
    site.after(5).await;
    assert_eq!(site.pods(), ["web-0", "web-1", "-web-2"]);
    site.after(5).await;
    assert_eq!(site.pods(), ["web-0", "web-1"]);
}

#[tokio::test(start_paused = true)]
async fn an_ordered_set_does_not_scale_down_while_a_pod_that_stays_is_not_ready() {
    let site = Site::new();
    site.create_set("web", json!({"replicas": 3}), readiness());
    site.until("all are there", |site| site.is_ready("web-2"))
        .await;
    site.containers.behave("web-0", |it| it.sick = SICK.into());
    site.until("one is not ready", |site| !site.is_ready("web-0"))
        .await;
    site.scale("web", 2);
    site.after(60).await;
    assert_eq!(site.pods(), ["web-0", "web-1", "web-2"]);
    site.containers.behave("web-0", |it| it.sick.clear());
    site.until("it is ready again", |site| site.is_ready("web-0"))
        .await;
    site.now().await;
    assert_eq!(site.pods(), ["web-0", "web-1"]);
}

#[tokio::test(start_paused = true)]
async fn no_pod_is_made_while_its_namesake_still_ends() {
    let site = Site::new();
    site.containers.behave("web-0", |it| it.is_deaf = true);
    site.create_set("web", json!({"replicas": 1}), json!({}));
    site.now().await;
    let before = site.uid("pods", "web-0");
    site.delete("pods", "web-0");
    site.after(29).await;
    assert_eq!(site.pods(), ["-web-0"]);
    assert_eq!(site.get(SETS, "web")["status"]["readyReplicas"], 0);
    site.after(2).await;
    assert_eq!(site.pods(), ["web-0"]);
    assert_ne!(site.uid("pods", "web-0"), before);
}

/// As upstream, which keeps silent about names that are taken (`stateful_pod_control.go`).
#[tokio::test(start_paused = true)]
async fn a_foreign_pod_is_in_the_way_is_left_alone_and_nothing_is_told() {
    let site = Site::new();
    site.create_pod("web-1", json!({}));
    let before = site.uid("pods", "web-1");
    let set = json!({"replicas": 3, "podManagementPolicy": PARALLEL});
    site.create_set("web", set, json!({}));
    site.after(60).await;
    assert_eq!(site.pods(), ["web-0", "web-1", "web-2"]);
    assert_eq!(site.uid("pods", "web-1"), before);
    assert_eq!(site.get(SETS, "web")["status"]["replicas"], 2);
    assert_eq!(site.events("FailedCreate"), []);
    site.scale("web", 1);
    site.now().await;
    assert_eq!(site.pods(), ["web-0", "web-1"]);
    site.scale("web", 2);
    site.delete("pods", "web-1");
    site.until("the set has its own", |site| {
        site.get(SETS, "web")["status"]["readyReplicas"] == 2
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_pod_is_replaced() {
    let site = Site::new();
    let set = json!({"replicas": 2, "podManagementPolicy": PARALLEL});
    site.create_set("web", set, json!({}));
    site.now().await;
    let before = (site.uid("pods", "web-0"), site.uid("pods", "web-1"));
    let key = bitcoin_controller::sim::Key::of(&site.pod("web-1"));
    let evict = |pod: &mut Value| pod["status"]["phase"] = "Failed".into();
    site.store
        .update_status("pods", &key, "kubelet", evict)
        .unwrap();
    site.now().await;
    let after = (site.uid("pods", "web-0"), site.uid("pods", "web-1"));
    assert_eq!(before.0, after.0);
    assert_ne!(before.1, after.1);
    assert!(site.is_ready("web-1"));
    assert_eq!(site.containers.n_running(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_quota_is_told_in_the_servers_words_and_tried_again_with_patience() {
    let site = Site::new();
    let quota = json!({"metadata": {"name": "few"}, "spec": {"hard": {"pods": "1"}}});
    site.create("resourcequotas", quota);
    let set = json!({"replicas": 2, "podManagementPolicy": PARALLEL});
    site.create_set("web", set, json!({}));
    site.now().await;
    let told = site.events("FailedCreate");
    let words = "create Pod web-1 in StatefulSet web failed error: pods \"web-1\" is forbidden: \
                 exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1";
    assert_eq!(told, [(words.to_owned(), 1)]);
    let before = site.store.resource_version();
    site.after(60).await;
    let n_changes = site.store.resource_version() - before;
    assert!(
        (3..20).contains(&n_changes),
        "{n_changes} changes in a minute"
    );
    assert!(site.events("FailedCreate")[0].1 > 3, "the count goes up");
    site.delete("resourcequotas", "few");
    site.after(60).await;
    assert_eq!(site.pods(), ["web-0", "web-1"]);
    site.assert_settled().await;
}

#[tokio::test(start_paused = true)]
async fn a_set_that_goes_while_it_is_refused_is_forgotten() {
    let site = Site::new();
    let quota = json!({"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}});
    site.create("resourcequotas", quota);
    site.create_set("web", json!({"replicas": 1}), json!({}));
    site.after(10).await;
    site.delete(SETS, "web");
    // A retry that nobody takes off the list would be due for ever, and time would stand still.
    site.assert_settled().await;
}

#[tokio::test(start_paused = true)]
async fn a_changed_template_shows_in_the_revision_and_changes_no_pod_but_new_ones() {
    let site = Site::new();
    let set = json!({"replicas": 2, "podManagementPolicy": PARALLEL, "updateStrategy": {"type": "OnDelete"}});
    site.create_set("web", set, json!({}));
    site.now().await;
    let before = [site.uid("pods", "web-0"), site.uid("pods", "web-1")];
    site.update(SETS, "web", |set| {
        set["spec"]["template"]["spec"]["containers"][0]["image"] = "bitcoin:30.0".into();
    });
    site.now().await;
    assert_eq!(
        before,
        [site.uid("pods", "web-0"), site.uid("pods", "web-1")]
    );
    let status = site.get(SETS, "web")["status"].clone();
    assert_ne!(status["currentRevision"], status["updateRevision"]);
    assert_eq!(
        (&status["currentReplicas"], &status["updatedReplicas"]),
        (&2.into(), &0.into())
    );
    site.delete("pods", "web-1");
    site.now().await;
    assert_eq!(
        site.containers.last_run("web-1").container.image,
        "bitcoin:30.0"
    );
    assert_eq!(site.get(SETS, "web")["status"]["updatedReplicas"], 1);
    site.delete("pods", "web-0");
    site.now().await;
    let status = site.get(SETS, "web")["status"].clone();
    assert_eq!(status["currentRevision"], status["updateRevision"]);
}

#[tokio::test(start_paused = true)]
async fn the_pods_of_a_set_that_was_orphaned_run_on() {
    let site = Site::new();
    site.create_set("web", json!({"replicas": 1}), json!({}));
    site.now().await;
    site.delete_with(SETS, "web", Propagation::Orphan, None);
    site.now().await;
    assert!(site.get(SETS, "web").is_null());
    assert!(site.is_ready("web-0"));
    assert!(site.pod("web-0")["metadata"]["ownerReferences"].is_null());
    assert_eq!(site.containers.runs("web-0").len(), 1);
}

fn readiness() -> Value {
    json!({"readinessProbe": {"httpGet": {"port": 80}, "periodSeconds": 1}})
}

#[tokio::test(start_paused = true)]
async fn what_is_told_makes_room_for_itself() {
    let site = Site::new();
    for number in 0..1_000 {
        let event = json!({
            "metadata": {"name": format!("old-{number:04}")},
            "involvedObject": {"namespace": "default"},
            "lastTimestamp": "2020-01-01T00:00:00Z",
        });
        site.create("events", event);
    }
    site.create_set("web", json!({"replicas": 2}), json!({}));
    site.now().await;
    let events = site.store.list("events");
    assert_eq!(events.len(), 1_000);
    assert!(
        events
            .iter()
            .any(|event| event["reason"] == "SuccessfulCreate")
    );
}
