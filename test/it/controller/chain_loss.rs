//! Goal: the status forgets a chain only when every node has said that it does not have it.

use bitcoin_controller::api::network::BitcoinNetworkStatus;
use bitcoin_controller::controller::chain_loss::{Chain, suspected, told};
use bitcoin_controller::controller::nodes::Answer;
use bitcoin_controller::controller::status::Sight;

use super::build::{answers, chain, full, pod, pods, silent};

fn before(height: i64) -> BitcoinNetworkStatus {
    BitcoinNetworkStatus {
        height: Some(height),
        tip: Some(tip(height)),
        ..BitcoinNetworkStatus::default()
    }
}

fn tip(height: i64) -> String {
    chain(height).best_block_hash.to_string()
}

fn sight(all: impl IntoIterator<Item = Answer>) -> Sight {
    let answers = answers(all);
    let n = i32::try_from(answers.len()).unwrap();
    Sight {
        wanted: Some(n),
        pods: pods((0..n).map(|ordinal| pod(ordinal, "hash"))),
        answers,
        ..Sight::default()
    }
}

#[test]
fn while_some_node_is_silent_a_lower_chain_is_not_believed() {
    for seen in [
        sight([full(0), silent()]),
        sight([silent(), silent()]),
        sight([full(100), Answer::WarmingUp]),
    ] {
        assert_eq!(told(&seen, &before(101)), (Some(101), Some(tip(101))));
        assert_eq!(suspected(&seen, &before(101)), None);
    }
}

#[test]
fn when_all_have_said_so_it_is_told_and_suspected() {
    let seen = sight([full(0), full(0)]);
    assert_eq!(told(&seen, &before(101)), (Some(0), Some(tip(0))));
    assert_eq!(suspected(&seen, &before(101)), Some(101));
}

#[test]
fn in_doubt_the_status_remembers() {
    let mut seen = sight([full(0), full(0)]);
    seen.old_chain = Chain::Doubtful;
    assert_eq!(told(&seen, &before(101)), (Some(101), Some(tip(101))));
}

#[test]
fn a_chain_that_grows_is_told_at_once_and_never_suspected() {
    let all = sight([full(102), full(102)]);
    assert_eq!(told(&all, &before(101)), (Some(102), Some(tip(102))));
    assert_eq!(suspected(&all, &before(101)), None);
    let one = sight([full(102), silent()]);
    assert_eq!(told(&one, &before(101)), (Some(102), None));
}

#[test]
fn a_tip_that_is_known_stays_while_a_pod_is_replaced() {
    let seen = sight([full(101), silent()]);
    assert_eq!(told(&seen, &before(101)), (Some(101), Some(tip(101))));
    let apart = sight([full(101), full(100)]);
    assert_eq!(told(&apart, &before(101)), (Some(101), None));
}

#[test]
fn nothing_is_told_of_a_network_nobody_has_ever_answered_for() {
    let seen = sight([silent()]);
    assert_eq!(told(&seen, &BitcoinNetworkStatus::default()), (None, None));
}
