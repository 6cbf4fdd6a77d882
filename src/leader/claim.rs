//! Who may take a lease, and what is then written into it: functions of values.
//!
//! The one trap of leader election is to believe another machine's clock. A lease says when it was
//! last renewed, but by its holder's clock, which may be wrong by years. So `renewTime` is never
//! compared with the time; what counts is how long *we* have seen the record stand still, by our own
//! clock, which need not be right but only go on. Whoever comes anew has seen nothing yet, and waits
//! for a whole duration, however old the lease looks.
//!
//! # Invariants
//! - Another's lease is free only after it stood unchanged for the duration that it states itself.
//! - A lease without a holder is free at once, and so is our own: it was ours before a restart.
//! - A change of the object that is none of the record (a label) does not keep a dead holder alive.
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
//! use bitcoin_controller::api::coordination::{Lease, LeaseSpec};
//! use bitcoin_controller::leader::Observed;
//! use tokio::time::{Duration, Instant, advance};
//!
//! let spec = LeaseSpec { holder_identity: "other".into(), lease_duration_seconds: 15, ..LeaseSpec::default() };
//! let lease = Lease { spec, ..Lease::default() };
//! let mut observed = Observed::new(lease.clone(), Instant::now());
//! advance(Duration::from_secs(15)).await;
//! observed.see(lease, Instant::now());
//! assert!(observed.is_free_for("me", Instant::now()));
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Source
//! client-go `tools/leaderelection/leaderelection.go`, `tryAcquireOrRenew` and `release`.

use std::time::Duration;

use tokio::time::Instant;

use crate::api::MicroTime;
use crate::api::coordination::{Lease, LeaseSpec};

/// A lease as it was last seen, and since when its record stands so, by our clock.
#[derive(Clone, Debug)]
pub struct Observed {
    lease: Lease,
    since: Instant,
}

impl Observed {
    /// Sees a lease for the first time.
    pub fn new(lease: Lease, now: Instant) -> Self {
        Observed { lease, since: now }
    }

    /// Sees it again. Only a change of the record starts the time anew.
    pub fn see(&mut self, lease: Lease, now: Instant) {
        if lease.spec != self.lease.spec {
            self.since = now;
        }
        self.lease = lease;
    }

    /// The lease as it was last seen.
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Whether `identity` is in it as its holder.
    pub fn is_held_by(&self, identity: &str) -> bool {
        &*self.lease.spec.holder_identity == identity
    }

    /// Whether `identity` may write its name into it.
    pub fn is_free_for(&self, identity: &str, now: Instant) -> bool {
        let spec = &self.lease.spec;
        let seconds = u64::try_from(spec.lease_duration_seconds).unwrap_or(0);
        spec.holder_identity.is_empty()
            || self.is_held_by(identity)
            || now >= self.since + Duration::from_secs(seconds)
    }
}

/// The record with which `identity` takes or renews a lease that says `before`; `None`: there is none.
pub fn claimed(
    before: Option<&LeaseSpec>,
    identity: &str,
    duration: Duration,
    now: MicroTime,
) -> LeaseSpec {
    let (acquire_time, lease_transitions) = match before {
        None => (Some(now), 0),
        Some(own) if &*own.holder_identity == identity => (own.acquire_time, own.lease_transitions),
        Some(other) => (Some(now), other.lease_transitions.saturating_add(1)),
    };
    LeaseSpec {
        holder_identity: identity.into(),
        lease_duration_seconds: whole_seconds(duration),
        acquire_time,
        renew_time: Some(now),
        lease_transitions,
    }
}

/// The record of a lease that its holder gives back: free for whoever asks next.
pub fn released(before: &LeaseSpec, now: MicroTime) -> LeaseSpec {
    LeaseSpec {
        holder_identity: "".into(),
        // The server takes no zero.
        lease_duration_seconds: 1,
        acquire_time: Some(now),
        renew_time: Some(now),
        lease_transitions: before.lease_transitions,
    }
}

/// Rounded up: others may wait longer than we count on, never shorter.
fn whole_seconds(duration: Duration) -> i32 {
    let up = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i32::try_from(up).unwrap_or(i32::MAX)
}
