//! Mirrors `src/sim/cluster/probes.rs`.

use serde_json::{Value, json};

use super::Site;

#[tokio::test(start_paused = true)]
async fn a_container_without_probes_is_ready_when_it_runs() {
    let site = Site::new();
    site.create_pod("pod", json!({}));
    site.now().await;
    assert!(site.is_ready("pod"));
    assert_eq!(site.container("pod")["started"], true);
}

#[tokio::test(start_paused = true)]
async fn readiness_goes_and_comes_back_and_restarts_nothing() {
    let site = Site::new();
    site.create_pod("pod", json!({"readinessProbe": probe("/ready", 5, 3)}));
    site.now().await;
    assert!(site.is_ready("pod"));
    site.containers
        .behave("pod", |it| it.sick = ["/ready"].into());
    site.after(14).await;
    assert!(site.is_ready("pod"), "two failures are not three");
    site.after(2).await;
    assert!(!site.is_ready("pod"));
    assert_eq!(site.condition("pod", "ContainersReady"), "False");
    assert_eq!(site.container("pod")["started"], true);
    let told = site.events("Unhealthy");
    assert_eq!(
        told[0].0,
        "Readiness probe failed: HTTP probe failed with statuscode: 503"
    );
    site.containers.behave("pod", |it| it.sick.clear());
    site.after(5).await;
    assert!(site.is_ready("pod"));
    assert_eq!(site.containers.runs("pod").len(), 1);
    site.assert_settled().await;
}

#[tokio::test(start_paused = true)]
async fn who_is_not_started_is_not_ready_and_restarts_when_it_takes_too_long() {
    let site = Site::new();
    site.containers
        .behave("pod", |it| it.sick = ["/started"].into());
    site.create_pod(
        "pod",
        json!({
            "startupProbe": probe("/started", 2, 10),
            "readinessProbe": probe("/ready", 1, 1),
            "livenessProbe": probe("/live", 1, 1),
        }),
    );
    site.after(17).await;
    assert_eq!(site.container("pod")["started"], false);
    assert!(!site.is_ready("pod"));
    assert_eq!(site.containers.runs("pod").len(), 1);
    site.after(2).await;
    assert_eq!(site.containers.runs("pod").len(), 2);
    assert_eq!(site.container("pod")["restartCount"], 1);
    let killed = "Container failed a probe, will be restarted".to_owned();
    assert_eq!(site.events("Killing"), [(killed, 1)]);
    site.containers.behave("pod", |it| it.sick.clear());
    site.after(3).await;
    assert!(site.is_ready("pod"));
}

#[tokio::test(start_paused = true)]
async fn a_slow_start_leaves_no_probes_to_make_up_for() {
    let site = Site::new();
    site.containers
        .behave("pod", |it| it.sick = ["/started", "/live"].into());
    let container = json!({
        "startupProbe": probe("/started", 1, 100),
        "livenessProbe": probe("/live", 10, 3),
    });
    site.create_pod("pod", container);
    site.after(60).await;
    site.containers
        .behave("pod", |it| it.sick = ["/live"].into());
    site.after(19).await;
    assert_eq!(
        site.containers.runs("pod").len(),
        1,
        "liveness has failed twice"
    );
    site.after(15).await;
    assert_eq!(site.containers.runs("pod").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn liveness_restarts_in_place_and_keeps_the_volume() {
    let site = Site::new();
    site.create_pod("pod", json!({"livenessProbe": probe("/live", 10, 3)}));
    site.now().await;
    let before = (
        site.uid("pods", "pod"),
        site.pod("pod")["status"]["podIP"].clone(),
    );
    site.containers
        .behave("pod", |it| it.sick = ["/live"].into());
    site.until("it is restarted", |site| {
        site.container("pod")["restartCount"] == 1
    })
    .await;
    site.containers.behave("pod", |it| it.sick.clear());
    site.now().await;
    let after = (
        site.uid("pods", "pod"),
        site.pod("pod")["status"]["podIP"].clone(),
    );
    assert_eq!(before, after);
    assert!(site.containers.has_volume(&before.0));
    assert!(site.is_ready("pod"));
    assert!(
        site.containers.runs("pod")[0].terminated.is_some(),
        "it was asked first"
    );
    assert_eq!(site.events("Unhealthy").len(), 1);
}

fn probe(path: &str, period: u64, failures: u64) -> Value {
    json!({"httpGet": {"port": 80, "path": path}, "periodSeconds": period, "failureThreshold": failures})
}
