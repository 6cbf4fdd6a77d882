//! Goal: each judgement is true, or says that it cannot tell.

use std::time::Duration;

use bitcoin_controller::api::network::{BitcoinNetworkStatus, ConditionStatus, Links};
use bitcoin_controller::api::{BitcoinNetwork, Timestamp};
use bitcoin_controller::controller::nodes::Answer;
use bitcoin_controller::controller::status::{SYNC_GRACE, Sight, next, without_chain_facts};
use bitcoin_controller::controller::{pods, reasons};
use serde_json::json;

use super::build::{answers, full, network, pod, pods as build_pods, silent, terminating, unready};

fn alpha() -> BitcoinNetwork {
    network(json!({"nodes": 3}))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

/// What is seen of three nodes that have one chain and are linked.
fn settled(height: i64) -> Sight {
    Sight {
        wanted: Some(3),
        pods: build_pods((0..3).map(|ordinal| pod(ordinal, "new"))),
        answers: answers((0..3).map(|_| full(height))),
        links: Some(Links {
            wanted: 3,
            present: 3,
        }),
        ..Sight::default()
    }
}

fn judged(sight: &Sight, before: &BitcoinNetworkStatus) -> BitcoinNetworkStatus {
    next(&alpha(), before, sight, at(100))
}

fn first(sight: &Sight) -> BitcoinNetworkStatus {
    judged(sight, &BitcoinNetworkStatus::default())
}

/// Status and reason of one condition.
fn verdict(status: &BitcoinNetworkStatus, name: &str) -> (ConditionStatus, String) {
    let condition = status.condition(name).unwrap();
    (condition.status, condition.reason.clone())
}

fn no(reason: &str) -> (ConditionStatus, String) {
    (ConditionStatus::False, reason.to_owned())
}

fn yes(reason: &str) -> (ConditionStatus, String) {
    (ConditionStatus::True, reason.to_owned())
}

#[test]
fn three_nodes_linked_and_on_one_chain_are_ready() {
    let status = first(&settled(101));
    let names: Vec<_> = status
        .conditions
        .iter()
        .map(|condition| &*condition.type_)
        .collect();
    assert_eq!(names, ["PodsReady", "Connected", "Synced", "Ready"]);
    assert!(
        status
            .conditions
            .iter()
            .all(|condition| condition.status == ConditionStatus::True)
    );
    assert!(
        status
            .conditions
            .iter()
            .all(|condition| condition.observed_generation == Some(7))
    );
    assert_eq!(
        (
            status.observed_generation,
            status.replicas,
            status.ready_nodes
        ),
        (Some(7), 3, 3)
    );
    assert_eq!(
        (status.height, status.links),
        (
            Some(101),
            Links {
                wanted: 3,
                present: 3
            }
        )
    );
    assert!(status.tip.is_some());
}

#[test]
fn a_node_is_written_with_the_names_of_the_first_controller() {
    let status = serde_json::to_value(first(&settled(101))).unwrap();
    let mut node = status["nodes"][1].clone();
    node.as_object_mut().unwrap().remove("tip");
    assert_eq!(
        node,
        json!({
            "ordinal": 1, "ready": true, "ip": "10.0.0.1", "nodeName": "alpha-sts-1",
            "dnsName": "alpha-sts-1.alpha-svc", "podUID": "pod-1",
            "height": 101, "initialBlockDownload": false, "networkActive": true,
            "peers": 0, "version": "/Satoshi:29.0.0/",
        })
    );
    assert_eq!(
        status["selector"],
        "app=alpha,app.kubernetes.io/managed-by=bitcoin-controller"
    );
}

#[test]
fn the_same_sight_gives_the_same_status() {
    let status = first(&settled(101));
    assert_eq!(next(&alpha(), &status, &settled(101), at(5_000)), status);
}

#[test]
fn a_transition_time_moves_only_with_its_status() {
    let before = first(&settled(101));
    let mut unlinked = settled(101);
    unlinked.links = Some(Links {
        wanted: 3,
        present: 2,
    });
    let now = next(&alpha(), &before, &unlinked, at(200));
    let time = |name| now.condition(name).unwrap().last_transition_time;
    assert_eq!(
        (time("PodsReady"), time("Connected"), time("Ready")),
        (at(100), at(200), at(200))
    );
    unlinked.links = Some(Links {
        wanted: 3,
        present: 1,
    });
    let later = next(&alpha(), &now, &unlinked, at(300));
    assert_eq!(
        later.condition("Connected").unwrap().last_transition_time,
        at(200)
    );
}

#[test]
fn a_terminating_pod_is_not_ready_though_its_node_answers() {
    let mut sight = settled(101);
    sight.pods = build_pods([pod(0, "new"), terminating(pod(1, "new")), pod(2, "new")]);
    let status = first(&sight);
    assert_eq!(
        (status.replicas, status.ready_nodes, status.nodes[1].ready),
        (2, 2, false)
    );
    assert!(!status.is_true("Ready"));
}

#[test]
fn a_pod_the_kubelet_calls_ready_is_not_if_its_node_does_not_answer() {
    let mut sight = settled(101);
    sight.answers.insert(1, silent());
    let status = first(&sight);
    assert_eq!(verdict(&status, "PodsReady"), no(reasons::NOT_ANSWERING));
    assert_eq!(verdict(&status, "Ready"), no(reasons::NOT_ANSWERING));
    let message = &status.condition("PodsReady").unwrap().message;
    assert_eq!(
        message,
        "1 of 3 nodes do not answer; node 1: connection refused"
    );
}

#[test]
fn pods_ready_carries_what_the_kubelet_says() {
    let mut broken = unready(pod(2, "new"));
    broken["status"]["containerStatuses"] = json!([{"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}]);
    let mut sight = settled(101);
    sight.pods = build_pods([pod(0, "new"), pod(1, "new"), broken]);
    sight.answers.remove(&2);
    let status = first(&sight);
    assert_eq!(verdict(&status, "PodsReady"), no("ImagePullBackOff"));
    assert!(
        status
            .condition("Ready")
            .unwrap()
            .message
            .ends_with("pod alpha-sts-2: no such image")
    );
}

#[test]
fn a_refused_creation_is_told_if_no_pod_tells_more() {
    let mut sight = settled(101);
    sight.pods = build_pods([pod(0, "new"), pod(1, "new")]);
    sight.answers.remove(&2);
    sight.failed_create = Some("exceeded quota: small".to_owned());
    let status = first(&sight);
    assert_eq!(verdict(&status, "PodsReady"), no(reasons::FAILED_CREATE));
    assert!(
        status
            .condition("PodsReady")
            .unwrap()
            .message
            .ends_with("exceeded quota: small")
    );
}

#[test]
fn a_node_that_refuses_our_password_is_told_from_one_that_starts() {
    for (answer, reason) in [
        (Answer::Unauthorized(None), reasons::UNAUTHORIZED),
        (Answer::WarmingUp, reasons::STARTING),
    ] {
        let mut sight = settled(101);
        sight.answers.insert(0, answer);
        assert_eq!(verdict(&first(&sight), "PodsReady"), no(reason));
    }
}

#[test]
fn a_reason_from_elsewhere_is_made_fit_for_a_condition() {
    let mut odd = unready(pod(0, "new"));
    odd["status"]["reason"] = json!("Node Lost!");
    let mut sight = settled(101);
    sight.pods = build_pods([odd, pod(1, "new"), pod(2, "new")]);
    sight.answers.remove(&0);
    assert_eq!(verdict(&first(&sight), "PodsReady"), no("NodeLost"));
}

#[test]
fn a_long_message_is_cut() {
    let mut sight = settled(101);
    sight.blocked = Some((reasons::REFUSED, "é".repeat(5_000)));
    assert_eq!(
        first(&sight)
            .condition("Ready")
            .unwrap()
            .message
            .chars()
            .count(),
        1_000
    );
}

/// A block travels: nodes that differ for a moment are still synced.
#[test]
fn synced_goes_false_only_when_nodes_have_differed_for_long() {
    let before = first(&settled(101));
    let mut apart = settled(101);
    apart.answers.insert(2, full(102));
    apart.apart_for = Some(SYNC_GRACE - Duration::from_millis(1));
    let soon = judged(&apart, &before);
    assert_eq!(verdict(&soon, "Synced"), yes(reasons::ONE_TIP));
    assert_eq!(
        (soon.height, &soon.tip),
        (Some(102), &None),
        "no tip is common to all"
    );
    apart.apart_for = Some(SYNC_GRACE);
    let late = judged(&apart, &soon);
    assert_eq!(verdict(&late, "Synced"), no(reasons::TIPS_DIFFER));
    let message = &late.condition("Synced").unwrap().message;
    assert_eq!(message, "node 0 at 101, node 1 at 101, node 2 at 102");
}

#[test]
fn nodes_that_were_never_synced_get_no_grace() {
    let mut apart = settled(101);
    apart.answers.insert(2, full(102));
    apart.apart_for = Some(Duration::ZERO);
    assert_eq!(verdict(&first(&apart), "Synced"), no(reasons::TIPS_DIFFER));
}

#[test]
fn what_blocks_the_network_is_why_it_is_not_ready() {
    let mut sight = settled(101);
    sight.blocked = Some((
        reasons::SECRET_MISSING,
        "secret `default/s` does not exist".to_owned(),
    ));
    let status = first(&sight);
    assert_eq!(verdict(&status, "Ready"), no(reasons::SECRET_MISSING));
    assert_eq!(
        verdict(&status, "PodsReady"),
        yes(reasons::ALL_ANSWER),
        "the nodes still run"
    );
}

/// A pass that is blocked compares no links. That is neither "all there" nor "none".
#[test]
fn links_that_were_not_compared_are_unknown_and_keep_their_counts() {
    let before = first(&settled(101));
    let mut blocked = settled(101);
    blocked.links = None;
    blocked.blocked = Some((reasons::SECRET_MISSING, "gone".to_owned()));
    for (before, counts) in [
        (BitcoinNetworkStatus::default(), Links::default()),
        (
            before,
            Links {
                wanted: 3,
                present: 3,
            },
        ),
    ] {
        let status = judged(&blocked, &before);
        assert_eq!(
            status.condition("Connected").unwrap().status,
            ConditionStatus::Unknown
        );
        assert_eq!(status.links, counts);
    }
}

#[test]
fn links_that_are_missing_are_counted() {
    let mut sight = settled(101);
    sight.links = Some(Links {
        wanted: 3,
        present: 1,
    });
    let status = first(&sight);
    assert_eq!(verdict(&status, "Connected"), no(reasons::LINKS_MISSING));
    assert_eq!(
        status.condition("Connected").unwrap().message,
        "1 of 3 links are there"
    );
}

#[test]
fn a_network_on_its_way_to_change_is_not_ready() {
    let mut replacing = settled(101);
    replacing.n_outdated = 1;
    assert_eq!(verdict(&first(&replacing), "Ready"), no(reasons::REPLACING));
    let mut shrinking = settled(101);
    shrinking.wanted = Some(2);
    assert_eq!(verdict(&first(&shrinking), "Ready"), no(reasons::SCALING));
}

#[test]
fn a_network_of_no_nodes_is_ready() {
    let sight = Sight {
        wanted: Some(0),
        links: Some(Links::default()),
        ..Sight::default()
    };
    let status = first(&sight);
    assert_eq!(verdict(&status, "Ready"), yes(reasons::READY));
    assert_eq!((status.height, status.tip), (None, None));
}

#[test]
fn a_spec_that_cannot_be_read_is_never_ready() {
    let sight = Sight {
        blocked: Some((reasons::INVALID_SPEC, "the spec cannot be read".to_owned())),
        ..Sight::default()
    };
    let status = first(&sight);
    assert_eq!(verdict(&status, "Ready"), no(reasons::INVALID_SPEC));
    assert!(
        status
            .conditions
            .iter()
            .all(|condition| condition.status != ConditionStatus::True)
    );
}

#[test]
fn a_new_block_alone_differs_in_nothing_but_chain_facts() {
    let before = first(&settled(101));
    let after = judged(&settled(102), &before);
    assert_ne!(after, before);
    assert_eq!(without_chain_facts(&after, &before), before);
}

#[test]
fn whatever_else_differs_is_more_than_a_chain_fact() {
    let before = first(&settled(101));
    let mut another_pod = settled(102);
    let mut replaced = pod(1, "new");
    replaced["metadata"]["uid"] = json!("another");
    another_pod.pods = build_pods([pod(0, "new"), replaced, pod(2, "new")]);
    let mut unlinked = settled(102);
    unlinked.links = Some(Links {
        wanted: 3,
        present: 2,
    });
    let mut silent_node = settled(102);
    silent_node.answers.insert(0, silent());
    for sight in [another_pod, unlinked, silent_node] {
        let after = judged(&sight, &before);
        assert_ne!(without_chain_facts(&after, &before), before);
    }
}

#[test]
fn nodes_are_listed_by_ordinal_and_as_numbers() {
    let sight = Sight {
        wanted: Some(12),
        pods: build_pods([11, 2, 10, 0].map(|ordinal| pod(ordinal, "new"))),
        ..Sight::default()
    };
    let ordinals: Vec<_> = first(&sight)
        .nodes
        .iter()
        .map(|node| node.ordinal)
        .collect();
    assert_eq!(ordinals, [0, 2, 10, 11]);
    assert!(pods::outdated(&sight.pods, 12, "new").is_empty());
}
