//! Events and lists go into the store, and who asks is answered.

use std::hint::black_box;
use std::sync::Arc;

use bitcoin_controller::api::core::Pod;
use bitcoin_controller::api::{BitcoinNetwork, ObjectKey, Text};
use bitcoin_controller::cache::distribution::Distribution;
use bitcoin_controller::cache::pager::Pager;
use bitcoin_controller::cache::{
    ApiListWatch, Index, Indexer, InformerOptions, ReflectorStore, SharedInformer,
    SubscriptionOptions,
};
use bitcoin_controller::client::Scope;
use tokio_util::sync::CancellationToken;

use crate::server::{self, Served};
use crate::{Work, objects};

/// Pods by their namespace.
pub struct ByNamespace;

impl Index<Pod> for ByNamespace {
    type Value = Text;

    fn values(pod: &Pod) -> Vec<Text> {
        vec![pod.metadata.namespace.clone()]
    }
}

/// Pods by the UID of their controller.
pub struct ByOwner;

impl Index<Pod> for ByOwner {
    type Value = Text;

    fn values(pod: &Pod) -> Vec<Text> {
        let owner = pod.metadata.controller();
        owner.map(|owner| owner.uid.clone()).into_iter().collect()
    }
}

const N_INFORMED: u64 = 100;
const N_ROUNDS: u64 = 4;

/// An informer with two indices and a handler: pods arrive as initial events, and each changes three times.
pub fn inform() -> Work {
    let (initial, changes) = (objects::pods(N_INFORMED, 1), 2..=N_ROUNDS);
    let added = initial.map(|pod| objects::event("ADDED", &pod));
    let changes = changes.flat_map(|round| objects::pods(N_INFORMED, round));
    let modified = changes.map(|pod| objects::event("MODIFIED", &pod));
    let lines = added.chain([objects::bookmark("Pod")]).chain(modified);
    let served = Served::new(server::stream(lines));
    Work::new(N_INFORMED * N_ROUNDS, move || {
        let list_watch = ApiListWatch::new(served.client.clone(), Scope::All);
        let informer = SharedInformer::<Pod>::new(list_watch, InformerOptions::default());
        informer.add_index::<ByNamespace>();
        informer.add_index::<ByOwner>();
        let mut handler = informer.subscribe(SubscriptionOptions::default());
        let handle = async {
            for _ in 0..N_INFORMED * N_ROUNDS {
                black_box(handler.next().await.unwrap().key());
            }
        };
        served.runtime.block_on(async {
            tokio::select! {
                biased;
                () = informer.run(CancellationToken::new()) => unreachable!("nobody stops it"),
                () = handle => {}
            }
        });
        assert_eq!(informer.tally().objects as u64, N_INFORMED);
        (served, informer)
    })
}

const N_LISTED: u64 = 2_000;

/// A list of what the store has already.
pub fn relist_unchanged() -> Work {
    let page = objects::page("BitcoinNetwork", objects::networks(N_LISTED, 1));
    let served = Served::new(server::whole(&page));
    let networks = Arc::new(Distribution::<BitcoinNetwork>::new("networks"));
    let handler = networks.subscribe(SubscriptionOptions::default());
    let list_watch = ApiListWatch::new(served.client.clone(), Scope::All);
    let relist = move |served: &Served| {
        let list = async {
            let mut pager = Pager::new(None);
            let listed = pager.list(&list_watch, Some("0"), &*networks).await;
            let (state, version) = listed.unwrap();
            let n_changed = state.n_changed();
            networks.replace(state, &version);
            n_changed
        };
        served.runtime.block_on(list)
    };
    assert_eq!(relist(&served) as u64, N_LISTED);
    Work::new(N_LISTED, move || {
        assert_eq!(relist(&served), 0);
        assert_eq!(handler.pending() as u64, N_LISTED);
        (served, relist, handler)
    })
}

const N_STORED: u64 = 10_000;

/// Every object of a store with two indices changes; no index does.
pub fn update() -> Work {
    let store = store();
    let pods: Vec<Pod> = (0..N_STORED)
        .map(|number| objects::small_pod(number, 2))
        .collect();
    Work::new(N_STORED, move || {
        for pod in pods {
            assert!(store.insert(pod).is_some());
        }
        store
    })
}

/// Ten pods by their owner, ten thousand times.
pub fn by_index() -> Work {
    let store = store();
    let owner_of = |key: &ObjectKey| {
        store.get(key).unwrap().metadata.owner_references[0]
            .uid
            .clone()
    };
    let owners: Vec<Text> = objects::keys(N_STORED).iter().map(owner_of).collect();
    Work::new(N_STORED, move || {
        for owner in &owners {
            assert_eq!(store.by_index::<ByOwner>(owner).len(), 10);
        }
        (store, owners)
    })
}

fn store() -> Indexer<Pod> {
    let store = Indexer::default();
    store.add_index::<ByNamespace>();
    store.add_index::<ByOwner>();
    for number in 0..N_STORED {
        store.insert(objects::small_pod(number, 1));
    }
    store
}
