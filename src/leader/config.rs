//! What an election is about, and the three times that keep two candidates apart.
//!
//! ```text
//!   renewal sent                          renew deadline          lease runs out for the others
//!   |──retry──|──retry──|──retry──| … ────|───── work ends ───────|
//!   0 s       2 s       4 s               10 s                    15 s
//! ```
//!
//! The holder gives up at the renew deadline; nobody else may take the lease before its duration is
//! over. What lies between is the time for work to end, and for clocks that do not go at one rate:
//! with 10 s and 15 s the holder's may be slower by a third.
//!
//! # Invariants
//! - A [`LeaderElectionConfig`] that [`check`](LeaderElectionConfig::check) lets pass leaves time for
//!   work to end, and for more than one attempt to renew, jitter included.
//!
//! # Example
//! ```
//! use bitcoin_controller::api::ObjectKey;
//! use bitcoin_controller::leader::{ConfigError, LeaderElectionConfig};
//!
//! let mut config = LeaderElectionConfig::new(ObjectKey::new("default", "example"), "host_1");
//! assert_eq!(config.check(), Ok(()));
//! config.renew_deadline = config.lease_duration;
//! assert_eq!(config.check(), Err(ConfigError::RenewDeadline));
//! ```
//!
//! # Source
//! client-go `tools/leaderelection/leaderelection.go`, `LeaderElectionConfig`. What differs: the customary
//! times are the defaults; whether to release is no choice, since work has always ended by then.

use std::fmt;
use std::time::Duration;

use crate::api::ObjectKey;
use crate::base::{Clock, Random};

/// What an election is about, who stands for it, and its times.
#[derive(Clone, Debug)]
pub struct LeaderElectionConfig {
    /// The Lease that is fought for.
    pub lease: ObjectKey,
    /// The candidate's name; no other process may have it.
    pub identity: String,
    /// How long the others let our lease alone. Written in whole seconds, rounded up.
    pub lease_duration: Duration,
    /// We stop leading when the last renewal that succeeded was sent so long ago.
    pub renew_deadline: Duration,
    /// Between two attempts to renew; between two attempts to acquire it is stretched by chance.
    pub retry_period: Duration,
    /// Dates what is written. Nothing is decided by it.
    pub clock: Clock,
    /// Keeps candidates out of step.
    pub random: Random,
}

impl LeaderElectionConfig {
    /// The customary times: 15 s, 10 s, 2 s.
    pub fn new(lease: ObjectKey, identity: impl Into<String>) -> Self {
        LeaderElectionConfig {
            lease,
            identity: identity.into(),
            lease_duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
            clock: Clock::system(),
            random: Random::os(),
        }
    }

    /// Whether an election with it is safe.
    ///
    /// # Errors
    /// The first rule that does not hold.
    ///
    /// Source: client-go `tools/leaderelection/leaderelection.go`, `NewLeaderElector`.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.lease_duration <= self.renew_deadline {
            return Err(ConfigError::RenewDeadline);
        }
        if self.renew_deadline <= self.retry_period.mul_f64(JITTER) {
            return Err(ConfigError::RetryPeriod);
        }
        if self.retry_period.is_zero() {
            return Err(ConfigError::ZeroRetryPeriod);
        }
        if self.identity.is_empty() {
            return Err(ConfigError::NoIdentity);
        }
        Ok(())
    }
}

/// Why an election with a configuration would not be safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// Another could take the lease while we still lead.
    RenewDeadline,
    /// One failed attempt could end leading.
    RetryPeriod,
    /// Attempts would follow one another without a pause.
    ZeroRetryPeriod,
    /// An empty name in a lease means that nobody holds it.
    NoIdentity,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ConfigError::RenewDeadline => {
                "the lease duration must be longer than the renew deadline"
            }
            ConfigError::RetryPeriod => {
                "the renew deadline must be longer than 1.2 times the retry period"
            }
            ConfigError::ZeroRetryPeriod => "the retry period must not be zero",
            ConfigError::NoIdentity => "a candidate must have a name",
        })
    }
}

impl std::error::Error for ConfigError {}

/// How much longer than the retry period a pause between attempts to acquire may be: up to so many
/// times itself. As in client-go.
pub(crate) const JITTER: f64 = 1.2;

/// A name for this process that no other has: the host's, and 64 random bits.
pub fn process_identity(random: &Random) -> String {
    let of_pod = std::env::var("HOSTNAME").ok();
    let of_kernel = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = of_pod.or_else(of_kernel).unwrap_or_default();
    format!("{}_{:016x}", host.trim(), random.next_u64())
}
