//! Pods as tests make and name them, and what a handler makes of being told of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bitcoin_controller::api::core::{Pod, PodStatus};
use bitcoin_controller::api::meta::Labels;
use bitcoin_controller::api::text::Interner;
use bitcoin_controller::api::{ObjectKey, ObjectMeta};
use bitcoin_controller::cache::{NextState, Notification, Subscription};
use bitcoin_controller::client::{Item, Undecodable};

/// A pod in namespace `x`.
pub(crate) fn pod(name: &str, uid: &str, version: u64) -> Pod {
    Pod {
        metadata: ObjectMeta {
            name: name.into(),
            namespace: "x".into(),
            uid: uid.into(),
            resource_version: version.to_string().into(),
            ..ObjectMeta::default()
        },
        status: PodStatus::default(),
    }
}

/// A pod with labels.
pub(crate) fn labelled(name: &str, labels: &[(&str, &str)]) -> Pod {
    let mut pod = pod(name, name, 1);
    pod.metadata.labels = labels.iter().copied().collect::<Labels>();
    pod
}

pub(crate) fn key(name: &str) -> ObjectKey {
    ObjectKey::new("x", name)
}

/// The same pod, as one whose status cannot be read.
pub(crate) fn undecodable(name: &str, uid: &str, version: u64) -> Undecodable {
    let text = format!(
        r#"{{"metadata": {{"name": "{name}", "namespace": "x", "uid": "{uid}", "resourceVersion": "{version}"}}, "status": 7}}"#
    );
    match Item::<Pod>::read(text.as_bytes(), &Interner::default()) {
        Item::Undecodable(bad) => bad,
        Item::Object(_) => panic!("a status cannot be a number"),
    }
}

/// An item of which not even the name can be read.
pub(crate) fn nameless() -> Item<Pod> {
    Item::read(br#"{"metadata": 7}"#, &Interner::default())
}

/// A whole new state, of which nothing is stored yet.
pub(crate) fn state(items: Vec<Item<Pod>>) -> NextState<Pod> {
    items.into_iter().collect()
}

/// `name@version`.
pub(crate) fn describe(pod: &Pod) -> String {
    format!("{}@{}", pod.metadata.name, pod.metadata.resource_version)
}

/// The next notification, of which the test is certain; waiting in vain fails it instead of hanging it.
pub(crate) async fn hear(handler: &mut Subscription<Pod>) -> Option<Notification<Pod>> {
    let told = tokio::time::timeout(Duration::from_secs(3_600), handler.next());
    told.await.expect("the handler is told nothing")
}

/// What a handler makes of its notifications, checking that each fits what it knows.
#[derive(Default)]
pub(crate) struct Knowledge(BTreeMap<ObjectKey, Arc<Pod>>);

impl Knowledge {
    pub(crate) fn learn(&mut self, told: Notification<Pod>) {
        let key = told.key();
        match told {
            Notification::Added { object, .. } => {
                let before = self.0.insert(key, object);
                assert!(before.is_none(), "told of an addition twice");
            }
            Notification::Updated { old, new } => {
                let before = self.0.insert(key, new);
                assert!(
                    Arc::ptr_eq(&before.unwrap(), &old),
                    "the old state is the known one"
                );
            }
            // It may have come and gone before this handler heard of it.
            Notification::Deleted { .. } => {
                self.0.remove(&key);
            }
        }
    }

    pub(crate) fn describe(&self) -> Vec<String> {
        self.0.values().map(|pod| describe(pod)).collect()
    }
}
