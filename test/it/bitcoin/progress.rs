//! Who is behind, which links wait, and who is stuck: as values. `catching_up` lets it happen.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin_controller::base::Random;
use bitcoin_controller::bitcoin::progress::{Progress, STALL_AGE, Standing};
use bitcoin_controller::bitcoin::{BlockchainInfo, Link, Peer};

use super::peers::NOW;

const LONG_AGO: i64 = NOW - 3_600;

fn at(blocks: i64, is_downloading: bool) -> Progress {
    Progress {
        blocks,
        headers: blocks,
        is_downloading,
        tip_time: Some(LONG_AGO),
    }
}

/// Nodes 0, 1, 2, …, each linked with each.
fn mesh(nodes: &[Progress]) -> Standing {
    let size = nodes.len() as u32;
    let pairs = (0..size).flat_map(|high| (0..high).map(move |low| Link::new(low, high)));
    Standing::new((0..).zip(nodes.iter().copied()).collect(), pairs)
}

/// Those of all pairs of the first `size` nodes that are useless.
fn useless(standing: &Standing, size: u32) -> BTreeSet<Link> {
    let pairs = (0..size).flat_map(|high| (0..high).map(move |low| Link::new(low, high)));
    pairs.filter(|link| standing.is_useless(*link)).collect()
}

fn links(pairs: &[(u32, u32)]) -> BTreeSet<Link> {
    pairs.iter().map(|(a, b)| Link::new(*a, *b)).collect()
}

/// A connection an hour old, on which the other has told nothing.
fn silent() -> Peer {
    Peer {
        connected_at: LONG_AGO,
        synced_headers: -1,
        ..Peer::default()
    }
}

#[test]
fn it_is_read_from_what_a_node_says() {
    let info: BlockchainInfo = serde_json::from_str(
        r#"{"chain": "regtest", "blocks": 3, "headers": 5, "initialblockdownload": true, "time": 7,
            "bestblockhash": "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
            "chainwork": "0000000000000000000000000000000000000000000000000000000000000008"}"#,
    )
    .unwrap();
    let expected = Progress {
        blocks: 3,
        headers: 5,
        is_downloading: true,
        tip_time: Some(7),
    };
    assert_eq!(Progress::from(&info), expected);
}

#[test]
fn where_nobody_is_ahead_no_link_is_useless() {
    for height in [0, 101] {
        let all_alike = mesh(&[at(height, true); 3]);
        assert_eq!(useless(&all_alike, 3), links(&[]));
    }
}

#[test]
fn links_between_nodes_that_are_behind_are_useless() {
    let nodes = mesh(&[at(101, false), at(0, true), at(0, true), at(100, false)]);
    assert_eq!(useless(&nodes, 4), links(&[(1, 2)]));
}

/// A chain older than a day: everybody is in initial block download, and still somebody can give.
#[test]
fn the_most_advanced_can_give_though_it_is_downloading() {
    let nodes = mesh(&[at(101, true), at(101, true), at(50, true), at(0, true)]);
    assert_eq!(useless(&nodes, 4), links(&[(2, 3)]));
}

#[test]
fn one_that_is_out_of_reach_makes_nobody_wait() {
    let mut nodes = BTreeMap::from([(0, at(101, false)), (1, at(0, true)), (2, at(0, true))]);
    let line = links(&[(0, 3), (1, 2), (1, 3)]);
    // Node 3 is between them and does not answer.
    let apart = Standing::new(nodes.clone(), line.clone());
    assert!(!apart.is_useless(Link::new(1, 2)));
    nodes.insert(3, at(0, true));
    let standing = Standing::new(nodes, line);
    assert!(standing.is_useless(Link::new(1, 2)) && standing.is_useless(Link::new(1, 3)));
    assert!(!standing.is_useless(Link::new(0, 3)));
}

#[test]
fn headers_without_blocks_are_nothing_to_give() {
    let headers_only = Progress {
        headers: 101,
        ..at(0, true)
    };
    let nodes = mesh(&[at(101, false), headers_only, at(0, true)]);
    assert_eq!(useless(&nodes, 3), links(&[(1, 2)]));
    assert!(!nodes.is_stalled(1, &[(0, &silent())], NOW));
}

