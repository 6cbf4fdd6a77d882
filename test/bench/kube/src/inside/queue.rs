//! kube-rs' scheduler: what a controller has for a queue.

use std::pin::{Pin, pin};
use std::task::Context;
use std::time::Duration;

use futures::StreamExt;
use futures::channel::mpsc;
use futures::task::noop_waker;
use kube::runtime::scheduler::{ScheduleRequest, Scheduler, scheduler};
use tokio::time::Instant;

use crate::objects::request;

const KEYS: usize = 1000;
const ROUNDS: usize = 500;

/// Nanoseconds to add a request and to take it out again. They are due since long, so that no timer is waited for:
/// a controller's are due now, which its timer rounds up to the next millisecond.
pub async fn add_and_pop() -> f64 {
    let requests: Vec<_> = (0..KEYS).map(request).collect();
    let (sender, receiver) = mpsc::unbounded();
    let mut scheduler = pin!(scheduler(receiver));
    let due = Instant::now();
    tokio::time::sleep(Duration::from_millis(2)).await;
    let start = Instant::now();
    for _ in 0..ROUNDS {
        for message in requests.iter().cloned() {
            sender
                .unbounded_send(ScheduleRequest {
                    message,
                    run_at: due,
                })
                .expect("its receiver is below");
        }
        for _ in 0..KEYS {
            let next = scheduler.as_mut().hold_unless(|_| true).next().await;
            std::hint::black_box(next.expect("its sender is above"));
        }
    }
    start.elapsed().as_nanos() as f64 / (KEYS * ROUNDS) as f64
}

/// Nanoseconds of the longest single addition while `count` requests come in and the one worker is busy, and of the
/// longest when they are there: the next in line is taken, and comes again.
pub async fn longest_add(count: usize) -> (f64, f64) {
    let (sender, receiver) = mpsc::unbounded();
    let mut scheduler = pin!(scheduler(receiver));
    let (waker, due) = (noop_waker(), Instant::now());
    let add = |message, mut scheduler: Pin<&mut Scheduler<_, _>>| {
        let start = Instant::now();
        sender
            .unbounded_send(ScheduleRequest {
                message,
                run_at: due,
            })
            .expect("its receiver is above");
        let context = &mut Context::from_waker(&waker);
        let held = scheduler.as_mut().hold().poll_next_unpin(context);
        assert!(held.is_pending(), "what is held is not given out");
        start.elapsed().as_nanos() as f64
    };
    let (mut growing, mut grown) = (0.0_f64, 0.0_f64);
    for message in (0..count).map(request) {
        growing = growing.max(add(message, scheduler.as_mut()));
    }
    for _ in 0..count / 10 {
        let next = scheduler.as_mut().hold_unless(|_| true).next().await;
        grown = grown.max(add(next.expect("there are many"), scheduler.as_mut()));
    }
    (growing, grown)
}

/// Bytes that each of `count` requests for later holds, its own strings included: each has its own.
#[cfg(feature = "count")]
pub async fn delayed_item(count: usize) -> f64 {
    let (sender, receiver) = mpsc::unbounded();
    let mut scheduler = pin!(scheduler(receiver));
    let (waker, now) = (noop_waker(), Instant::now());
    let before = bench_kube::count::live();
    for number in 0..count {
        let message = request(number);
        let minutes = (number * 7_919) % count + 1;
        sender
            .unbounded_send(ScheduleRequest {
                message,
                run_at: now + Duration::from_secs(60 * minutes as u64),
            })
            .expect("its receiver is below");
        let taken = scheduler
            .as_mut()
            .hold()
            .poll_next_unpin(&mut Context::from_waker(&waker));
        assert!(taken.is_pending(), "what is held is not given out");
    }
    (bench_kube::count::live() - before) as f64 / count as f64
}
