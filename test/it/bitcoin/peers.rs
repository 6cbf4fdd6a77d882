//! Planning, as values in and values out. `peers_model` lets it run on a network.

use std::collections::BTreeSet;

use bitcoin_controller::bitcoin::peers::{Action, HANDSHAKE_AGE, Node, Plan, Why, plan};
use bitcoin_controller::bitcoin::progress::Progress;
use bitcoin_controller::bitcoin::{Link, Members, Peer, Topology};
use bitcoin_controller::http::Endpoint;

const NETWORK: &str = "1f2e3d4c";
pub(super) const NOW: i64 = 1_795_000_000;
pub(super) const OLD: i64 = NOW - 3_600;
pub(super) const USERS_OWN: &str = "/Satoshi:31.0.0(my laptop)/";
pub(super) const FOREIGN: &str = "/Satoshi:31.0.0(00000000.a-sts-1)/";

pub(super) fn members(size: u32) -> Members {
    Members::new(NETWORK, "a-sts-", size).unwrap()
}

pub(super) fn subver(ordinal: u32) -> String {
    format!("/Satoshi:29.4.3({NETWORK}.a-sts-{ordinal})/Knots:20260508/")
}

fn address(ordinal: u32) -> Endpoint {
    Endpoint::new(format!("10.0.0.{}", ordinal + 1), 18444)
}

pub(super) fn node(ordinal: u32, peers: Vec<Peer>) -> Node {
    Node {
        ordinal,
        subversion: subver(ordinal),
        address: address(ordinal),
        progress: Progress::default(),
        peers,
    }
}

/// A connection the node has made to somebody who says `subver`.
pub(super) fn sent(id: i64, subver: &str) -> Peer {
    Peer {
        id,
        addr: "10.9.9.9:18444".to_owned(),
        version: 70016,
        subver: subver.to_owned(),
        connected_at: OLD,
        ..Peer::default()
    }
}

/// A connection somebody who says `subver` has made to the node.
pub(super) fn received(id: i64, subver: &str) -> Peer {
    Peer {
        addr: format!("127.0.0.1:{}", 40_000 + id),
        inbound: true,
        ..sent(id, subver)
    }
}

/// A connection nobody has introduced himself on.
fn silent(peer: Peer, address: &Endpoint, age: i64) -> Peer {
    Peer {
        addr: address.to_string(),
        version: 0,
        subver: String::new(),
        connected_at: NOW - age,
        ..peer
    }
}

fn young(peer: Peer) -> Peer {
    Peer {
        connected_at: NOW - 1,
        ..peer
    }
}

fn plan_of(size: u32, nodes: &[Node]) -> Plan {
    let members = members(size);
    plan(&members, &Topology::Automatic.links(&members), nodes, NOW)
}

fn dial(from: u32, to: u32) -> Action {
    let address = address(to);
    Action::Dial { from, to, address }
}

fn cut(node: u32, peer_id: i64, why: Why) -> Action {
    Action::Disconnect { node, peer_id, why }
}

fn links(pairs: &[(u32, u32)]) -> BTreeSet<Link> {
    pairs.iter().map(|(a, b)| Link::new(*a, *b)).collect()
}

#[test]
fn missing_links_are_dialled_from_one_side() {
    let plan = plan_of(3, &[node(0, vec![]), node(1, vec![]), node(2, vec![])]);
    assert_eq!(plan.wanted, links(&[(0, 1), (0, 2), (1, 2)]));
    assert_eq!(plan.present, BTreeSet::new());
    assert_eq!(plan.missing().count(), 3);
    assert_eq!(plan.actions, [dial(0, 1), dial(1, 2), dial(2, 0)]);
}

#[test]
fn a_node_that_did_not_answer_is_neither_dialled_nor_told_to_dial() {
    let plan = plan_of(3, &[node(0, vec![]), node(2, vec![])]);
    assert_eq!(plan.wanted.len(), 3);
    assert_eq!(plan.actions, [dial(2, 0)]);
}

