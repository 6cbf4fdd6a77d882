//! What workers answer the queue, with reconcilers that do as the test says. Time is paused.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::controller::journal::Cause;
use bitcoin_controller::controller::workers::DRAIN_DEADLINE;
use bitcoin_controller::controller::{Action, PassRecord, PassResult, Reconciler, Workers};
use bitcoin_controller::workqueue::{ItemExponentialFailureRateLimiter, RateLimitingQueue};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct NotToday;

impl fmt::Display for NotToday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not today")
    }
}

impl std::error::Error for NotToday {}

/// Passes as a closure makes them, and when each began: whole seconds since the start.
struct Passes<F> {
    pass: F,
    began: Began,
    start: Instant,
}

type Began = Arc<Mutex<Vec<(String, u64)>>>;

impl<F, P> Reconciler for Passes<F>
where
    F: Fn(usize) -> P + Send + Sync + 'static,
    P: Future<Output = Result<Action, NotToday>> + Send,
{
    type Error = NotToday;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Action, NotToday> {
        let number = {
            let mut began = self.began.lock().unwrap();
            began.push((key.name.to_string(), self.start.elapsed().as_secs()));
            began.len()
        };
        (self.pass)(number).await
    }
}

/// One worker on a queue that waits 1 s after a first failure, then 2 s, then 4 s.
fn one_worker<F, P>(pass: F) -> (Workers<Passes<F>>, Began)
where
    F: Fn(usize) -> P + Send + Sync + 'static,
    P: Future<Output = Result<Action, NotToday>> + Send,
{
    workers(1, pass)
}

fn workers<F, P>(n_workers: usize, pass: F) -> (Workers<Passes<F>>, Began)
where
    F: Fn(usize) -> P + Send + Sync + 'static,
    P: Future<Output = Result<Action, NotToday>> + Send,
{
    let began = Began::default();
    let passes = Passes {
        pass,
        began: Arc::clone(&began),
        start: Instant::now(),
    };
    let limiter = ItemExponentialFailureRateLimiter::new(SECOND, 100 * SECOND);
    let queue = RateLimitingQueue::new(limiter);
    (Workers::new(passes, queue, n_workers), began)
}

/// Runs the workers for a while, ready at once.
async fn run_for<R: Reconciler>(workers: &Workers<R>, time: Duration) {
    let shutdown = CancellationToken::new();
    let stop = async {
        sleep(time).await;
        shutdown.cancel();
    };
    tokio::join!(workers.run(async { true }, shutdown.clone()), stop);
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new("default", name)
}

fn passes(began: &Began) -> Vec<(String, u64)> {
    began.lock().unwrap().clone()
}

