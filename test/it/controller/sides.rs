//! Goal: of a network that is split each side is judged by itself, and a turn is told once. Mirrors
//! `src/controller/status/sides.rs` and `src/controller/reorganisation.rs`.

use std::time::Duration;

use bitcoin_controller::api::Timestamp;
use bitcoin_controller::api::network::{BitcoinNetworkStatus, Links, SideStatus};
use bitcoin_controller::controller::nodes::Answer;
use bitcoin_controller::controller::reasons;
use bitcoin_controller::controller::reorganisation::{Reorganisation, moved};
use bitcoin_controller::controller::status::{
    SYNC_GRACE, Side, Sight, next, turn, without_chain_facts,
};
use serde_json::json;

use super::build::{answers, full, network, pod, pods, silent};

/// What is seen of four nodes on two sides, at these heights.
fn split(heights: [i64; 4]) -> Sight {
    let side = |nodes: [i32; 2]| Side {
        links: Some(Links {
            wanted: 1,
            present: 1,
        }),
        n_pieces: 1,
        ..Side::new(nodes)
    };
    Sight {
        wanted: Some(4),
        pods: pods((0..4).map(|ordinal| pod(ordinal, "new"))),
        answers: answers(heights.map(full)),
        links: Some(Links {
            wanted: 2,
            present: 2,
        }),
        sides: vec![side([0, 1]), side([2, 3])],
        ..Sight::default()
    }
}

fn status_after(sight: &Sight, before: &BitcoinNetworkStatus) -> BitcoinNetworkStatus {
    let network = network(json!({"nodes": 4, "partitions": [[0, 1]]}));
    next(&network, before, sight, Timestamp::from_unix_seconds(100))
}

fn status(sight: &Sight) -> BitcoinNetworkStatus {
    status_after(sight, &BitcoinNetworkStatus::default())
}

fn reason_and_message(status: &BitcoinNetworkStatus, name: &str) -> (String, String) {
    let condition = status.condition(name).unwrap();
    (condition.reason.clone(), condition.message.clone())
}

/// The same chain's height, with another last block.
fn rival(height: i64) -> Answer {
    let Answer::Full {
        mut chain,
        network,
        peers,
    } = full(height)
    else {
        unreachable!("it answers in full")
    };
    chain.best_block_hash = full(height + 1_000).chain().unwrap().best_block_hash;
    Answer::Full {
        chain,
        network,
        peers,
    }
}

#[test]
fn each_side_has_a_best_block_of_its_own() {
    let status = status(&split([103, 103, 105, 105]));
    assert!(status.is_true("Ready"), "{:?}", status.conditions);
    assert_eq!((status.height, status.tip), (Some(105), None));
    let seen: Vec<_> = status
        .sides
        .iter()
        .map(|side| (side.nodes.clone(), side.height, side.links.present))
        .collect();
    assert_eq!(
        seen,
        [(vec![0, 1], Some(103), 1), (vec![2, 3], Some(105), 1)]
    );
    assert!(status.sides.iter().all(|side| side.tip.is_some()));
    assert_ne!(status.sides[0].tip, status.sides[1].tip);
}

#[test]
fn the_message_names_the_sides_and_their_heights() {
    let status = status(&split([103, 103, 105, 105]));
    let (reason, message) = reason_and_message(&status, "Synced");
    assert_eq!(reason, reasons::ONE_TIP_PER_SIDE);
    assert_eq!(
        message,
        "nodes 0, 1 at height 103, nodes 2, 3 at height 105"
    );
    let (_, message) = reason_and_message(&status, "Connected");
    assert_eq!(
        message,
        "2 of 2 links are there, none of them between sides"
    );
}

#[test]
fn a_side_whose_nodes_differ_is_named() {
    let status = status(&split([103, 102, 105, 105]));
    let (reason, message) = reason_and_message(&status, "Synced");
    assert_eq!(reason, reasons::TIPS_DIFFER);
    assert_eq!(message, "nodes 0, 1 differ: node 0 at 103, node 1 at 102");
    let (a, b) = (&status.sides[0], &status.sides[1]);
    assert_eq!(
        (a.height, &a.tip, b.tip.is_some()),
        (Some(103), &None, true)
    );
}

#[test]
fn a_link_across_is_why_it_is_not_connected() {
    let mut sight = split([5; 4]);
    sight.n_across = 3;
    let status = status(&sight);
    let (reason, message) = reason_and_message(&status, "Connected");
    assert_eq!(reason, reasons::SIDES_LINKED);
    assert_eq!(message, "3 links between sides are being cut");
    assert!(!status.is_true("Ready"));
}

#[test]
fn a_side_in_pieces_is_said() {
    let mut sight = split([5, 5, 6, 7]);
    sight.sides[1].n_pieces = 2;
    let status = status(&sight);
    let told = "; the topology leaves nodes 2, 3 in 2 pieces";
    for name in ["Connected", "Synced"] {
        let (_, message) = reason_and_message(&status, name);
        assert!(message.ends_with(told), "{name}: {message}");
    }
}

