//! The whole room under chance: sleepers that come and go at random, and real threads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bitcoin_controller::base::Random;
use bitcoin_controller::workqueue::{DelayingQueue, Processing};
use tokio::task::{AbortHandle, JoinSet, yield_now};
use tokio::time::{Instant, advance, timeout};

const SECOND: Duration = Duration::from_secs(1);
const KEYS: u64 = 5;

/// The delaying queue as a list of promises: what is owed now, later, again, and who holds what.
#[derive(Default)]
struct Model {
    owed: BTreeSet<u64>,
    later: BTreeMap<u64, Instant>,
    held: Vec<Processing<u64>>,
    is_closed: bool,
    /// A plain shutdown came after the drain.
    is_over: bool,
}

impl Model {
    fn add(&mut self, key: u64) {
        if !self.is_closed {
            self.owed.insert(key);
        }
    }

    fn add_after(&mut self, key: u64, delay: Duration) {
        if !self.is_closed {
            let due = Instant::now() + delay;
            let earliest = self.later.entry(key).or_insert(due);
            *earliest = due.min(*earliest);
        }
    }

    fn close(&mut self) {
        self.is_closed = true;
        self.later.clear();
    }

    fn come_due(&mut self) {
        let now = Instant::now();
        let due = self.later.iter().filter(|(_, at)| **at <= now);
        self.owed.extend(due.map(|(key, _)| *key));
        self.later.retain(|_, at| *at > now);
    }

    fn ready(&self) -> usize {
        let held: BTreeSet<u64> = self.held.iter().map(|held| **held).collect();
        self.owed.difference(&held).count()
    }

    fn take(&mut self, key: Processing<u64>) {
        assert!(self.owed.remove(&key), "nobody asked for a run of {key:?}");
        assert!(
            self.held.iter().all(|held| **held != *key),
            "{key:?} is in two hands"
        );
        self.held.push(key);
    }

    fn agree(&self, parties: &Parties, place: &str) {
        let (ready, waiting) = (self.ready(), parties.getters.len());
        assert!(
            ready == 0 || waiting == 0,
            "{place}: {ready} ready, {waiting} wait"
        );
        let drained = ready == 0 && self.held.is_empty();
        let queue = &parties.queue;
        let found = (queue.len(), queue.drained(), queue.waiting().len());
        assert_eq!(found, (ready, drained, self.later.len()), "{place}");
        let finished = self.is_closed && self.owed.is_empty();
        assert!(!finished || waiting == 0, "{place}: {waiting} not told");
        let may_drains_wait = !drained && !self.is_over;
        assert_eq!(
            parties.drains.len(),
            if may_drains_wait { parties.n_drains } else { 0 },
            "{place}: drains that wait"
        );
    }
}

/// The queue and everybody who waits for something of it.
#[derive(Default)]
struct Parties {
    queue: DelayingQueue<u64>,
    getters: JoinSet<Option<Processing<u64>>>,
    handles: Vec<AbortHandle>,
    drains: JoinSet<()>,
    n_drains: usize,
}

impl Parties {
    fn get(&mut self) {
        let queue = self.queue.clone();
        let getter = self.getters.spawn(async move { queue.get().await });
        self.handles.push(getter);
    }

    fn drain(&mut self) {
        let queue = self.queue.clone();
        self.drains
            .spawn(async move { queue.shut_down_with_drain().await });
        self.n_drains += 1;
    }

    /// Lets everybody who was woken run, and puts what they got into the model's hands.
    async fn settle(&mut self, model: &mut Model) {
        for _ in 0..2 * KEYS {
            yield_now().await;
        }
        while let Some(ended) = self.getters.try_join_next() {
            if let Ok(Some(key)) = ended {
                model.take(key);
            }
        }
        while self.drains.try_join_next().is_some() {}
    }
}

/// Goal: a ready key and a waiting getter never stay side by side, nor a drain and a drained queue,
/// whatever happened before. Method: random adds, delays, dones, new getters, dropped getters and at the
/// end drains and shutdowns on one thread under a paused clock; after each step everybody who was woken
/// runs, and the model says what must have come out.
#[tokio::test(start_paused = true)]
async fn no_wake_up_is_lost_however_getters_come_and_go() {
    for seed in 0..700 {
        one_run(seed).await;
    }
}

async fn one_run(seed: u64) {
    let random = Random::seeded(seed);
    let (mut model, mut parties) = (Model::default(), Parties::default());
    for step in 0..70 {
        // Often several things happen before anyone who was woken runs.
        let mut let_them_run = random.below(2) == 0;
        match random.below(if step > 45 { 15 } else { 12 }) {
            13 => {
                parties.drain();
                model.close();
                let_them_run = true; // until it has run, nothing is closed
            }
            14 if random.below(8) == 0 => {
                parties.queue.shut_down();
                model.close();
                model.is_over = true;
                // Whoever drains from now on would wait again.
                let_them_run = true;
            }
            11 => {
                advance(SECOND).await;
                model.come_due();
                let_them_run = true; // some of them have run by now
            }
            what => one_step(what, &random, &mut model, &mut parties),
        }
        if let_them_run {
            parties.settle(&mut model).await;
            model.agree(&parties, &format!("seed {seed}, step {step}"));
        }
        if model.is_over {
            return;
        }
    }
}

