//! Several candidates, one lease, and everything that can go wrong, for many seeds: never two lead at once.
//!
//! Bytes take their time in both directions and arrive even when nobody waits for them any more, so that
//! a request which its sender has given up is carried out late. Servers refuse, break off, lose answers and
//! go silent for a while. Clocks on walls are years apart, the others go at different rates, and in
//! one of the tests whole processes stand still, work and all, and wake up in the middle of it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, UNIX_EPOCH};

use bitcoin_controller::base::{Clock, Random};
use bitcoin_controller::http::{BoxFuture, BoxStream, Endpoint, MemoryNetwork, Transport};
use bitcoin_controller::leader::{LeaderElector, Outcome};
use bitcoin_controller::sim::faults::{Effect, Faults, Rule};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::stage::{Candidate, Stage, client};

const N_CANDIDATES: u64 = 3;
const N_SEEDS: u64 = 16;
/// How long everything goes wrong, and how long nothing does afterwards.
const STORM: Duration = Duration::from_secs(400);
const CALM: Duration = Duration::from_secs(120);
/// How often a leader does something.
const PACE: Duration = Duration::from_millis(200);

#[test]
fn c108_two_never_lead_at_once_whatever_goes_wrong() {
    let n_terms: usize = (0..N_SEEDS).map(|seed| play(seed, false)).sum();
    // Otherwise nothing has been shown.
    assert!(n_terms > 6 * N_SEEDS as usize, "{n_terms}");
}

#[test]
fn c108_who_stood_still_does_nothing_more_once_another_has_led() {
    let n_terms: usize = (0..N_SEEDS).map(|seed| play(1_000 + seed, true)).sum();
    assert!(n_terms > 6 * N_SEEDS as usize, "{n_terms}");
}

/// One storm; how many terms there were.
fn play(seed: u64, stands_still: bool) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut stage = Stage::new();
        let ledger = Ledger::new(seed, stands_still);
        let storm_ends = Instant::now() + STORM;
        let mut running = JoinSet::new();
        for number in 0..N_CANDIDATES {
            let random = Random::seeded(seed).fork(&format!("candidate {number}"));
            let candidate = rival(&mut stage, number, &random, storm_ends);
            let faults = candidate.server.faults().clone();
            running.spawn(trouble(faults, random.fork("trouble"), storm_ends));
            let life = live(candidate, ledger.clone(), random.fork("life"));
            let until = if stands_still {
                storm_ends
            } else {
                Instant::now()
            };
            running.spawn(Stumbling::new(life, random.fork("pauses"), until));
        }
        sleep(STORM + CALM / 2).await;
        let (_, n_before) = ledger.count();
        sleep(CALM / 2).await;
        let (n_terms, n_deeds) = ledger.count();
        // Some may go of their own accord, but then the next one comes at once.
        assert!(
            n_deeds > n_before + 200,
            "seed {seed}: nobody leads when all is well"
        );
        n_terms
    })
}

/// A candidate with a clock, times and a way to the server of its own.
fn rival(stage: &mut Stage, number: u64, random: &Random, ends: Instant) -> Candidate {
    let mut candidate = stage.candidate(&format!("candidate-{number}"));
    let rough = RoughNetwork {
        inner: stage.network.clone(),
        random: random.fork("network"),
        ends,
        pumps: Mutex::default(),
    };
    candidate.client = client(&candidate.config.identity, Arc::new(rough));
    let years = Duration::from_secs(365 * 86_400) * (1 + 20 * number as u32);
    let config = &mut candidate.config;
    config.clock = Clock::starting_at(UNIX_EPOCH + years);
    config.random = random.fork("jitter");
    // A clock that goes at 1.25 of the others' pace, or at 0.8 of it, is one whose times are shorter or longer.
    let rate = 0.8 + 0.45 * random.unit();
    config.lease_duration = Duration::from_secs(12 + random.below(6));
    config.renew_deadline = config.lease_duration.mul_f64(rate * 2.0 / 3.0);
    config.retry_period = Duration::from_secs(2).mul_f64(rate);
    candidate
}

/// Stands, again and again: after a loss, after a shutdown, sometimes under a new name.
async fn live(mut candidate: Candidate, ledger: Ledger, random: Random) {
    for life in 0_u64.. {
        if random.below(2) == 0 {
            let host = candidate.config.identity.split('_').next().unwrap();
            candidate.config.identity = format!("{host}_{life}");
        }
        let elector =
            LeaderElector::new(candidate.client.clone(), candidate.config.clone()).unwrap();
        let shutdown = CancellationToken::new();
        let lifetime = Duration::from_secs(20 + random.below(300));
        let drains_for = Duration::from_millis(random.below(8_000));
        let (act_for, ending) = (ledger.clone(), shutdown.clone());
        let run = elector.run(ending, async move |stop| {
            let term = act_for.begin();
            act(&term, &stop).await;
            // It has been told to stop, and finishes what it holds.
            let _ = timeout(drains_for, act(&term, &CancellationToken::new())).await;
        });
        let end = async {
            sleep(lifetime).await;
            shutdown.cancel();
            std::future::pending::<()>().await;
        };
        let outcome = tokio::select! {
            biased;
            outcome = run => outcome,
            () = end => unreachable!("it goes on"),
        };
        if outcome == Outcome::Lost {
            sleep(Duration::from_secs(1)).await;
        }
    }
}

