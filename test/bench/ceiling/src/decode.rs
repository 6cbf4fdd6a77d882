//! Bytes of the API server become objects.

use std::hint::black_box;

use bitcoin_controller::api::core::Pod;
use bitcoin_controller::api::text::Interner;
use bitcoin_controller::api::{BitcoinNetwork, Resource};
use bitcoin_controller::client::{Item, ListParams, Scope, WatchEvent, WatchParams};

use crate::server::{self, Served};
use crate::{Work, objects};

const N_PODS: u64 = 200;
const N_POD_EVENTS: u64 = 300;
const N_NETWORK_EVENTS: u64 = 1_000;

/// Pods one by one, from bytes that are there.
pub fn pods() -> Work {
    let (texts, interner): (Vec<_>, _) = (objects::pods(N_PODS, 1).collect(), Interner::default());
    Work::new(N_PODS, move || {
        for text in &texts {
            let item = Item::<Pod>::read(text.as_bytes(), &interner);
            assert!(matches!(black_box(item), Item::Object(_)));
        }
        (texts, interner)
    })
}

/// A page of pods, through the client.
pub fn list() -> Work {
    list_and(|_| {})
}

/// As [`list`], with one copy of each object too many: what the check must find.
pub fn list_with_a_clone() -> Work {
    list_and(|item| drop(black_box(item.clone())))
}

fn list_and(also: fn(&Item<Pod>)) -> Work {
    let served = Served::new(server::whole(&objects::page(
        "Pod",
        objects::pods(N_PODS, 1),
    )));
    Work::new(N_PODS, move || {
        let mut n_objects = 0;
        let mut each = |item: Item<Pod>| {
            also(&item);
            n_objects += u64::from(matches!(item, Item::Object(_)));
        };
        let (all, params) = (Scope::All, ListParams::default());
        let listing = served.client.list_each(&all, &params, &mut each);
        served.runtime.block_on(listing).unwrap();
        assert_eq!(n_objects, N_PODS);
        served
    })
}

/// Events about pods, through the client.
pub fn watch_pods() -> Work {
    watch::<Pod>(objects::pods(N_POD_EVENTS, 1), N_POD_EVENTS)
}

/// Events about networks, through the client.
pub fn watch_networks() -> Work {
    watch::<BitcoinNetwork>(objects::networks(N_NETWORK_EVENTS, 1), N_NETWORK_EVENTS)
}

fn watch<R: Resource>(objects: impl Iterator<Item = String>, n_events: u64) -> Work {
    let served = Served::new(server::stream(
        objects.map(|object| objects::event("MODIFIED", &object)),
    ));
    Work::new(n_events, move || {
        let (all, params) = (Scope::All, WatchParams::default());
        let watching = async {
            let mut stream = served.client.watch::<R>(&all, &params).await.unwrap();
            for _ in 0..n_events {
                let event = stream.next().await.unwrap().unwrap();
                assert!(matches!(event, WatchEvent::Modified(Item::Object(_))));
            }
        };
        served.runtime.block_on(watching);
        served
    })
}
