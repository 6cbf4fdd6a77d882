//! Watchers: who is told what, and how far each one is.
//!
//! A watcher takes what has happened in batches, writes a batch while nothing is locked, and says so when it asks
//! for the next one.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::body::{Body, Form};
use crate::chunked::BATCH;
use crate::history::Event;
use crate::snapshots::Snapshot;
use crate::store::{GoneForm, Now, Store};

/// Somebody who is told what happens. Dropped, it is not waited for any more.
pub struct Watcher<'a> {
    store: &'a Store,
    id: u64,
    /// It has taken everything up to here.
    version: u64,
    /// How often all watches had been ended before it began.
    n_gone: u64,
    form: Form,
}

/// One event to be written.
pub struct Notice {
    pub event: Event,
    pub body: Arc<Body>,
    pub version: u64,
    pub is_urgent: bool,
}

/// What there is for a watcher.
pub enum News {
    Notices(Vec<Notice>),
    /// The time has come until which it would wait.
    Nothing,
    /// The watch has ended.
    Gone(GoneForm),
    /// The client has hung up.
    HungUp,
}

/// What has been written to watchers.
#[derive(Default)]
pub struct Written {
    /// All of it, frames of chunks included.
    pub bytes: u64,
    /// Just before the first write and just after the last, in nanoseconds since 1970.
    pub first: Option<u64>,
    pub last: u64,
    /// Version of each probe's event, and the time just before the write that had it.
    pub probes: Vec<(u64, u64)>,
}

/// One cannot watch from this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooOld {
    pub version: u64,
    pub oldest: u64,
    pub form: GoneForm,
}

impl Store {
    /// Watches from `version`.
    pub fn watch(&self, version: u64, form: Form) -> Result<Watcher<'_>, TooOld> {
        let mut now = self.now();
        let oldest = now.history.oldest();
        match version < oldest {
            true => Err(TooOld {
                version,
                oldest,
                form: now.gone_form,
            }),
            false => Ok(self.watcher(&mut now, version, form)),
        }
    }

    /// Everything there is, and a watch from there.
    pub fn watch_from_now(&self, form: Form) -> (Arc<Snapshot>, Watcher<'_>) {
        let mut now = self.now();
        let snapshot = now.snapshot();
        let watcher = self.watcher(&mut now, snapshot.version, form);
        (snapshot, watcher)
    }

    /// Wakes all watchers, so that they see whether their client has hung up.
    pub fn wake_watchers(&self) {
        // One that is about to wait would miss it without the lock.
        drop(self.now());
        self.news.notify_all();
    }

    fn watcher(&self, now: &mut Now, version: u64, form: Form) -> Watcher<'_> {
        let id = now.n_watchers;
        now.n_watchers += 1;
        now.watchers.insert(id, version);
        Watcher {
            store: self,
            id,
            version,
            n_gone: now.n_gone,
            form,
        }
    }
}

impl Watcher<'_> {
    /// Up to which version it has taken everything.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// What is next. `written`: all of what it was given so far.
    pub fn next(&mut self, written: Written, until: Instant, hung_up: &AtomicBool) -> News {
        let mut now = self.store.now();
        now.take_down(written);
        loop {
            // Whatever it has taken was written, or was not to be told.
            now.watchers.insert(self.id, self.version);
            if now.has_caught_up() {
                self.store.progress.notify_all();
            }
            if hung_up.load(Ordering::Relaxed) {
                return News::HungUp;
            }
            if now.n_gone != self.n_gone || self.version < now.history.oldest() {
                return News::Gone(now.gone_form);
            }
            let Some(wait) = until.checked_duration_since(Instant::now()) else {
                return News::Nothing;
            };
            let before = self.version;
            let notices = self.take(&now);
            if !notices.is_empty() {
                return News::Notices(notices);
            }
            if self.version == before {
                let woken = self.store.news.wait_timeout(now, wait);
                now = woken.expect("nobody panics while the store is locked").0;
            }
        }
    }

    /// Takes as much as makes a batch.
    fn take(&mut self, now: &Now) -> Vec<Notice> {
        let mut notices = Vec::new();
        let mut length = 0;
        for (version, change) in now.history.after(self.version) {
            self.version = version;
            let Some(event) = change.event else { continue };
            notices.push(Notice {
                event,
                body: change.body.clone(),
                version,
                is_urgent: change.is_urgent,
            });
            length += change.body.length(self.form);
            if length >= BATCH {
                break;
            }
        }
        notices
    }
}

impl Drop for Watcher<'_> {
    fn drop(&mut self) {
        self.store.now().watchers.remove(&self.id);
        self.store.progress.notify_all();
    }
}

impl Now {
    fn take_down(&mut self, mut written: Written) {
        self.written.bytes += written.bytes;
        self.written.first = self.written.first.or(written.first);
        self.written.last = self.written.last.max(written.last);
        // Of several watchers the first counts.
        let last = self.sent.last().map_or(0, |(version, _)| *version);
        let probes = mem::take(&mut written.probes).into_iter();
        self.sent
            .extend(probes.filter(|(version, _)| *version > last));
    }
}
