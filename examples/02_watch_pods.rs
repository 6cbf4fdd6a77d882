//! Lists the pods, then watches: every change after the list, in order, as it happens.
//!
//! List and watch fit together by the version: the list is true at version *v*, the watch tells all
//! that happened after *v*, so nothing is missed and nothing told twice. A watch ends now and then;
//! here that is the end. Starting again, and from where, is the reflector's work (`03_reflector`).
//!
//! Read next: `src/client/watch.rs`, how events are cut out of the stream of bytes.
//!
//!     KUBECONFIG=/tmp/kc cargo run --example 02_watch_pods      # see 01_list_pods; Ctrl-C ends it
//!     KUBECONFIG=/tmp/kc kubectl delete pod demo-sts-1          # makes something happen

use bitcoin_controller::api::Resource;
use bitcoin_controller::api::core::Pod;
use bitcoin_controller::base::Report;
use bitcoin_controller::client::{
    Client, Config, Error, Item, ListParams, Scope, WatchEvent, WatchParams,
};
use bitcoin_controller::run::until_signalled;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Report> {
    until_signalled(async |shutdown| {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => Ok(()),
            outcome = watch() => outcome,
        }
    })
    .await
}

async fn watch() -> Result<(), Report> {
    let client = Client::connect(Config::load(None, None)?)?;
    let scope = Scope::All;
    let list = client.list::<Pod>(&scope, &ListParams::default()).await?;
    let (n_pods, version) = (list.items.len(), list.resource_version);
    println!("{n_pods} pods are there at version {version}; watching from there");

    let params = WatchParams {
        resource_version: version.into(),
        ..WatchParams::default()
    };
    let mut events = client.watch::<Pod>(&scope, &params).await?;
    while let Some(event) = events.next().await {
        match event? {
            WatchEvent::Added(pod) => tell("added", &pod),
            WatchEvent::Modified(pod) => tell("modified", &pod),
            WatchEvent::Deleted(pod) => tell("deleted", &pod),
            WatchEvent::Bookmark {
                resource_version, ..
            } => println!("nothing else up to version {resource_version}"),
            // Such as 410 Gone: the server has forgotten that far back, and a new list is needed.
            WatchEvent::Error(status) => return Err(Error::refused("watch pods", status).into()),
            WatchEvent::Unknown { kind, .. } => println!("an event of type {kind}, unknown to us"),
        }
    }
    println!("the server has ended the watch, as it does from time to time");
    Ok(())
}

fn tell(what: &str, item: &Item<Pod>) {
    let version = item.resource_version();
    match item {
        Item::Object(pod) => {
            let is_ready = if pod.status.is_ready() { "" } else { "not " };
            println!("{what} {}@{version}, {is_ready}ready", pod.key());
        }
        Item::Undecodable(bad) => println!("{what} @{version}, and unreadable: {}", bad.error),
    }
}
