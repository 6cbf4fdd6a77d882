//! Goal: one step, the right one, whatever the nodes have.

use std::time::Duration;

use bitcoin_controller::api::network::{MiningStatus, NextBlock};
use bitcoin_controller::controller::mining::decide::{
    Facts, RUN_OF_MANY, RUN_OF_ONE, STALE, Standing, counted_from, standing,
};
use bitcoin_controller::controller::mining::{Decision, PATIENCE, Plan, Step, Tip, View, decide};
use serde_json::json;

use super::super::build::chain;
use super::{NOW, SECOND, last, next, plan_of};

/// Nodes with chains of these heights, each with a tip of the age of `age` seconds.
fn view(heights: &[i64], age: i64) -> View {
    let tip = |height: &i64| Tip {
        time: Some(NOW / SECOND - age),
        ..Tip::from(&chain(*height))
    };
    View {
        tips: (0..).zip(heights.iter().map(tip)).collect(),
        is_connected: true,
    }
}

fn decided(plan: &Plan, view: &View, record: &MiningStatus) -> Decision {
    decide(Facts {
        plan,
        view,
        record,
        patience: None,
        tips_seen_for: Duration::ZERO,
        now: NOW,
    })
}

fn first(plan: &Plan, view: &View) -> Decision {
    decided(plan, view, &MiningStatus::default())
}

fn reserved(decision: &Decision) -> &NextBlock {
    match &decision.step {
        Step::Reserve(next) => next,
        other => panic!("{other:?}: {:?}", decision.verdict),
    }
}

#[test]
fn blocks_that_come_at_once_come_in_runs() {
    let alone = plan_of(json!({"nodes": 1, "mining": {"untilHeight": 2_500}}));
    let run = first(&alone, &view(&[0], 10));
    assert_eq!(reserved(&run).height, RUN_OF_ONE);
    assert_eq!((run.verdict.holds, run.verdict.reason), (false, "Mining"));
    assert_eq!(reserved(&first(&alone, &view(&[2_000], 10))).height, 2_500);

    let many = plan_of(json!({"nodes": 3, "mining": {"untilHeight": 101}}));
    let run = first(&many, &view(&[30, 30, 30], 10));
    assert_eq!(
        reserved(&run).height,
        2 * RUN_OF_MANY,
        "runs begin and end at the same heights"
    );
    let again = first(&many, &view(&[31, 31, 31], 10));
    assert_eq!(
        reserved(&again).node,
        reserved(&run).node,
        "and have one miner"
    );

    let done = first(&many, &view(&[101, 101, 101], 10));
    assert_eq!(done.step, Step::Rest);
    assert_eq!(
        (done.verdict.holds, done.verdict.reason),
        (true, "HeightReached")
    );
}

#[test]
fn a_pace_is_counted_from_when_the_last_block_was_due() {
    let plan = plan_of(json!({"nodes": 1, "mining": {"interval": "10s"}}));
    let view = view(&[5], 4);
    let early = decided(&plan, &view, &last(5, 4 * SECOND + 250_000));
    assert_eq!(early.step, Step::Rest);
    assert_eq!(
        (early.verdict.holds, early.verdict.reason),
        (true, "OnPace")
    );
    assert_eq!(early.look_again, Some(Duration::from_millis(5_750)));

    let late = decided(&plan, &view, &last(5, 10 * SECOND + 80_000));
    assert_eq!(reserved(&late).height, 6);
    assert_eq!(reserved(&late).time.unix_micros(), NOW - 80_000, "no drift");

    let far_too_late = decided(&plan, &view, &last(5, 3_000 * SECOND));
    assert_eq!(
        reserved(&far_too_late).time.unix_micros(),
        NOW,
        "one block catches up"
    );
}

