//! What others see of an election: who leads, whether it is us, whether that is still well.
//!
//! # Invariants
//! - A view never says that we lead when, by our own clock, another may have taken the lease.
//!
//! # Example
//! ```no_run
//! # use bitcoin_controller::leader::LeaderElector;
//! # async fn example(elector: LeaderElector) {
//! let mut view = elector.view();
//! while let Some(leader) = view.next_leader().await {
//!     println!("{leader} leads now");
//! }
//! # }
//! ```
//!
//! # Source
//! client-go `tools/leaderelection/leaderelection.go` (`IsLeader`, `GetLeader`, `Check`,
//! `maybeReportTransition`). What differs: the news of a new leader is pulled instead of a callback, so it
//! may skip one that led for a moment; that nobody leads is no news.

use std::fmt;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::api::Text;
use crate::api::coordination::Lease;

/// What an elector has last seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The lease; `None`: not read yet, or not there.
    pub(crate) lease: Option<Lease>,
    /// While we lead: when the last renewal that succeeded was sent.
    pub(crate) renewed: Option<Instant>,
}

/// A look at an election from outside. Clones are independent of one another.
#[derive(Clone, Debug)]
pub struct LeaderView {
    seen: watch::Receiver<Seen>,
    lease_duration: Duration,
    /// Whom [`next_leader`](Self::next_leader) has told last.
    told: Text,
}

impl LeaderView {
    pub(crate) fn new(seen: watch::Receiver<Seen>, lease_duration: Duration) -> Self {
        LeaderView {
            seen,
            lease_duration,
            told: Text::default(),
        }
    }

    /// The lease as it was last seen.
    pub fn lease(&self) -> Option<Lease> {
        self.seen.borrow().lease.clone()
    }

    /// Who holds the lease, as far as is known; it may be we, and it may have ended since.
    pub fn leader(&self) -> Option<Text> {
        holder(&self.seen.borrow())
    }

    /// Whether we lead, and nobody else can by now.
    pub fn is_leader(&self) -> bool {
        let renewed = self.seen.borrow().renewed;
        renewed.is_some_and(|renewed| Instant::now() < renewed + self.lease_duration)
    }

    /// Whether all is well: we do not lead, or the lease has run out no longer than `tolerance` ago.
    ///
    /// The elector gives up long before. So this is for a process in which it does not get to run: work
    /// that blocks its thread, a deadlock. For a liveness probe.
    ///
    /// # Errors
    /// The lease is overdue.
    pub fn check(&self, tolerance: Duration) -> Result<(), Overdue> {
        let Some(renewed) = self.seen.borrow().renewed else {
            return Ok(());
        };
        let since = renewed.elapsed();
        match since > self.lease_duration + tolerance {
            true => Err(Overdue { since }),
            false => Ok(()),
        }
    }

    /// Waits for somebody to lead who did not when this was last asked; it may be we. `None`: the
    /// election is over.
    ///
    /// # Cancel safety
    /// Safe: nothing is told that was not returned.
    pub async fn next_leader(&mut self) -> Option<Text> {
        let told = self.told.clone();
        let is_new = |seen: &Seen| holder(seen).is_some_and(|leader| leader != told);
        let leader = holder(&*self.seen.wait_for(is_new).await.ok()?)?;
        self.told = leader.clone();
        Some(leader)
    }
}

fn holder(seen: &Seen) -> Option<Text> {
    let holder = &seen.lease.as_ref()?.spec.holder_identity;
    (!holder.is_empty()).then(|| holder.clone())
}

/// We lead, and have not renewed the lease for longer than may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overdue {
    /// How long ago the last renewal was sent.
    pub since: Duration,
}

impl fmt::Display for Overdue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the lease was last renewed {:?} ago", self.since)
    }
}

impl std::error::Error for Overdue {}
