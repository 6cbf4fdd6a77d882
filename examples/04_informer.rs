//! One watch for everybody: an informer tells its handlers what changed, and can be asked what is.
//!
//! An informer is a reflector and a store, with handlers: each has its own pace, and whoever comes
//! late is first told of everything that is there. By the time a handler is told, the store knows at
//! least as much. An index answers "which pods belong to this set?" without looking at all of them.
//!
//! Read next: `src/cache/shared_informer.rs`, then `src/cache/subscription.rs` and `lister.rs`.
//!
//!     KUBECONFIG=/tmp/kc cargo run --example 04_informer        # see 01_list_pods; Ctrl-C ends it
//!     KUBECONFIG=/tmp/kc kubectl delete pod demo-sts-1          # makes something happen

use std::io::stderr;

use bitcoin_controller::api::Text;
use bitcoin_controller::api::core::Pod;
use bitcoin_controller::base::Report;
use bitcoin_controller::cache::{
    ApiListWatch, Index, InformerOptions, Lister, Notification, SharedInformer, Subscription,
    SubscriptionOptions,
};
use bitcoin_controller::client::{Client, Config, Scope};
use bitcoin_controller::run::until_signalled;

/// Pods by the name of what manages them: a StatefulSet, a DaemonSet, …
struct ByOwner;

impl Index<Pod> for ByOwner {
    type Value = Text;

    fn values(pod: &Pod) -> Vec<Text> {
        let owner = pod.metadata.controller();
        owner.map(|owner| owner.name.clone()).into_iter().collect()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Report> {
    tracing_subscriber::fmt().with_writer(stderr).init();
    until_signalled(async |shutdown| {
        let client = Client::connect(Config::load(None, None)?)?;
        client.version().await?; // Is anybody there? An informer would wait for ever, and only log.

        let list_watch = ApiListWatch::new(client, Scope::All);
        let pods = SharedInformer::<Pod>::new(list_watch, InformerOptions::default());
        pods.add_index::<ByOwner>();
        let teller = pods.subscribe(SubscriptionOptions::default());
        let counter = pods.subscribe(SubscriptionOptions::default());
        // Shutdown ends the informer, and that ends the handlers: all four end together.
        let lister = pods.lister();
        let synced = async {
            if pods.wait_until_synced().await {
                println!("the first list is in the store");
            }
        };
        tokio::join!(
            pods.run(shutdown),
            synced,
            tell(teller),
            count(counter, lister)
        );
        println!("stopped");
        Ok(())
    })
    .await
}

/// One handler: what happened.
async fn tell(mut handler: Subscription<Pod>) {
    while let Some(notification) = handler.next().await {
        match &notification {
            Notification::Added { initial: true, .. } => print!("was there: "),
            Notification::Added { .. } => print!("added: "),
            Notification::Updated { .. } => print!("updated: "),
            Notification::Deleted { .. } => print!("deleted: "),
        }
        println!("{}", notification.key());
    }
}

/// Another one: what is. It looks at the store, never at the notification: that may be old.
async fn count(mut handler: Subscription<Pod>, pods: Lister<Pod>) {
    while let Some(notification) = handler.next().await {
        for owner in ByOwner::values(notification.object()) {
            let n_pods = pods.by_index::<ByOwner>(&owner).len();
            println!("  {owner} has {n_pods} pods now");
        }
    }
}
