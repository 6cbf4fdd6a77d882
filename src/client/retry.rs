//! Reads, changes and writes again, when somebody else was quicker.
//!
//! A write that names the version it is based on is refused if the object has moved on since. That is no
//! failure: one reads what is there now and decides again. So what is repeated is not the request but
//! everything from the reading on, and it is repeated soon and seldom: whoever meets five conflicts in a
//! row is not unlucky but in somebody's way.
//!
//! Of use where a change builds on the old value: a counter, a list that grows. What a controller wants it
//! [applies](crate::client::Client::apply), and meets no conflict; and a reconcile that does has a queue
//! that brings it back.
//!
//! # Invariants
//! - At most [`MAX_ATTEMPTS`] attempts; no pause after the last.
//! - An error that is not a conflict ends it at once, and is what is returned.
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
//! use bitcoin_controller::api::meta::Status;
//! use bitcoin_controller::base::Random;
//! use bitcoin_controller::client::{Error, retry_on_conflict};
//!
//! let (random, mut others) = (Random::os(), 2); // others who are quicker than we are
//! let written = retry_on_conflict(&random, || {
//!     others -= 1;
//!     async move {
//!         // Here: get the object, change it, write it with its resourceVersion.
//!         let conflict = Status { code: 409, ..Status::default() };
//!         if others >= 0 { Err(Error::refused("update lease", conflict)) } else { Ok("written") }
//!     }
//! });
//! assert_eq!(written.await?, "written");
//! # Ok::<(), Error>(())
//! # }).map_err(std::io::Error::other)?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Source
//! client-go `util/retry/util.go`, `RetryOnConflict` with `DefaultRetry`. What differs: a caller who has
//! lost patience drops the future; there is no context whose error could come first.

use std::time::Duration;

use tokio::time::sleep;

use crate::base::{Backoff, Random};
use crate::client::Error;

/// How often [`retry_on_conflict`] tries.
pub const MAX_ATTEMPTS: u32 = 5;

/// Between two attempts; stretched by up to a tenth, so that two who met do not meet again.
const PAUSE: Duration = Duration::from_millis(10);
const JITTER: f64 = 0.1;

/// Calls `attempt` until it does not end in a conflict, five times at most, ten milliseconds apart.
///
/// `attempt` must read the object anew each time: with what it read before, it conflicts again.
///
/// # Errors
/// The last conflict, or the first error that is none.
///
/// # Cancel safety
/// As `attempt`'s; between two attempts nothing is lost.
pub async fn retry_on_conflict<T, F: Future<Output = Result<T, Error>>>(
    random: &Random,
    // No async closure: of those the compiler cannot tell today that a task may be moved to another thread.
    mut attempt: impl FnMut() -> F,
) -> Result<T, Error> {
    let mut backoff = Backoff::new(PAUSE, PAUSE).with_jitter(JITTER);
    for _ in 1..MAX_ATTEMPTS {
        match attempt().await {
            Err(error) if error.is_conflict() => sleep(backoff.next_wait(random)).await,
            ended => return ended,
        }
    }
    attempt().await
}
