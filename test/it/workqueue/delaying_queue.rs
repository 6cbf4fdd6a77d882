//! Delays under a paused clock, and sleepers that come and go.

use std::cell::Cell;
use std::time::Duration;

use bitcoin_controller::workqueue::{DelayingQueue, InHand};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, advance, sleep, timeout};

use crate::workqueue::at_once;

const SECOND: Duration = Duration::from_secs(1);

/// Takes the next key and lets go of it at once.
async fn next(queue: &DelayingQueue<u32>) -> Option<u32> {
    queue.get().await.map(|key| *key)
}

#[tokio::test(start_paused = true)]
async fn delayed_key_is_not_ready_before_its_time_and_is_then() {
    let queue = DelayingQueue::default();
    queue.add_after(1, SECOND);
    advance(SECOND - Duration::from_millis(1)).await;
    assert_eq!((queue.len(), queue.drained()), (0, true));
    advance(Duration::from_millis(1)).await;
    assert_eq!((queue.len(), queue.drained()), (1, false));
}

#[tokio::test(start_paused = true)]
async fn due_key_is_seen_by_each_question_without_any_waiter() {
    for question in 0..5 {
        let queue = DelayingQueue::default();
        queue.add_after(1, SECOND);
        advance(SECOND).await;
        let seen = match question {
            0 => queue.len() == 1,
            1 => !queue.is_empty(),
            2 => !queue.drained(),
            3 => queue.unfinished() == [1],
            _ => at_once(queue.get()).flatten().is_some(),
        };
        assert!(seen, "question {question}");
    }
}

#[tokio::test(start_paused = true)]
async fn c084_zero_delay_adds_at_once_and_counts_as_a_retry() {
    let queue = DelayingQueue::default();
    queue.add_after(1, Duration::ZERO);
    assert_eq!((queue.len(), queue.metrics().retries), (1, 1));
    assert!(queue.waiting().is_empty());
}

