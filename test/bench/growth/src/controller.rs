//! The controller on a thread of its own, so that its processor time and memory are nobody else's.
//!
//! Everything of it runs there: informers, workers, HTTP to the API server and to the nodes, events.

use std::error::Error;
use std::fs;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use bitcoin_controller::base::{Clock, Random};
use bitcoin_controller::client::{Client, Config};
use bitcoin_controller::controller::{Controller, ControllerOptions, Reach};
use bitcoin_controller::record::{ApiEventSink, BroadcasterOptions, EventBroadcaster};
use tokio_util::sync::CancellationToken;

use crate::count;
use crate::wire::{Counters, Counts, Wire};

/// A controller that runs.
pub struct Running {
    pub controller: Controller,
    events: Arc<EventBroadcaster>,
    counters: Arc<Counters>,
    /// What `/proc` calls its thread.
    thread: String,
    shutdown: CancellationToken,
    joined: Option<JoinHandle<()>>,
}

/// What the controller has done and what it holds, at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    pub counts: Counts,
    /// Processor time of its thread since it began, in milliseconds.
    pub cpu_ms: f64,
    /// What is alive of its memory, in bytes.
    pub live: i64,
    /// The most that was alive since the reading before, in bytes.
    pub peak: i64,
    /// Events that found the queue full.
    pub n_dropped: u64,
    pub at: tokio::time::Instant,
}

impl Running {
    /// Starts one against the API server at `url`, with as many workers as the program has by default.
    pub fn start(
        url: &str,
        nodes: Wire,
        counters: Arc<Counters>,
    ) -> Result<Running, Box<dyn Error>> {
        let shutdown = CancellationToken::new();
        let (tell, told) = mpsc::channel();
        let (url, stop, counting) = (url.to_owned(), shutdown.clone(), Arc::clone(&counters));
        let joined = std::thread::Builder::new()
            .name("controller".to_owned())
            .spawn(move || {
                count::count_this_thread();
                let outcome = run(&url, nodes, &counting, stop, &tell);
                outcome.expect("the controller's parts are sound");
            })?;
        let (controller, events, thread) = told.recv()?;
        Ok(Running {
            controller,
            events,
            counters,
            thread,
            shutdown,
            joined: Some(joined),
        })
    }

    pub fn read(&self) -> Result<Reading, Box<dyn Error>> {
        let path = format!("/proc/{}/schedstat", self.thread);
        let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        let nanoseconds: u64 = text
            .split_whitespace()
            .next()
            .and_then(|first| first.parse().ok())
            .ok_or_else(|| format!("{path}: no time in `{text}`"))?;
        Ok(Reading {
            counts: self.counters.now(),
            cpu_ms: nanoseconds as f64 / 1e6,
            live: count::live(),
            peak: count::peak(),
            n_dropped: self.events.n_dropped(),
            at: tokio::time::Instant::now(),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.cancel();
        if let Some(thread) = self.joined.take() {
            // If it has panicked, it has said so.
            let _ = thread.join();
        }
    }
}

/// A controller made of these parts, and the writer of its events.
pub fn made_of(
    client: Client,
    reach: Reach,
    counters: &Arc<Counters>,
    clock: Clock,
    random: Random,
) -> (Controller, EventBroadcaster) {
    let counting = Arc::clone(counters);
    let client = client.with_observer(Arc::new(move |request| counting.request(request)));
    let events = EventBroadcaster::new(BroadcasterOptions {
        clock: clock.clone(),
        random: random.fork("events"),
        ..BroadcasterOptions::default()
    });
    events.start_recording_to(ApiEventSink::new(client.clone()));
    let counting = Arc::clone(counters);
    let controller = Controller::new(ControllerOptions {
        client,
        reach,
        recorder: events.recorder("bitcoin-controller"),
        namespaces: Vec::new(),
        workers: WORKERS,
        clock,
        random,
        insecure_default_credentials: false,
    })
    .with_observer(Arc::new(move |_| counting.pass()));
    (controller, events)
}

fn run(
    url: &str,
    nodes: Wire,
    counters: &Arc<Counters>,
    shutdown: CancellationToken,
    tell: &mpsc::Sender<(Controller, Arc<EventBroadcaster>, String)>,
) -> Result<(), Box<dyn Error>> {
    let thread = fs::read_link("/proc/thread-self")?.display().to_string();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client = Client::connect(Config::plain(url)?)?;
        let reach = Reach::Direct(Arc::new(nodes));
        let (controller, events) =
            made_of(client, reach, counters, Clock::system(), Random::seeded(1));
        tell.send((controller.clone(), Arc::new(events), thread))?;
        controller.run(shutdown).await;
        Ok(())
    })
}

/// The default of `--workers`.
const WORKERS: usize = 5;
