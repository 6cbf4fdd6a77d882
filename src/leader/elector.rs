//! The loop of a candidate: wait for the lease, lead while it can be renewed, give it back.
//!
//! ```text
//!   acquire ──ours──> lead(stop) ─┬─ the work has ended ─────────────────────────> release ─> Ended
//!      │                          └─ not renewed in time ─> stop ─> wait, cut ───> release ─> Lost
//!      └── shutdown ────────────────────────────────────────────────────────────────────────> NeverLed
//! ```
//!
//! Leading is a future that is handed in, and it runs *inside* [`LeaderElector::run`], beside the
//! renewals. So nothing of it can be left when `run` has returned; that return is client-go's
//! `OnStoppedLeading`, once on every path. A shutdown ends leading through the work: its token is
//! cancelled, it finishes what it holds, and the lease is renewed until it has. A loss is different. The
//! token is cancelled too, but there is no more time than until others may lead, and what has not
//! ended shortly before is dropped where it stands.
//!
//! This is no fence. A process that is paused for a minute (a laptop's lid, a machine that swaps) and
//! wakes up in the middle of a request sends the rest of it, whoever leads by then. What must not
//! happen even then has to be guarded where it is written: by versions and UIDs.
//!
//! # Invariants
//! - Time counts from when a renewal was *sent*: others cannot have seen it earlier, and how long the
//!   answer took does not matter.
//! - While we lead, a record that is not ours ends it at once, even if the lease looks free: somebody
//!   else has been there.
//! - The lease is given back only after the work has ended or was dropped, and only if the record that
//!   was just read still has our name in it.
//! - A steady holder sends one request per retry period.
//!
//! # Example
//! ```no_run
//! # async fn example(client: bitcoin_controller::client::Client) -> Result<(), Box<dyn std::error::Error>> {
//! use bitcoin_controller::api::ObjectKey;
//! use bitcoin_controller::base::Random;
//! use bitcoin_controller::leader::{LeaderElectionConfig, LeaderElector, Outcome, config::process_identity};
//! use tokio_util::sync::CancellationToken;
//!
//! let lease = ObjectKey::new("default", "example");
//! let config = LeaderElectionConfig::new(lease, process_identity(&Random::os()));
//! let elector = LeaderElector::new(client, config)?;
//! let shutdown = CancellationToken::new();
//! let outcome = elector.run(shutdown, async |stop| {
//!     println!("only one of us does this");
//!     stop.cancelled().await;
//! }).await;
//! assert_ne!(outcome, Outcome::Lost, "the process ends, and is started anew");
//! # Ok(()) }
//! ```
//!
//! # Source
//! client-go `tools/leaderelection/leaderelection.go`. What differs:
//! - Work is stopped, and waited for, before the lease is given back; theirs may go on meanwhile.
//! - The renew deadline counts from the last renewal that succeeded, when it was sent; theirs anew from
//!   each attempt's turn, so that slow answers can carry a leader beyond its lease.
//! - While leading, a lease that is another's, nobody's or gone is lost at once; theirs goes on trying
//!   until the deadline, and takes it again if it is free.
//! - The fresh record is compared with our name before the release; theirs overwrites it.
//! - On shutdown leading goes on until the work has ended; theirs gives the lease up and says that work must
//!   have ended before.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::api::coordination::Lease;
use crate::api::{MicroTime, Text};
use crate::client::{Client, Error, retry_on_conflict};
use crate::leader::claim::{Observed, claimed, released};
use crate::leader::config::{ConfigError, JITTER, LeaderElectionConfig};
use crate::leader::lease_lock::LeaseLock;
use crate::leader::view::{LeaderView, Seen};

/// How long giving the lease back may take. The others need not wait for it longer than for a lease
/// that runs out.
pub const RELEASE_DEADLINE: Duration = Duration::from_secs(5);

/// How an election ended for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Shut down before the lease was ours.
    NeverLed,
    /// We led, and the work has ended: by itself, or because of the shutdown.
    Ended,
    /// We led and could not renew the lease in time, or it was taken from us. The process should end:
    /// whoever wants to stand again starts from nothing.
    Lost,
}

/// A candidate for one lease.
#[derive(Debug)]
pub struct LeaderElector {
    config: LeaderElectionConfig,
    lock: LeaseLock,
    /// The lease as last seen; `None`: not read yet, or not there.
    observed: Option<Observed>,
    /// When the last claim that succeeded was sent.
    renewed: Option<Instant>,
    is_leading: bool,
    /// Our name may be in the lease: it was sent, whatever became of it.
    has_claimed: bool,
    seen: watch::Sender<Seen>,
}

