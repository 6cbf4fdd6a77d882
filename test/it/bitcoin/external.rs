//! Mirrors `src/bitcoin/external.rs`.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin_controller::bitcoin::external::{DialOut, External, Outlook, Seen, Who, look_out};
use bitcoin_controller::bitcoin::members::{Members, Membership};
use bitcoin_controller::bitcoin::peers::{Action, Node, Why, plan};
use bitcoin_controller::bitcoin::progress::Progress;
use bitcoin_controller::bitcoin::{Identity, Peer, Topology};
use bitcoin_controller::http::Endpoint;

use super::peers::{FOREIGN, NOW, USERS_OWN, members, node, received, sent, subver};

const FRIEND: &str = "aaaaaaaa";

fn laptop() -> Endpoint {
    Endpoint::new("laptop.example", 18444)
}

fn at_address(nodes: &[u32]) -> External {
    External {
        nodes: nodes.iter().copied().collect(),
        barred: BTreeSet::new(),
        who: Who::Address(laptop()),
    }
}

/// Nodes 0 and 1 of another network; it is not known where the second is.
fn friend(nodes: &[u32], is_ours_to_dial: bool) -> External {
    let theirs = [("b-sts-0", Some(theirs())), ("b-sts-1", None)];
    External {
        who: Who::Friend {
            network: FRIEND.to_owned(),
            nodes: theirs.map(|(name, at)| (name.to_owned(), at)).into(),
            is_ours_to_dial,
        },
        ..at_address(nodes)
    }
}

fn theirs() -> Endpoint {
    Endpoint::new("10.0.9.9", 18444)
}

fn friends_subver(node: u32) -> String {
    format!("/Satoshi:29.4.3({FRIEND}.b-sts-{node})/")
}

/// A connection that was dialled to `address`, where somebody says `subver`.
fn dialled(id: i64, address: &Endpoint, subver: &str) -> Peer {
    Peer {
        addr: address.to_string(),
        ..sent(id, subver)
    }
}

fn with_friend(size: u32) -> Members {
    members(size).with_friends([FRIEND.to_owned()])
}

fn look(external: External, nodes: &[Node]) -> Outlook {
    look_out(&with_friend(3), &[external], nodes, NOW)
}

fn dial(from: u32, address: Endpoint) -> DialOut {
    DialOut { from, address }
}

fn seen(wanted: usize, present: usize) -> Seen {
    Seen {
        wanted,
        present,
        refused: None,
    }
}

#[test]
fn an_address_is_dialled_by_the_nodes_that_are_named_and_have_answered() {
    let outlook = look(at_address(&[0, 2]), &[node(0, vec![]), node(1, vec![])]);
    assert_eq!(outlook.dials, [dial(0, laptop())]);
    assert_eq!(outlook.seen, [seen(2, 0)]);
    assert_eq!(outlook.cuts, []);
}

#[test]
fn who_answers_there_without_a_mark_is_connected() {
    let there = dialled(4, &laptop(), USERS_OWN);
    let outlook = look(at_address(&[0]), &[node(0, vec![there])]);
    assert_eq!((outlook.seen, outlook.dials), (vec![seen(1, 1)], vec![]));
    // Somebody who dialled us may be anybody.
    let outlook = look(at_address(&[0]), &[node(0, vec![received(4, USERS_OWN)])]);
    assert_eq!(outlook.seen, [seen(1, 0)]);
}

#[test]
fn a_handshake_is_waited_for_and_not_for_ever() {
    let silent = |age| Peer {
        version: 0,
        connected_at: NOW - age,
        ..dialled(4, &laptop(), "")
    };
    let young = look(at_address(&[0]), &[node(0, vec![silent(1)])]);
    assert_eq!((young.seen, young.dials), (vec![seen(1, 0)], vec![]));
    let old = look(at_address(&[0]), &[node(0, vec![silent(60)])]);
    assert_eq!(old.dials, [dial(0, laptop())]);
}

