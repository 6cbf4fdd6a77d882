//! Mirrors `src/sim/cluster/{kubelet,pod_worker,this_pod,addresses}.rs`.

use std::time::Duration;

use bitcoin_controller::sim::Key;
use bitcoin_controller::sim::request::Propagation;
use serde_json::{Value, json};

use super::Site;

#[tokio::test(start_paused = true)]
async fn a_pod_says_how_it_is_from_its_beginning() {
    let site = Site::new();
    let probe = json!({"httpGet": {"port": 80}, "periodSeconds": 1});
    site.containers.behave("pod", |it| it.sick = ["/"].into());
    site.create_pod("pod", json!({"readinessProbe": probe}));
    assert_eq!(site.pod("pod")["status"]["phase"], "Pending");
    site.now().await;
    let status = site.pod("pod")["status"].clone();
    assert_eq!(status["phase"], "Running");
    assert_eq!(
        (&status["podIP"], &status["podIPs"]),
        (&"10.244.0.2".into(), &json!([{"ip": "10.244.0.2"}]))
    );
    assert_eq!(site.pod("pod")["spec"]["nodeName"], "node-1");
    let container = site.container("pod");
    assert!(container["state"]["running"]["startedAt"].is_string());
    assert_eq!(
        (&container["ready"], &container["restartCount"]),
        (&false.into(), &0.into())
    );
    let conditions = |site: &Site| {
        ["PodScheduled", "Initialized", "ContainersReady", "Ready"]
            .map(|kind| site.condition("pod", kind))
    };
    assert_eq!(conditions(&site), ["True", "True", "False", "False"]);
    site.containers.behave("pod", |it| it.sick.clear());
    site.after(2).await;
    assert_eq!(conditions(&site), ["True"; 4]);
    for reason in ["Scheduled", "Pulled", "Started"] {
        assert_eq!(site.events(reason).len(), 1, "{reason}");
    }
    site.assert_settled().await;
}

// How a pod ends.