#[test]
fn a_link_shown_by_either_side_is_present() {
    let both = plan_of(
        2,
        &[
            node(0, vec![sent(0, &subver(1))]),
            node(1, vec![received(0, &subver(0))]),
        ],
    );
    let dialler_only = plan_of(2, &[node(0, vec![sent(0, &subver(1))])]);
    let receiver_only = plan_of(2, &[node(1, vec![received(0, &subver(0))])]);
    for plan in [both, dialler_only, receiver_only] {
        assert_eq!(plan.present, links(&[(0, 1)]));
        assert_eq!(plan.actions, []);
    }
}

#[test]
fn a_link_dialled_from_the_wrong_side_is_as_good() {
    let plan = plan_of(
        2,
        &[
            node(0, vec![received(0, &subver(1))]),
            node(1, vec![sent(0, &subver(0))]),
        ],
    );
    assert_eq!(plan.present, links(&[(0, 1)]));
    assert_eq!(plan.actions, []);
}

#[test]
fn of_two_directions_the_one_on_duty_is_kept() {
    let nodes = [
        node(0, vec![sent(3, &subver(1)), received(4, &subver(1))]),
        node(1, vec![sent(7, &subver(0)), received(8, &subver(0))]),
    ];
    let plan = plan_of(2, &nodes);
    assert_eq!(plan.present, links(&[(0, 1)]));
    assert_eq!(plan.actions, [cut(1, 7, Why::Doubled)]);
}

#[test]
fn of_two_in_one_direction_one_is_kept() {
    let nodes = [
        node(0, vec![sent(3, &subver(1)), sent(5, &subver(1))]),
        node(1, vec![received(8, &subver(0)), received(9, &subver(0))]),
    ];
    assert_eq!(plan_of(2, &nodes).actions, [cut(0, 3, Why::Doubled)]);
    let backwards = node(1, vec![received(9, &subver(0)), received(8, &subver(0))]);
    assert_eq!(plan_of(2, &[backwards]).actions, [cut(1, 8, Why::Doubled)]);
}

/// 17 to 30 nodes: the pair 17 and 18 is not wanted in this network, whoever made the link.
#[test]
fn a_link_of_ours_that_is_not_wanted_is_cut_whoever_made_it() {
    let wanted = Topology::Automatic.links(&members(30));
    let apart = (17..30)
        .find(|other| !wanted.contains_key(&Link::new(16, *other)))
        .unwrap();
    let nodes = [
        node(16, vec![received(1, &subver(apart))]),
        node(apart, vec![sent(2, &subver(16))]),
    ];
    let plan = plan_of(30, &nodes);
    assert_eq!(plan.actions, [cut(apart, 2, Why::NotWanted)]);
    assert_eq!(plan.present, BTreeSet::new());
    let plan = plan_of(30, &nodes[..1]);
    assert_eq!(plan.actions, [cut(16, 1, Why::NotWanted)]);
}

#[test]
fn a_link_with_a_node_that_was_scaled_away_is_cut() {
    let nodes = [
        node(
            0,
            vec![
                sent(1, &subver(2)),
                received(2, &format!("/S:1({NETWORK}.other)/")),
            ],
        ),
        // It still answers, and is left alone.
        node(2, vec![received(5, &subver(0))]),
    ];
    let plan = plan_of(2, &nodes);
    assert_eq!(
        plan.actions,
        [cut(0, 1, Why::Former), cut(0, 2, Why::Former)]
    );
    assert!(plan.misplaced.is_empty());
}

#[test]
fn strangers_are_cut_and_reported() {
    let nodes = [node(0, vec![sent(1, FOREIGN), received(2, FOREIGN)])];
    let plan = plan_of(1, &nodes);
    assert_eq!(
        plan.actions,
        [cut(0, 1, Why::Stranger), cut(0, 2, Why::Stranger)]
    );
    let told: Vec<String> = plan
        .strangers
        .iter()
        .map(|one| format!("{} {}", one.node, one.identity))
        .collect();
    assert_eq!(told, ["0 00000000.a-sts-1", "0 00000000.a-sts-1"]);
}