#[test]
fn a_block_of_somebody_else_is_counted_from_its_own_time_or_when_it_was_seen() {
    let plan = plan_of(json!({"nodes": 1, "mining": {"interval": "10s"}}));
    let wait = |age, seen_for| {
        let view = view(&[5], age);
        let facts = Facts {
            plan: &plan,
            view: &view,
            record: &last(4, 1),
            patience: None,
            tips_seen_for: Duration::from_secs(seen_for),
            now: NOW,
        };
        decide(facts).look_again.map(|wait| wait.as_secs())
    };
    assert_eq!(wait(4, 1), Some(6));
    // Fast mining runs ahead of the clock.
    assert_eq!(wait(-500, 1), Some(9));
}

#[test]
fn nothing_is_mined_while_links_are_missing_or_the_miner_is_behind_or_silent() {
    let plan =
        plan_of(json!({"nodes": 2, "mining": {"untilHeight": 101, "miners": [{"ordinal": 1}]}}));
    let reason = |view: &View| {
        let decision = first(&plan, view);
        assert_eq!(decision.step, Step::Rest);
        assert!(!decision.verdict.holds);
        decision.verdict.reason
    };
    let mut apart = view(&[5, 5], 10);
    apart.is_connected = false;
    assert_eq!(reason(&apart), "WaitingForLinks");
    assert_eq!(reason(&view(&[5, 4], 10)), "MinerNotReady");
    assert_eq!(reason(&view(&[5], 10)), "MinerNotReady");
    assert_eq!(reason(&View::default()), "MinerNotReady");
}

#[test]
fn without_miners_nobody_mines() {
    for miners in [
        json!([{"ordinal": 7}]),
        json!([{"ordinal": 0, "weight": 0}]),
    ] {
        let plan = plan_of(json!({"nodes": 2, "mining": {"untilHeight": 5, "miners": miners}}));
        let decision = first(&plan, &view(&[0, 0], 10));
        assert_eq!(
            (decision.step, decision.verdict.reason),
            (Step::Rest, "NoMiner")
        );
    }
}

#[test]
fn rest_is_not_held_against_a_network() {
    let plan = plan_of(json!({"nodes": 1, "mining": {"untilHeight": 5, "paused": true}}));
    let resting = first(&plan, &view(&[3], 8_000));
    assert_eq!(
        (&resting.step, resting.verdict.reason),
        (&Step::Rest, "Paused")
    );
    assert!(
        resting.verdict.message.contains("more than an hour old"),
        "{resting:?}"
    );
    let there = first(&plan, &view(&[5], 8_000));
    assert_eq!(
        (there.step, there.verdict.reason),
        (Step::Rest, "HeightReached")
    );
}

#[test]
fn an_old_tip_gets_one_fresh_block_but_a_fork_is_never_mined_away() {
    let plan = plan_of(json!({"nodes": 2, "mining": {"untilHeight": 5}}));
    assert_eq!(first(&plan, &view(&[5, 5], 3_500)).step, Step::Rest);
    let fresh = first(&plan, &view(&[5, 5], 3_700));
    assert_eq!(reserved(&fresh).height, 6);
    assert!(fresh.verdict.holds, "what was asked for holds all the time");
    let just_mined = decided(&plan, &view(&[5, 5], 3_700), &last(4, SECOND));
    assert_eq!(just_mined.step, Step::Rest);

    let mut forked = view(&[5, 5], 3_700);
    forked.tips.get_mut(&1).unwrap().hash = chain(77).best_block_hash;
    assert_eq!(first(&plan, &forked).step, Step::Rest);
}

#[test]
fn a_long_pace_is_not_hurried_unless_a_node_waits_for_news() {
    let plan = plan_of(json!({"nodes": 1, "mining": {"interval": "72h"}}));
    let mut view = view(&[5], 100_000);
    assert_eq!(first(&plan, &view).step, Step::Rest);
    view.tips.get_mut(&0).unwrap().is_downloading = true;
    assert_eq!(reserved(&first(&plan, &view)).height, 6);
}

