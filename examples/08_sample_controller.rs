//! A controller for somebody else's resource: each ConfigMap with a label gets a Secret like it.
//!
//! The shape of every controller: informers on what is asked for and on what is there put keys into a
//! queue; workers look at the state, never at the change, and do the difference. The copy is owned by
//! its original and goes with it, even while nobody runs this. Read `src/controller/workers.rs` next.
//!
//!     KUBECONFIG=/tmp/kc cargo run --example 08_sample_controller     # see 01_list_pods
//!     KUBECONFIG=/tmp/kc kubectl create configmap color --from-literal=is=blue
//!     KUBECONFIG=/tmp/kc kubectl label configmap color as-secret=yes
//!     KUBECONFIG=/tmp/kc kubectl get secret color --output yaml       # and see it go with the ConfigMap
use std::{collections::BTreeMap, io::stderr};

use bitcoin_controller::api::{ObjectKey, ObjectMeta, OwnerReference, Resource, core::Secret};
use bitcoin_controller::cache::{ApiListWatch, Lister, SharedInformer};
use bitcoin_controller::client::{Client, Config, DeleteOptions, Error, Scope};
use bitcoin_controller::controller::{Action, Reconciler, Workers};
use bitcoin_controller::{base::Report, run::until_signalled, workqueue::RateLimitingQueue};

/// Any kind can be watched: which fields are read of it, and where it lives.
#[derive(serde::Deserialize)]
struct ConfigMap {
    metadata: ObjectMeta,
    #[serde(default)]
    data: BTreeMap<String, String>,
}
impl Resource for ConfigMap {
    const GROUP: &'static str = "";
    const VERSION: &'static str = "v1";
    const KIND: &'static str = "ConfigMap";
    const PLURAL: &'static str = "configmaps";
    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

struct Copier(Client, Lister<ConfigMap>, Lister<Secret>);
impl Reconciler for Copier {
    type Error = Error;
    async fn reconcile(&self, key: &ObjectKey) -> Result<Action, Error> {
        let Copier(api, maps, secrets) = self;
        let outcome = match (maps.get(key), secrets.get(key)) {
            // Where a Secret without our label has the name, this fails, and is tried again.
            (Some(map), None) if !map.metadata.is_terminating() => {
                let new = wanted(&map, None);
                api.create::<Secret>(&key.namespace, &new).await?;
                "created"
            }
            (Some(map), Some(old)) if !is_copy(&old, &map) => {
                api.patch::<Secret>(key, &wanted(&map, Some(&old))).await?;
                "updated"
            }
            (None, Some(old)) => {
                api.delete::<Secret>(key, &DeleteOptions::of(&*old)).await?;
                "deleted"
            }
            _ => "nothing to do",
        };
        println!("{key}: {outcome}");
        Ok(Action::Done)
    }
}

fn is_copy(secret: &Secret, map: &ConfigMap) -> bool {
    let is_same = |(key, text): (&String, &String)| secret.text(key) == Some(text);
    secret.keys().eq(map.data.keys()) && map.data.iter().all(is_same)
}

fn wanted(map: &ConfigMap, old: Option<&Secret>) -> serde_json::Value {
    let removed = old.map(|old| old.keys().map(|key| (key, ())).collect::<BTreeMap<_, _>>());
    serde_json::json!({"stringData": map.data, "data": removed, "metadata": {
        "name": map.metadata.name, "uid": old.map(|old| &old.metadata.uid),
        "labels": {"copied": "yes"}, "ownerReferences": [OwnerReference::to_controller(map)],
    }})
}

#[tokio::main]
async fn main() -> Result<(), Report> {
    tracing_subscriber::fmt().with_writer(stderr).init();
    until_signalled(async |shutdown| {
        let api = Client::connect(Config::load(None, None)?)?.with_field_manager("copier");
        api.version().await?; // Is anybody there? Informers would wait for ever.
        let labelled = |it| ApiListWatch::new(api.clone(), Scope::All).with_labels(it);
        let maps = SharedInformer::new(labelled("as-secret=yes"), Default::default());
        let secrets = SharedInformer::new(labelled("copied=yes"), Default::default());
        let copier = Copier(api, maps.lister(), secrets.lister());
        let workers = Workers::new(copier, RateLimitingQueue::default(), 2);
        let synced = async { maps.wait_until_synced().await && secrets.wait_until_synced().await };
        tokio::join!(
            maps.run(shutdown.clone()),
            secrets.run(shutdown.clone()),
            workers.enqueue_from(&maps, None, |it| Some(it.key())),
            workers.enqueue_from(&secrets, None, |it| Some(it.key())),
            workers.run(synced, shutdown),
        );
        Ok(())
    })
    .await
}
