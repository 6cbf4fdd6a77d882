//! Brings every event to every sink, at each sink's own pace.
//!
//! A sink may be slow (the API server), dead, or quick (the log), and none may hold up another or
//! the one who records. So each has a bounded queue, a correlator (or a memory of
//! [series](crate::record::event_series)) and one task that writes one event after the other. Recording puts the event into every queue and is done.
//!
//! An event the server refuses is given up: it knows what it does not want. One that did not get
//! through is tried up to twelve times, ten seconds apart, the first pause being random so that not
//! all controllers come back together. Meanwhile the queue fills, and then drops.
//!
//! # Invariants
//! - Each sink gets the events in the order of their recording, and only those recorded after it
//!   was added.
//! - An event is [`pending`](EventBroadcaster::pending) until its sink has written it or given it
//!   up.
//! - After [`shutdown`](EventBroadcaster::shutdown) no task is left, and recording does nothing.
//!
//! # Example
//! See [`event_sink`](crate::record::event_sink).
//!
//! # Source
//! client-go `tools/record/event.go` (`eventBroadcasterImpl`, `recordToSink`), apimachinery
//! `pkg/watch/mux.go`. What differs:
//! - No task between recorder and sinks: the recorder fills their queues itself.
//! - Shutting down has a deadline until which events are still written.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, UNIX_EPOCH};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{debug, warn};

use crate::api::is_dns_subdomain;
use crate::base::{Clock, Random};
use crate::client::Error;
use crate::record::event::Event;
use crate::record::event_correlator::{Correlated, EventCorrelator};
use crate::record::event_recorder::EventRecorder;
use crate::record::event_series::{EventSeries, LOOK_EVERY};
use crate::record::event_sink::EventSink;

/// How a broadcaster works.
#[derive(Clone, Debug)]
pub struct BroadcasterOptions {
    /// Dates the events.
    pub clock: Clock,
    /// For the first pause after a failure, and for names.
    pub random: Random,
    /// Which process this is, such as the pod's name.
    pub instance: String,
    /// How many events may wait for each sink.
    pub queue: usize,
}

impl Default for BroadcasterOptions {
    /// Real time, real randomness, no name for the process, 1,000 events as in client-go.
    fn default() -> Self {
        BroadcasterOptions {
            clock: Clock::system(),
            random: Random::os(),
            instance: String::new(),
            queue: 1_000,
        }
    }
}

/// Owns the sinks and their tasks. Dropping it ends them without writing what waits.
pub struct EventBroadcaster {
    broadcast: Arc<Broadcast>,
    writers: Mutex<JoinSet<()>>,
}

impl EventBroadcaster {
    /// A broadcaster without sinks: until one is added, events go nowhere.
    pub fn new(options: BroadcasterOptions) -> Self {
        EventBroadcaster {
            broadcast: Arc::new(Broadcast {
                options,
                queues: Mutex::new(Some(Vec::new())),
                last_name: AtomicU64::new(0),
                n_pending: Arc::default(),
                n_dropped: AtomicU64::new(0),
            }),
            writers: Mutex::new(JoinSet::new()),
        }
    }

    /// Records in the name of `component`, such as `bitcoin-controller`.
    pub fn recorder(&self, component: &str) -> EventRecorder {
        EventRecorder::new(self.broadcast.clone(), component)
    }

    /// Adds a sink, which gets every event from now on. After a shutdown: does nothing.
    ///
    /// Must be called within a tokio runtime: the sink's writer is a task.
    pub fn start_recording_to(&self, sink: impl EventSink) {
        let Some(queue) = self.broadcast.add_queue() else {
            return;
        };
        self.writers()
            .spawn(write_events(sink, queue, self.broadcast.random()));
    }

    /// As [`start_recording_to`](Self::start_recording_to), but what happens again is told as a series
    /// ([`event_series`](crate::record::event_series)): for
    /// [`ApiSeriesSink`](crate::record::ApiSeriesSink), say.
    pub fn start_recording_series_to(&self, sink: impl EventSink) {
        let Some(queue) = self.broadcast.add_queue() else {
            return;
        };
        let (random, n_pending) = (self.broadcast.random(), self.broadcast.n_pending.clone());
        self.writers()
            .spawn(write_series(sink, queue, random, n_pending));
    }

