//! Eight handlers of one informer, one of which sleeps: how far the others fall behind, and what it costs to keep the
//! sleeper's news.

use std::cell::Cell;
use std::time::Duration;

use bench_ceiling::queue::Sent;
use bench_ceiling::{count, objects, runtime};
use bitcoin_controller::api::core::Pod;
use bitcoin_controller::cache::{
    InformerOptions, SharedInformer, Subscription, SubscriptionOptions,
};
use bitcoin_controller::client::{Error, Item, WatchEvent};
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::Figure;

const N_EVENTS: usize = 2_000;
const N_KEYS: usize = 100;
/// So many events come each millisecond.
const BURST: usize = 10;
const N_FAST: usize = 7;
const SLEEP: Duration = Duration::from_millis(10);

/// The worst of the fast handlers' lags, and what the slow one's backlog holds when all events have come.
pub fn slow_handler() -> Vec<Figure> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let informer = SharedInformer::new(Sent::new(receiver), InformerOptions::default());
    let shutdown = CancellationToken::new();
    let (lag, memory) = runtime().block_on(async {
        let scenario = async {
            let result = scenario(&informer, &sender).await;
            shutdown.cancel();
            result
        };
        let ((), result) = tokio::join!(informer.run(shutdown.clone()), scenario);
        result
    });
    vec![
        Figure {
            name: "slow_handler_lag",
            value: lag.as_secs_f64() * 1e3,
            unit: "ms",
        },
        Figure {
            name: "slow_handler_memory",
            value: memory as f64,
            unit: "B",
        },
    ]
}

type Sender = UnboundedSender<Result<WatchEvent<Pod>, Error>>;

async fn scenario(informer: &SharedInformer<Pod>, sender: &Sender) -> (Duration, i64) {
    let subscribe = |_| informer.subscribe(SubscriptionOptions::default());
    let fast: [Subscription<Pod>; N_FAST] = std::array::from_fn(subscribe);
    let mut slow = informer.subscribe(SubscriptionOptions::default());
    send(
        sender,
        WatchEvent::Bookmark {
            resource_version: "1".into(),
            initial_events_end: true,
        },
    );
    informer.wait_until_synced().await;

    // When each event came, by its version.
    let sent: Vec<Cell<Option<Instant>>> = vec![Cell::new(None); N_EVENTS];
    let before = count::live();
    let come = async {
        for (version, at) in sent.iter().enumerate() {
            if version % BURST == 0 {
                sleep(Duration::from_millis(1)).await;
            }
            at.set(Some(Instant::now()));
            let pod = objects::small_pod((version % N_KEYS) as u64, version as u64);
            send(sender, WatchEvent::Modified(Item::Object(pod)));
        }
    };
    let [a, b, c, d, e, f, g] = fast.map(|handler| worst_lag(handler, &sent));
    let fast = async { tokio::join!(a, b, c, d, e, f, g) };
    let sleeps = async {
        while slow.next().await.is_some() {
            sleep(SLEEP).await;
        }
    };
    let all_told = async { tokio::join!(come, fast).1 };
    let lags = tokio::select! {
        biased;
        lags = all_told => <[Duration; N_FAST]>::from(lags),
        () = sleeps => unreachable!("the informer runs"),
    };
    let memory = count::live() - before;
    assert!(
        slow.pending() > N_KEYS,
        "the slow handler has nothing to catch up with"
    );
    (lags.into_iter().max().unwrap_or_default(), memory)
}

/// Until it has been told of the last event.
async fn worst_lag(mut handler: Subscription<Pod>, sent: &[Cell<Option<Instant>>]) -> Duration {
    let mut worst = Duration::ZERO;
    while let Some(notification) = handler.next().await {
        let version = &notification.object().metadata.resource_version;
        let version: usize = version.parse().expect("we have written it");
        let came = sent[version].get().expect("it was sent");
        worst = worst.max(came.elapsed());
        if version + 1 == N_EVENTS {
            break;
        }
    }
    worst
}

fn send(sender: &Sender, event: WatchEvent<Pod>) {
    sender.send(Ok(event)).expect("the informer listens");
}
