//! The reflector's store and the maps beside it, and decoding.

use std::hint::black_box;
use std::sync::{Arc, Mutex};

use bench_kube::indices::{Indexing, Indices};
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::reflector;
use kube::runtime::watcher::Event;
use tokio::time::Instant;

use crate::objects::{POD, owner, small};

const UPDATES: usize = 20_000;
const READS: usize = 50_000;
const DECODES: usize = 5_000;

/// Nanoseconds to take an update into a store of `count` pods and its indices, and to read the ten of one owner.
pub fn update_and_read(count: usize) -> (f64, f64) {
    let (store, mut writer) = reflector::store::<Pod>();
    let indices: Arc<Mutex<Indices<Pod>>> = Arc::default();
    let mut indexing = Indexing {
        store: store.clone(),
        indices: Arc::clone(&indices),
        next: Indices::default(),
    };
    let mut take = |event: Event<Pod>| {
        indexing.take(&event);
        writer.apply_watcher_event(&event);
    };
    take(Event::Init);
    (0..count)
        .map(|number| small(number, 1))
        .for_each(|pod| take(Event::InitApply(pod)));
    take(Event::InitDone);

    let updates: Vec<_> = (0..1000)
        .map(|number| Event::Apply(small(number, 2)))
        .collect();
    let mut spent = std::time::Duration::ZERO;
    for _ in 0..UPDATES / updates.len() {
        let round = updates.clone();
        let start = Instant::now();
        round.into_iter().for_each(&mut take);
        spent += start.elapsed();
    }

    let start = Instant::now();
    for number in 0..READS {
        let indices = indices.lock().expect("nobody panics while holding it");
        let keys = indices.by_owner.get(&owner(number % (count / 10)));
        let keys = keys.into_iter().flatten();
        let objects: Vec<_> = keys.filter_map(|key| store.get(key)).collect();
        assert_eq!(objects.len(), 10, "each owner has ten");
        black_box(objects);
    }
    (
        spent.as_nanos() as f64 / UPDATES as f64,
        start.elapsed().as_nanos() as f64 / READS as f64,
    )
}

/// Nanoseconds to decode a pod of 10 kB.
pub fn decode() -> f64 {
    let start = Instant::now();
    for _ in 0..DECODES {
        let pod: Pod = serde_json::from_str(black_box(POD)).expect("the fixture is a pod");
        black_box(pod);
    }
    start.elapsed().as_nanos() as f64 / DECODES as f64
}