#[test]
fn each_side_of_a_split_network_is_mined_by_its_own_miners() {
    let spec = json!({"nodes": 4, "partitions": [[0, 1]], "mining": {"untilHeight": 60}});
    let plan = plan_of(spec);
    let mut heights = [50, 50, 20, 20];
    let mut runs = [0, 0];
    loop {
        let view = view(&heights, 10);
        let decision = first(&plan, &view);
        let Step::Reserve(next) = decision.step else {
            assert_eq!(decision.verdict.reason, "HeightReached");
            break;
        };
        let side = plan.side_of(next.node).unwrap();
        runs[side] += 1;
        let before = heights[2 * side];
        assert!(next.height > before && next.height <= 60, "{next:?}");
        heights[2 * side..2 * side + 2].fill(next.height);
    }
    assert_eq!(heights, [60; 4]);
    assert!(runs[0] >= 1 && runs[1] >= 2, "{runs:?}");
}

#[test]
fn a_reservation_comes_before_everything_and_is_for_its_own_node() {
    let plan = plan_of(json!({"nodes": 3, "mining": {"interval": "1s"}}));
    let record = MiningStatus {
        next: Some(next(6, 2)),
        ..last(5, 4 * SECOND)
    };
    let tips = view(&[5, 5, 5], 4);
    assert_eq!(decided(&plan, &tips, &record).step, Step::GoOn(next(6, 2)));
    let facts = Facts {
        plan: &plan,
        view: &tips,
        record: &record,
        patience: Some(PATIENCE),
        tips_seen_for: Duration::ZERO,
        now: NOW,
    };
    let patient = decide(facts);
    assert_eq!(
        (patient.step, patient.look_again),
        (Step::Rest, Some(PATIENCE))
    );
    assert_eq!(patient.verdict.reason, "OnPace");
    let silent = View {
        tips: tips.tips.clone().into_iter().take(2).collect(),
        ..tips
    };
    assert_eq!(
        decided(&plan, &silent, &record).verdict.reason,
        "MinerNotReady"
    );
}

#[test]
fn a_reservation_ends_when_it_is_reached_or_can_come_to_nothing() {
    let plan = plan_of(json!({"nodes": 3, "mining": {"untilHeight": 100}}));
    let stands =
        |next: &NextBlock, heights: &[i64], now| standing(&plan, &view(heights, 10), next, now);
    let next = next(6, 2);
    assert_eq!(stands(&next, &[5, 5, 5], NOW), Standing::Open);
    assert_eq!(
        stands(&next, &[5, 6, 5], NOW),
        Standing::Reached,
        "any node will do"
    );
    assert_eq!(stands(&next, &[], NOW), Standing::Open);
    let stale = i64::try_from(STALE.as_micros()).unwrap();
    assert_eq!(stands(&next, &[5, 5, 5], NOW + stale), Standing::Void);
    let gone = NextBlock {
        node: 3,
        ..next.clone()
    };
    assert_eq!(stands(&gone, &[5, 5, 5], NOW), Standing::Void);
    // The rest of a run that is not asked for any more; one block is no run.
    let far = NextBlock {
        height: 200,
        ..next.clone()
    };
    assert_eq!(stands(&far, &[5, 5, 5], NOW), Standing::Void);
    let one = NextBlock {
        height: 101,
        ..next
    };
    assert_eq!(stands(&one, &[100, 100, 100], NOW), Standing::Open);
}

#[test]
fn a_block_that_was_late_counts_from_when_it_came() {
    let plan = plan_of(json!({"nodes": 1, "mining": {"interval": "10s"}}));
    let due = next(6, 0);
    let counted = |after| counted_from(&plan, &due, due.time.unix_micros() + after).unix_micros();
    assert_eq!(counted(9 * SECOND), due.time.unix_micros());
    assert_eq!(counted(11 * SECOND), due.time.unix_micros() + 11 * SECOND);
}
