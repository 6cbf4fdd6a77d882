//! What handlers and worker remember, and the one who waits for a version.
//!
//! # Invariants
//! - A time is taken where a thing happens, once, and kept.

use std::sync::{Mutex, MutexGuard};
use std::time::UNIX_EPOCH;

use bitcoin_controller::api::ObjectMeta;
use bitcoin_controller::base::{Clock, Report};
use tokio::sync::Notify;

/// Nanoseconds since 1970.
pub type Nanos = u64;

pub fn now() -> Nanos {
    let since = Clock::system().now().duration_since(UNIX_EPOCH);
    let since = since.expect("the machine's clock shows a date after 1970");
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The number in an object's version: the stub numbers its changes.
///
/// # Errors
/// It is none.
pub fn version(metadata: &ObjectMeta) -> Result<u64, Report> {
    let version = &metadata.resource_version;
    version
        .parse()
        .map_err(|_| Report::new(format!("the resourceVersion `{version}` is no number")))
}

/// When which version of a probe was seen at one place.
#[derive(Default)]
pub struct Sightings(Mutex<Vec<(u64, Nanos)>>);

impl Sightings {
    /// Remembers when `metadata` was seen, if it is a probe's.
    ///
    /// # Errors
    /// Its version is no number.
    pub fn note(&self, metadata: &ObjectMeta) -> Result<(), Report> {
        if metadata.name.starts_with("probe-") {
            let sighting = (version(metadata)?, now());
            self.lock().push(sighting);
        }
        Ok(())
    }

    pub fn list(&self) -> Vec<(u64, Nanos)> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(u64, Nanos)>> {
        self.0.lock().expect("nobody panics with it in hand")
    }
}

/// What the first handler was given so far.
#[derive(Default)]
pub struct Progress {
    state: Mutex<State>,
    reached: Notify,
}

#[derive(Default)]
struct State {
    counts: Counts,
    /// The highest version, and when it came.
    highest: (u64, Nanos),
    /// The version somebody waits for.
    awaited: Option<u64>,
}

/// How often the first handler was told what.
#[derive(Clone, Copy, Default)]
pub struct Counts {
    pub added: u64,
    pub updated: u64,
    pub deleted: u64,
}

impl Progress {
    /// Counts one notification by `count`; it brought `version`.
    pub fn note(&self, version: u64, count: impl FnOnce(&mut Counts)) {
        let mut state = self.lock();
        count(&mut state.counts);
        if version <= state.highest.0 {
            return;
        }
        state.highest = (version, now());
        if state.awaited.is_some_and(|awaited| version >= awaited) {
            state.awaited = None;
            self.reached.notify_one();
        }
    }

    /// Waits until `version` or a later one was given; says when that was.
    pub async fn until(&self, version: u64) -> Nanos {
        loop {
            if let Some(at) = self.reached_or_await(version) {
                return at;
            }
            self.reached.notified().await;
        }
    }

    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    fn reached_or_await(&self, version: u64) -> Option<Nanos> {
        let mut state = self.lock();
        let (highest, at) = state.highest;
        if highest >= version {
            return Some(at);
        }
        state.awaited = Some(version);
        None
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with it in hand")
    }
}
