//! The examples that teach one part each: each prints what it teaches, and ends.

use std::time::Duration;

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::api::core::Pod;
use bitcoin_controller::client::DeleteOptions;
use serde_json::json;

use super::stage::Stage;
use crate::support::program::Program;

/// Lets a pod come and go.
fn a_pod_comes_and_goes(stage: &Stage, name: &str) {
    stage.on_the_server(async |client| {
        let container = json!({"name": "main", "image": "example.com/none:1"});
        let pod = json!({"metadata": {"name": name}, "spec": {"containers": [container]}});
        let key = ObjectKey::new("default", name);
        client.create::<Pod>("default", &pod).await.unwrap();
        let options = DeleteOptions {
            grace_period: Some(Duration::ZERO),
            ..DeleteOptions::default()
        };
        client.delete::<Pod>(&key, &options).await.unwrap();
    });
}

/// Waits for a good end, and returns all that was said.
fn ended(program: Program) -> Vec<String> {
    let (status, said) = program.end();
    assert!(status.success(), "{said:#?}");
    said
}

#[test]
fn listing_tells_every_pod_two_on_a_page() {
    let said = ended(Stage::shared().play("01_list_pods"));
    let n_pods = said.iter().filter(|line| line.starts_with("  ")).count();
    let n_pages = n_pods.div_ceil(2);
    assert!(n_pods >= 3, "{said:#?}");
    assert!(
        said.iter()
            .any(|line| line.starts_with("  default/demo-sts-0 is Running"))
    );
    assert_eq!(
        said.last().unwrap(),
        &format!("{n_pods} pods on {n_pages} pages")
    );
}

#[test]
fn watching_goes_on_where_the_list_ends() {
    let stage = Stage::shared();
    let mut watch = stage.play("02_watch_pods");
    watch.until("watching from there");
    a_pod_comes_and_goes(&stage, "watched");
    watch.until("added default/watched@");
    watch.until("deleted default/watched@");
    watch.signal("-INT");
    ended(watch);
}

#[test]
fn a_reflector_keeps_its_store_up_to_date() {
    let stage = Stage::shared();
    let mut reflector = stage.play("03_reflector");
    reflector.until("pods in the store: default/demo-sts-0@");
    stage.on_the_server(async |client| {
        let body = json!({"metadata": {"labels": {"touched": "yes"}}});
        let key = ObjectKey::new("default", "demo-sts-0");
        let pod = client.patch::<Pod>(&key, &body).await.unwrap();
        reflector.until(&format!("{key}@{}", pod.metadata.resource_version));
    });
    reflector.signal("-INT");
    reflector.until("stopped; the store keeps what it has");
    ended(reflector);
}

#[test]
fn an_informer_tells_its_handlers_and_answers_by_index() {
    let stage = Stage::shared();
    let mut informer = stage.play("04_informer");
    informer.until("was there: default/demo-sts-0");
    informer.until_line("pods of the set", |line| {
        line.starts_with("  demo-sts has ")
    });
    a_pod_comes_and_goes(&stage, "told");
    informer.until("added: default/told");
    informer.until("deleted: default/told");
    informer.signal("-INT");
    informer.until_line("stopped", |line| line == "stopped");
    ended(informer);
}

#[test]
fn a_queue_hands_out_each_key_once_to_one_worker_later_and_slower() {
    let said = ended(super::stage::start("05_workqueue", "/nowhere".as_ref()));
    let expected = [
        "alpha changed 1000 times: 1 in line",
        "a worker has it and it changes: 0 in line",
        "the worker is done: 1 in line",
        "beta was to come in 1 h, and in 1 min: after 60s",
        "failure 1 of gamma: again after 5ms",
        "failure 2 of gamma: again after 10ms",
        "failure 3 of gamma: again after 20ms",
        "failure 4 of gamma: again after 40ms",
        "gamma succeeds and is forgotten: 0 failures",
        "shut down, but still handed out: delta",
        "then each worker gets None, and its loop ends",
    ];
    assert_eq!(said, expected);
}

#[test]
fn what_is_said_three_times_is_one_event_with_a_count() {
    let said = ended(Stage::shared().play("06_events"));
    let (_, read_back) = said.split_at(1);
    let expected = [
        "0 were lost; the server has:",
        "  Normal ExampleGreeted, 3 times: hello from an example",
        "  Warning ExampleWorried, 1 times: that is the last of it",
    ];
    assert!(said[0].starts_with("recorded 4 events about default/"));
    assert_eq!(read_back, expected);
}

#[test]
fn three_candidates_lead_one_after_the_other_and_ctrl_c_ends_a_turn() {
    let stage = Stage::shared();
    let said = ended(stage.play("07_leader_election"));
    let of_turns = |line: &&String| line.contains(" leads,") || line.contains(" is done,");
    let turns: Vec<&String> = said.iter().filter(of_turns).collect();
    assert_eq!(turns.len(), 6, "{said:#?}");
    for turn in turns.chunks(2) {
        let name = turn[0].split(' ').next().unwrap();
        assert!(turn[0].starts_with(&format!("{name} leads")), "{said:#?}");
        assert!(turn[1].starts_with(&format!("{name} is done")), "{said:#?}");
    }
    let mut interrupted = stage.play("07_leader_election");
    interrupted.until(" leads,");
    interrupted.signal("-INT");
    interrupted.until(" is asked to stop,");
    ended(interrupted);
}