impl LeaderElector {
    /// A candidate that does nothing until it is run.
    ///
    /// # Errors
    /// An election with this configuration would not be safe.
    pub fn new(client: Client, config: LeaderElectionConfig) -> Result<Self, ConfigError> {
        config.check()?;
        // Half of the deadline: a request that hangs leaves time for another.
        let request_timeout = (config.renew_deadline / 2).max(Duration::from_secs(1));
        Ok(LeaderElector {
            lock: LeaseLock::new(client, config.lease.clone(), request_timeout),
            config,
            observed: None,
            renewed: None,
            is_leading: false,
            has_claimed: false,
            seen: watch::Sender::default(),
        })
    }

    /// A look at the election from outside.
    pub fn view(&self) -> LeaderView {
        LeaderView::new(self.seen.subscribe(), self.config.lease_duration)
    }

    /// Stands for election until it is won; then runs `lead`, once, and returns when that has ended.
    ///
    /// The token given to `lead` is cancelled on `shutdown` and on loss. After a shutdown `lead` may take as
    /// long as it needs: the lease stays ours. After a loss it is dropped shortly before the lease runs
    /// out. `lead` shares a task with the renewals: what computes for long, or blocks, belongs on another.
    ///
    /// # Cancel safety
    /// Dropping the future drops `lead`. The lease is not given back and runs out.
    ///
    /// Source: client-go `tools/leaderelection/leaderelection.go`, `Run`.
    pub async fn run(
        mut self,
        shutdown: CancellationToken,
        lead: impl AsyncFnOnce(CancellationToken),
    ) -> Outcome {
        let is_won = tokio::select! {
            biased;
            () = shutdown.cancelled() => false,
            () = self.acquire() => true,
        };
        let outcome = match is_won {
            true => self.lead(&shutdown, lead).await,
            false => Outcome::NeverLed,
        };
        self.release().await;
        outcome
    }

    async fn lead(
        &mut self,
        shutdown: &CancellationToken,
        lead: impl AsyncFnOnce(CancellationToken),
    ) -> Outcome {
        let stop = shutdown.child_token();
        let mut work = pin!(lead(stop.clone()));
        self.set_leading(true);
        let cut_off = tokio::select! {
            biased;
            cut_off = self.keep() => Some(cut_off),
            () = work.as_mut() => None,
        };
        self.set_leading(false);
        let Some(cut_off) = cut_off else {
            return Outcome::Ended;
        };
        stop.cancel();
        // The time first: who wakes up from a long sleep is not to do one step more.
        tokio::select! {
            biased;
            () = sleep_until(cut_off) => warn!("work has not ended by now and is dropped"),
            () = work => {}
        }
        Outcome::Lost
    }