fn expected(passes: &[(&str, u64)]) -> Vec<(String, u64)> {
    let owned = |(name, second): &(&str, u64)| ((*name).to_owned(), *second);
    passes.iter().map(owned).collect()
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_done_rests_until_it_is_added_again() {
    let (workers, began) = one_worker(|_| async { Ok(Action::Done) });
    workers.queue().add(key("alpha"));
    let again = async {
        sleep(50 * SECOND).await;
        workers.queue().add(key("alpha"));
    };
    tokio::join!(run_for(&workers, 100 * SECOND), again);
    assert_eq!(passes(&began), expected(&[("alpha", 0), ("alpha", 50)]));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_fails_waits_longer_each_time_and_success_ends_that() {
    let (workers, began) = one_worker(|number| async move {
        match number {
            4 => Ok(Action::Done),
            _ => Err(NotToday),
        }
    });
    workers.queue().add(key("alpha"));
    let again = async {
        sleep(20 * SECOND).await;
        assert_eq!(workers.queue().num_requeues(&key("alpha")), 0);
        workers.queue().add(key("alpha"));
    };
    tokio::join!(run_for(&workers, 22 * SECOND), again);
    let times = [0, 1, 3, 7, 20, 21].map(|second| ("alpha", second));
    assert_eq!(passes(&began), expected(&times));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_asks_for_it_runs_again_and_its_failures_are_forgotten() {
    let (workers, began) = one_worker(|number| async move {
        match number {
            1 => Err(NotToday),
            2 => Ok(Action::RequeueAfter(10 * SECOND)),
            _ => Ok(Action::Done),
        }
    });
    workers.queue().add(key("alpha"));
    let look = async {
        sleep(5 * SECOND).await;
        assert_eq!(workers.queue().num_requeues(&key("alpha")), 0);
    };
    tokio::join!(run_for(&workers, 100 * SECOND), look);
    let times = [0, 1, 11].map(|second| ("alpha", second));
    assert_eq!(passes(&began), expected(&times));
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_panics_is_counted_and_backed_off_and_its_worker_goes_on() {
    let (workers, began) = one_worker(|number| async move {
        assert!(number > 1, "as the test wants it");
        Ok(Action::Done)
    });
    workers.queue().add(key("alpha"));
    workers.queue().add(key("beta"));
    run_for(&workers, 100 * SECOND).await;
    let order = [("alpha", 0), ("beta", 0), ("alpha", 1)];
    assert_eq!(passes(&began), expected(&order));
    assert_eq!(workers.n_panics(), 1);
}

#[tokio::test(start_paused = true)]
async fn shutdown_finishes_the_key_in_hand_and_discards_those_that_wait() {
    let finished = Arc::new(Mutex::new(0));
    let count = Arc::clone(&finished);
    let (workers, began) = one_worker(move |_| {
        let count = Arc::clone(&count);
        async move {
            sleep(20 * SECOND).await;
            *count.lock().unwrap() += 1;
            Ok(Action::Done)
        }
    });
    workers.queue().add(key("alpha"));
    workers.queue().add(key("beta"));
    let start = Instant::now();
    run_for(&workers, SECOND).await;
    assert_eq!(start.elapsed(), 20 * SECOND);
    assert_eq!(*finished.lock().unwrap(), 1);
    assert_eq!(passes(&began), expected(&[("alpha", 0)]));
    assert!(workers.queue().is_shutting_down());
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_does_not_end_is_aborted_at_the_deadline() {
    let (workers, began) = one_worker(|_| std::future::pending());
    workers.queue().add(key("alpha"));
    let start = Instant::now();
    run_for(&workers, SECOND).await;
    assert_eq!(start.elapsed(), SECOND + DRAIN_DEADLINE);
    assert_eq!(passes(&began).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_looked_at_before_all_is_ready() {
    let (workers, began) = one_worker(|_| async { Ok(Action::Done) });
    workers.queue().add(key("alpha"));
    let (ready, shutdown) = (Notify::new(), CancellationToken::new());
    let is_ready = async {
        ready.notified().await;
        true
    };
    let story = async {
        sleep(5 * SECOND).await;
        ready.notify_one();
        sleep(SECOND).await;
        shutdown.cancel();
    };
    tokio::join!(workers.run(is_ready, shutdown.clone()), story);
    assert_eq!(passes(&began), expected(&[("alpha", 5)]));
}

#[tokio::test(start_paused = true)]
async fn what_will_never_be_ready_ends_the_run_without_a_pass() {
    let (workers, began) = one_worker(|_| async { Ok(Action::Done) });
    workers.queue().add(key("alpha"));
    workers.run(async { false }, CancellationToken::new()).await;
    assert_eq!(passes(&began), expected(&[]));
    assert!(workers.queue().is_shutting_down());
}

#[tokio::test(start_paused = true)]
async fn as_many_keys_are_in_hand_as_there_are_workers() {
    let (workers, began) = workers(2, |_| async {
        sleep(10 * SECOND).await;
        Ok(Action::Done)
    });
    for name in ["alpha", "beta", "gamma"] {
        workers.queue().add(key(name));
    }
    run_for(&workers, 100 * SECOND).await;
    let order = [("alpha", 0), ("beta", 0), ("gamma", 10)];
    assert_eq!(passes(&began), expected(&order));
}

#[tokio::test(start_paused = true)]
async fn an_observer_is_told_of_every_pass_how_it_ended_and_how_long_it_took() {
    let (workers, _) = one_worker(|number| async move {
        sleep(SECOND / 2).await;
        match number {
            1 => Err(NotToday),
            2 => panic!("as the test wants it"),
            3 => Ok(Action::RequeueAfter(SECOND)),
            _ => Ok(Action::Done),
        }
    });
    let told = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&told);
    let note = move |pass: &PassRecord| notes.lock().unwrap().push(pass.clone());
    let workers = workers.with_observer(Arc::new(note));
    workers.queue().add(key("alpha"));
    run_for(&workers, 100 * SECOND).await;
    let results = [
        PassResult::Failed,
        PassResult::Panicked,
        PassResult::Ended(Action::RequeueAfter(SECOND)),
        PassResult::Ended(Action::Done),
    ];
    let expected = results.map(|result| PassRecord {
        key: key("alpha"),
        result,
        duration: SECOND / 2,
    });
    assert_eq!(*told.lock().unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn the_journal_says_what_came_of_a_key_and_forgets_one_that_is_done() {
    let (workers, _) = one_worker(|number| async move {
        match number {
            1 => Err(NotToday),
            2 => Ok(Action::RequeueAfter(30 * SECOND)),
            _ => Ok(Action::Done),
        }
    });
    workers.queue().add(key("alpha"));
    let entry = || workers.journal().entries().into_iter().next();
    let look = async {
        sleep(SECOND / 2).await;
        let (of, failed) = entry().unwrap();
        assert_eq!(
            (of, failed.cause.to_string()),
            (key("alpha"), "retry after a failure".into())
        );
        let pass = failed.last_pass.unwrap();
        assert_eq!(
            (pass.result, pass.error.as_deref()),
            (PassResult::Failed, Some("not today"))
        );
        sleep(SECOND).await;
        let (_, again) = entry().unwrap();
        assert_eq!(again.cause.to_string(), "requeue after 30s");
        assert_eq!((again.n_calls, again.n_passes), (2, 2));
        sleep(31 * SECOND).await;
        assert!(entry().is_none(), "nothing is left of a key that is done");
    };
    tokio::join!(run_for(&workers, 100 * SECOND), look);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_called_while_its_last_pass_runs_stays_in_the_journal() {
    let (workers, _) = one_worker(|_| async {
        sleep(10 * SECOND).await;
        Ok(Action::Done)
    });
    workers.queue().add(key("alpha"));
    let call = async {
        sleep(5 * SECOND).await;
        workers.journal().called(&key("alpha"), Cause::Resync);
        workers.queue().add(key("alpha"));
        sleep(10 * SECOND).await;
        let entries = workers.journal().entries();
        assert_eq!((entries.len(), &entries[0].1.cause), (1, &Cause::Resync));
    };
    tokio::join!(run_for(&workers, 100 * SECOND), call);
    assert!(workers.journal().entries().is_empty());
}
