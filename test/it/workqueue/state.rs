//! The three sets, value in and value out.

use std::collections::BTreeSet;
use std::time::Duration;

use bitcoin_controller::base::Random;
use bitcoin_controller::workqueue::state::{Next, State};
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

fn take(state: &mut State<u8>) -> Option<u8> {
    match state.take(Instant::now()) {
        Next::Ready((key, _)) => Some(key),
        Next::Empty | Next::Finished => None,
    }
}

#[test]
fn c079_key_added_many_times_is_handed_out_once() {
    let mut state = State::default();
    for _ in 0..50 {
        state.add(1, Instant::now());
    }
    assert_eq!(take(&mut state), Some(1));
    assert_eq!(take(&mut state), None);
    state.done(&1, Instant::now());
    assert_eq!(take(&mut state), None);
}

#[test]
fn keys_are_handed_out_in_the_order_of_their_first_add() {
    let mut state = State::default();
    for key in [3, 1, 2, 1, 3] {
        state.add(key, Instant::now());
    }
    let order: Vec<u8> = std::iter::from_fn(|| take(&mut state)).collect();
    assert_eq!(order, [3, 1, 2]);
}

#[test]
fn c080_key_added_while_processing_runs_again_once_and_only_after_done() {
    let mut state = State::default();
    state.add(1, Instant::now());
    assert_eq!(take(&mut state), Some(1));
    for _ in 0..3 {
        state.add(1, Instant::now());
    }
    assert_eq!(state.len(), 0);
    assert_eq!(take(&mut state), None);
    state.done(&1, Instant::now());
    assert_eq!(take(&mut state), Some(1));
    state.done(&1, Instant::now());
    assert_eq!(take(&mut state), None);
}

#[test]
fn key_added_while_processing_goes_to_the_end_of_the_line() {
    let mut state = State::default();
    state.add(1, Instant::now());
    take(&mut state);
    state.add(1, Instant::now());
    state.add(2, Instant::now());
    state.done(&1, Instant::now());
    assert_eq!((take(&mut state), take(&mut state)), (Some(2), Some(1)));
}

#[test]
fn done_for_a_key_that_nobody_holds_changes_nothing() {
    let mut state = State::default();
    state.add(1, Instant::now());
    state.done(&1, Instant::now());
    state.done(&2, Instant::now());
    assert_eq!(state.len(), 1);
}

#[test]
fn c081_length_leaves_out_keys_in_hand_and_drained_does_not() {
    let mut state = State::default();
    assert!(state.drained());
    state.add(1, Instant::now());
    assert_eq!((state.len(), state.drained()), (1, false));
    take(&mut state);
    assert_eq!(
        (state.len(), state.is_empty(), state.drained()),
        (0, true, false)
    );
    state.done(&1, Instant::now());
    assert!(state.drained());
}

#[test]
fn finished_only_when_no_key_owes_a_run_not_even_one_in_hand() {
    let mut state = State::default();
    state.add(1, Instant::now());
    take(&mut state);
    state.add(1, Instant::now());
    state.close();
    state.add(2, Instant::now());
    assert_eq!(state.take(Instant::now()), Next::Empty);
    state.done(&1, Instant::now());
    assert_eq!(take(&mut state), Some(1));
    assert_eq!(state.take(Instant::now()), Next::Finished);
}

#[test]
fn discarding_forgets_marks_on_keys_in_hand_too() {
    let mut state = State::default();
    state.add(1, Instant::now());
    take(&mut state);
    for key in [1, 2, 3] {
        state.add(key, Instant::now());
    }
    assert_eq!(state.discard_waiting(), 3);
    assert!(!state.drained());
    state.done(&1, Instant::now());
    assert!(state.drained());
    state.add(1, Instant::now());
    assert_eq!(take(&mut state), Some(1));
}