    /// How many events are not written or given up yet, over all sinks. A count that a series owes is
    /// one of them only once the end has come: until then it is not due.
    pub fn pending(&self) -> usize {
        self.broadcast.n_pending.load(Ordering::Acquire)
    }

    /// Whether every event has been written or given up.
    pub fn is_idle(&self) -> bool {
        self.pending() == 0
    }

    /// How many events were dropped because a queue was full.
    pub fn n_dropped(&self) -> u64 {
        self.broadcast.n_dropped.load(Ordering::Relaxed)
    }

    /// Takes no more events, writes those that wait, and ends after `deadline` at the latest.
    /// Returns how many were not written. Calling it again does nothing.
    ///
    /// # Cancel safety
    /// Dropping the future ends the tasks at once.
    pub async fn shutdown(&self, deadline: Duration) -> usize {
        self.broadcast.close();
        let mut writers = std::mem::take(&mut *self.writers());
        let all_written = async { while writers.join_next().await.is_some() {} };
        let is_late = timeout(deadline, all_written).await.is_err();
        let n_unwritten = self.pending();
        if is_late {
            warn!(n_unwritten, "the deadline for writing events has passed");
            writers.shutdown().await;
        }
        n_unwritten
    }

    fn writers(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.writers.lock().expect("adding a task does not panic")
    }
}

impl fmt::Debug for EventBroadcaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBroadcaster")
            .field("pending", &self.pending())
            .field("n_dropped", &self.n_dropped())
            .finish()
    }
}

/// What recorders and broadcaster share.
pub(crate) struct Broadcast {
    options: BroadcasterOptions,
    /// One per sink; `None` after the shutdown.
    queues: Mutex<Option<Vec<mpsc::Sender<Ticket>>>>,
    /// The number in the last event's name.
    last_name: AtomicU64,
    n_pending: Arc<AtomicUsize>,
    n_dropped: AtomicU64,
}

impl Broadcast {
    pub(crate) fn clock(&self) -> &Clock {
        &self.options.clock
    }

    pub(crate) fn instance(&self) -> &str {
        &self.options.instance
    }

    /// For the pauses of one sink.
    fn random(&self) -> Random {
        self.options.random.fork("events")
    }

    /// A name no other event has: the object's, and the nanoseconds since 1970 in hexadecimal, or
    /// one more than in the last name if the clock has not moved on since. If that is no name for an
    /// object, a random one.
    pub(crate) fn event_name(&self, object: &str) -> String {
        let since_1970 = self
            .clock()
            .now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let nanos = u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX);
        let next = |last: u64| nanos.max(last.wrapping_add(1));
        let last = self
            .last_name
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
                Some(next(last))
            });
        let number = next(last.unwrap_or_else(|last| last));
        let name = format!("{object}.{number:x}");
        if is_dns_subdomain(&name) {
            name
        } else {
            self.options.random.uuid()
        }
    }

    pub(crate) fn send(&self, event: Event) {
        for queue in self.queues().iter().flatten() {
            if queue
                .try_send(Ticket::new(event.clone(), &self.n_pending))
                .is_err()
            {
                let n_dropped = self.n_dropped.fetch_add(1, Ordering::Relaxed) + 1;
                // Said each time the number has doubled: a full queue is no reason to fill the log too.
                if n_dropped.is_power_of_two() {
                    warn!(n_dropped, "events are dropped: a sink does not keep up");
                }
            }
        }
    }

    fn add_queue(&self) -> Option<mpsc::Receiver<Ticket>> {
        let (sender, receiver) = mpsc::channel(self.options.queue.max(1));
        self.queues().as_mut()?.push(sender);
        Some(receiver)
    }

    fn close(&self) {
        *self.queues() = None;
    }

    fn queues(&self) -> MutexGuard<'_, Option<Vec<mpsc::Sender<Ticket>>>> {
        self.queues.lock().expect("filling a queue does not panic")
    }
}

