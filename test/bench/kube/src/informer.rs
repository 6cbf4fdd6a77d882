//! The streams, and the controller at their end.

use std::convert::Infallible;
use std::fmt::Display;
use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{FutureExt, Stream, StreamExt, TryStreamExt};
use kube::core::PartialObjectMeta;
use kube::runtime::controller::{self, Action};
use kube::runtime::reflector::{self, ReflectHandle, Store};
use kube::runtime::watcher::{self, Event, watcher};
use kube::runtime::{Controller, WatchStreamExt};
use kube::{Api, Client, ResourceExt};
use tokio::task::JoinSet;

use crate::flags::Flags;
use crate::indices::{Indexing, Indices};
use crate::objects::{Watched, is_probe, version};
use crate::record::Record;

/// An informer that runs as long as it is kept.
pub struct Informer<K: Watched> {
    pub store: Store<K>,
    pub indices: Arc<Mutex<Indices<K>>>,
    pub record: Arc<Record>,
    pub tasks: JoinSet<()>,
}

/// As many as in kube's example `shared_stream_controllers`.
const SUBSCRIBER_BUFFER: usize = 256;

impl<K: Watched> Informer<K> {
    /// Starts it: one handler is the controller's own stream, more of them share one.
    pub fn start(client: Client, flags: &Flags) -> Self {
        let (store, writer) = match flags.handlers {
            1 => reflector::store(),
            _ => reflector::store_shared(SUBSCRIBER_BUFFER),
        };
        let mut informer = Informer {
            store,
            indices: Arc::default(),
            record: Arc::new(Record::new(flags.handlers)),
            tasks: JoinSet::new(),
        };
        let events = informer.events(client, flags);
        match flags.handlers {
            1 => informer.start_one(events, writer),
            _ => informer.start_shared(events, writer, flags),
        }
        informer
    }

    /// What the server tells, already in the indices and about to be in the store.
    fn events(
        &self,
        client: Client,
        flags: &Flags,
    ) -> impl Stream<Item = watcher::Result<Event<K>>> + Send + use<K> {
        let config = match flags.list {
            true => watcher::Config::default(),
            false => watcher::Config::default().streaming_lists(),
        };
        let prune = flags.prune;
        let record = Arc::clone(&self.record);
        let mut indexing = Indexing {
            store: self.store.clone(),
            indices: Arc::clone(&self.indices),
            next: Indices::default(),
        };
        watcher(Api::<K>::all(client), config)
            .default_backoff()
            .modify(move |object| {
                if prune {
                    object.managed_fields_mut().clear();
                }
            })
            .inspect_ok(move |event| {
                if let Some(change) = indexing.take(event) {
                    record.changed(change);
                }
            })
    }

    /// The controller drives the watch: `Controller::new` with something between watch and store.
    fn start_one(
        &mut self,
        events: impl Stream<Item = watcher::Result<Event<K>>> + Send + 'static,
        writer: reflector::store::Writer<K>,
    ) {
        let (store, record) = (self.store.clone(), Arc::clone(&self.record));
        let mut newest = 0;
        let objects = events
            .reflect(writer)
            .inspect_ok(move |event| match event {
                Event::Apply(object) => record.given(version(object)),
                Event::InitApply(object) => newest = newest.max(version(object)),
                Event::InitDone => {
                    record.given(newest);
                    record.synced(store.len());
                }
                Event::Init | Event::Delete(_) => {}
            })
            .applied_objects();
        self.run(Controller::for_stream(objects, self.store.clone()));
    }

    /// A task drives the watch; the controller and the other handlers are told by the shared store.
    fn start_shared(
        &mut self,
        events: impl Stream<Item = watcher::Result<Event<K>>> + Send + 'static,
        writer: reflector::store::Writer<K>,
        flags: &Flags,
    ) {
        let subscribe = || writer.subscribe().expect("a store made by `store_shared`");
        let last = flags.handlers - 1;
        let is_slow = |index| index == last && !flags.slow.is_zero();
        let last_fast = if is_slow(last) { last - 1 } else { last };
        for index in 1..flags.handlers {
            let handler = Handler {
                index,
                keeps_probes: index == last_fast,
                sleep: if is_slow(index) {
                    flags.slow
                } else {
                    Duration::ZERO
                },
                record: Arc::clone(&self.record),
            };
            self.tasks.spawn(handler.run(subscribe()));
        }

        let record = Arc::clone(&self.record);
        let first = subscribe().inspect(move |object: &Arc<K>| {
            record.received(0);
            record.given(version(object.as_ref()));
        });
        let (store, record) = (self.store.clone(), Arc::clone(&self.record));
        let root = events
            .reflect_shared(writer)
            .inspect_ok(move |event| {
                if matches!(event, Event::InitDone) {
                    record.first_state(store.len());
                }
            })
            .for_each(|event| {
                if let Err(error) = event {
                    complain(&error);
                }
                ready(())
            });
        self.tasks.spawn(root);
        self.run(Controller::for_shared_stream(first, self.store.clone()));
    }

    /// Runs the controller with one worker.
    fn run(&mut self, controller: Controller<K>) {
        let reconciled = controller
            .with_config(controller::Config::default().concurrency(1))
            .run(
                reconcile,
                |_, error: &Infallible, _| match *error {},
                Arc::clone(&self.record),
            )
            .for_each(|result| {
                match result {
                    // One that was deleted before its turn has come: ordinary.
                    Ok(_) | Err(controller::Error::ObjectNotFound(_)) => {}
                    Err(error) => complain(&error),
                }
                ready(())
            });
        self.tasks.spawn(reconciled.boxed());
    }
}

/// Has nothing to do. The controller has read the object from the store.
async fn reconcile<K: Watched>(object: Arc<K>, record: Arc<Record>) -> Result<Action, Infallible> {
    record.reconciled(is_probe(object.as_ref()).then(|| version(object.as_ref())));
    Ok(Action::await_change())
}

/// A handler beside the first.
struct Handler {
    index: usize,
    keeps_probes: bool,
    sleep: Duration,
    record: Arc<Record>,
}

impl Handler {
    async fn run<K: Watched>(self, mut objects: ReflectHandle<K>) {
        while let Some(object) = objects.next().await {
            if self.keeps_probes && is_probe(object.as_ref()) {
                self.record.handled_probe(version(object.as_ref()));
            }
            self.record.received(self.index);
            if !self.sleep.is_zero() {
                tokio::time::sleep(self.sleep).await;
            }
        }
    }
}

/// A watch that ended or was refused comes back by itself.
fn complain(error: &dyn Display) {
    eprintln!("bench-kube: {error}");
}

/// The same kind, of which only the metadata is asked for.
pub type Metadata<K> = PartialObjectMeta<K>;
