//! Those who wait, the guard, and the ways to shut down.

use std::sync::Arc;
use std::time::Duration;

use bitcoin_controller::workqueue::WorkQueue;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout};

use crate::workqueue::at_once;

const SECOND: Duration = Duration::from_secs(1);

fn queue_of<const N: usize>(keys: [u32; N]) -> WorkQueue<u32> {
    let queue = WorkQueue::default();
    for key in keys {
        queue.add(key);
    }
    queue
}

#[tokio::test(start_paused = true)]
async fn waiting_getter_is_woken_by_an_add() {
    let queue = WorkQueue::default();
    let mut tasks = JoinSet::new();
    let getter = queue.clone();
    tasks.spawn(async move { getter.get().await.map(|key| *key) });
    yield_now().await;
    queue.add(7);
    assert_eq!(tasks.join_next().await.unwrap().unwrap(), Some(7));
}

#[tokio::test(start_paused = true)]
async fn waiting_getter_is_woken_when_a_marked_key_is_done() {
    let queue = queue_of([1]);
    let first = queue.get().await.unwrap();
    queue.add(1);
    let mut tasks = JoinSet::new();
    let getter = queue.clone();
    tasks.spawn(async move { getter.get().await.map(|key| *key) });
    yield_now().await;
    assert!(tasks.try_join_next().is_none());
    drop(first);
    assert_eq!(tasks.join_next().await.unwrap().unwrap(), Some(1));
}

/// Two wait, and the first is dropped between being woken and running. The second is polled only if
/// somebody wakes it, so it gets the key only if the wake-up was passed on.
#[tokio::test(start_paused = true)]
async fn task_that_is_aborted_after_it_was_woken_passes_the_wake_up_on() {
    let queue = WorkQueue::default();
    let mut tasks = JoinSet::new();
    let mut spawn = |name| {
        let queue = queue.clone();
        tasks.spawn(async move { queue.get().await.map(|key| (name, *key)) })
    };
    let first = spawn("first");
    yield_now().await;
    spawn("second");
    yield_now().await;
    queue.add(1);
    first.abort();
    assert!(tasks.join_next().await.unwrap().unwrap_err().is_cancelled());
    let second = timeout(SECOND, tasks.join_next()).await;
    assert_eq!(second.unwrap().unwrap().unwrap(), Some(("second", 1)));
}

