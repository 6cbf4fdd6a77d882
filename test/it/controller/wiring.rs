//! Goal: what can be linked is, and what cannot is refused with words that help.

use bitcoin_controller::bitcoin::{Link, Members, Topology};
use bitcoin_controller::controller::problem::Problem;
use bitcoin_controller::controller::wiring::{Outside, Wiring};
use bitcoin_controller::controller::{reasons, wiring};
use serde_json::{Value, json};

use super::build::network;

fn topology(spec: Value) -> Result<Topology, String> {
    wiring(spec).map(|wiring| wiring.topology)
}

fn wiring(spec: Value) -> Result<Wiring, String> {
    let network = network(spec);
    match wiring::of(network.spec.valid().unwrap()) {
        Ok(wiring) => Ok(wiring),
        Err(Problem::Blocked { reason, message }) => {
            assert_eq!(reason, reasons::INVALID_SPEC);
            Err(message)
        }
        Err(failed) => panic!("{failed}"),
    }
}

fn of(shape: Value) -> Result<Topology, String> {
    topology(json!({"nodes": 3, "topology": shape}))
}

#[test]
fn each_shape_is_what_it_is_called() {
    assert_eq!(topology(json!({"nodes": 3})), Ok(Topology::Automatic));
    let shapes = [
        ("FullMesh", Topology::FullMesh),
        ("Ring", Topology::Ring),
        ("Line", Topology::Line),
        ("Star", Topology::Star),
        ("Manual", Topology::Manual([].into())),
    ];
    for (name, shape) in shapes {
        assert_eq!(of(json!({"type": name})), Ok(shape));
    }
}

#[test]
fn a_random_shape_has_eight_links_and_the_networks_own_seed_if_nothing_is_said() {
    let random = |degree, seed| Ok(Topology::Random { degree, seed });
    assert_eq!(of(json!({"type": "Random"})), random(8, None));
    let asked = json!({"type": "Random", "degree": 3, "seed": 0});
    assert_eq!(of(asked), random(3, Some(0)));
    for degree in [0, -1] {
        let message = of(json!({"type": "Random", "degree": degree})).unwrap_err();
        assert!(message.contains("`topology.degree`"), "{message}");
    }
}

#[test]
fn edges_count_once_whichever_end_comes_first() {
    let edges = json!([[0, 1], [1, 0], [2, 1], [0, 999]]);
    let links = [(0, 1), (1, 2), (0, 999)].map(|(one, other)| Link::new(one, other));
    let shape = of(json!({"type": "Manual", "edges": edges})).unwrap();
    assert_eq!(shape, Topology::Manual(links.into()));
    let members = Members::new("1f2e3d4c", "a-sts-", 3).unwrap();
    assert_eq!(shape.links(&members).len(), 2, "node 999 is not there");
}

#[test]
fn edges_that_are_none_are_refused() {
    let cases = [
        (json!([[2, 2]]), "node 2 with itself"),
        (json!([[0, 1], [1]]), "two nodes"),
        (json!([[0, 1, 2]]), "two nodes"),
        (json!([[0, -1]]), "begin at 0"),
    ];
    for (edges, told) in cases {
        let message = of(json!({"type": "Manual", "edges": edges})).unwrap_err();
        assert!(message.contains(told), "{message}");
    }
}

#[test]
fn a_full_mesh_of_more_than_a_hundred_is_refused() {
    let mesh = |nodes| topology(json!({"nodes": nodes, "topology": {"type": "FullMesh"}}));
    assert_eq!(mesh(100), Ok(Topology::FullMesh));
    let message = mesh(101).unwrap_err();
    assert!(
        message.contains("100") && message.contains("Random"),
        "{message}"
    );
    let star = topology(json!({"nodes": 1_000, "topology": {"type": "Star"}}));
    assert_eq!(star, Ok(Topology::Star));
}

#[test]
fn a_split_network_wants_the_links_within_its_sides() {
    let asked = json!({"nodes": 6, "partitions": [[0, 1, 2, 7]], "topology": {"type": "Ring"}});
    let wiring = wiring(asked).unwrap();
    assert_eq!(wiring.sides.to_string(), "nodes 0-2 | nodes 3-5");
    let members = Members::new("1f2e3d4c", "a-sts-", 6).unwrap();
    let links: Vec<Link> = wiring.links(&members).into_keys().collect();
    let within = [(0, 1), (1, 2), (3, 4), (4, 5)].map(|(one, other)| Link::new(one, other));
    assert_eq!(links, within);
}

#[test]
fn a_node_on_two_sides_is_refused() {
    let split = |partitions| wiring(json!({"nodes": 3, "partitions": partitions}));
    let message = split(json!([[0, 1], [1, 2]])).unwrap_err();
    assert!(message.contains("node 1 on two sides"), "{message}");
    let message = split(json!([[0, -1]])).unwrap_err();
    assert!(message.contains("node -1"), "{message}");
    assert!(split(json!([[0], [1], [2]])).is_ok());
}

fn outside(spec: Value) -> Result<Vec<Outside>, String> {
    wiring(spec).map(|wiring| wiring.outside)
}

#[test]
fn a_peer_outside_is_an_address_or_a_network_and_is_node_0s_if_nothing_is_said() {
    let peers = json!([
        {"address": "laptop.example:18444", "nodes": [1, 9]},
        {"network": "beta"},
        {"address": "[fd00::7]:18444"},
        {"network": "beta", "nodes": [2]},
    ]);
    let found = outside(json!({"nodes": 3, "externalPeers": peers})).unwrap();
    let seen: Vec<(String, Vec<u32>)> = found
        .iter()
        .map(|it| (it.whom.to_string(), it.nodes.iter().copied().collect()))
        .collect();
    assert_eq!(
        seen,
        [
            ("laptop.example:18444".to_owned(), vec![1]),
            ("beta".to_owned(), vec![0, 2]),
            ("[fd00::7]:18444".to_owned(), vec![0]),
        ]
    );
    assert!(
        found
            .iter()
            .all(|it| it.barred.is_empty() && !it.is_cut_short)
    );
}

#[test]
fn what_is_no_peer_is_refused() {
    let cases = [
        (json!({"address": "laptop"}), "HOST:PORT"),
        (json!({"address": "laptop:0"}), "HOST:PORT"),
        (json!({"address": ":18444"}), "HOST:PORT"),
        (json!({"address": "fd00::7:18444"}), "HOST:PORT"),
        (json!({"address": "a b:18444"}), "HOST:PORT"),
        (json!({"address": "a:1", "network": "beta"}), "either"),
        (json!({}), "either"),
        (json!({"network": "beta", "nodes": [-1]}), "node -1"),
    ];
    for (peer, told) in cases {
        let asked = json!({"nodes": 3, "externalPeers": [peer]});
        let message = outside(asked).unwrap_err();
        assert!(message.contains(told), "{message}");
    }
}

/// Two sides that are both connected with one peer would not be apart.
#[test]
fn of_a_split_network_one_side_is_connected_with_a_peer_outside() {
    let peers =
        json!([{"network": "beta", "nodes": [9, 4, 0, 5]}, {"address": "a:1", "nodes": [9]}]);
    let asked = json!({"nodes": 6, "partitions": [[0, 1, 2]], "externalPeers": peers});
    let found = outside(asked).unwrap();
    assert_eq!(found[0].nodes, [4, 5].into());
    assert_eq!(found[0].barred, [0, 1, 2].into());
    assert!(found[0].is_cut_short);
    assert_eq!((found[1].nodes.len(), found[1].barred.len()), (0, 0));
}
