//! Goal: no chain is lost by a replacement that could have waited.

use bitcoin_controller::controller::nodes::Answer;
use bitcoin_controller::controller::pods::{
    Pods, is_current, ordinal, outdated, to_replace, trouble,
};
use serde_json::{Value, json};

use super::build::{answers, chain, full, pod, pods, read, silent, terminating, unready};

/// The ordinals of a network that is not split.
fn whole(n_nodes: i32) -> Vec<Vec<i32>> {
    vec![(0..n_nodes).collect()]
}

/// Three pods, all started with something else.
fn three_old() -> Pods {
    pods((0..3).map(|ordinal| pod(ordinal, "old")))
}

#[test]
fn pods_of_another_set_and_without_an_ordinal_are_not_ours() {
    let mut foreign = pod(0, "new");
    foreign["metadata"]["ownerReferences"][0]["uid"] = json!("an earlier set");
    let mut nameless = pod(1, "new");
    nameless["metadata"]["name"] = json!("alpha-sts-x");
    let mut orphan = pod(2, "new");
    orphan["metadata"]["ownerReferences"] = json!([]);
    assert_eq!(
        pods([foreign, nameless, orphan, pod(3, "new")])
            .keys()
            .collect::<Vec<_>>(),
        [&3]
    );
}

#[test]
fn the_ordinal_is_the_number_at_the_end() {
    assert_eq!(ordinal(&read(pod(12, "new"))), Some(12));
    assert_eq!(ordinal(&read(json!({"metadata": {"name": "alone"}}))), None);
}

#[test]
fn a_pod_without_the_annotation_is_not_current() {
    let mut plain = pod(0, "new");
    plain["metadata"]["annotations"] = json!({});
    assert!(!is_current(&read(plain), "new"));
    assert!(is_current(&read(pod(0, "new")), "new"));
}

#[test]
fn pods_that_go_anyway_are_not_outdated() {
    let pods = pods([
        pod(0, "old"),
        terminating(pod(1, "old")),
        pod(2, "new"),
        pod(3, "old"),
    ]);
    assert_eq!(outdated(&pods, 3, "new"), [0]);
    assert_eq!(outdated(&pods, 0, "new"), [0; 0]);
    assert_eq!(outdated(&pods, -1, "new"), [0; 0]);
}

#[test]
fn nothing_is_replaced_while_all_is_current() {
    let pods = pods((0..3).map(|ordinal| pod(ordinal, "new")));
    assert_eq!(
        to_replace(
            &pods,
            &whole(3),
            "new",
            &answers([silent(), silent(), silent()])
        ),
        None
    );
}

#[test]
fn the_highest_ordinal_goes_first_when_all_are_synced() {
    assert_eq!(
        to_replace(
            &three_old(),
            &whole(3),
            "new",
            &answers([full(5), full(5), full(5)])
        ),
        Some(2)
    );
}

#[test]
fn a_node_behind_the_others_makes_the_rest_wait() {
    assert_eq!(
        to_replace(
            &three_old(),
            &whole(3),
            "new",
            &answers([full(5), full(4), full(5)])
        ),
        None
    );
}

#[test]
fn the_only_node_with_the_best_chain_is_kept() {
    assert_eq!(
        to_replace(
            &three_old(),
            &whole(3),
            "new",
            &answers([full(5), full(5), full(6)])
        ),
        None
    );
}

#[test]
fn a_missing_or_terminating_pod_makes_the_rest_wait() {
    let missing = pods([pod(0, "old"), pod(2, "old")]);
    let answers_of_two = [(0, full(5)), (2, full(5))].into_iter().collect();
    assert_eq!(
        to_replace(&missing, &whole(3), "new", &answers_of_two),
        None
    );
    let leaving = pods([pod(0, "old"), terminating(pod(1, "new")), pod(2, "old")]);
    assert_eq!(
        to_replace(
            &leaving,
            &whole(3),
            "new",
            &answers([full(5), full(5), full(5)])
        ),
        None
    );
}

#[test]
fn a_broken_pod_is_replaced_first_and_waits_for_nobody() {
    let pods = pods([pod(0, "old"), unready(pod(1, "old"))]);
    assert_eq!(
        to_replace(
            &pods,
            &whole(3),
            "new",
            &[(0, full(5)), (1, silent())].into_iter().collect()
        ),
        Some(1)
    );
}

#[test]
fn a_node_that_refuses_our_password_is_judged_by_its_chain() {
    let refusing = |height| Answer::Unauthorized(Some(chain(height)));
    assert_eq!(
        to_replace(
            &three_old(),
            &whole(3),
            "new",
            &answers([refusing(5), refusing(5), refusing(5)])
        ),
        Some(2)
    );
    assert_eq!(
        to_replace(
            &three_old(),
            &whole(3),
            "new",
            &answers([refusing(5), refusing(4), refusing(5)])
        ),
        None
    );
}