#[test]
fn c088_numbers_count_runs_owed_and_measure_time_in_line_and_in_hand() {
    let start = Instant::now();
    let mut state = State::default();
    state.add(1, start);
    state.add(2, start);
    assert_eq!(state.take(start + SECOND), Next::Ready((1, SECOND)));
    assert_eq!(state.take(start + 3 * SECOND), Next::Ready((2, 3 * SECOND)));
    state.add(1, start + 4 * SECOND);
    state.add(1, start + 4 * SECOND);
    let metrics = state.metrics(start + 5 * SECOND);
    assert_eq!((metrics.depth, metrics.processing, metrics.adds), (1, 2, 3));
    assert_eq!(metrics.unfinished_work_seconds, 6.0);
    assert_eq!(metrics.longest_running_processor_seconds, 4.0);
    let waited = &metrics.queue_duration;
    assert_eq!((waited.count(), waited.sum()), (2, 4 * SECOND));
    assert_eq!(metrics.work_duration.count(), 0, "both are still at it");

    state.done(&1, start + 6 * SECOND);
    state.done(&1, start + 9 * SECOND); // nobody holds it: counts nothing
    let metrics = state.metrics(start + 6 * SECOND);
    assert_eq!(metrics.longest_running_processor_seconds, 3.0);
    let worked = &metrics.work_duration;
    assert_eq!((worked.count(), worked.sum()), (1, 5 * SECOND));
    // Marked at 4, in hand until 6, still owed: its time in line goes on from when it was marked.
    assert_eq!(state.take(start + 8 * SECOND), Next::Ready((1, 4 * SECOND)));
}

/// The same queue told as a story per key, with no sets: slow, and hard to get wrong.
#[derive(Default)]
struct Naive {
    line: Vec<u8>,
    in_hand: BTreeSet<u8>,
    again: BTreeSet<u8>,
    closed: bool,
    /// Those who wait for a drain: whether a plain shutdown has sent them home.
    drains: Vec<bool>,
}

impl Naive {
    fn add(&mut self, key: u8) {
        if self.closed {
        } else if self.in_hand.contains(&key) {
            self.again.insert(key);
        } else if !self.line.contains(&key) {
            self.line.push(key);
        }
    }

    fn take(&mut self) -> Next<u8> {
        if !self.line.is_empty() {
            let key = self.line.remove(0);
            self.in_hand.insert(key);
            Next::Ready(key)
        } else if self.closed && self.again.is_empty() {
            Next::Finished
        } else {
            Next::Empty
        }
    }

    fn done(&mut self, key: u8) {
        if self.in_hand.remove(&key) && self.again.remove(&key) {
            self.line.push(key);
        }
    }

    fn drained(&self) -> bool {
        self.line.is_empty() && self.in_hand.is_empty()
    }

    fn discard_waiting(&mut self) -> usize {
        let owed = self.line.len() + self.again.len();
        self.line.clear();
        self.again.clear();
        owed
    }

    fn shut_down(&mut self) {
        self.closed = true;
        self.drains.fill(true);
    }
}

/// Goal: no sequence of calls tells the two apart. Few keys, so that they meet in every way.
#[test]
fn behaves_like_the_naive_queue_under_random_calls() {
    let start = Instant::now();
    for seed in 0..3_000 {
        let random = Random::seeded(seed);
        let (mut state, mut naive) = (State::default(), Naive::default());
        let mut drains = Vec::new();
        for step in 0..200 {
            let place = format_args!("seed {seed}, step {step}");
            let key = random.below(4) as u8;
            let now = start + step as u32 * SECOND;
            match random.below(if step > 150 { 104 } else { 99 }) {
                0..45 => {
                    state.add(key, now);
                    naive.add(key);
                }
                45..70 => assert_eq!(kind(state.take(now)), naive.take(), "{place}"),
                70..98 => {
                    state.done(&key, now);
                    naive.done(key);
                }
                98 => assert_eq!(state.discard_waiting(), naive.discard_waiting(), "{place}"),
                99..103 => {
                    state.close();
                    drains.push(state.shut_downs());
                    naive.closed = true;
                    naive.drains.push(false);
                }
                _ => {
                    state.shut_down();
                    naive.shut_down();
                }
            }
            let found = (state.len(), state.drained(), state.is_shutting_down());
            let expected = (naive.line.len(), naive.drained(), naive.closed);
            assert_eq!(found, expected, "{place}");
            let sent_home = drains.iter().map(|before| state.shut_downs() != *before);
            assert!(sent_home.eq(naive.drains.iter().copied()), "{place}");
        }
    }
}

fn kind(next: Next<(u8, Duration)>) -> Next<u8> {
    match next {
        Next::Ready((key, _)) => Next::Ready(key),
        Next::Empty => Next::Empty,
        Next::Finished => Next::Finished,
    }
}
