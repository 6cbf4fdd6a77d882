//! From an event to the end of a reconcile, and several handlers of one stream.

use std::convert::Infallible;
use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::channel::mpsc;
use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::controller::{self, Action};
use kube::runtime::reflector::{self, ReflectHandle};
use kube::runtime::watcher::Event;
use kube::runtime::{Controller, WatchStreamExt};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::objects::small;

const PASSES: usize = 5_000;

/// How many events a second become an empty reconcile by one worker: each about another pod, all of them there.
pub async fn reconciles_per_second() -> f64 {
    let (store, writer) = reflector::store::<Pod>();
    let first_state = [Event::Init, Event::InitDone];
    let added = (0..PASSES).map(|number| Event::Apply(small(number, number + 2)));
    let events: Vec<_> = first_state.into_iter().chain(added).map(Ok).collect();
    let start = Instant::now();
    let objects = stream::iter(events)
        .chain(stream::pending())
        .reflect(writer)
        .applied_objects();
    let n_reconciled = Controller::for_stream(objects, store)
        .with_config(controller::Config::default().concurrency(1))
        .run(
            |_, _| async { Ok::<_, Infallible>(Action::await_change()) },
            |_, error, _| match *error {},
            Arc::new(()),
        )
        .take(PASSES)
        .filter(|reconciled| ready(reconciled.is_ok()))
        .count()
        .await;
    assert_eq!(n_reconciled, PASSES);
    PASSES as f64 / start.elapsed().as_secs_f64()
}

const HANDLERS: usize = 8;
const EVENTS: usize = 2_000;
const KEYS: usize = 100;
/// So many events come each millisecond.
const BURST: usize = 10;
const SLEEP: Duration = Duration::from_millis(10);
/// As many as in kube's example `shared_stream_controllers`.
const SUBSCRIBER_BUFFER: usize = 256;

/// When each version was sent.
type Sent = Arc<Mutex<Vec<Instant>>>;

/// Milliseconds by which the worst of seven handlers lags behind the events, while the eighth sleeps at each.
pub async fn slow_handler_lag() -> f64 {
    let (_store, writer) = reflector::store_shared::<Pod>(SUBSCRIBER_BUFFER);
    let subscribe = || writer.subscribe().expect("a store made by `store_shared`");
    let sent = Sent::default();
    let mut fast = JoinSet::new();
    for _ in 1..HANDLERS {
        fast.spawn(worst_lag(subscribe(), Arc::clone(&sent)));
    }
    let mut driven = JoinSet::new();
    driven.spawn(subscribe().for_each(|_| tokio::time::sleep(SLEEP)));

    let (events, told) = mpsc::unbounded();
    driven.spawn(
        told.reflect_shared(writer)
            .for_each(|_| std::future::ready(())),
    );
    let mut ticks = tokio::time::interval(Duration::from_millis(1));
    for version in 0..EVENTS {
        if version % BURST == 0 {
            ticks.tick().await;
        }
        let now = Instant::now();
        sent.lock()
            .expect("nobody panics while holding it")
            .push(now);
        let event = Event::Apply(small(version % KEYS, version));
        events
            .unbounded_send(Ok(event))
            .expect("it is driven above");
    }
    let worst = fast.join_all().await.into_iter().max();
    worst.expect("there are seven").as_secs_f64() * 1e3
}

/// The longest that a version was on its way to this handler, until the last has come.
async fn worst_lag(mut handle: ReflectHandle<Pod>, sent: Sent) -> Duration {
    let mut worst = Duration::ZERO;
    while let Some(pod) = handle.next().await {
        let version = pod.metadata.resource_version.as_deref();
        let version: usize = version
            .and_then(|it| it.parse().ok())
            .expect("it was given one");
        let came = sent.lock().expect("nobody panics while holding it")[version];
        worst = worst.max(came.elapsed());
        if version + 1 == EVENTS {
            break;
        }
    }
    worst
}