#[test]
fn chains_of_equal_work_are_said_to_wait_for_the_next_block() {
    let mut sight = split([7; 4]);
    sight.sides.clear();
    sight.answers.insert(3, rival(7));
    let status = status(&sight);
    let (reason, message) = reason_and_message(&status, "Synced");
    assert_eq!(reason, reasons::EQUAL_WORK);
    assert!(
        message.starts_with("2 chains of equal work at height 7: nodes 0-2 on 0000")
            && message.ends_with("; the next block decides"),
        "{message}"
    );
    // Who does not answer may have more.
    sight.answers.insert(2, silent());
    let (reason, _) = reason_and_message(&self::status(&sight), "Synced");
    assert_eq!(reason, reasons::TIPS_DIFFER);
}

/// The grace is for blocks that travel. Sides that have just been joined have not been one.
#[test]
fn a_network_that_was_healed_is_not_called_synced_before_it_is() {
    let before = status(&split([103, 103, 105, 105]));
    let mut healed = split([103, 103, 105, 105]);
    healed.sides.clear();
    healed.apart_for = Some(Duration::ZERO);
    assert!(!status_after(&healed, &before).is_true("Synced"));
    let mut apart = split([103, 104, 105, 105]);
    apart.apart_for = Some(SYNC_GRACE / 2);
    assert!(status_after(&apart, &before).is_true("Synced"));
}

#[test]
fn heights_of_sides_are_facts_that_may_wait() {
    let before = status(&split([103, 103, 105, 105]));
    let after = status_after(&split([103, 103, 106, 106]), &before);
    assert_ne!(before, after);
    assert_eq!(without_chain_facts(&after, &before), before);
}

#[test]
fn a_pass_that_compares_no_links_keeps_the_counts_of_each_side() {
    let before = status(&split([5; 4]));
    let mut blocked = split([5; 4]);
    blocked.links = None;
    for side in &mut blocked.sides {
        side.links = None;
    }
    assert_eq!(status_after(&blocked, &before).sides, before.sides);
}

fn sides(sides: &[&[i32]]) -> Vec<SideStatus> {
    let side = |nodes: &&[i32]| SideStatus {
        nodes: nodes.to_vec(),
        ..SideStatus::default()
    };
    sides.iter().map(side).collect()
}

#[test]
fn a_turn_is_told_and_nothing_else() {
    let told = |before: &[&[i32]], next: &[&[i32]]| {
        turn(&sides(before), &sides(next)).map(|(reason, _)| reason)
    };
    let (split, healed) = (Some(reasons::PARTITIONED), Some(reasons::HEALED));
    assert_eq!(told(&[], &[]), None);
    assert_eq!(told(&[], &[&[0, 1], &[2]]), split);
    assert_eq!(told(&[&[0, 1], &[2]], &[]), healed);
    assert_eq!(told(&[&[0, 1], &[2]], &[&[0, 1], &[2]]), None);
    assert_eq!(told(&[&[0, 1], &[2]], &[&[0], &[1, 2]]), split);
    // Scaling, and naming the sides in another order.
    assert_eq!(told(&[&[0, 1], &[2]], &[&[0, 1], &[2, 3, 4]]), None);
    assert_eq!(told(&[&[0, 1], &[2, 3, 4]], &[&[0, 1], &[2]]), None);
    assert_eq!(told(&[&[0, 1], &[2]], &[&[2], &[0, 1]]), None);
    let (_, message) = turn(&[], &sides(&[&[0, 1, 2], &[3]])).unwrap();
    assert_eq!(message, "the network is split: nodes 0-2 | node 3");
}

#[test]
fn nodes_that_went_the_same_way_are_told_together_and_a_new_pod_is_not() {
    let before = status(&split([3, 3, 3, 3]));
    let mut now = status(&split([5, 5, 5, 3]));
    now.nodes[2].pod_uid = "another".to_owned();
    let moved = moved(&before, &now);
    assert_eq!(moved.len(), 1);
    assert_eq!(moved[0].nodes, [0, 1]);
    assert_eq!((moved[0].from.0, moved[0].to.0), (3, 5));
    let told = Reorganisation {
        nodes: vec![0, 1],
        from: (3, "aa".to_owned()),
        to: (5, "bb".to_owned()),
        n_dropped: 2,
        is_counted_out: true,
    };
    assert_eq!(
        told.message(),
        "nodes 0, 1 dropped 2 blocks: from height 3 (aa) to height 5 (bb)"
    );
    let not_counted_out = Reorganisation {
        is_counted_out: false,
        ..told
    };
    assert!(not_counted_out.message().contains("at least 2 blocks"));
}