/// An event on its way to one sink. It is pending as long as its ticket lives, wherever that ends.
struct Ticket {
    event: Event,
    recorded: Instant,
    _pending: Pending,
}

impl Ticket {
    fn new(event: Event, n_pending: &Arc<AtomicUsize>) -> Self {
        Ticket {
            event,
            recorded: Instant::now(),
            _pending: Pending::new(n_pending),
        }
    }
}

/// One of those that are counted as pending, for as long as it lives.
struct Pending(Arc<AtomicUsize>);

impl Pending {
    fn new(n_pending: &Arc<AtomicUsize>) -> Self {
        n_pending.fetch_add(1, Ordering::AcqRel);
        Pending(n_pending.clone())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// One sink's task: until the queue is closed and empty.
async fn write_events(sink: impl EventSink, mut queue: mpsc::Receiver<Ticket>, random: Random) {
    let mut correlator = EventCorrelator::default();
    while let Some(ticket) = queue.recv().await {
        match correlator.correlate(ticket.event.clone(), ticket.recorded) {
            Correlated::Skip => {
                debug!(reason = %ticket.event.reason, "too many events of one object")
            }
            correlated => write_with_retries(&sink, correlated, &random).await,
        }
    }
}

/// One sink's task if it is told of series: as long, and then until every count is written.
async fn write_series(
    sink: impl EventSink,
    mut queue: mpsc::Receiver<Ticket>,
    random: Random,
    n_pending: Arc<AtomicUsize>,
) {
    let mut series = EventSeries::default();
    let mut next_look = Instant::now() + LOOK_EVERY;
    loop {
        tokio::select! {
            biased;
            () = sleep_until(next_look), if !series.is_empty() => {
                next_look = Instant::now() + LOOK_EVERY;
                for write in series.due(Instant::now()) {
                    write_with_retries(&sink, write, &random).await;
                }
            }
            ticket = queue.recv() => {
                let Some(ticket) = ticket else { break };
                let write = series.correlate(ticket.event.clone(), ticket.recorded);
                write_with_retries(&sink, write, &random).await;
            }
        }
    }
    // All of them are pending from now on: those that the deadline leaves no time for are counted.
    let owed = series.finish(Instant::now()).into_iter();
    let owed: Vec<_> = owed
        .map(|write| (write, Pending::new(&n_pending)))
        .collect();
    for (write, _pending) in owed {
        write_with_retries(&sink, write, &random).await;
    }
}

async fn write_with_retries(sink: &impl EventSink, correlated: Correlated, random: &Random) {
    for attempt in 1..=MAX_ATTEMPTS {
        match write_once(sink, &correlated).await {
            Ok(()) => return,
            Err(error) if !is_worth_retrying(&error) => return give_up(&error),
            Err(error) if attempt == MAX_ATTEMPTS => return give_up(&error),
            Err(error) => {
                debug!(
                    attempt,
                    error = &error as &dyn std::error::Error,
                    "an event was not written"
                );
            }
        }
        let share = if attempt == 1 { random.unit() } else { 1.0 };
        sleep(PAUSE.mul_f64(share)).await;
    }
}

async fn write_once(sink: &impl EventSink, correlated: &Correlated) -> Result<(), Error> {
    match correlated {
        Correlated::Create(event) => sink.create(event).await,
        Correlated::Patch(event) => match sink.patch(event).await {
            // It has expired, or the first of them never got there.
            Err(error) if error.is_not_found() => sink.create(event).await,
            written => written,
        },
        Correlated::Skip => Ok(()),
    }
}

/// What the server has answered it will answer again.
fn is_worth_retrying(error: &Error) -> bool {
    error.status().is_none() && error.is_transient()
}

fn give_up(error: &Error) {
    let is_ordinary = error.is_already_exists() || error.is_namespace_terminating();
    let error = error as &dyn std::error::Error;
    match is_ordinary {
        true => debug!(error, "an event was refused"),
        false => warn!(error, "an event is given up"),
    }
}

/// How often one event is tried.
const MAX_ATTEMPTS: u32 = 12;
/// Between two attempts; the first pause is a random share of it.
const PAUSE: Duration = Duration::from_secs(10);
