//! Mirrors `src/bitcoin/topology.rs`.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin_controller::bitcoin::topology::{CHORDS, CORE_SIZE, Membership};
use bitcoin_controller::bitcoin::{Identity, Link, Members, Topology};

fn members(network: &str, size: u32) -> Members {
    Members::new(network, "a-sts-", size).unwrap()
}

/// The marks of a few networks: the seeds.
fn networks() -> impl Iterator<Item = String> {
    (0..6_u32).map(|seed| format!("{:08x}", seed.wrapping_mul(0x9e37_79b9)))
}

fn dialled(links: &BTreeMap<Link, u32>, size: u32) -> Vec<usize> {
    let dials = |node| links.values().filter(|dialler| **dialler == node).count();
    (0..size).map(dials).collect()
}

#[test]
fn a_link_is_an_unordered_pair() {
    assert_eq!(Link::new(4, 2), Link::new(2, 4));
    assert_eq!(Link::new(4, 2).ends(), (2, 4));
    assert_eq!((Link::new(4, 2).other(4), Link::new(4, 2).other(2)), (2, 4));
    assert_eq!(Link::new(4, 2).to_string(), "2-4");
}

#[test]
fn every_link_is_dialled_by_one_of_its_ends() {
    for (topology, size) in [(Topology::Automatic, 60), (Topology::FullMesh, 40)] {
        for (link, dialler) in topology.links(&members("1f2e3d4c", size)) {
            let (low, high) = link.ends();
            assert!(low < high && high < size, "{link}");
            assert!(dialler == low || dialler == high, "{link} by {dialler}");
        }
    }
}

#[test]
fn up_to_17_nodes_everybody_is_linked_with_everybody_and_dials_8_at_most() {
    for size in 0..=CORE_SIZE {
        let links = Topology::Automatic.links(&members("1f2e3d4c", size));
        let pairs = (0..size).flat_map(|a| (a + 1..size).map(move |b| Link::new(a, b)));
        let wanted: BTreeSet<Link> = pairs.collect();
        assert_eq!(links.keys().copied().collect::<BTreeSet<_>>(), wanted);
        assert!(dialled(&links, size).into_iter().all(|dials| dials <= 8));
    }
    let links = Topology::Automatic.links(&members("1f2e3d4c", 17));
    assert_eq!(dialled(&links, 17), [8; 17]);
}

#[test]
fn the_duty_in_a_full_mesh_differs_by_one_at_most() {
    for size in 1..=100 {
        let dialled = dialled(&Topology::FullMesh.links(&members("1f2e3d4c", size)), size);
        let spread = dialled.iter().max().unwrap() - dialled.iter().min().unwrap();
        assert!(spread <= 1, "{size}: {dialled:?}");
    }
}

#[test]
fn above_17_everybody_dials_8_and_the_graph_is_connected() {
    for network in networks() {
        for size in (18..=200).step_by(7).chain([200]) {
            let links = Topology::Automatic.links(&members(&network, size));
            assert!(dialled(&links, size).into_iter().all(|dials| dials == 8));
            assert_eq!(reached_from_0(&links), size as usize, "{network} {size}");
        }
    }
}

/// It stays in one piece without any two of its nodes: pods are killed, and that must not be a fork.
#[test]
fn above_17_any_two_nodes_may_die() {
    let size = 40;
    let links = Topology::Automatic.links(&members("1f2e3d4c", size));
    for (a, b) in (1..size).flat_map(|a| (a + 1..size).map(move |b| (a, b))) {
        let mut left = links.clone();
        left.retain(|link, _| [a, b].iter().all(|end| !touches(*link, *end)));
        assert_eq!(
            reached_from_0(&left),
            size as usize - 2,
            "without {a} and {b}"
        );
    }
}

fn touches(link: Link, node: u32) -> bool {
    let (low, high) = link.ends();
    low == node || high == node
}

fn reached_from_0(links: &BTreeMap<Link, u32>) -> usize {
    let mut reached = BTreeSet::from([0]);
    loop {
        let before = reached.len();
        for link in links.keys() {
            let (low, high) = link.ends();
            if reached.contains(&low) || reached.contains(&high) {
                reached.extend([low, high]);
            }
        }
        if reached.len() == before {
            return before;
        }
    }
}

#[test]
fn a_node_more_brings_its_links_and_moves_no_other() {
    for network in networks() {
        let mut before = BTreeMap::new();
        for size in 1..=60 {
            let links = Topology::Automatic.links(&members(&network, size));
            let fresh: Vec<Link> = links
                .keys()
                .filter(|link| !before.contains_key(*link))
                .copied()
                .collect();
            assert_eq!(
                links.len(),
                before.len() + fresh.len(),
                "{size}: a link was moved"
            );
            assert!(
                fresh.iter().all(|link| touches(*link, size - 1)),
                "{size}: {fresh:?}"
            );
            if size > CORE_SIZE {
                assert_eq!(fresh.len(), CHORDS as usize);
            }
            before = links;
        }
    }
}

#[test]
fn the_chords_depend_on_the_network_and_on_nothing_else() {
    let links = |network| Topology::Automatic.links(&members(network, 40));
    assert_eq!(links("1f2e3d4c"), links("1f2e3d4c"));
    assert_ne!(links("1f2e3d4c"), links("1f2e3d4d"));
}

#[test]
fn the_planned_degree_is_that_of_the_busiest_node() {
    let degree = |topology: Topology, size| topology.planned_degree(&members("1f2e3d4c", size));
    assert_eq!(degree(Topology::Automatic, 0), 0);
    assert_eq!(degree(Topology::Automatic, 1), 0);
    assert_eq!(degree(Topology::Automatic, 3), 2);
    assert_eq!(degree(Topology::Automatic, 17), 16);
    assert_eq!(degree(Topology::FullMesh, 100), 99);
    for network in networks() {
        // Of the 125 connections a node allows by default, 114 may be received.
        let largest = Topology::Automatic.planned_degree(&members(&network, 1_000));
        assert!((17..=100).contains(&largest), "{network}: {largest}");
    }
}

#[test]
fn membership_is_by_mark_and_name() {
    let members = members("1f2e3d4c", 3);
    let of = |network, node| members.membership(&Identity::new(network, node).unwrap());
    assert_eq!(of("1f2e3d4c", "a-sts-0"), Membership::Member(0));
    assert_eq!(of("1f2e3d4c", "a-sts-2"), Membership::Member(2));
    for former in [
        "a-sts-3",
        "a-sts-02",
        "a-sts-",
        "a-sts--1",
        "b-sts-0",
        "a-sts-99999999999",
    ] {
        assert_eq!(of("1f2e3d4c", former), Membership::Former, "{former}");
    }
    assert_eq!(of("00000000", "a-sts-0"), Membership::Stranger);
    assert_eq!(members.identity(2).unwrap().to_string(), "1f2e3d4c.a-sts-2");
}

#[test]
fn names_that_cannot_be_in_a_comment_are_refused() {
    assert_eq!(Members::new("1f2e3d4", "a-", 3), None);
    assert_eq!(Members::new("1f2e3d4c", "a;b-", 3), None);
    assert_eq!(Members::new("1f2e3d4c", &"a".repeat(63), 3), None);
    assert!(Members::new("1f2e3d4c", &"a".repeat(60), 999).is_some());
}
