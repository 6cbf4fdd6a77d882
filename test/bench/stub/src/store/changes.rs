//! Orders: what changes the objects.
//!
//! An order runs ahead of the slowest watcher, but not far: what was replaced is kept until everybody has been
//! told, and nobody may fall behind what the history remembers.

use std::sync::{Arc, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use crate::history::{Change, Event, REMEMBERED};
use crate::requests::nanoseconds;
use crate::store::watchers::Written;
use crate::store::{Now, Store};

/// Events of changed objects.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pump {
    pub n_events: u64,
    /// Events a second; 0: as fast as they are taken.
    pub rate: f64,
    /// Each so-manieth event is the next probe's; 0: none.
    pub every: u64,
}

/// How watches learn that their version is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoneForm {
    /// By an event.
    Event,
    /// They do not; the next one is answered so.
    Status,
}

/// What an order has led to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// On the wire, to all watchers.
    pub bytes: u64,
    /// When the first event was given to the kernel, and when it had taken the last; nanoseconds since 1970.
    pub first: u64,
    pub last: u64,
    pub version: u64,
}

/// How far an order is ahead of the slowest watcher at most, in changes.
const AHEAD: u64 = REMEMBERED as u64 / 10;

/// How many changes are made at a time.
const SLICE: u64 = 128;

impl Store {
    /// # Errors
    /// There are no objects of the kind that is to change.
    pub fn pump(&self, pump: Pump) -> Result<Outcome, String> {
        let (n_objects, n_probes) = self.counts();
        if pump.every > 0 && n_probes == 0 {
            return Err("there are no probes: start the stub with --probes".to_owned());
        }
        if pump.every != 1 && n_objects == n_probes {
            return Err("there are no objects but probes".to_owned());
        }
        Ok(self.carry_out(pump.n_events, pump.rate, |now, n| {
            let is_probe = pump.every > 0 && (n + 1) % pump.every == 0;
            let place = if is_probe {
                now.take_probe()
            } else {
                now.take_other()
            };
            let is_urgent = is_probe && pump.rate > 0.0;
            now.modify(place, Some(Event::Modified), is_urgent);
        }))
    }

    /// # Errors
    /// There are only probes, which stay.
    pub fn churn(&self, n_events: u64) -> Result<Outcome, String> {
        let (n_objects, n_probes) = self.counts();
        if n_objects == n_probes {
            return Err("there are no objects but probes".to_owned());
        }
        Ok(self.carry_out(n_events, 0.0, |now, _| {
            let place = now.next_replaced;
            now.next_replaced = now.place_after(place);
            now.modify(place, Some(Event::Deleted), false);
            now.objects[place].body = Arc::new(self.maker.make(now.n_made));
            now.n_made += 1;
            now.modify(place, Some(Event::Added), false);
        }))
    }

    /// Changes `percent` of all objects, from all over, and tells nobody. Returns the version and how many.
    pub fn change(&self, percent: f64) -> (u64, usize) {
        let _order = self.order.lock().expect("no order panics");
        let mut now = self.now();
        let n_objects = now.objects.len();
        let n_changed = (n_objects as f64 * percent / 100.0).ceil() as usize;
        let n_changed = n_changed.min(n_objects);
        for n in 0..n_changed {
            now.modify(n * n_objects / n_changed, None, false);
        }
        (now.history.version(), n_changed)
    }

    /// Ends all watches, and forgets all versions so far.
    pub fn forget(&self, form: GoneForm) {
        let mut now = self.now();
        now.n_gone += 1;
        now.gone_form = form;
        now.history.forget();
        now.snapshots.forget();
        drop(now);
        self.news.notify_all();
    }

    /// Takes `n` steps, `rate` a second, and waits until all watchers have been told.
    fn carry_out(&self, n: u64, rate: f64, mut step: impl FnMut(&mut Now, u64)) -> Outcome {
        let _order = self.order.lock().expect("no order panics");
        self.now().written = Written::default();
        let (started, began) = (Instant::now(), nanoseconds());
        let mut n_done = 0;
        while n_done < n {
            let n_due = if rate > 0.0 {
                wait_for_step(started, rate, n_done)
            } else {
                n
            };
            let mut now = self.keep_up(self.now());
            let end = n_due.min(n).min(n_done + SLICE);
            while n_done < end {
                step(&mut now, n_done);
                n_done += 1;
            }
            drop(now);
            self.news.notify_all();
        }
        let now = self.now();
        let version = now.history.version();
        let now = self.wait_for_watchers(now, version);
        Outcome {
            bytes: now.written.bytes,
            first: now.written.first.unwrap_or(began),
            last: now.written.last.max(began),
            version,
        }
    }

    /// Waits if somebody is too far behind.
    fn keep_up<'a>(&self, now: MutexGuard<'a, Now>) -> MutexGuard<'a, Now> {
        let version = now.history.version();
        match now.slowest() < version - AHEAD {
            true => self.wait_for_watchers(now, version - AHEAD / 2),
            false => now,
        }
    }

    fn wait_for_watchers<'a>(
        &self,
        mut now: MutexGuard<'a, Now>,
        version: u64,
    ) -> MutexGuard<'a, Now> {
        now.awaited = version;
        self.progress
            .wait_while(now, |now| now.slowest() < version)
            .expect("nobody panics while the store is locked")
    }

    fn counts(&self) -> (usize, usize) {
        let now = self.now();
        (now.objects.len(), now.n_probes)
    }
}

/// Waits until step `n` is due. Returns how many are due then.
fn wait_for_step(started: Instant, rate: f64, n: u64) -> u64 {
    let due = Duration::from_secs_f64(n as f64 / rate);
    if let Some(wait) = due.checked_sub(started.elapsed()) {
        thread::sleep(wait);
    }
    // Rounding must not make it one too few.
    let n_due = (started.elapsed().as_secs_f64() * rate) as u64 + 1;
    n_due.max(n + 1)
}

impl Now {
    /// Gives the object another version.
    fn modify(&mut self, place: usize, event: Option<Event>, is_urgent: bool) {
        let body = self.objects[place].body.clone();
        self.objects[place].version = self.history.push(Change {
            event,
            body,
            is_urgent,
        });
    }

    fn take_probe(&mut self) -> usize {
        let place = self.next_probe;
        self.next_probe = (place + 1) % self.n_probes;
        place
    }

    fn take_other(&mut self) -> usize {
        let place = self.next_changed;
        self.next_changed = self.place_after(place);
        place
    }

    /// The next one that is no probe's.
    fn place_after(&self, place: usize) -> usize {
        match place + 1 {
            end if end == self.objects.len() => self.n_probes,
            next => next,
        }
    }

    /// How far the watcher has been written to that is furthest behind.
    fn slowest(&self) -> u64 {
        self.watchers.values().copied().min().unwrap_or(u64::MAX)
    }

    /// Whether an order that waits for watchers need not wait any more.
    pub(super) fn has_caught_up(&self) -> bool {
        self.slowest() >= self.awaited
    }
}