async fn act(term: &Term, stop: &CancellationToken) {
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = sleep(PACE) => term.act(),
        }
    }
}

/// Who leads, and who did last.
#[derive(Clone)]
struct Ledger(Arc<Mutex<Book>>);

struct Book {
    seed: u64,
    stands_still: bool,
    n_terms: usize,
    n_deeds: usize,
    leading: Vec<usize>,
    /// Whose deed was the last.
    last: usize,
}

impl Ledger {
    fn new(seed: u64, stands_still: bool) -> Self {
        Ledger(Arc::new(Mutex::new(Book {
            seed,
            stands_still,
            n_terms: 0,
            n_deeds: 0,
            leading: Vec::new(),
            last: 0,
        })))
    }

    fn begin(&self) -> Term {
        let mut book = self.0.lock().unwrap();
        // Who stands still may not know yet that it has ended; it must then do nothing more.
        let is_alone = book.stands_still || book.leading.is_empty();
        assert!(is_alone, "seed {}: two lead", book.seed);
        book.n_terms += 1;
        let number = book.n_terms;
        book.leading.push(number);
        Term {
            ledger: self.clone(),
            number,
        }
    }

    /// How many terms there were, and how many deeds.
    fn count(&self) -> (usize, usize) {
        let book = self.0.lock().unwrap();
        (book.n_terms, book.n_deeds)
    }
}

/// One leader's time.
struct Term {
    ledger: Ledger,
    number: usize,
}

impl Term {
    /// Writes something that nobody else may write meanwhile.
    fn act(&self) {
        let mut book = self.ledger.0.lock().unwrap();
        let (seed, last) = (book.seed, book.last);
        assert!(
            self.number >= last,
            "seed {seed}: {} acts after {last}",
            self.number
        );
        book.last = self.number;
        book.n_deeds += 1;
    }
}

impl Drop for Term {
    fn drop(&mut self) {
        // Poisoned when the test has failed already.
        if let Ok(mut book) = self.ledger.0.lock() {
            book.leading.retain(|number| *number != self.number);
        }
    }
}

/// Brings a server into trouble, and out of it.
async fn trouble(faults: Faults, random: Random, ends: Instant) {
    while Instant::now() < ends {
        faults.clear();
        match random.below(4) {
            0 => faults.at_random(random.fork("faults"), 3),
            1 => faults.add(Rule::new("", "", Effect::Delay(Duration::from_secs(3_600)))),
            2 => faults.add(Rule::new("patch", "", Effect::Drop)),
            _ => {}
        }
        sleep(Duration::from_secs(random.below(30))).await;
    }
    faults.clear();
}

/// A network on which bytes take their time, and arrive whoever waits for them.
struct RoughNetwork {
    inner: MemoryNetwork,
    random: Random,
    ends: Instant,
    pumps: Mutex<JoinSet<()>>,
}

impl Transport for RoughNetwork {
    fn connect<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, io::Result<BoxStream>> {
        Box::pin(async move {
            let far = self.inner.connect(endpoint).await?;
            let (near, middle) = tokio::io::duplex(64 * 1024);
            let (from_near, to_near) = tokio::io::split(middle);
            let (from_far, to_far) = tokio::io::split(far);
            let mut pumps = self.pumps.lock().unwrap();
            pumps.spawn(pump(from_near, to_far, self.random.clone(), self.ends));
            pumps.spawn(pump(from_far, to_near, self.random.clone(), self.ends));
            Ok(Box::new(near) as BoxStream)
        })
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    random: Random,
    ends: Instant,
) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(n_read @ 1..) = from.read(&mut bytes).await {
        sleep(match random.below(20) {
            _ if Instant::now() > ends => Duration::ZERO,
            0 => Duration::from_millis(random.below(20_000)),
            1..4 => Duration::from_millis(random.below(3_000)),
            _ => Duration::from_millis(random.below(20)),
        })
        .await;
        // Whoever is not there any more misses it.
        let _ = to.write_all(&bytes[..n_read]).await;
    }
    // The other end hears of it when what is on its way has long arrived.
    sleep(Duration::from_secs(60)).await;
}

/// A process that stands still now and then: nothing in it goes on meanwhile.
struct Stumbling<F> {
    inner: Pin<Box<F>>,
    random: Random,
    turn: Pin<Box<Sleep>>,
    stands_still: bool,
    until: Instant,
}

impl<F> Stumbling<F> {
    fn new(inner: F, random: Random, until: Instant) -> Self {
        Stumbling {
            inner: Box::pin(inner),
            random,
            turn: Box::pin(sleep(Duration::ZERO)),
            stands_still: true,
            until,
        }
    }
}

impl<F: Future<Output = ()> + Send> Future for Stumbling<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        while self.turn.as_mut().poll(context).is_ready() {
            self.stands_still = !self.stands_still && Instant::now() < self.until;
            let longest = if self.stands_still { 25_000 } else { 60_000 };
            let length = Duration::from_millis(1 + self.random.below(longest));
            self.turn.as_mut().reset(Instant::now() + length);
        }
        match self.stands_still {
            true => Poll::Pending,
            false => self.inner.as_mut().poll(context),
        }
    }
}
