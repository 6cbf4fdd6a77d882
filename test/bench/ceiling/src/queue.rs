//! Keys in and out of the queue; the controller's whole loop with nothing to do.

use std::convert::Infallible;
use std::future::pending;
use std::hint::black_box;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::api::core::Pod;
use bitcoin_controller::api::meta::ListMeta;
use bitcoin_controller::cache::list_watch::Answer;
use bitcoin_controller::cache::{InformerOptions, ListWatch, Notification, SharedInformer};
use bitcoin_controller::client::{
    EachItem, Error, Item, ListParams, WatchEvent, WatchParams, WatchStream,
};
use bitcoin_controller::controller::{Action, Reconciler, Workers};
use bitcoin_controller::workqueue::{
    DelayingQueue, RateLimitingQueue, WorkQueue, default_controller_rate_limiter,
};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{Work, objects, runtime};

const N_TURNS: usize = 20_000;
const N_KEYS: usize = 1_000;

/// Each of a thousand keys in turn: in, out, done.
pub fn add_get_done() -> Work {
    let (queue, keys, runtime) = (
        WorkQueue::default(),
        objects::keys(N_KEYS as u64),
        runtime(),
    );
    Work::new(N_TURNS as u64, move || {
        runtime.block_on(async {
            for turn in 0..N_TURNS {
                queue.add(keys[turn % N_KEYS].clone());
                drop(black_box(queue.get().await));
            }
        });
        (queue, keys, runtime)
    })
}

/// The same with the queue that a controller holds.
pub fn controller_add_get_done() -> Work {
    let queue = RateLimitingQueue::new(default_controller_rate_limiter());
    let (keys, runtime) = (objects::keys(N_KEYS as u64), runtime());
    Work::new(N_TURNS as u64, move || {
        runtime.block_on(async {
            for turn in 0..N_TURNS {
                queue.add(keys[turn % N_KEYS].clone());
                drop(black_box(queue.get().await));
            }
        });
        (queue, keys, runtime)
    })
}

const N_DELAYED: u64 = 10_000;

/// Ten thousand keys wait, in no order, and none comes due meanwhile.
pub fn add_after() -> Work {
    let (queue, keys) = (DelayingQueue::default(), objects::keys(N_DELAYED));
    Work::new(N_DELAYED, move || {
        for (number, key) in keys.iter().enumerate() {
            // A minute apart and more: the order does not depend on how fast the machine is.
            let minutes = (number as u64 * 7_919) % N_DELAYED + 1;
            queue.add_after(key.clone(), Duration::from_secs(60 * minutes));
        }
        assert_eq!(queue.metrics().delayed as u64, N_DELAYED);
        (queue, keys)
    })
}

const N_PASSES: u64 = 5_000;

/// From an event that has been read to the end of a pass, through informer, handler, queue and one worker.
pub fn loop_empty_reconcile() -> Work {
    let (sender, receiver) = mpsc::unbounded_channel();
    let send = |event| sender.send(Ok(event)).unwrap();
    send(WatchEvent::Bookmark {
        resource_version: "1".into(),
        initial_events_end: true,
    });
    for number in 0..N_PASSES {
        send(WatchEvent::Added(Item::Object(objects::small_pod(
            number,
            number + 2,
        ))));
    }
    let (runtime, shutdown) = (runtime(), CancellationToken::new());
    let informer = SharedInformer::new(Sent::new(receiver), InformerOptions::default());
    let queue = RateLimitingQueue::new(default_controller_rate_limiter());
    let reconciler = Empty {
        n_passes: AtomicU64::new(0),
        shutdown: shutdown.clone(),
    };
    let workers = Workers::new(reconciler, queue, 1);
    Work::new(N_PASSES, move || {
        runtime.block_on(run(&workers, &informer, shutdown));
        assert_eq!(informer.tally().objects as u64, N_PASSES);
        (runtime, workers, informer, sender)
    })
}

/// As the controller runs them: a task for the informer, one for its handler, one for each worker.
async fn run(
    workers: &Workers<Empty>,
    informer: &SharedInformer<Pod>,
    shutdown: CancellationToken,
) {
    let mut tasks = JoinSet::new();
    let (handlers, pods) = (workers.clone(), informer.clone());
    tasks.spawn(async move {
        let own = |notification: &Notification<Pod>| [notification.key()];
        handlers.enqueue_from(&pods, None, own).await;
    });
    let (pods, stop) = (informer.clone(), shutdown.clone());
    tasks.spawn(async move { pods.run(stop).await });
    workers.run(informer.wait_until_synced(), shutdown).await;
    tasks.shutdown().await;
}

/// Has nothing to do, and says when it has done it often enough.
struct Empty {
    n_passes: AtomicU64,
    shutdown: CancellationToken,
}

impl Reconciler for Empty {
    type Error = Infallible;

    async fn reconcile(&self, _key: &ObjectKey) -> Result<Action, Infallible> {
        if self.n_passes.fetch_add(1, Ordering::Relaxed) + 1 == N_PASSES {
            self.shutdown.cancel();
        }
        Ok(Action::Done)
    }
}

/// A server whose only watch brings what was sent by hand.
pub struct Sent(Mutex<Option<Events>>);

/// What is sent: as a client reads it.
pub type Events = UnboundedReceiver<Result<WatchEvent<Pod>, Error>>;

impl Sent {
    /// What comes out of `receiver`.
    pub fn new(receiver: Events) -> Self {
        Sent(Mutex::new(Some(receiver)))
    }
}

impl ListWatch<Pod> for Sent {
    fn list<'a>(&'a self, _params: ListParams, _each: EachItem<'a, Pod>) -> Answer<'a, ListMeta> {
        Box::pin(pending())
    }

    fn watch(&self, _params: WatchParams) -> Answer<'_, WatchStream<Pod>> {
        let receiver = self.0.lock().unwrap().take();
        Box::pin(async move {
            match receiver {
                Some(receiver) => Ok(WatchStream::from_channel(receiver)),
                None => pending().await,
            }
        })
    }
}