fn one_step(what: u64, random: &Random, model: &mut Model, parties: &mut Parties) {
    let key = random.below(KEYS);
    match what {
        0..3 => {
            parties.queue.add(key);
            model.add(key);
        }
        3..5 => {
            let delay = (1 + random.below(4) as u32) * SECOND;
            parties.queue.add_after(key, delay);
            model.add_after(key, delay);
        }
        5..7 if !model.held.is_empty() => {
            let at = random.below(model.held.len() as u64) as usize;
            drop(model.held.swap_remove(at));
        }
        7..9 => parties.get(),
        9..11 if !parties.handles.is_empty() => {
            // Perhaps just woken, perhaps asleep, perhaps never polled, perhaps long gone.
            let at = random.below(parties.handles.len() as u64) as usize;
            parties.handles.swap_remove(at).abort();
        }
        _ => {}
    }
}

/// What the threads below agree on.
struct Ledger {
    /// Changes made to each key, counted before it is added.
    changed: Vec<AtomicU64>,
    /// Changes that the last finished run of each key has seen.
    seen: Vec<AtomicU64>,
    in_hand: Vec<AtomicBool>,
    runs: AtomicU64,
    wrong: Mutex<Vec<String>>,
}

impl Ledger {
    fn new(keys: usize) -> Arc<Self> {
        Arc::new(Ledger {
            changed: (0..keys).map(|_| AtomicU64::new(0)).collect(),
            seen: (0..keys).map(|_| AtomicU64::new(0)).collect(),
            in_hand: (0..keys).map(|_| AtomicBool::new(false)).collect(),
            runs: AtomicU64::new(0),
            wrong: Mutex::default(),
        })
    }

    async fn run(&self, key: usize) {
        if self.in_hand[key].swap(true, Ordering::SeqCst) {
            self.wrong
                .lock()
                .unwrap()
                .push(format!("{key} is in two hands"));
        }
        let changes = self.changed[key].load(Ordering::SeqCst);
        yield_now().await;
        self.seen[key].store(changes, Ordering::SeqCst);
        self.runs.fetch_add(1, Ordering::SeqCst);
        self.in_hand[key].store(false, Ordering::SeqCst);
    }
}

async fn produce(producer: usize, queue: DelayingQueue<usize>, ledger: Arc<Ledger>) {
    let random = Random::seeded(producer as u64);
    for _ in 0..400 {
        let key = random.below(ledger.changed.len() as u64) as usize;
        ledger.changed[key].fetch_add(1, Ordering::SeqCst);
        match random.below(4) {
            0 => queue.add_after(key, Duration::from_micros(random.below(3_000))),
            _ => queue.add(key),
        }
        if random.below(8) == 0 {
            yield_now().await;
        }
    }
}

/// Goal: with real threads, never two workers on one key, and the last change of each key is seen
/// by a run that began after it. Method: 50 producers change and add; 10 consumers, which give up
/// waiting at random and come back, note what they saw.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn c080_fifty_producers_and_ten_consumers_lose_nothing_and_never_share_a_key() {
    let (queue, ledger) = (DelayingQueue::default(), Ledger::new(20));
    let mut producers = JoinSet::new();
    for producer in 0..50 {
        producers.spawn(produce(producer, queue.clone(), Arc::clone(&ledger)));
    }
    let mut consumers = JoinSet::new();
    for consumer in 0..10 {
        let (queue, ledger) = (queue.clone(), Arc::clone(&ledger));
        let random = Random::seeded(1_000 + consumer);
        consumers.spawn(async move {
            loop {
                let patience = Duration::from_millis(1 + random.below(3));
                match timeout(patience, queue.get()).await {
                    Ok(Some(key)) => ledger.run(*key).await,
                    Ok(None) => return,
                    Err(_) => {}
                }
            }
        });
    }
    producers.join_all().await;
    let all_due = Instant::now() + Duration::from_millis(20);
    timeout(30 * SECOND, async {
        tokio::time::sleep_until(all_due).await;
        queue.until_drained().await;
    })
    .await
    .expect("not drained: a wake-up was lost");
    assert_eq!(queue.metrics().delayed, 0);
    timeout(30 * SECOND, queue.shut_down_with_drain())
        .await
        .expect("not drained");
    timeout(30 * SECOND, consumers.join_all())
        .await
        .expect("a consumer was not told");

    assert_eq!(*ledger.wrong.lock().unwrap(), [""; 0]);
    for (key, changed) in ledger.changed.iter().enumerate() {
        let (changed, seen) = (
            changed.load(Ordering::SeqCst),
            ledger.seen[key].load(Ordering::SeqCst),
        );
        assert_eq!(seen, changed, "the last change of {key} was not seen");
    }
    let runs = ledger.runs.load(Ordering::SeqCst);
    assert!((20..=50 * 400).contains(&runs), "{runs} runs");
}