#[tokio::test(start_paused = true)]
async fn a_pod_is_asked_to_end_and_goes_when_it_has() {
    let site = Site::new();
    site.containers
        .behave("pod", |it| it.ends_after = Duration::from_secs(7));
    site.create_pod("pod", json!({}));
    site.now().await;
    let uid = site.uid("pods", "pod");
    site.delete("pods", "pod");
    site.after(6).await;
    assert_eq!(site.pods(), ["-pod"]);
    assert!(!site.is_ready("pod"));
    assert!(site.containers.has_volume(&uid));
    site.after(2).await;
    assert_eq!(site.pods(), [""; 0]);
    assert!(!site.containers.has_volume(&uid));
    assert_eq!(ending(&site), (Some(0), 7, 0));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_hear_is_killed_when_its_grace_is_over() {
    let site = Site::new();
    site.containers.behave("pod", |it| it.is_deaf = true);
    site.create_pod("pod", json!({}));
    site.now().await;
    site.delete_with("pods", "pod", Propagation::Background, Some(12));
    site.after(60).await;
    assert_eq!(ending(&site), (Some(0), 12, 137));
}

#[tokio::test(start_paused = true)]
async fn a_grace_period_can_be_shortened() {
    let site = Site::new();
    site.containers.behave("pod", |it| it.is_deaf = true);
    site.create_pod("pod", json!({}));
    site.now().await;
    site.delete("pods", "pod");
    site.after(5).await;
    site.delete_with("pods", "pod", Propagation::Background, Some(10));
    site.after(60).await;
    assert_eq!(ending(&site), (Some(0), 10, 137));
}

#[tokio::test(start_paused = true)]
async fn deletion_by_force_kills_at_once_also_who_is_ending_already() {
    for is_ending in [false, true] {
        let site = Site::new();
        site.containers.behave("pod", |it| it.is_deaf = true);
        site.create_pod("pod", json!({}));
        site.now().await;
        let uid = site.uid("pods", "pod");
        if is_ending {
            site.delete("pods", "pod");
            site.now().await;
        }
        site.delete_with("pods", "pod", Propagation::Background, Some(0));
        assert_eq!(site.pods(), [""; 0]);
        site.now().await;
        assert_eq!(site.containers.n_running(), 0);
        assert!(!site.containers.has_volume(&uid));
    }
}

#[tokio::test(start_paused = true)]
async fn a_namesake_of_a_pod_deleted_by_force_is_another_pod() {
    let site = Site::new();
    site.create_pod("pod", json!({}));
    site.now().await;
    let before = site.uid("pods", "pod");
    site.delete_with("pods", "pod", Propagation::Background, Some(0));
    site.create_pod("pod", json!({}));
    site.now().await;
    assert!(site.is_ready("pod"));
    assert_eq!(site.containers.runs("pod").len(), 2);
    assert!(!site.containers.has_volume(&before));
    assert!(site.containers.has_volume(&site.uid("pods", "pod")));
}

// Addresses.

#[tokio::test(start_paused = true)]
async fn without_a_free_address_a_pod_waits_and_gets_the_next_that_is_given_back() {
    let site = Site::with_addresses(2);
    site.containers
        .behave("a", |it| it.ends_after = Duration::from_secs(5));
    for name in ["a", "b", "c"] {
        site.create_pod(name, json!({}));
        site.now().await;
    }
    let address = |name: &str| site.pod(name)["status"]["podIP"].clone();
    assert_eq!(
        (address("a"), address("b")),
        ("10.244.0.2".into(), "10.244.0.3".into())
    );
    assert_eq!(
        (address("c"), site.waiting("c")),
        (Value::Null, "ContainerCreating".into())
    );
    assert_eq!(site.pod("c")["status"]["phase"], "Pending");
    site.delete("pods", "a");
    site.after(4).await;
    assert_eq!(address("c"), Value::Null, "who ends still has its address");
    site.after(2).await;
    assert_eq!(address("c"), "10.244.0.2");
    assert!(site.is_ready("c"));
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_goes_while_it_waits_for_an_address_takes_none() {
    let site = Site::with_addresses(1);
    for name in ["a", "b", "c"] {
        site.create_pod(name, json!({}));
        site.now().await;
    }
    site.delete("pods", "b");
    site.now().await;
    assert_eq!(site.pods(), ["a", "c"]);
    site.delete("pods", "a");
    site.now().await;
    assert!(site.is_ready("c"));
    assert_eq!(site.containers.runs("b").len(), 0);
}

// What a container is given.

#[tokio::test(start_paused = true)]
async fn a_crash_loop_restarts_at_once_then_backs_off_and_doubles() {
    let site = Site::new();
    site.containers.behave("pod", |it| it.crash = Some(1));
    site.create_pod("pod", json!({}));
    site.now().await;
    let container = site.container("pod");
    assert_eq!(container["state"]["waiting"]["reason"], "CrashLoopBackOff");
    assert_eq!(container["lastState"]["terminated"]["exitCode"], 1);
    assert_eq!(container["lastState"]["terminated"]["reason"], "Error");
    assert_eq!(container["restartCount"], 1, "the first time costs no wait");
    assert_eq!(site.pod("pod")["status"]["phase"], "Running");
    site.after(1500).await;
    assert_eq!(pauses(&site), [0, 10, 20, 40, 80, 160, 300, 300, 300]);
    assert_eq!(site.container("pod")["restartCount"], 9);
    assert_eq!(site.events("BackOff").len(), 1);
    site.containers.behave("pod", |it| it.crash = None);
    site.until("it runs", |site| site.is_ready("pod")).await;
    site.assert_settled().await;
    assert!(site.container("pod")["lastState"]["terminated"].is_object());
}

#[tokio::test(start_paused = true)]
async fn a_run_of_more_than_ten_minutes_is_a_new_beginning() {
    let site = Site::new();
    site.create_pod("pod", json!({}));
    for seconds in [1, 1, 1, 590, 601, 1] {
        site.until("it runs", |site| site.is_ready("pod")).await;
        site.after(seconds).await;
        site.containers.exit("pod", 0);
        site.now().await;
    }
    site.after(60).await;
    assert_eq!(pauses(&site), [0, 10, 20, 40, 0, 10]);
    assert_eq!(
        site.container("pod")["lastState"]["terminated"]["reason"],
        "Completed"
    );
}

#[tokio::test(start_paused = true)]
async fn a_container_that_cannot_be_started_counts_its_attempts() {
    let site = Site::new();
    site.containers.behave("pod", |it| it.cannot_start = true);
    site.create_pod("pod", json!({}));
    site.after(25).await;
    let container = site.container("pod");
    assert_eq!(site.waiting("pod"), "CrashLoopBackOff");
    assert_eq!(container["restartCount"], 2);
    let last = &container["lastState"]["terminated"];
    assert_eq!(
        (&last["reason"], &last["exitCode"]),
        (&"StartError".into(), &128.into())
    );
    assert_eq!(last["message"], "nothing to execute");
    site.containers.behave("pod", |it| it.cannot_start = false);
    site.after(30).await;
    assert!(site.is_ready("pod"));
}

#[tokio::test(start_paused = true)]
async fn another_image_ends_the_backoff_of_a_crash_loop() {
    let site = Site::new();
    site.containers.behave("pod", |it| it.crash = Some(1));
    site.create_pod("pod", json!({}));
    site.after(100).await;
    site.containers.behave("pod", |it| it.crash = None);
    site.update("pods", "pod", |pod| {
        pod["spec"]["containers"][0]["image"] = "bitcoin:30.0".into()
    });
    site.now().await;
    assert!(site.is_ready("pod"));
    assert_eq!(
        site.containers.last_run("pod").container.image,
        "bitcoin:30.0"
    );
}

#[tokio::test(start_paused = true)]
async fn a_container_that_is_killed_restarts_and_keeps_its_volume() {
    let site = Site::new();
    let key = Key::new("default", "pod");
    assert!(!site.handle.kill(&key), "there is none");
    site.create_pod("pod", json!({}));
    site.now().await;
    assert!(site.handle.kill(&key));
    site.now().await;
    let container = site.container("pod");
    assert_eq!(container["restartCount"], 1);
    assert_eq!(container["lastState"]["terminated"]["exitCode"], 137);
    assert!(site.is_ready("pod"));
    assert!(site.containers.has_volume(&site.uid("pods", "pod")));
    assert!(site.handle.kill(&key));
    site.now().await;
    assert!(
        !site.handle.kill(&key),
        "what waits to be restarted does not run"
    );
    site.after(10).await;
    assert_eq!(site.container("pod")["restartCount"], 2);
    assert!(site.is_ready("pod"), "one kill is one kill");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_waits_to_be_restarted_goes_at_once() {
    let site = Site::new();
    site.containers.behave("pod", |it| it.crash = Some(1));
    site.create_pod("pod", json!({}));
    site.after(100).await;
    site.delete("pods", "pod");
    site.now().await;
    assert_eq!(site.pods(), [""; 0]);
}

// How the cluster ends.

#[tokio::test(start_paused = true)]
async fn at_shutdown_containers_are_given_time_and_the_pods_stay() {
    let mut site = Site::new();
    site.containers
        .behave("slow", |it| it.ends_after = Duration::from_secs(3));
    site.containers.behave("deaf", |it| it.is_deaf = true);
    for name in ["slow", "deaf"] {
        site.create_pod(name, json!({}));
    }
    site.now().await;
    site.shutdown.cancel();
    while site.running.join_next().await.is_some() {}
    assert_eq!(site.containers.n_running(), 0);
    let code = |pod: &str| site.containers.last_run(pod).ended.unwrap().1.code;
    assert_eq!((code("slow"), code("deaf")), (0, 137));
    assert!(site.containers.last_run("deaf").terminated.is_some());
    assert_eq!(site.pods(), ["deaf", "slow"]);
    assert!(site.containers.has_volume(&site.uid("pods", "slow")));
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_a_finalizer_holds_is_not_run_again() {
    let site = Site::new();
    site.create(
        "pods",
        json!({"metadata": {"name": "pod", "finalizers": ["example.com/mine"]}, "spec": super::pod_spec(json!({}))}),
    );
    site.now().await;
    site.delete("pods", "pod");
    site.after(60).await;
    assert_eq!(site.containers.runs("pod").len(), 1);
    assert_eq!(site.containers.n_running(), 0);
    assert_eq!(site.pods().len(), 1, "it is still there");
}

#[tokio::test(start_paused = true)]
async fn dropping_the_cluster_kills_its_containers() {
    let mut site = Site::new();
    site.create_pod("pod", json!({}));
    site.now().await;
    site.running.shutdown().await;
    site.now().await;
    assert_eq!(site.containers.n_running(), 0);
    let run = site.containers.last_run("pod");
    assert_eq!((run.terminated, run.ended.unwrap().1.code), (None, 137));
}

/// After how many seconds from its deletion a pod was asked to end, and how many later it had, and with
/// what code.
fn ending(site: &Site) -> (Option<u64>, u64, i32) {
    let run = site.containers.last_run("pod");
    let (ended, exit) = run.ended.unwrap();
    let asked = run.terminated.map(|at| (at - run.started).as_secs());
    let took = run.terminated.map_or(0, |at| (ended - at).as_secs());
    (asked, took, exit.code)
}

/// The seconds between the end of each run and the start of the next.
fn pauses(site: &Site) -> Vec<u64> {
    let runs = site.containers.runs("pod");
    let pause = |pair: &[super::containers::Run]| {
        let (ended, _) = pair[0].ended.clone().unwrap();
        (pair[1].started - ended).as_secs()
    };
    runs.windows(2).map(pause).collect()
}