#[test]
fn a_node_is_not_its_own_peer() {
    let plan = plan_of(1, &[node(0, vec![sent(1, &subver(0))])]);
    assert_eq!(plan.actions, [cut(0, 1, Why::NotWanted)]);
}

#[test]
fn links_of_the_users_own_are_left_alone() {
    let own = vec![sent(1, USERS_OWN), received(2, USERS_OWN), received(3, "")];
    assert_eq!(plan_of(1, &[node(0, own)]).actions, []);
}

#[test]
fn somebody_else_at_the_address_of_a_node_is_reported_and_left_out() {
    let mut foreign = node(1, vec![sent(1, &subver(0))]);
    for subversion in [
        FOREIGN.to_owned(),
        USERS_OWN.to_owned(),
        String::new(),
        subver(0),
    ] {
        foreign.subversion = subversion;
        let plan = plan_of(2, &[node(0, vec![]), foreign.clone()]);
        assert_eq!(plan.misplaced, [1]);
        assert_eq!(plan.actions, []);
        assert_eq!(plan.present, BTreeSet::new());
    }
}

#[test]
fn a_peer_that_has_not_introduced_itself_is_waited_for_but_not_for_ever() {
    let waiting = |age| {
        let dialled = silent(sent(1, ""), &address(1), age);
        plan_of(2, &[node(0, vec![dialled]), node(1, vec![])])
    };
    assert_eq!(waiting(1).present, BTreeSet::new());
    assert_eq!(waiting(1).actions, []);
    assert_eq!(waiting(HANDSHAKE_AGE).actions, [dial(0, 1)]);
    // An inbound one could be anybody.
    let unknown = silent(received(1, ""), &address(0), 1);
    let plan = plan_of(2, &[node(0, vec![]), node(1, vec![unknown])]);
    assert_eq!(plan.actions, [dial(0, 1)]);
}

/// The pod of node 1 was lost without a word and made again: node 0 still shows the connection.
#[test]
fn a_connection_whose_other_end_is_gone_is_cut_and_dialled_anew() {
    for (peer, id) in [(sent(4, &subver(1)), 4), (received(6, &subver(1)), 6)] {
        let plan = plan_of(2, &[node(0, vec![peer]), node(1, vec![])]);
        assert_eq!(plan.present, BTreeSet::new());
        assert_eq!(plan.actions, [cut(0, id, Why::HalfOpen), dial(0, 1)]);
    }
}

/// The nodes are asked one after the other: a connection may have been made in between.
#[test]
fn a_fresh_connection_that_one_side_does_not_show_yet_is_present() {
    for peer in [sent(4, &subver(1)), received(6, &subver(1))] {
        let plan = plan_of(2, &[node(0, vec![young(peer)]), node(1, vec![])]);
        assert_eq!(plan.present, links(&[(0, 1)]));
        assert_eq!(plan.actions, []);
    }
}

#[test]
fn of_an_old_half_and_a_new_whole_connection_the_whole_one_is_kept() {
    let nodes = [
        node(0, vec![young(sent(0, &subver(1)))]),
        node(
            1,
            vec![received(3, &subver(0)), young(received(9, &subver(0)))],
        ),
    ];
    let plan = plan_of(2, &nodes);
    assert_eq!(plan.actions, [cut(1, 3, Why::HalfOpen)]);
    assert_eq!(plan.present, links(&[(0, 1)]));
}

#[test]
fn a_clock_that_is_behind_cuts_nothing_and_no_date_is_too_strange() {
    for (connected_at, cuts) in [(NOW + 7_200, 0), (i64::MAX, 0), (i64::MIN, 1)] {
        let peer = Peer {
            connected_at,
            ..sent(4, &subver(1))
        };
        let plan = plan_of(2, &[node(0, vec![peer]), node(1, vec![])]);
        let cut = plan
            .actions
            .iter()
            .filter(|action| matches!(action, Action::Disconnect { .. }));
        assert_eq!(cut.count(), cuts, "{connected_at}");
    }
}
