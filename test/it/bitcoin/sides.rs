//! Mirrors `src/bitcoin/sides.rs`.

use std::collections::BTreeSet;

use bitcoin_controller::base::Random;
use bitcoin_controller::bitcoin::peers::{Action, Why, plan};
use bitcoin_controller::bitcoin::sides::{OnTwoSides, name, pieces};
use bitcoin_controller::bitcoin::{Link, Members, Sides, Topology};

use super::peers::{NOW, members, node, received, sent, subver};

fn sides(named: &[Vec<u32>], size: u32) -> Vec<Vec<u32>> {
    let sides = Sides::split(named, size).unwrap();
    let list = |side: &BTreeSet<u32>| side.iter().copied().collect();
    sides.all().iter().map(list).collect()
}

#[test]
fn who_is_not_named_is_on_a_side_of_its_own() {
    assert_eq!(sides(&[vec![0, 1, 2]], 6), [[0, 1, 2], [3, 4, 5]]);
    assert_eq!(
        sides(&[vec![4], vec![2, 0]], 6),
        [vec![4], vec![0, 2], vec![1, 3, 5]]
    );
    assert_eq!(sides(&[vec![0, 0, 1]], 2), [[0, 1]]);
    assert_eq!(sides(&[], 3), [[0, 1, 2]]);
}

#[test]
fn nodes_that_are_not_there_are_on_no_side() {
    assert_eq!(sides(&[vec![0, 1], vec![2, 7]], 3), [vec![0, 1], vec![2]]);
    assert_eq!(sides(&[vec![0], vec![7, 8]], 1), [[0]]);
    assert_eq!(sides(&[vec![7]], 0), [[0; 0]; 0]);
    let split = Sides::split(&[vec![0]], 2).unwrap();
    assert_eq!(
        (split.of(0), split.of(1), split.of(2)),
        (Some(0), Some(1), None)
    );
}

#[test]
fn a_node_on_two_sides_is_refused_whether_or_not_it_is_there() {
    let refused = |named: &[Vec<u32>]| Sides::split(named, 3).unwrap_err();
    assert_eq!(refused(&[vec![0, 1], vec![1, 2]]), OnTwoSides(1));
    assert_eq!(refused(&[vec![9], vec![0], vec![9]]), OnTwoSides(9));
}

#[test]
fn a_network_of_one_side_is_not_split() {
    assert!(!Sides::whole(3).is_split());
    assert_eq!(Sides::whole(3), Sides::split(&[vec![0, 1, 2]], 3).unwrap());
    assert_eq!(Sides::whole(0), Sides::default());
    assert!(Sides::split(&[vec![0]], 2).unwrap().is_split());
}

/// 200 networks: each node is on one side, and a link is held if and only if its ends are on the same.
#[test]
fn each_node_is_on_exactly_one_side() {
    for seed in 0..200 {
        let random = Random::seeded(seed);
        let size = random.below(30) as u32;
        let mut named = vec![Vec::new(); random.below(5) as usize];
        for node in 0..40 {
            let side = random.below(8) as usize;
            if let Some(side) = named.get_mut(side) {
                side.push(node);
            }
        }
        let sides = Sides::split(&named, size).unwrap();
        let mut all: Vec<u32> = sides.all().iter().flatten().copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..size).collect::<Vec<u32>>(), "seed {seed}");
        assert!(sides.all().iter().all(|side| !side.is_empty()));
        for (low, high) in (0..size).flat_map(|low| (low + 1..size).map(move |high| (low, high))) {
            let together = sides.of(low) == sides.of(high);
            assert_eq!(sides.holds(Link::new(high, low)), together, "seed {seed}");
        }
    }
}

#[test]
fn nodes_are_named_in_few_words() {
    assert_eq!(name([3]), "node 3");
    assert_eq!(name([3, 4]), "nodes 3, 4");
    assert_eq!(name([0, 1, 2, 5, 7, 8, 9]), "nodes 0-2, 5, 7-9");
    assert_eq!(name([u32::MAX]), "node 4294967295");
    let sides = Sides::split(&[vec![0, 1, 2]], 4).unwrap();
    assert_eq!(sides.to_string(), "nodes 0-2 | node 3");
}

#[test]
fn a_ring_that_is_cut_across_is_in_pieces_on_each_side() {
    let members = Members::new("1f2e3d4c", "a-sts-", 6).unwrap();
    let n_pieces = |named: &[Vec<u32>]| -> Vec<usize> {
        let sides = Sides::split(named, 6).unwrap();
        let ring = Topology::Ring.links(&members).into_keys();
        let held: Vec<Link> = ring.filter(|link| sides.holds(*link)).collect();
        let of = |side: &BTreeSet<u32>| pieces(side.iter().copied(), held.iter().copied());
        sides.all().iter().map(of).collect()
    };
    assert_eq!(n_pieces(&[]), [1]);
    assert_eq!(n_pieces(&[vec![0, 1, 2]]), [1, 1]);
    assert_eq!(n_pieces(&[vec![0, 1, 3]]), [2, 2]);
    assert_eq!(n_pieces(&[vec![0, 2, 4]]), [3, 3]);
    assert_eq!(pieces([], []), 0);
}

#[test]
fn links_across_are_cut_whoever_made_them_and_none_is_dialled() {
    let members = members(4);
    let sides = Sides::split(&[vec![0, 1]], 4).unwrap();
    let mut wanted = Topology::Automatic.links(&members);
    wanted.retain(|link, _| sides.holds(*link));
    let nodes = [
        node(0, vec![sent(1, &subver(1)), sent(2, &subver(2))]),
        node(1, vec![received(1, &subver(0)), received(2, &subver(3))]),
        node(2, vec![received(1, &subver(0))]),
        node(3, vec![sent(1, &subver(1))]),
    ];
    let plan = plan(&members, &wanted, &nodes, NOW);
    let across = [(0, 2), (1, 3)].map(|(one, other)| Link::new(one, other));
    assert_eq!(plan.unwanted, across.into());
    let cuts = plan.actions.iter().filter_map(|action| match action {
        Action::Disconnect { node, why, .. } => Some((*node, *why)),
        Action::Dial { .. } => None,
    });
    let cuts: Vec<(u32, Why)> = cuts.collect();
    assert_eq!(cuts, [(0, Why::NotWanted), (3, Why::NotWanted)]);
    let dials = plan.actions.iter().filter_map(|action| match action {
        Action::Dial { from, to, .. } => Some(Link::new(*from, *to)),
        Action::Disconnect { .. } => None,
    });
    assert_eq!(dials.collect::<Vec<Link>>(), [Link::new(2, 3)]);
}