#[test]
fn a_node_is_stuck_if_nothing_can_come_that_has_not_come() {
    let nodes = mesh(&[at(101, false), at(0, true), at(0, true)]);
    let (with_ahead, with_empty) = (silent(), silent());
    let connections = [(0, &with_ahead), (2, &with_empty)];
    assert!(nodes.is_stalled(1, &connections, NOW));
    // Its only peer is as empty: cutting would not help.
    assert!(!nodes.is_stalled(1, &connections[1..], NOW));
    // One that is ahead is never stuck, nor is one that did not answer.
    assert!(!nodes.is_stalled(0, &[(1, &silent()), (2, &silent())], NOW));
    assert!(!nodes.is_stalled(7, &connections, NOW));
}

#[test]
fn a_node_that_was_told_a_header_is_not_stuck() {
    let nodes = mesh(&[at(101, false), at(0, true), at(101, false)]);
    let told = Peer {
        synced_headers: 50,
        ..silent()
    };
    assert!(!nodes.is_stalled(1, &[(0, &silent()), (2, &told)], NOW));
}

#[test]
fn a_fresh_connection_is_given_time() {
    let nodes = mesh(&[at(101, false), at(0, true), at(101, false)]);
    let aged = |age| Peer {
        connected_at: NOW - age,
        ..silent()
    };
    assert!(!nodes.is_stalled(1, &[(0, &aged(STALL_AGE - 1))], NOW));
    assert!(nodes.is_stalled(1, &[(0, &aged(STALL_AGE))], NOW));
    // Another one that comes later does not begin it anew.
    assert!(nodes.is_stalled(1, &[(0, &aged(STALL_AGE)), (2, &aged(0))], NOW));
    for odd in [i64::MIN, i64::MAX] {
        let peer = Peer {
            connected_at: odd,
            ..silent()
        };
        assert_eq!(nodes.is_stalled(1, &[(0, &peer)], NOW), odd < 0);
    }
}

/// The nodes are asked one after the other: the first block of a network may have been mined after
/// one was asked and before another was.
#[test]
fn a_block_that_is_on_its_way_is_waited_for() {
    let mined = |tip_time| {
        let ahead = Progress {
            tip_time,
            ..at(1, false)
        };
        mesh(&[ahead, at(0, true), at(0, true)])
    };
    let old_links = [(0, &silent()), (2, &silent())];
    let is_stalled = |tip_time| mined(tip_time).is_stalled(1, &old_links, NOW);
    assert!(!is_stalled(Some(NOW - STALL_AGE + 1)));
    assert!(is_stalled(Some(NOW - STALL_AGE)));
    // A Bitcoin Core that does not say when is believed to have had it for long.
    assert!(is_stalled(None));
}

/// Any connected network, any of its nodes behind: in each round somebody who is behind is linked
/// with somebody who is not, so in the end no link is useless.
#[test]
fn no_link_stays_useless() {
    for seed in 0..500 {
        let random = Random::seeded(seed);
        let size = 2 + random.below(30) as u32;
        let any = |bound: u32| random.below(u64::from(bound)) as u32;
        let mut graph: BTreeSet<Link> = (1..size).map(|node| Link::new(node, any(node))).collect();
        for _ in 0..any(2 * size) {
            let (one, other) = (any(size), any(size));
            graph.extend((one != other).then(|| Link::new(one, other)));
        }
        let mut nodes: BTreeMap<u32, Progress> = (0..size)
            .map(|node| (node, at([0, 50, 101][any(3) as usize], any(4) > 0)))
            .collect();
        for round in 0.. {
            let standing = Standing::new(nodes.clone(), graph.clone());
            let is_useless = |link: &Link| standing.is_useless(*link);
            let (useless, made): (Vec<Link>, Vec<Link>) =
                graph.iter().partition(|link| is_useless(link));
            if useless.is_empty() {
                break;
            }
            assert!(round < size, "seed {seed}");
            let best = nodes.values().map(|node| node.blocks).max().unwrap();
            let mut caught_up = 0;
            for (low, high) in made.into_iter().map(Link::ends) {
                for (node, other) in [(low, high), (high, low)] {
                    if standing.can_give(other) && !standing.can_give(node) {
                        nodes.insert(node, at(best, true));
                        caught_up += 1;
                    }
                }
            }
            assert!(caught_up > 0, "seed {seed}: nobody can catch up");
        }
    }
}
