//! Health, readiness, numbers and logs of a controller that runs.

use std::net::TcpListener;
use std::time::Duration;

use bitcoin_controller::metrics;
use bitcoin_controller::sim::faults::{Effect, Rule};
use serde_json::{Value, json};

use super::stage::{Controller, Stage, kubeconfig};

const LEADING: [&str; 3] = [
    "--leader-elect",
    "--leader-election-namespace=default",
    "--leader-election-retry-period=1",
];

const NETWORK: [(&str, &str); 2] = [("namespace", "default"), ("name", "alpha")];

#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_of_a_ready_network_are_those_of_its_status() {
    let stage = Stage::open("numbers").await;
    stage.apply("alpha", json!({"nodes": 3}));
    let controller = stage.controller(&LEADING);
    let is_ready = [
        NETWORK[0],
        NETWORK[1],
        ("type", "Ready"),
        ("status", "true"),
    ];
    let metrics = controller
        .until_metrics("the network is ready", |metrics| {
            metrics.get("bitcoin_network_condition", &is_ready) == Some(1.0)
        })
        .await;
    for (name, value) in [
        ("bitcoin_network_nodes", 3.0),
        ("bitcoin_network_nodes_ready", 3.0),
        ("bitcoin_network_nodes_switched_off", 0.0),
        ("bitcoin_network_links_wanted", 3.0),
        ("bitcoin_network_links_present", 3.0),
        ("bitcoin_network_height", 0.0),
        ("bitcoin_network_sides", 1.0),
        ("bitcoin_network_tips", 1.0),
        ("bitcoin_network_tip_agreement", 1.0),
    ] {
        assert_eq!(metrics.get(name, &NETWORK), Some(value), "{name}");
    }
    let is_not_ready = [
        NETWORK[0],
        NETWORK[1],
        ("type", "Ready"),
        ("status", "false"),
    ];
    assert_eq!(
        metrics.get("bitcoin_network_condition", &is_not_ready),
        Some(0.0)
    );

    stage.delete("alpha");
    controller
        .until_metrics("a network that is gone has no series", |metrics| {
            metrics.get("bitcoin_network_nodes", &NETWORK).is_none()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_is_split_on_purpose_says_into_how_many() {
    let stage = Stage::open("sides").await;
    stage.apply("alpha", json!({"nodes": 4, "partitions": [[0, 1], [2, 3]]}));
    let controller = stage.controller(&[]);
    let metrics = controller
        .until_metrics("it is split", |metrics| {
            metrics.get("bitcoin_network_sides", &NETWORK) == Some(2.0)
                && metrics.get("bitcoin_network_links_present", &NETWORK) == Some(2.0)
        })
        .await;
    assert_eq!(
        metrics.get("bitcoin_network_links_wanted", &NETWORK),
        Some(2.0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_controller_does_is_counted_under_the_names_dashboards_know() {
    let stage = Stage::open("counted").await;
    stage.apply("alpha", json!({"nodes": 2}));
    let controller = stage.controller(&LEADING);
    let ours = [("controller", "bitcoinnetwork")];
    let queue = [("name", "bitcoinnetwork"), ("controller", "bitcoinnetwork")];
    let metrics = controller
        .until_metrics("a pass has ended well", |metrics| {
            let labels = [ours[0], ("result", "requeue_after")];
            let passes = metrics.get("controller_runtime_reconcile_total", &labels);
            passes.is_some_and(|passes| passes >= 1.0)
        })
        .await;
    let get = |name: &str, labels: &[(&str, &str)]| {
        metrics
            .get(name, labels)
            .unwrap_or_else(|| panic!("no {name}{labels:?} in {metrics:?}"))
    };
    let results: f64 = ["error", "requeue_after", "success"]
        .map(|result| {
            get(
                "controller_runtime_reconcile_total",
                &[ours[0], ("result", result)],
            )
        })
        .iter()
        .sum();
    assert_eq!(
        get("controller_runtime_reconcile_time_seconds_count", &ours),
        results
    );
    assert_eq!(get("controller_runtime_reconcile_panics_total", &ours), 0.0);
    assert_eq!(
        get("controller_runtime_max_concurrent_reconciles", &ours),
        5.0
    );
    assert!(get("workqueue_adds_total", &queue) >= results);
    assert!(get("workqueue_queue_duration_seconds_count", &queue) >= results);
    assert_eq!(
        get(
            "leader_election_master_status",
            &[("name", "bitcoin-controller")]
        ),
        1.0
    );
    for name in ["bitcoinnetworks", "statefulsets", "services", "pods"] {
        assert_eq!(
            get("reflector_lists_total", &[("name", name)]),
            1.0,
            "{name}"
        );
        assert!(get("reflector_watches_total", &[("name", name)]) >= 1.0);
        assert_eq!(
            get("bitcoin_controller_cache_synced", &[("name", name)]),
            1.0
        );
        assert_eq!(
            get("bitcoin_controller_quarantined_objects", &[("name", name)]),
            0.0
        );
    }
    assert_eq!(
        get(
            "bitcoin_controller_cache_objects",
            &[("name", "bitcoinnetworks")]
        ),
        1.0
    );
    assert!(
        get(
            "rest_client_requests_total",
            &[("code", "200"), ("method", "GET")]
        ) >= 4.0
    );
    assert!(
        get(
            "rest_client_requests_total",
            &[("code", "201"), ("method", "PATCH")]
        ) >= 1.0
    );
    assert!(
        get(
            "rest_client_request_duration_seconds_count",
            &[("verb", "watch")]
        ) >= 4.0
    );
    assert!(get("process_start_time_seconds", &[]) > 1.5e9);
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    assert_eq!(get("bitcoin_controller_build_info", &version), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_ready_when_the_caches_are_and_names_those_that_are_not() {
    let stage = Stage::open("readiness").await;
    let held_back = Effect::Delay(Duration::from_secs(600));
    stage.api.faults().add(Rule::new("", "services", held_back));
    let controller = stage.controller(&[]);
    controller.until("/healthz", 200).await;
    let all_but_one = "[+]started ok\n[+]bitcoinnetworks ok\n[+]statefulsets ok\n[-]services failed: the first list is not in the cache yet\n[+]pods ok\nreadyz check failed\n";
    controller.until_says("/readyz", all_but_one).await;
    assert_eq!(controller.get("/readyz").0, 503);
    drop(controller);

    stage.api.faults().clear();
    let controller = stage.controller(&[]);
    assert_eq!(controller.until("/readyz", 200).await, "ok");
    let all = "[+]started ok\n[+]bitcoinnetworks ok\n[+]statefulsets ok\n[+]services ok\n[+]pods ok\nreadyz check passed\n";
    assert_eq!(controller.get("/readyz?verbose"), (200, all.to_owned()));
    let all = "[+]ping ok\n[+]workers ok\nhealthz check passed\n";
    assert_eq!(controller.get("/healthz?verbose"), (200, all.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_is_ready_without_caches_and_says_that_it_does_not_lead() {
    let stage = Stage::open("standby").await;
    let leader = stage.controller(&LEADING);
    leader.until("/readyz", 200).await;
    leader
        .until_metrics("one of them leads", |metrics| {
            let name = [("name", "bitcoin-controller")];
            metrics.get("leader_election_master_status", &name) == Some(1.0)
        })
        .await;
    let standby = stage.controller(&LEADING);
    standby.until("/readyz", 200).await;
    let all = "[+]started ok\n[+]leader-election ok\nreadyz check passed\n";
    assert_eq!(standby.get("/readyz?verbose"), (200, all.to_owned()));
    let all = "[+]ping ok\n[+]workers ok\n[+]leader-election ok\nhealthz check passed\n";
    assert_eq!(standby.get("/healthz?verbose"), (200, all.to_owned()));
    let metrics = standby.metrics();
    let name = [("name", "bitcoin-controller")];
    assert_eq!(
        metrics.get("leader_election_master_status", &name),
        Some(0.0)
    );
    let pods = [("name", "pods")];
    assert_eq!(
        metrics.get("bitcoin_controller_cache_synced", &pods),
        Some(0.0)
    );
    assert!(leader.get("/readyz?verbose").1.contains("[+]pods ok"));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_api_server_is_silent_it_lives_and_says_what_it_waits_for() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = std::env::temp_dir().join(format!("run-test-{}-silent", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("kubeconfig");
    std::fs::write(&file, kubeconfig(silent.local_addr().unwrap())).unwrap();
    let controller = Controller::start(&file.to_string_lossy(), &[]);
    assert_eq!(controller.get("/healthz"), (200, "ok".to_owned()));
    let (code, said) = controller.get("/readyz");
    let why = "[-]started failed: the API server has not answered yet\nreadyz check failed\n";
    assert_eq!((code, said.as_str()), (503, why));
    assert!(controller.metrics().get("process_open_fds", &[]).unwrap() > 3.0);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_say_what_they_are_and_there_is_nothing_to_change() {
    let stage = Stage::open("pages").await;
    let controller = stage.controller(&[]);
    let (head, _) = controller.ask("GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n");
    let content_type = format!("content-type: {}", metrics::CONTENT_TYPE);
    assert!(
        head.to_lowercase().contains(&content_type.to_lowercase()),
        "{head}"
    );
    let (head, _) = controller.ask("DELETE /metrics HTTP/1.1\r\nHost: here\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 405"), "{head}");
    assert_eq!(controller.get("/").0, 404);
}

/// Goal: what a log collector needs. Each line is one object with the time, the level, who says it, the
/// facts, and, within a pass, the key.
#[tokio::test(flavor = "multi_thread")]
async fn each_line_of_the_log_is_an_object_and_it_ends_with_the_controller() {
    let stage = Stage::open("log").await;
    stage.apply("alpha", json!({"nodes": 1}));
    let mut controller = stage.controller(&["--log=debug"]);
    controller.program.until("NetworkReady");
    controller.program.signal("-TERM");
    let (status, lines) = controller.program.end();
    assert!(status.success());
    let mut in_a_pass = 0;
    for line in &lines {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        assert!(
            object["timestamp"].as_str().unwrap().ends_with('Z'),
            "{line}"
        );
        let level = object["level"].as_str().unwrap();
        assert!(["DEBUG", "INFO", "WARN"].contains(&level), "{line}");
        assert!(
            object["target"].is_string() && object["fields"]["message"].is_string(),
            "{line}"
        );
        if object["span"]["name"] == "reconcile" {
            assert_eq!(object["span"]["key"], "default/alpha", "{line}");
            in_a_pass += 1;
        }
    }
    assert!(in_a_pass > 0, "no line of a pass: {lines:#?}");
    let last: Value = serde_json::from_str(lines.last().unwrap()).unwrap();
    assert_eq!(last["fields"]["message"], "stopped");
}