#[tokio::test(start_paused = true)]
async fn c084_earliest_of_several_deadlines_wins_and_the_key_comes_once() {
    for order in [[1, 5, 9], [9, 5, 1], [5, 1, 9]] {
        let queue = DelayingQueue::default();
        for seconds in order {
            queue.add_after(1, seconds * SECOND);
        }
        assert_eq!(queue.waiting().len(), 1);
        let start = Instant::now();
        assert_eq!(next(&queue).await, Some(1));
        assert_eq!(start.elapsed(), SECOND);
        assert!(timeout(100 * SECOND, next(&queue)).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn c084_keys_come_in_the_order_of_deadlines_and_then_of_calls() {
    let queue = DelayingQueue::default();
    for (key, seconds) in [(1, 3), (2, 1), (3, 2), (4, 1)] {
        queue.add_after(key, seconds * SECOND);
    }
    let listed: Vec<u32> = queue.waiting().into_iter().map(|(key, _)| key).collect();
    assert_eq!(listed, [2, 4, 3, 1]);
    advance(5 * SECOND).await;
    queue.add(5);
    for key in [2, 4, 3, 1, 5] {
        assert_eq!(next(&queue).await, Some(key));
    }
}

#[tokio::test(start_paused = true)]
async fn adding_at_once_does_not_end_the_wait() {
    let queue = DelayingQueue::default();
    queue.add_after(1, SECOND);
    queue.add(1);
    let start = Instant::now();
    assert_eq!(next(&queue).await, Some(1));
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(next(&queue).await, Some(1));
    assert_eq!(start.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn key_that_comes_due_while_in_hand_runs_again_after_done() {
    let queue = DelayingQueue::default();
    queue.add(1);
    let held = queue.get().await.unwrap();
    queue.add_after(1, SECOND);
    sleep(2 * SECOND).await;
    assert!(at_once(queue.get()).is_none());
    drop(held);
    let again = queue.get().await.unwrap();
    assert_eq!(again.waited(), SECOND); // owed since it was due, not since somebody looked
}

#[tokio::test(start_paused = true)]
async fn c085_shutdown_drops_what_is_not_due_hands_out_what_is_and_ignores_new_delays() {
    let queue = DelayingQueue::default();
    queue.add_after(1, SECOND);
    queue.add_after(2, 2 * SECOND);
    advance(SECOND).await;
    queue.shut_down();
    queue.add_after(3, SECOND);
    assert_eq!((queue.next_due(), queue.waiting().len()), (None, 0));
    assert_eq!(next(&queue).await, Some(1));
    assert_eq!(next(&queue).await, None);
}

#[tokio::test(start_paused = true)]
async fn shutdown_tells_a_getter_that_sleeps_on_a_deadline() {
    let queue = DelayingQueue::default();
    queue.add_after(1, 60 * SECOND);
    let mut tasks = JoinSet::new();
    for _ in 0..3 {
        let queue = queue.clone();
        tasks.spawn(async move { queue.get().await.is_none() });
    }
    yield_now().await;
    queue.shut_down();
    assert_eq!(timeout(SECOND, tasks.join_all()).await.unwrap(), [true; 3]);
}

#[tokio::test(start_paused = true)]
async fn drain_does_not_wait_for_delayed_keys_but_for_the_one_in_hand() {
    let queue = DelayingQueue::default();
    queue.add(1);
    queue.add_after(2, 60 * SECOND);
    let held = queue.get().await.unwrap();
    let mut drain = Box::pin(queue.shut_down_with_drain());
    assert!(at_once(drain.as_mut()).is_none());
    assert!(queue.waiting().is_empty());
    drop(held);
    assert!(at_once(drain).is_some());
}

#[tokio::test(start_paused = true)]
async fn discarding_forgets_delayed_keys_too() {
    let queue = DelayingQueue::default();
    queue.add(1);
    queue.add_after(1, SECOND);
    queue.add_after(2, SECOND);
    assert_eq!(queue.discard_waiting(), 3);
    assert!(timeout(60 * SECOND, queue.get()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn next_due_is_after_now_and_tells_when_to_look_again() {
    let queue = DelayingQueue::default();
    assert_eq!(queue.next_due(), None);
    let start = Instant::now();
    queue.add_after(1, 2 * SECOND);
    queue.add_after(2, SECOND);
    assert_eq!(queue.next_due(), Some(start + SECOND));
    advance(SECOND).await;
    assert_eq!(queue.next_due(), Some(start + 2 * SECOND));
    assert_eq!(queue.waiting(), [(1, start + 2 * SECOND)]);
}

#[tokio::test(start_paused = true)]
async fn until_drained_leaves_delayed_keys_and_waits_for_due_ones() {
    let queue = DelayingQueue::default();
    queue.add_after(1, SECOND);
    assert!(at_once(queue.until_drained()).is_some());
    advance(SECOND).await;
    let mut drained = Box::pin(queue.until_drained());
    assert!(at_once(drained.as_mut()).is_none());
    drop(queue.get().await);
    assert!(at_once(drained).is_some());
}

#[tokio::test(start_paused = true)]
async fn earlier_deadline_wakes_a_getter_that_sleeps_on_a_later_one() {
    let queue = DelayingQueue::default();
    queue.add_after(1, 60 * SECOND);
    let mut tasks = JoinSet::new();
    let getter = queue.clone();
    tasks.spawn(async move { getter.get().await.map(|key| *key) });
    yield_now().await;
    let start = Instant::now();
    queue.add_after(2, SECOND);
    assert_eq!(tasks.join_next().await.unwrap().unwrap(), Some(2));
    assert_eq!(start.elapsed(), SECOND);
}

/// The first sleeper alone was told of the earlier deadline in a design with one timer owner.
/// Whichever of the sleepers is dropped, at whichever moment, the others must not oversleep.
#[tokio::test(start_paused = true)]
async fn dropping_a_sleeper_takes_the_deadline_from_no_other() {
    for victim in 0..3 {
        for dropped_before_it_ran in [true, false] {
            let queue = DelayingQueue::default();
            queue.add_after(1, 60 * SECOND);
            let mut tasks = JoinSet::new();
            let mut handles = Vec::new();
            for _ in 0..3 {
                let queue = queue.clone();
                handles.push(tasks.spawn(async move { queue.get().await.map(|key| *key) }));
            }
            yield_now().await;
            let start = Instant::now();
            queue.add_after(2, SECOND);
            if !dropped_before_it_ran {
                yield_now().await;
            }
            handles[victim].abort();
            assert!(tasks.join_next().await.unwrap().is_err());
            assert_eq!(tasks.join_next().await.unwrap().unwrap(), Some(2));
            assert_eq!(start.elapsed(), SECOND);
            assert_eq!(tasks.join_next().await.unwrap().unwrap(), Some(1));
            assert_eq!(start.elapsed(), 60 * SECOND);
        }
    }
}

/// One sleeper takes a key and is busy for an hour; the other must come for the next deadline.
#[tokio::test(start_paused = true)]
async fn sleeper_that_leaves_with_a_key_takes_the_deadline_from_no_other() {
    let queue = DelayingQueue::default();
    queue.add_after(1, SECOND);
    queue.add_after(2, 2 * SECOND);
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..2 {
        let queue = queue.clone();
        tasks.spawn(async move {
            let key = queue.get().await.unwrap();
            let at = start.elapsed();
            sleep(3_600 * SECOND).await;
            (*key, at)
        });
    }
    let mut seen = tasks.join_all().await;
    seen.sort_unstable();
    assert_eq!(seen, [(1, SECOND), (2, 2 * SECOND)]);
}

#[tokio::test(start_paused = true)]
async fn keys_that_come_due_together_wake_as_many_sleepers() {
    let queue = DelayingQueue::default();
    let mut tasks = JoinSet::new();
    for key in 0..4 {
        queue.add_after(key, SECOND);
        let queue = queue.clone();
        tasks.spawn(async move {
            let key = queue.get().await.unwrap();
            sleep(3_600 * SECOND).await;
            *key
        });
    }
    let start = Instant::now();
    let mut keys = tasks.join_all().await;
    keys.sort_unstable();
    assert_eq!((keys, start.elapsed()), (vec![0, 1, 2, 3], 3_601 * SECOND));
}

/// Timers have whole milliseconds, so at 1.5 ms no sleeper has woken by itself.
#[tokio::test(start_paused = true)]
async fn keys_that_somebody_else_finds_due_wake_as_many_sleepers() {
    let queue = DelayingQueue::default();
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for key in 0..3 {
        queue.add_after(key, Duration::from_micros(1_500));
        let queue = queue.clone();
        tasks.spawn(async move {
            let _key = queue.get().await.unwrap();
            start.elapsed()
        });
    }
    yield_now().await;
    advance(Duration::from_micros(1_500)).await;
    assert_eq!(queue.len(), 3);
    assert_eq!(tasks.join_all().await, [Duration::from_micros(1_500); 3]);
}

#[tokio::test(start_paused = true)]
async fn delay_beyond_any_clock_waits_and_harms_nobody() {
    let queue = DelayingQueue::default();
    queue.add_after(1, Duration::MAX);
    queue.add_after(2, SECOND);
    assert_eq!(next(&queue).await, Some(2));
    assert!(timeout(1_000_000 * SECOND, queue.get()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_million_delayed_keys_are_rows_and_not_tasks() {
    const KEYS: u32 = 1_000_000;
    let queue = DelayingQueue::default();
    for key in 0..KEYS {
        queue.add_after(key, SECOND + Duration::from_micros(u64::from(key)));
    }
    let tasks = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    assert_eq!((queue.metrics().delayed, tasks), (KEYS as usize, 0));
    assert_eq!(next(&queue).await, Some(0));
    queue.shut_down();
    assert_eq!(queue.metrics().delayed, 0);
}

thread_local! {
    static COPIES: Cell<usize> = const { Cell::new(0) };
}

/// A key that knows how many of its kind there are.
#[derive(PartialEq, Eq, Hash)]
struct Counted(u32);

impl Counted {
    fn new(key: u32) -> Self {
        COPIES.set(COPIES.get() + 1);
        Counted(key)
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Counted::new(self.0)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        COPIES.set(COPIES.get() - 1);
    }
}

/// What a delayed key costs: itself, once. Not a closure, not a timer, and not once more each time it is
/// added: an entry that is moved leaves nothing behind.
#[tokio::test(start_paused = true)]
async fn a_delayed_key_is_kept_once_however_often_its_deadline_moves() {
    const KEYS: u32 = 5_000;
    let queue = DelayingQueue::default();
    for round in 0..4 {
        for key in 0..KEYS {
            queue.add_after(Counted::new(key), (10 - round) * SECOND);
        }
        assert_eq!(COPIES.get(), KEYS as usize);
    }

    advance(7 * SECOND).await;
    assert_eq!(queue.len(), KEYS as usize);
    assert_eq!(COPIES.get(), KEYS as usize);
    while !queue.is_empty() {
        drop(queue.get().await);
    }
    assert_eq!(COPIES.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn contents_are_every_key_in_the_order_that_matters_for_it() {
    let queue = DelayingQueue::default();
    let start = Instant::now();
    for key in [5, 4, 3, 2, 1] {
        queue.add(key);
    }
    let (_five, _four) = (queue.get().await.unwrap(), queue.get().await.unwrap());
    queue.add(5);
    queue.add_after(8, 8 * SECOND);
    queue.add_after(9, 4 * SECOND);
    queue.add_after(7, SECOND);
    advance(SECOND).await;
    let contents = queue.contents();
    assert_eq!(contents.ready, [3, 2, 1, 7], "what is due is in line");
    let in_hand = |key, again| InHand {
        key,
        since: start,
        again,
    };
    assert_eq!(contents.processing, [in_hand(4, false), in_hand(5, true)]);
    assert_eq!(
        contents.delayed,
        [(9, start + 4 * SECOND), (8, start + 8 * SECOND)]
    );
}
