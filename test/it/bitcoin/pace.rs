//! Goal: waits and miners are drawn as declared, and drawn once.

use std::collections::BTreeMap;
use std::time::Duration;

use bitcoin_controller::bitcoin::pace::{Miners, Pace};

const MEAN: Duration = Duration::from_secs(600);

#[test]
fn an_interval_is_the_same_at_every_turn() {
    for turn in [0, 1, 2, u64::MAX] {
        assert_eq!(Pace::Every(MEAN).wait(7, turn), MEAN);
    }
}

#[test]
fn random_waits_have_the_mean_and_the_spread_of_the_exponential_distribution() {
    let waits: Vec<f64> = (0..20_000)
        .map(|turn| Pace::Poisson(MEAN).wait(7, turn).as_secs_f64())
        .collect();
    let n = waits.len() as f64;
    let mean = waits.iter().sum::<f64>() / n;
    assert!((590.0..610.0).contains(&mean), "{mean}");
    // What is less than a given time has a known share: here one third, the half and nine tenths.
    for share in [1.0 / 3.0, 0.5, 0.9] {
        let quantile = -f64::ln(1.0 - share);
        let below = waits.iter().filter(|wait| **wait < 600.0 * quantile);
        let found = below.count() as f64 / n;
        assert!((found - share).abs() < 0.01, "{found} of {share}");
    }
}

#[test]
fn a_wait_is_drawn_once_for_a_seed_and_a_turn() {
    let wait = |seed, turn| Pace::Poisson(MEAN).wait(seed, turn);
    assert_eq!(wait(7, 5), wait(7, 5));
    assert_ne!(wait(7, 5), wait(7, 6));
    assert_ne!(wait(7, 5), wait(8, 5));
}

#[test]
fn miners_are_chosen_in_proportion_to_their_weights() {
    let miners = Miners::new([(0, 6), (1, 3), (2, 0), (5, 1)]);
    let mut chosen = BTreeMap::new();
    for turn in 0..10_000 {
        *chosen.entry(miners.choose(7, turn).unwrap()).or_insert(0) += 1;
    }
    assert_eq!(chosen.keys().copied().collect::<Vec<_>>(), [0, 1, 5]);
    for (ordinal, share) in [(0, 6_000), (1, 3_000), (5, 1_000)] {
        let found: i32 = chosen[&ordinal];
        assert!((found - share).abs() < 200, "{ordinal}: {found}");
    }
    assert_eq!(miners.choose(7, 42), miners.choose(7, 42));
}

#[test]
fn nobody_is_chosen_among_nobody_and_one_named_twice_counts_twice() {
    assert_eq!(Miners::new([(0, 0)]).choose(7, 1), None);
    assert_eq!(Miners::default().choose(7, 1), None);
    let twice = Miners::new([(1, 1), (0, 1), (1, 2)]);
    assert_eq!(
        (twice.len(), twice.among(|it| it == 1)),
        (2, Miners::new([(1, 3)]))
    );
}