#[test]
fn a_node_of_another_network_is_refused_and_cut_as_a_stranger() {
    let foreign = node(0, vec![dialled(4, &laptop(), FOREIGN)]);
    let outlook = look(at_address(&[0]), std::slice::from_ref(&foreign));
    assert_eq!(outlook.seen[0].present, 0);
    assert_eq!(outlook.seen[0].refused, Identity::from_subver(FOREIGN));
    assert_eq!(outlook.dials, []);
    let links = Topology::Automatic.links(&with_friend(3));
    let plan = plan(&with_friend(3), &links, &[foreign], NOW);
    assert_eq!(plan.strangers.len(), 1);
    // One of ours, whose address was given: it is linked as one of ours.
    let own = node(0, vec![dialled(4, &laptop(), &subver(1))]);
    let outlook = look(at_address(&[0]), &[own]);
    assert_eq!(outlook.seen[0].refused, Identity::from_subver(&subver(1)));
}

#[test]
fn a_friend_is_no_stranger() {
    let identity = Identity::from_subver(&friends_subver(0)).unwrap();
    assert_eq!(members(3).membership(&identity), Membership::Stranger);
    assert_eq!(with_friend(3).membership(&identity), Membership::Friend);
    let peers = vec![sent(1, &friends_subver(0)), received(2, &friends_subver(7))];
    let links = BTreeMap::new();
    let nodes = [node(0, peers)];
    assert_eq!(plan(&with_friend(1), &links, &nodes, NOW).actions, []);
    assert_eq!(plan(&members(1), &links, &nodes, NOW).strangers.len(), 2);
    let at_its_address = node(0, vec![dialled(4, &laptop(), &friends_subver(0))]);
    assert_eq!(look(at_address(&[0]), &[at_its_address]).seen, [seen(1, 1)]);
}

#[test]
fn each_node_is_paired_with_each_of_the_friends_and_one_network_dials() {
    let nodes = [node(0, vec![]), node(1, vec![])];
    let outlook = look(friend(&[0, 1], true), &nodes);
    assert_eq!(outlook.seen, [seen(4, 0)]);
    assert_eq!(outlook.dials, [dial(0, theirs()), dial(1, theirs())]);
    assert_eq!(look(friend(&[0, 1], false), &nodes).dials, []);
}

#[test]
fn a_friends_node_is_known_by_its_name_and_by_where_it_is_now() {
    let present = |peer| look(friend(&[0], true), &[node(0, vec![peer])]).seen[0].present;
    assert_eq!(present(dialled(1, &theirs(), &friends_subver(0))), 1);
    assert_eq!(present(received(1, &friends_subver(1))), 1);
    assert_eq!(
        present(received(1, &friends_subver(2))),
        0,
        "not one of those named"
    );
    let moved = Endpoint::new("10.0.9.1", 18444);
    assert_eq!(present(dialled(1, &moved, &friends_subver(0))), 0);
}

#[test]
fn nodes_on_other_sides_are_cut_off() {
    for external in [at_address(&[0]), friend(&[0], true)] {
        let barred = External {
            barred: BTreeSet::from([1, 2]),
            ..external
        };
        let peers = vec![
            dialled(5, &laptop(), USERS_OWN),
            received(6, &friends_subver(0)),
            received(7, USERS_OWN),
        ];
        let cut = match barred.who {
            Who::Address(_) => 5,
            Who::Friend { .. } => 6,
        };
        let outlook = look(barred, &[node(1, peers)]);
        let (node, why) = (1, Why::Apart);
        let peer_id = cut;
        assert_eq!(outlook.cuts, [Action::Disconnect { node, peer_id, why }]);
    }
}

#[test]
fn a_node_that_is_behind_does_not_dial() {
    let empty = |ordinal| Node {
        progress: Progress {
            is_downloading: true,
            ..Progress::default()
        },
        ..node(ordinal, vec![])
    };
    let mut full = empty(1);
    full.progress.blocks = 7;
    let outlook = look(at_address(&[0]), &[empty(0), full.clone()]);
    assert_eq!(outlook.dials, []);
    // On another side somebody may be ahead.
    let barred = External {
        barred: BTreeSet::from([1]),
        ..at_address(&[0])
    };
    assert_eq!(look(barred, &[empty(0), full]).dials, [dial(0, laptop())]);
}

#[test]
fn somebody_else_at_the_address_of_a_node_does_nothing_for_us() {
    let mut foreign = node(0, vec![]);
    foreign.subversion = FOREIGN.to_owned();
    let outlook = look(at_address(&[0]), &[foreign]);
    assert_eq!((outlook.dials, outlook.seen), (vec![], vec![seen(1, 0)]));
}
