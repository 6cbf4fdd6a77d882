//! Keys and deadlines against a list that is searched.

use std::time::Duration;

use bitcoin_controller::base::Random;
use bitcoin_controller::workqueue::waiting::Waiting;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// Goal: no sequence of calls tells the table from a list that is searched from end to end.
#[test]
fn waiting_behaves_like_a_naive_list_under_random_calls() {
    let start = Instant::now();
    for seed in 0..2_000 {
        let random = Random::seeded(seed);
        let mut waiting = Waiting::default();
        let mut naive: Vec<(Instant, u64, u8)> = Vec::new();
        let mut now = start;
        for step in 0..150 {
            let key = random.below(6) as u8;
            match random.below(10) {
                0..6 => {
                    let deadline = now + random.below(5) as u32 * SECOND;
                    waiting.insert(key, deadline);
                    let pending = naive.iter().position(|entry| entry.2 == key);
                    if pending.is_none_or(|at| deadline < naive[at].0) {
                        naive.retain(|entry| entry.2 != key);
                        naive.push((deadline, step, key));
                    }
                }
                6..9 => {
                    let due = naive.iter().filter(|entry| entry.0 <= now).min().copied();
                    naive.retain(|entry| Some(*entry) != due);
                    let due = due.map(|(deadline, _, key)| (key, deadline));
                    assert_eq!(waiting.pop_due(now), due, "seed {seed}, step {step}");
                }
                _ => now += SECOND,
            }
            let earliest = naive.iter().map(|entry| entry.0).min();
            assert_eq!(waiting.next_due(), earliest, "seed {seed}, step {step}");
            assert_eq!(waiting.len(), naive.len(), "seed {seed}, step {step}");
            assert_eq!(waiting.is_empty(), naive.is_empty());
        }
    }
}

#[test]
fn keys_are_listed_in_the_order_in_which_they_come_due() {
    let (now, random) = (Instant::now(), Random::seeded(1));
    let mut waiting = Waiting::default();
    for key in 0..1_000_u32 {
        waiting.insert(key, now + random.below(100) as u32 * SECOND);
    }
    let listed: Vec<(u32, Instant)> = waiting.iter().map(|(key, due)| (*key, due)).collect();
    let later = now + 100 * SECOND;
    let popped: Vec<(u32, Instant)> = std::iter::from_fn(|| waiting.pop_due(later)).collect();
    assert_eq!(listed, popped);
    assert_eq!(listed.len(), 1_000);
}
