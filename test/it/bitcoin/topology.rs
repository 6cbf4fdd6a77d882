//! Mirrors `src/bitcoin/topology.rs`.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin_controller::base::Random;
use bitcoin_controller::bitcoin::topology::{CHORDS, CORE_SIZE, LARGEST_FULL_MESH};
use bitcoin_controller::bitcoin::{Link, Members, Topology};

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

/// Each shape, by name, and those of chance with a few seeds.
fn shapes() -> Vec<Topology> {
    let random = |(degree, seed)| Topology::Random { degree, seed };
    let mut shapes = vec![
        Topology::Automatic,
        Topology::FullMesh,
        Topology::Ring,
        Topology::Line,
        Topology::Star,
        Topology::Manual(manual(7)),
    ];
    shapes.extend([(1, None), (2, Some(0)), (8, Some(7)), (100, Some(7))].map(random));
    shapes
}

/// Any links of 40 nodes.
fn manual(seed: u64) -> BTreeSet<Link> {
    let random = Random::seeded(seed);
    let any = || random.below(40) as u32;
    let pairs = (0..1 + random.below(200)).map(|_| (any(), any()));
    let different = pairs.filter(|(one, other)| one != other);
    different
        .map(|(one, other)| Link::new(one, other))
        .collect()
}

fn pairs(links: &BTreeMap<Link, u32>) -> Vec<(u32, u32)> {
    links.keys().map(|link| link.ends()).collect()
}

#[test]
fn every_link_is_dialled_by_one_of_its_ends() {
    for (topology, size) in shapes().into_iter().zip([60, 40].into_iter().cycle()) {
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
fn of_the_automatic_shape_a_node_more_brings_eight_links() {
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

/// Every shape but the ring keeps what it has, and whoever joins brings links of its own only.
#[test]
fn a_node_more_moves_no_link() {
    for topology in shapes() {
        if topology == Topology::Ring {
            continue;
        }
        let of = |size| topology.links(&members("1f2e3d4c", size));
        for size in 1..60 {
            let (before, after) = (of(size), of(size + 1));
            let fresh = after.keys().filter(|link| !before.contains_key(link));
            let (fresh, others): (Vec<&Link>, Vec<&Link>) =
                fresh.partition(|link| touches(**link, size));
            assert!(others.is_empty(), "{topology:?} {size}: {others:?}");
            assert_eq!(
                after.len(),
                before.len() + fresh.len(),
                "{topology:?} {size}"
            );
        }
    }
}

#[test]
fn a_ring_opens_at_one_place_for_a_node_more() {
    let of = |size| Topology::Ring.links(&members("1f2e3d4c", size));
    assert_eq!(pairs(&of(0)), []);
    assert_eq!(pairs(&of(1)), []);
    assert_eq!(pairs(&of(2)), [(0, 1)]);
    assert_eq!(pairs(&of(3)), [(0, 1), (0, 2), (1, 2)]);
    for size in 3..40 {
        let (before, after) = (of(size), of(size + 1));
        assert_eq!(after.len(), size as usize + 1);
        assert_eq!(dialled(&after, size + 1), vec![1; size as usize + 1]);
        let gone: Vec<&Link> = before.keys().filter(|it| !after.contains_key(it)).collect();
        assert_eq!(gone, [&Link::new(0, size - 1)]);
    }
}

#[test]
fn in_a_line_each_dials_the_next_and_in_a_star_all_dial_the_centre() {
    let members = members("1f2e3d4c", 5);
    let line = Topology::Line.links(&members);
    assert_eq!(pairs(&line), [(0, 1), (1, 2), (2, 3), (3, 4)]);
    assert_eq!(dialled(&line, 5), [1, 1, 1, 1, 0]);
    let star = Topology::Star.links(&members);
    assert_eq!(pairs(&star), [(0, 1), (0, 2), (0, 3), (0, 4)]);
    assert_eq!(dialled(&star, 5), [0, 1, 1, 1, 1]);
}

/// Every shape but the manual one is in one piece, at every size.
#[test]
fn the_shapes_that_are_not_listed_by_hand_are_connected() {
    for topology in shapes() {
        for size in 1..70 {
            let links = topology.links(&members("1f2e3d4c", size));
            let is_listed = matches!(topology, Topology::Manual(_));
            let reached = reached_from_0(&links);
            assert!(is_listed || reached == size as usize, "{topology:?} {size}");
        }
    }
}

#[test]
fn a_random_network_has_the_degree_it_was_asked_for() {
    for degree in [1, 2, 5, 100] {
        let topology = Topology::Random { degree, seed: None };
        let links = topology.links(&members("1f2e3d4c", 300));
        for node in 0..300 {
            let before = links.keys().filter(|link| link.ends().1 == node).count();
            assert_eq!(before, degree.min(node) as usize, "{degree} {node}");
        }
        assert!(
            dialled(&links, 300)
                .into_iter()
                .all(|dials| dials <= degree as usize)
        );
    }
}

#[test]
fn a_seed_gives_the_same_links_to_every_network_and_none_gives_each_its_own() {
    let links = |seed, network| Topology::Random { degree: 3, seed }.links(&members(network, 40));
    assert_eq!(links(Some(5), "1f2e3d4c"), links(Some(5), "00000000"));
    assert_ne!(links(Some(5), "1f2e3d4c"), links(Some(6), "1f2e3d4c"));
    assert_ne!(links(None, "1f2e3d4c"), links(None, "00000000"));
    assert_eq!(links(None, "1f2e3d4c"), links(None, "1f2e3d4c"));
}

#[test]
fn listed_links_of_nodes_that_are_not_there_wait_for_them() {
    let listed = [(0, 1), (1, 2), (2, 7)].map(|(one, other)| Link::new(one, other));
    let topology = Topology::Manual(listed.into());
    let of = |size| pairs(&topology.links(&members("1f2e3d4c", size)));
    assert_eq!(of(8), [(0, 1), (1, 2), (2, 7)]);
    assert_eq!(of(7), [(0, 1), (1, 2)]);
    assert_eq!(of(1), []);
}

/// 200 graphs of any links: each node dials half of its own, rounded up or down.
#[test]
fn listed_links_are_dialled_half_by_each_end() {
    for seed in 0..200 {
        let links = Topology::Manual(manual(seed)).links(&members("1f2e3d4c", 40));
        assert_eq!(links.len(), manual(seed).len(), "seed {seed}");
        for (node, dials) in dialled(&links, 40).into_iter().enumerate() {
            let own = links.keys().filter(|link| touches(**link, node as u32));
            let own = own.count();
            assert!(
                own.abs_diff(2 * dials) <= 1,
                "seed {seed}: {node}: {dials} of {own}"
            );
        }
    }
}

/// Of the connections a node allows, those it may receive must be enough for every shape at any size.
#[test]
fn no_shape_asks_a_node_to_receive_more_than_it_is_started_with() {
    let received = |topology: Topology, size| {
        let mut received = vec![0; size as usize];
        for (link, dialler) in topology.links(&members("1f2e3d4c", size)) {
            received[link.other(dialler) as usize] += 1;
        }
        received.into_iter().max().unwrap_or(0)
    };
    let busiest = Topology::Random {
        degree: 100,
        seed: None,
    };
    assert!(received(busiest, 1_000) < 999);
    assert_eq!(received(Topology::FullMesh, LARGEST_FULL_MESH), 50);
    assert_eq!(received(Topology::Star, 1_000), 999);
}