#[tokio::test(start_paused = true)]
async fn each_of_several_adds_wakes_a_waiter() {
    let queue = WorkQueue::default();
    let mut tasks = JoinSet::new();
    for _ in 0..3 {
        let queue = queue.clone();
        tasks.spawn(async move {
            let key = queue.get().await.unwrap();
            sleep(SECOND).await;
            *key
        });
    }
    yield_now().await;
    let start = Instant::now();
    for key in 0..3 {
        queue.add(key);
    }
    let mut keys = tasks.join_all().await;
    keys.sort_unstable();
    assert_eq!(keys, [0, 1, 2]);
    assert_eq!(start.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_getter_loses_no_key() {
    let queue = WorkQueue::default();
    for _ in 0..10 {
        assert!(at_once(queue.get()).is_none());
    }
    queue.add(1);
    assert_eq!(at_once(queue.get()).flatten().as_deref(), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn c089_worker_that_panics_releases_its_key() {
    let queue = queue_of([1]);
    let mut tasks = JoinSet::new();
    let worker = queue.clone();
    tasks.spawn(async move {
        let _key = worker.get().await;
        worker.add(1);
        panic!("as a worker may");
    });
    assert!(tasks.join_next().await.unwrap().unwrap_err().is_panic());
    assert_eq!(queue.metrics().processing, 0);
    assert_eq!(at_once(queue.get()).flatten().as_deref(), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn c089_worker_that_is_cancelled_releases_its_key() {
    let queue = queue_of([1]);
    let mut tasks = JoinSet::new();
    let worker = queue.clone();
    tasks.spawn(async move {
        let _key = worker.get().await;
        sleep(1_000 * SECOND).await;
    });
    yield_now().await;
    assert_eq!(queue.unfinished(), [1]);
    assert!(!queue.drained());
    tasks.shutdown().await;
    assert!(queue.drained());
}

#[tokio::test(start_paused = true)]
async fn c082_after_shutdown_adds_are_ignored_and_what_is_left_is_handed_out() {
    let queue = queue_of([1, 2]);
    let first = queue.get().await.unwrap();
    queue.add(1);
    queue.shut_down();
    queue.add(3);
    assert!(queue.is_shutting_down());
    assert_eq!(queue.get().await.as_deref(), Some(&2));
    drop(first);
    assert_eq!(queue.get().await.as_deref(), Some(&1));
    assert!(queue.get().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn shutdown_tells_every_waiting_getter() {
    let queue = WorkQueue::<u32>::default();
    let mut tasks = JoinSet::new();
    for _ in 0..5 {
        let queue = queue.clone();
        tasks.spawn(async move { queue.get().await.is_none() });
    }
    yield_now().await;
    queue.shut_down();
    assert_eq!(timeout(SECOND, tasks.join_all()).await.unwrap(), [true; 5]);
}

/// The holder of a marked key ends for good; another worker must be there for the second run, and
/// every other must learn that it was the last.
#[tokio::test(start_paused = true)]
async fn none_is_final_even_if_a_marked_key_is_still_in_a_hand() {
    let queue = queue_of([1]);
    let held = queue.get().await.unwrap();
    queue.add(1);
    queue.shut_down();
    let mut tasks = JoinSet::new();
    for _ in 0..3 {
        let queue = queue.clone();
        tasks.spawn(async move {
            let mut taken = 0;
            while let Some(_key) = queue.get().await {
                taken += 1;
            }
            taken
        });
    }
    yield_now().await;
    assert_eq!(tasks.len(), 3);
    assert!(tasks.try_join_next().is_none());
    drop(held);
    let taken: usize = timeout(SECOND, tasks.join_all())
        .await
        .unwrap()
        .iter()
        .sum();
    assert_eq!(taken, 1);
}

#[tokio::test(start_paused = true)]
async fn c083_drain_waits_for_keys_in_line_and_in_hand_and_for_a_marked_one_twice() {
    let queue = queue_of([1, 2]);
    let first = queue.get().await.unwrap();
    queue.add(1);
    let mut drain = Box::pin(queue.shut_down_with_drain());
    assert!(at_once(drain.as_mut()).is_none());
    assert!(queue.is_shutting_down());
    drop(first);
    assert!(at_once(drain.as_mut()).is_none());
    drop(queue.get().await.unwrap());
    assert!(at_once(drain.as_mut()).is_none());
    let again = queue.get().await.unwrap();
    assert_eq!(*again, 1);
    assert!(at_once(drain.as_mut()).is_none());
    drop(again);
    assert!(at_once(drain).is_some());
}

#[tokio::test(start_paused = true)]
async fn c083_every_drain_is_woken_and_a_drain_of_an_idle_queue_returns_at_once() {
    let queue = queue_of([1]);
    let key = queue.get().await.unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..3 {
        let queue = queue.clone();
        tasks.spawn(async move { queue.shut_down_with_drain().await });
    }
    yield_now().await;
    assert!(tasks.try_join_next().is_none());
    drop(key);
    assert_eq!(timeout(SECOND, tasks.join_all()).await.unwrap().len(), 3);
    assert!(at_once(queue.shut_down_with_drain()).is_some());
}

#[tokio::test(start_paused = true)]
async fn c083_plain_shutdown_does_not_wait_and_ends_a_drain() {
    let queue = queue_of([1]);
    let _held = queue.get().await.unwrap();
    let mut tasks = JoinSet::new();
    let draining = queue.clone();
    tasks.spawn(async move { draining.shut_down_with_drain().await });
    yield_now().await;
    assert!(tasks.try_join_next().is_none());
    queue.shut_down();
    timeout(SECOND, tasks.join_next())
        .await
        .expect("the drain goes on");
}

#[tokio::test(start_paused = true)]
async fn discarding_ends_the_wait_for_keys_in_line() {
    let queue = queue_of([1, 2, 3]);
    let held = queue.get().await.unwrap();
    queue.add(1);
    let mut tasks = JoinSet::new();
    for _ in 0..2 {
        let queue = queue.clone();
        tasks.spawn(async move { queue.shut_down_with_drain().await });
    }
    yield_now().await;
    assert_eq!(queue.discard_waiting(), 3);
    drop(held);
    timeout(SECOND, tasks.join_all()).await.expect("drained");
    assert!(queue.get().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn until_drained_waits_for_the_key_in_hand_and_leaves_the_queue_open() {
    let queue = queue_of([1]);
    assert!(at_once(queue.until_drained()).is_none());
    let mut tasks = JoinSet::new();
    let worker = queue.clone();
    tasks.spawn(async move {
        let _key = worker.get().await;
        sleep(SECOND).await;
    });
    let start = Instant::now();
    queue.until_drained().await;
    assert_eq!(start.elapsed(), SECOND);
    queue.add(2);
    assert_eq!(queue.get().await.as_deref(), Some(&2));
}

#[tokio::test(start_paused = true)]
async fn guard_knows_how_long_its_key_waited_and_since_when_it_is_held() {
    let queue = queue_of([1]);
    sleep(3 * SECOND).await;
    let key = queue.get().await.unwrap();
    sleep(2 * SECOND).await;
    assert_eq!((*key.key(), key.waited()), (1, 3 * SECOND));
    assert_eq!(key.since().elapsed(), 2 * SECOND);
    assert_eq!(queue.metrics().longest_running_processor_seconds, 2.0);
}

#[tokio::test(start_paused = true)]
async fn finished_keys_are_freed() {
    let queue = WorkQueue::default();
    let key = Arc::new(1);
    queue.add(Arc::clone(&key));
    drop(queue.get().await);
    assert_eq!(Arc::strong_count(&key), 1);
}
