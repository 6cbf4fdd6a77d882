//! The four collections a controller watches, in one namespace or in all.
//!
//! BitcoinNetworks as they are; StatefulSets, Services and Pods by the label that we put on everything
//! we make, so that the Pods of everybody else never reach this process. Secrets are not watched: the
//! right to watch them all would be the right to read them all, all the time.
//!
//! # Invariants
//! - A key's objects are found in the informer of its namespace, or in the one for all.
//!
//! # Rights
//! `list` and `watch` on BitcoinNetworks, StatefulSets, Services and Pods.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::apps::StatefulSet;
use crate::api::core::{Pod, Service};
use crate::api::{BitcoinNetwork, ObjectKey, Resource, Text};
use crate::base::Random;
use crate::cache::{ApiListWatch, Index, InformerOptions, InformerTally, Selector, SharedInformer};
use crate::client::{Client, Scope};
use crate::controller::desired::{self, MANAGED_BY};

/// One informer for each namespace that is looked after, or a single one for all.
pub struct Watched<R: Resource>(Arc<[(Scope, SharedInformer<R>)]>);

impl<R: Resource> Clone for Watched<R> {
    fn clone(&self) -> Self {
        Watched(Arc::clone(&self.0))
    }
}

impl<R: Resource> Watched<R> {
    fn new(client: &Client, scopes: &[Scope], selector: Option<&str>, random: &Random) -> Self {
        let informer = |scope: &Scope| {
            let mut list_watch = ApiListWatch::new(client.clone(), scope.clone());
            if let Some(selector) = selector {
                list_watch = list_watch.with_labels(selector);
            }
            let random = random.fork(R::PLURAL);
            let options = InformerOptions {
                random,
                ..InformerOptions::default()
            };
            (scope.clone(), SharedInformer::new(list_watch, options))
        };
        Watched(scopes.iter().map(informer).collect())
    }

    /// The object at `key`.
    pub fn get(&self, key: &ObjectKey) -> Option<Arc<R>> {
        self.informer(&key.namespace)?.lister().get(key)
    }

    /// Every informer.
    pub fn informers(&self) -> impl Iterator<Item = &SharedInformer<R>> {
        self.0.iter().map(|(_, informer)| informer)
    }

    /// Every object, in order of the namespaces that are looked after and of the keys.
    pub fn list(&self) -> Vec<Arc<R>> {
        let everything = Selector::everything();
        self.informers()
            .flat_map(|informer| informer.lister().list(None, &everything))
            .collect()
    }

    /// Each informer's numbers, under its name: the kind's plural, below its namespace if it is
    /// for one.
    fn tallies(&self) -> impl Iterator<Item = (String, InformerTally)> {
        self.0.iter().map(|(scope, informer)| {
            let name = match scope {
                Scope::All => R::PLURAL.to_owned(),
                Scope::Namespace(namespace) => format!("{namespace}/{}", R::PLURAL),
            };
            (name, informer.tally())
        })
    }

    fn informer(&self, namespace: &str) -> Option<&SharedInformer<R>> {
        let covers = |scope: &Scope| match scope {
            Scope::All => true,
            Scope::Namespace(name) => *name == namespace,
        };
        self.0
            .iter()
            .find(|(scope, _)| covers(scope))
            .map(|(_, informer)| informer)
    }

    fn run(&self, tasks: &mut JoinSet<()>, shutdown: &CancellationToken) {
        for informer in self.informers() {
            let (informer, shutdown) = (informer.clone(), shutdown.clone());
            tasks.spawn(async move { informer.run(shutdown).await });
        }
    }

    async fn wait_until_synced(&self) -> bool {
        for informer in self.informers() {
            if !informer.wait_until_synced().await {
                return false;
            }
        }
        true
    }
}

/// Pods by the StatefulSet that controls them.
pub struct PodsBySet;

impl Index<Pod> for PodsBySet {
    type Value = (Text, Text);

    fn values(pod: &Pod) -> Vec<(Text, Text)> {
        let set = pod
            .metadata
            .controller()
            .filter(|owner| owner.kind == StatefulSet::KIND);
        set.map(|owner| (pod.metadata.namespace.clone(), owner.name.clone()))
            .into_iter()
            .collect()
    }
}

/// Everything that is watched. Clones share it.
#[derive(Clone)]
pub struct Caches {
    /// What is asked for.
    pub networks: Watched<BitcoinNetwork>,
    /// What we own.
    pub sets: Watched<StatefulSet>,
    /// What we own.
    pub services: Watched<Service>,
    /// What the StatefulSets own.
    pub pods: Watched<Pod>,
}

impl Caches {
    /// Caches for `namespaces`; for all, if there are none.
    pub fn new(client: &Client, namespaces: &[String], random: &Random) -> Self {
        let scopes: Vec<Scope> = match namespaces {
            [] => vec![Scope::All],
            some => some
                .iter()
                .map(|name| Scope::Namespace(name.as_str().into()))
                .collect(),
        };
        let selector = format!("{}={}", MANAGED_BY.0, MANAGED_BY.1);
        let pods = Watched::<Pod>::new(client, &scopes, Some(&selector), random);
        pods.informers()
            .for_each(SharedInformer::add_index::<PodsBySet>);
        Caches {
            networks: Watched::new(client, &scopes, None, random),
            sets: Watched::new(client, &scopes, Some(&selector), random),
            services: Watched::new(client, &scopes, Some(&selector), random),
            pods,
        }
    }

    /// Each informer's numbers, under its name.
    pub fn tallies(&self) -> Vec<(String, InformerTally)> {
        let mut tallies = Vec::new();
        tallies.extend(self.networks.tallies());
        tallies.extend(self.sets.tallies());
        tallies.extend(self.services.tallies());
        tallies.extend(self.pods.tallies());
        tallies
    }

    /// The pods whose controller is the set at `key`, whatever its UID.
    pub fn pods_of(&self, key: &ObjectKey) -> Vec<Arc<Pod>> {
        let Some(informer) = self.pods.informer(&key.namespace) else {
            return Vec::new();
        };
        informer
            .lister()
            .by_index::<PodsBySet>(&(key.namespace.clone(), key.name.clone()))
    }

    /// The set of `network`, if it is there and is this network's.
    pub fn own_set(&self, network: &BitcoinNetwork) -> Option<Arc<StatefulSet>> {
        let set = self.sets.get(&desired::stateful_set_key(&network.key()))?;
        let owner = set.metadata.controller()?;
        (*owner.uid == *network.metadata.uid).then_some(set)
    }

    /// Starts every informer.
    pub(crate) fn run(&self, tasks: &mut JoinSet<()>, shutdown: &CancellationToken) {
        self.networks.run(tasks, shutdown);
        self.sets.run(tasks, shutdown);
        self.services.run(tasks, shutdown);
        self.pods.run(tasks, shutdown);
    }

    /// Waits until every first list is in the caches; false if they stopped first.
    pub(crate) async fn wait_until_synced(&self) -> bool {
        self.networks.wait_until_synced().await
            && self.sets.wait_until_synced().await
            && self.services.wait_until_synced().await
            && self.pods.wait_until_synced().await
    }
}