/// The kubelet's probe asks the node itself. If it passes and we get no answer, the way to the node is
/// broken and not the node: its chain is there.
#[test]
fn a_node_that_only_we_cannot_reach_is_not_broken() {
    for answer in [silent(), Answer::Unauthorized(None), Answer::WarmingUp] {
        assert_eq!(
            to_replace(
                &three_old(),
                &whole(3),
                "new",
                &answers([full(5), answer, full(5)])
            ),
            None
        );
    }
}

/// An API server that restarts, with port-forwards through it, silences all nodes at once. Replacing
/// one after the other would empty the network.
#[test]
fn nothing_is_replaced_while_we_can_reach_nobody() {
    assert_eq!(
        to_replace(
            &three_old(),
            &whole(3),
            "new",
            &answers([silent(), silent(), silent()])
        ),
        None
    );
    assert_eq!(
        to_replace(&three_old(), &whole(3), "new", &answers([])),
        None
    );
}

/// Each side has a best block of its own, and the others of each side must have it.
#[test]
fn of_a_split_network_each_side_is_judged_by_itself() {
    let old = pods((0..4).map(|ordinal| pod(ordinal, "old")));
    let sides = [vec![0, 1], vec![2, 3]];
    let next = |answers| to_replace(&old, &sides, "new", &answers);
    let split = answers([full(5), full(5), full(8), full(8)]);
    assert_eq!(next(split), Some(3));
    let other_side_apart = answers([full(5), full(4), full(8), full(8)]);
    assert_eq!(next(other_side_apart), None);
    let the_only_one = answers([full(5), full(5), full(7), full(8)]);
    assert_eq!(next(the_only_one), None);
}

#[test]
fn the_only_node_of_a_side_waits_until_the_network_is_healed() {
    let all = || answers([full(5), full(5), full(8)]);
    let sides = [vec![0, 1], vec![2]];
    assert_eq!(to_replace(&three_old(), &sides, "new", &all()), Some(1));
    let last_is_old = pods([pod(0, "new"), pod(1, "new"), pod(2, "old")]);
    assert_eq!(to_replace(&last_is_old, &sides, "new", &all()), None);
    let level = answers([full(8), full(8), full(8)]);
    assert_eq!(to_replace(&last_is_old, &whole(3), "new", &level), Some(2));
    // A network of one has nobody to wait for.
    let alone = pods([pod(0, "old")]);
    assert_eq!(
        to_replace(&alone, &whole(1), "new", &answers([full(5)])),
        Some(0)
    );
}

fn waiting(reason: &str) -> Value {
    let mut pod = unready(pod(0, "new"));
    pod["status"]["containerStatuses"] = json!([{"name": "alpha-sts-ctr", "state": {"waiting": {"reason": reason, "message": "why"}}}]);
    pod
}

fn told(pod: Value) -> Option<(String, String)> {
    trouble(&read(pod))
}

fn said(reason: &str, message: &str) -> Option<(String, String)> {
    Some((reason.to_owned(), message.to_owned()))
}

#[test]
fn what_keeps_a_container_waiting_is_told() {
    assert_eq!(
        told(waiting("ImagePullBackOff")),
        said("ImagePullBackOff", "why")
    );
}

#[test]
fn a_container_that_ended_before_tells_its_exit_code() {
    let mut crashing = waiting("CrashLoopBackOff");
    crashing["status"]["containerStatuses"][0]["lastState"] =
        json!({"terminated": {"exitCode": 1}});
    assert_eq!(
        told(crashing),
        said("CrashLoopBackOff", "why (it last ended with exit code 1)")
    );
}

#[test]
fn a_container_that_is_being_created_is_in_no_trouble() {
    assert_eq!(told(waiting("ContainerCreating")), None);
    assert_eq!(told(pod(0, "new")), None);
}

#[test]
fn what_the_scheduler_says_is_told() {
    let mut pending = pod(0, "new");
    pending["status"] = json!({"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"},
    ]});
    assert_eq!(told(pending), said("Unschedulable", "0/1 nodes"));
}

#[test]
fn what_the_kubelet_says_of_the_whole_pod_is_told() {
    let mut evicted = unready(pod(0, "new"));
    evicted["status"]["reason"] = json!("Evicted");
    evicted["status"]["message"] = json!("low on memory");
    assert_eq!(told(evicted), said("Evicted", "low on memory"));
}
