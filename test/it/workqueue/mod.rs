//! Mirrors `src/workqueue`; `interleavings` is the room under chance and under real threads.

mod delaying_queue;
mod interleavings;
mod metrics;
mod queue;
mod rate_limiter;
mod rate_limiting_queue;
mod state;
mod table;
mod waiting;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// What `future` returns if it needs no waiting; dropped otherwise.
fn at_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
