//! Something that happens once or never, and that others wait for: "the first list is in the
//! store".
//!
//! # Invariants
//! - Once reached it stays reached; once missed (whoever could have reached it is gone) it stays
//!   missed.
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! use bitcoin_controller::cache::milestone::Milestone;
//! let synced = Milestone::default();
//! assert!(!synced.is_reached());
//! synced.reach();
//! synced.miss(); // too late to miss it
//! assert!(synced.wait().await);
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Source
//! client-go `tools/cache/shared_informer.go` (`DoneChecker`). What differs: one can also hear
//! that it will never come.

use tokio::sync::watch;

/// Reached once, or missed.
#[derive(Debug)]
pub struct Milestone(watch::Sender<Phase>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Ahead,
    Reached,
    Missed,
}

impl Default for Milestone {
    /// Still ahead.
    fn default() -> Self {
        Milestone(watch::Sender::new(Phase::Ahead))
    }
}

impl Milestone {
    /// It is reached, unless it has been missed.
    pub fn reach(&self) {
        self.leave_ahead(Phase::Reached);
    }

    /// It will never be reached, unless it has been.
    pub fn miss(&self) {
        self.leave_ahead(Phase::Missed);
    }

    /// Whether it has been reached.
    pub fn is_reached(&self) -> bool {
        *self.0.borrow() == Phase::Reached
    }

    /// Waits until it is reached (`true`) or missed (`false`).
    ///
    /// # Cancel safety
    /// Safe: waiting changes nothing.
    pub async fn wait(&self) -> bool {
        let mut phases = self.0.subscribe();
        let phase = phases.wait_for(|phase| *phase != Phase::Ahead).await;
        phase.is_ok_and(|phase| *phase == Phase::Reached)
    }

    fn leave_ahead(&self, next: Phase) {
        self.0.send_if_modified(|phase| {
            let is_ahead = *phase == Phase::Ahead;
            if is_ahead {
                *phase = next;
            }
            is_ahead
        });
    }
}
