//! Wall time, as a value that is handed in.
//!
//! Waiting and deadlines use `tokio::time::Instant`, which a test can pause. Wall time is needed
//! only where a date is written down: in an event, a condition, a log of blocks. A [`Clock`] gives
//! that date. In tests it starts where it is told to and advances with tokio's clock, so a paused
//! hour passes in both at once and a run can be repeated to the letter.
//!
//! # Invariants
//! - A clock made by [`Clock::starting_at`] never reads the machine's clock.
//! - It never goes backwards; [`Clock::system`] may (the machine's clock can be set).
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
//! use bitcoin_controller::base::Clock;
//! use std::time::{Duration, UNIX_EPOCH};
//!
//! let clock = Clock::starting_at(UNIX_EPOCH + Duration::from_secs(1_000));
//! tokio::time::advance(Duration::from_secs(5)).await;
//! assert_eq!(clock.now(), UNIX_EPOCH + Duration::from_secs(1_005));
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Where wall time comes from. Cheap to clone; clones agree.
#[derive(Clone, Debug)]
pub struct Clock {
    /// The date that was given, and the instant at which it was. `None`: the machine's clock.
    origin: Option<(SystemTime, Instant)>,
}

impl Clock {
    /// The machine's own clock.
    pub fn system() -> Self {
        Clock { origin: None }
    }

    /// A clock that shows `date` now and advances with tokio's clock.
    pub fn starting_at(date: SystemTime) -> Self {
        Clock {
            origin: Some((date, Instant::now())),
        }
    }

    /// The date and time now.
    #[allow(clippy::disallowed_methods)] // the one reader of the machine's clock
    pub fn now(&self) -> SystemTime {
        match self.origin {
            None => SystemTime::now(),
            Some((date, instant)) => date + instant.elapsed(),
        }
    }

    /// Seconds since 1970-01-01T00:00:00Z; negative before.
    pub fn unix_seconds(&self) -> i64 {
        match self.now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX),
        }
    }
}