    /// Tries until the lease is ours.
    async fn acquire(&mut self) {
        loop {
            match self.try_acquire_or_renew().await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => self.tell(&error, "the lease cannot be taken yet"),
            }
            let stretch = 1.0 + JITTER * self.config.random.unit();
            sleep(self.config.retry_period.mul_f64(stretch)).await;
        }
    }

    /// Renews the lease until that can no longer be done. Returns when work has to be gone.
    async fn keep(&mut self) -> Instant {
        let (renew_deadline, lease_duration) =
            (self.config.renew_deadline, self.config.lease_duration);
        loop {
            // Moves on with every success.
            let renewed = self.renewed.unwrap_or_else(Instant::now);
            let attempt = async {
                sleep(self.config.retry_period).await;
                self.try_acquire_or_renew().await
            };
            match timeout_at(renewed + renew_deadline, attempt).await {
                Ok(Ok(true)) => {}
                Ok(Err(error)) => self.tell(&error, "the lease is not renewed yet"),
                Ok(Ok(false)) => {
                    warn!(lease = %self.config.lease, "the lease is not ours any more");
                    return Instant::now();
                }
                Err(_) => {
                    warn!(lease = %self.config.lease, "the lease could not be renewed in time");
                    // Half of the time that is left; the other half is for clocks of another rate.
                    return renewed + (renew_deadline + lease_duration) / 2;
                }
            }
        }
    }

    /// One step. Whether the lease is ours afterwards; an error leaves it as it was, or unknown.
    ///
    /// Source: client-go `tools/leaderelection/leaderelection.go`, `tryAcquireOrRenew`.
    async fn try_acquire_or_renew(&mut self) -> Result<bool, Error> {
        if self.is_leading {
            match self.claim().await {
                Ok(is_ours) => return Ok(is_ours),
                Err(error) => debug!(error = &error as &dyn std::error::Error, "looking again"),
            }
        }
        match self.lock.get().await {
            Ok(lease) => self.observe(Some(lease)),
            Err(error) if error.is_not_found() => self.observe(None),
            Err(error) => return Err(error),
        }
        let identity = &self.config.identity;
        let may_claim = match &self.observed {
            Some(lease) if self.is_leading => lease.is_held_by(identity),
            Some(lease) => lease.is_free_for(identity, Instant::now()),
            None => !self.is_leading,
        };
        match may_claim {
            true => self.claim().await,
            false => Ok(false),
        }
    }

    /// Writes our name into the lease that was last seen, or into a new one if there was none.
    async fn claim(&mut self) -> Result<bool, Error> {
        let config = &self.config;
        let seen = self.observed.as_ref().map(Observed::lease);
        let now = MicroTime::now(&config.clock);
        let before = seen.map(|lease| &lease.spec);
        let record = claimed(before, &config.identity, config.lease_duration, now);
        let sent = Instant::now();
        self.has_claimed = true;
        let written = match seen {
            Some(lease) => self.lock.update(lease, &record).await?,
            None => self.lock.create(&record).await?,
        };
        // What the server has made of it counts.
        let is_ours = *written.spec.holder_identity == *config.identity;
        if is_ours {
            self.renewed = Some(sent);
        }
        self.observe(Some(written));
        Ok(is_ours)
    }

    /// Gives the lease back if it is ours, so that nobody has to wait for it to run out.
    ///
    /// Source: client-go `tools/leaderelection/leaderelection.go`, `release`.
    async fn release(&mut self) {
        if !self.has_claimed {
            return;
        }
        let lease = &self.config.lease;
        match timeout(RELEASE_DEADLINE, self.give_back()).await {
            Ok(Ok(true)) => info!(%lease, "the lease is released"),
            Ok(Ok(false)) => debug!(%lease, "the lease is not ours to release"),
            Ok(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                warn!(%lease, error, "the lease is not released and runs out");
            }
            Err(_) => warn!(%lease, "the lease is not released in time and runs out"),
        }
    }

    /// Whether the lease was ours and is free now. If it has changed in between, the next look tells by whom.
    async fn give_back(&self) -> Result<bool, Error> {
        let (lock, config) = (&self.lock, &self.config);
        retry_on_conflict(&config.random, || async move {
            let fresh = lock.get().await?;
            if *fresh.spec.holder_identity != *config.identity {
                return Ok(false);
            }
            let record = released(&fresh.spec, MicroTime::now(&config.clock));
            lock.update(&fresh, &record).await.map(|_| true)
        })
        .await
    }

    fn observe(&mut self, lease: Option<Lease>) {
        let now = Instant::now();
        let before = self.holder();
        match (&mut self.observed, lease) {
            (Some(observed), Some(lease)) => observed.see(lease, now),
            (observed, lease) => *observed = lease.map(|lease| Observed::new(lease, now)),
        }
        let holder = self.holder();
        let lease = &self.config.lease;
        match &*holder {
            same if same == &*before => {}
            // Whether we lead is told where it is decided.
            ours if ours == &*self.config.identity => {}
            "" => info!(%lease, "nobody holds the lease"),
            _ => info!(%lease, %holder, "the lease has another holder"),
        }
        self.publish();
    }

    /// Says why an attempt has failed, at the pace of the attempts. That a rival was quicker is no failure.
    fn tell(&self, error: &Error, what: &str) {
        let lease = &self.config.lease;
        let is_rivalry = error.is_conflict() || error.is_already_exists();
        let error = error as &dyn std::error::Error;
        match is_rivalry {
            true => debug!(%lease, error, "{what}"),
            false => warn!(%lease, error, "{what}"),
        }
    }

    /// Who is in the lease; empty: nobody.
    fn holder(&self) -> Text {
        let lease = self.observed.as_ref().map(Observed::lease);
        lease.map_or_else(Text::default, |lease| lease.spec.holder_identity.clone())
    }

    fn set_leading(&mut self, is_leading: bool) {
        let (lease, identity) = (&self.config.lease, &self.config.identity);
        match is_leading {
            true => info!(%lease, identity, is_leading, "the lease is ours: leading"),
            false => info!(%lease, identity, is_leading, "no longer leading"),
        }
        self.is_leading = is_leading;
        self.publish();
    }

    fn publish(&self) {
        self.seen.send_replace(Seen {
            lease: self.observed.as_ref().map(|seen| seen.lease().clone()),
            renewed: self.renewed.filter(|_| self.is_leading),
        });
    }
}
